"""
Browser sessions: begun when a person has signed in at a browser, found again by its cookie, ended by signing out.

A session ends by itself with its user, with the password or the second factor that was shown, and with its time
(`core.sessions`).
"""

from __future__ import annotations

from collections.abc import Iterable

from strongroom.core.identity import Credential, User
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import BrowserSession
from strongroom.store import Transaction
from strongroom.view import View
from strongroom.view.standing import has_factor


def live_session(view: View, tenant: str, session: str, now: int) -> BrowserSession | None:
    """Find a session that goes on: one in time, whose user is enabled and still has what was shown."""
    found = view.get(BrowserSession, tenant_partition(tenant), session)
    return found if found is not None and found.expires > now and _stands(view, found) else None


def expired_sessions(view: View, now: int) -> list[BrowserSession]:
    """List the sessions that are over."""
    return [one for one in view.all(BrowserSession) if one.expires <= now or not _stands(view, one)]


async def begin_session(tx: Transaction, session: BrowserSession) -> None:
    """Begin a session. What the same person had at the same browser before is ended by whoever calls."""
    await tx.put(session)


async def end_sessions(tx: Transaction, sessions: Iterable[BrowserSession]) -> None:
    """End sessions; those that have ended already stay so."""
    for session in sessions:
        if await tx.record(BrowserSession, session.partition, session.id) is not None:
            await tx.remove(session)


def _stands(view: View, session: BrowserSession) -> bool:
    user, credential = view.principal(session.tenant, session.user), view.credential(session.credential)
    return (
        isinstance(user, User)
        and user.enabled
        and session.authenticated >= user.sessions_valid_from
        and isinstance(credential, Credential)
        and credential.owner == session.user
        and has_factor(view, user.tenant, user.id, session.factor)
    )
