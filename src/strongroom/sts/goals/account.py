"""A person's own account: a page that says what came of it."""

from __future__ import annotations

from strongroom.flow.call import Call
from strongroom.sts import pages
from strongroom.sts.walk import Goal, Reached, Walk

NEW_PASSWORD = "new password"  # noqa: S105  the goal's name
SECURITY_INFO = "security info"


def _application(_call: Call, _walk: Walk) -> str:
    return "your account"


def _password_changed(call: Call, _walk: Walk) -> Reached:
    told = "Your password is changed. Every program that you were signed in with by the old one has to sign in again."
    return Reached(pages.answer(call, "done", title="Password changed", told=told))


def _security_info_left(call: Call, _walk: Walk) -> Reached:
    told = "What you sign in with is as you left it. You can close this window."
    return Reached(pages.answer(call, "done", title="Security info", told=told))


NEW_PASSWORD_GOAL = Goal(_application, _password_changed)
SECURITY_INFO_GOAL = Goal(_application, _security_info_left)
