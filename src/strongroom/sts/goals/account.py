"""A person's own account: a page that says what came of it."""

from __future__ import annotations

from strongroom.core.errors import Failure
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.sts import pages
from strongroom.sts.walk import Goal, Reached, Walk

NEW_PASSWORD = "new password"  # noqa: S105  the goal's name
SECURITY_INFO = "security info"


def _application(_call: Call, _walk: Walk) -> str:
    return "your account"


def _goes_to(_walk: Walk) -> None:
    return None


def _password_changed(call: Call, _walk: Walk) -> Reached:
    told = "Your password is changed. Every program that you were signed in with by the old one has to sign in again."
    return Reached(pages.answer(call, "done", title="Password changed", told=told))


def _security_info_left(call: Call, _walk: Walk) -> Reached:
    told = "What you sign in with is as you left it. You can close this window."
    return Reached(pages.answer(call, "done", title="Security info", told=told))


def refused(call: Call, _walk: Walk, failure: Failure) -> Response:
    """
    Say on a page that there is no sign-in.

    Raises:
        Failure: told on a page.
    """
    raise pages.told(call, failure)


NEW_PASSWORD_GOAL = Goal(_application, _goes_to, _password_changed, refused)
SECURITY_INFO_GOAL = Goal(_application, _goes_to, _security_info_left, refused)
