"""Account choice: who of those signed in at the browser goes on, or somebody else."""

from __future__ import annotations

from strongroom.core.aadsts import refuse
from strongroom.core.sessions import BrowserSession
from strongroom.flow.call import Call
from strongroom.sts.browser import live_sessions
from strongroom.sts.walk import Form, Step, Taken, Walk, find_shown, shown_in, tenant_of_path

_ANOTHER = "another"


def _is_due(call: Call, walk: Walk) -> bool:
    return walk.chooses and walk.shown is None and bool(_sessions(call, walk))


def _page(call: Call, walk: Walk) -> dict[str, object]:
    return {"accounts": [(one.id, find_shown(call, shown_in(one))[0]) for one in _sessions(call, walk)]}


async def _take(call: Call, walk: Walk, form: Form) -> Taken:
    """
    Go on with whom was chosen.

    Raises:
        Invalid: AADSTS50058, that session has ended, or nobody was chosen.
    """
    chosen = form.get("account")
    if chosen == _ANOTHER:
        return Taken(walk.having(chooses=False, hint="", provider=""))
    session = next((one for one in _sessions(call, walk) if one.id == chosen), None)
    if session is None:
        raise refuse(50058, reason="chosen session has ended")
    return Taken(walk.having(shown=shown_in(session)))


def _sessions(call: Call, walk: Walk) -> list[BrowserSession]:
    tenant = tenant_of_path(call, walk.path)
    longest = walk.authorization.max_age if walk.authorization is not None else None
    found = live_sessions(call, tenant.id if tenant is not None else None)
    return [one for one in found if longest is None or call.now - one.authenticated <= longest]


ACCOUNT = Step("account", _is_due, _page, _take)
