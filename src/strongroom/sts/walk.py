"""
Signing in is a walk of steps: account, password, new password, ..., and then the goal that it is made for.

    begin --> the first step that is due shows its page --its form--> what the person showed is kept
                        ^                                                    |
                        +--------------- another is due ---------------------+--- none is: the goal is reached

Where a walk has come to is sealed into the page and comes back with its form, bound to a cookie that only our own page
can send, so no other site can sign anybody in (CSRF), and no step can be left out. A step is a row of `steps.STEPS`; a
goal is one of `goals.GOALS`: a client gets a code, a device is let in, a person's own account is shown. Neither writes:
both say what is to be changed, and `walking` makes all of it durable at the end of the request, with the audit entry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from strongroom.core.aadsts import refuse
from strongroom.core.errors import Failure
from strongroom.core.identity import Credential, Tenant, User
from strongroom.core.second_factors import SecondFactor
from strongroom.core.sessions import BrowserSession
from strongroom.core.sign_in import AuthorizationRequest
from strongroom.directory.browser_sessions import live_session
from strongroom.directory.second_factors import Challenge, NewApp
from strongroom.flow.call import Call
from strongroom.http.message import Response
from strongroom.store import Transaction
from strongroom.sts import pages
from strongroom.sts.authorities import MULTI_TENANT, find_tenant
from strongroom.view.standing import has_factor

Form = Mapping[str, str]
Change = Callable[[Transaction], Awaitable[Any]]
Leave = Callable[[Call, "Walk"], Awaitable[Response]]


class Shown(msgspec.Struct, array_like=True, frozen=True):
    """A person, and what that person has shown."""

    tenant: str
    user: str
    credential: str
    """The id of the password."""
    amr: tuple[str, ...]
    authenticated: int
    session: str | None = None
    """The browser session that it was shown in; None if it was shown in this walk."""
    is_expired: bool = False
    """Whether the password is good for choosing another alone."""
    factor: str | None = None
    """The id of the second factor, if one was shown."""

    def renewed(self, credential: str) -> Shown:
        """Give the same with the password that the person has just chosen."""
        return msgspec.structs.replace(self, credential=credential, session=None, is_expired=False)

    def with_factor(self, factor: SecondFactor) -> Shown:
        """Give the same with a second factor that the person has just shown, or set up."""
        return msgspec.structs.replace(self, factor=factor.id, amr=(self.amr[0], *factor.AMR), session=None)

    def without_factor(self) -> Shown:
        """Give the same without its second factor, which the person has just removed."""
        return msgspec.structs.replace(self, factor=None, amr=self.amr[:1], session=None)


class Walk(msgspec.Struct, array_like=True, frozen=True):
    """Where a walk has come to. `goal` names what it is made for, and one of the members after `done` says more."""

    goal: str
    path: str
    """The first segment of the path: a GUID, a domain, `common` or `organizations`."""
    browser: bytes
    """The digest of the browser's secret."""
    expires: int
    hint: str = ""
    """What the user name is likely to be."""
    chooses: bool = False
    """Whether the person may choose among those who are signed in at the browser."""
    shown: Shown | None = None
    done: tuple[str, ...] = ()
    """Steps that were answered and are not due again."""
    authorization: AuthorizationRequest | None = None
    device: str = ""
    """The user code of the device that is to be let in."""
    asked: tuple[tuple[str, str], ...] = ()
    """What the page of consent shows: the application id of a resource and a word, each."""
    asked_of_all: bool = False
    """Whether that page says that it is given for everybody."""
    challenge: Challenge | None = None
    """What the page asks a security key, to show it or to register it."""
    setting_up: NewApp | str = ""
    """The authenticator app that is being set up, or `key` for a security key."""
    removing: str = ""
    """The id of the second factor that is being removed."""
    removed: tuple[str, ...] = ()
    """Those that were, in this walk."""
    provider: str = ""
    """The id of the identity provider that the person is to be sent to."""
    fresh: bool = False
    """Whether the person has to sign in there anew, although the provider knows who it is."""

    def having(self, **changes: object) -> Walk:
        """Take the walk further."""
        return msgspec.structs.replace(self, **changes)

    def answered(self, step: str) -> Walk:
        """Take the walk beyond a step."""
        return self.having(done=(*self.done, step))

    @property
    def the_shown(self) -> Shown:
        """
        The person, for steps that come after the password.

        Raises:
            RuntimeError: nobody has shown anything yet.
        """
        if self.shown is None:
            msg = "nobody is signed in yet"
            raise RuntimeError(msg)
        return self.shown


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step made of its form: the walk as it goes on, what is to be changed, or that the person gave up."""

    walk: Walk
    changes: tuple[Change, ...] = ()
    gave_up: Failure | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step.

    Attributes:
        name: of the step, of its template, and of its form.
        is_due: whether the person must do it before the goal is reached.
        page: the values that its template wants beside those of `pages`.
        take: what comes of its form; a Failure is told on the same page.
        unasked: the AADSTS number that a client is told which wanted nothing to be asked (`prompt=none`).
        prepare: adds to the walk what the page asks and its form is to answer, anew for each page.
        leave: sends the browser elsewhere instead of showing a page; a Failure is told on the page of the next step.
    """

    name: str
    is_due: Callable[[Call, Walk], bool]
    page: Callable[[Call, Walk], Mapping[str, object]]
    take: Callable[[Call, Walk, Form], Awaitable[Taken]]
    unasked: int = 50058
    prepare: Callable[[Call, Walk], Walk] = lambda _, walk: walk
    leave: Leave | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """What a goal gives the browser, what is to be changed, and what happens once that is durable."""

    response: Response
    changes: tuple[Change, ...] = ()
    then: Callable[[], None] | None = None


def due_for(goal: str) -> Callable[[Call, Walk], bool]:
    """Make the `is_due` of a step that every walk with one goal has."""
    return lambda _, walk: walk.goal == goal


def _told_on_a_page(call: Call, _walk: Walk, failure: Failure) -> Response:
    raise pages.told(call, failure)


@dataclass(frozen=True, slots=True)
class Goal:
    """
    What a walk is made for.

    Attributes:
        application: what the person goes on to, by the name that the page says. It raises a Failure if that is gone.
        reach: what comes of it in the end. A Failure is told on a page.
        goes_to: the redirect URI that the last form may lead to; no goal has one but a client's.
        refuse: what it gets if there is to be no sign-in: the person is told on a page, where nobody else waits.
    """

    application: Callable[[Call, Walk], str]
    reach: Callable[[Call, Walk], Reached]
    goes_to: Callable[[Walk], str | None] = lambda _: None
    refuse: Callable[[Call, Walk, Failure], Response] = _told_on_a_page


def tenant_of_path(call: Call, name: str) -> Tenant | None:
    """
    Find the tenant that a path names; None where the user's name will say which it is.

    Raises:
        Invalid: AADSTS900023, 90002: it names none.
    """
    return None if name.lower() in MULTI_TENANT else find_tenant(call.world, name)


def shown_in(session: BrowserSession) -> Shown:
    """Give what a person showed when a browser session began."""
    return Shown(
        session.tenant,
        session.user,
        session.credential,
        session.amr,
        session.authenticated,
        session=session.id,
        factor=session.factor,
    )


def find_user(call: Call, shown: Shown) -> User:
    """
    Find a person as they are now, whatever was shown: it may be about to be replaced.

    Raises:
        Invalid: AADSTS50173, the user went away meanwhile, or was signed out of everything.
    """
    user = call.world.view.principal(shown.tenant, shown.user)
    if not isinstance(user, User) or not user.enabled or shown.authenticated < user.sessions_valid_from:
        raise refuse(50173, reason="user has ended, or the user's sessions were revoked")
    return user


def find_shown(call: Call, shown: Shown) -> tuple[User, Credential]:
    """
    Find who showed what, as they are now.

    Raises:
        Invalid: AADSTS50173, the user, the password or the second factor went away meanwhile.
    """
    user, credential = find_user(call, shown), call.world.view.credential(shown.credential)
    if credential is None or credential.owner != user.id:
        raise refuse(50173, reason="credential has ended")
    if shown.session is not None and live_session(call.world.view, user.tenant, shown.session, call.now) is None:
        raise refuse(50173, reason="browser session has ended")
    if not has_factor(call.world.view, user.tenant, user.id, shown.factor):
        raise refuse(50173, reason="second factor was removed")
    return user, credential
