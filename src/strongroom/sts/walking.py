"""The walk itself: begun, taken further by each form, and ended (see `walk`)."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest

from strongroom.core.aadsts import refuse
from strongroom.core.errors import Failure
from strongroom.core.guids import new_guid
from strongroom.core.identity_providers import FEDERATED
from strongroom.core.limits import BROWSER_SESSION_S, BROWSER_SESSIONS, SIGN_IN_PAGE_S
from strongroom.core.sessions import BrowserSession
from strongroom.core.sign_in import Prompt
from strongroom.directory.browser_sessions import begin_session, end_sessions
from strongroom.directory.codes import seal, unseal
from strongroom.flow.access import note, refused
from strongroom.flow.call import Call
from strongroom.http.message import Header, Response
from strongroom.store import Transaction
from strongroom.sts import browser, pages
from strongroom.sts.forms import parse_form
from strongroom.sts.goals import GOALS
from strongroom.sts.named import note_named
from strongroom.sts.policies import verdict_of
from strongroom.sts.steps import STEPS
from strongroom.sts.steps.provider import by_name, carried_back, provider_of, take_back
from strongroom.sts.walk import (
    Change,
    Form,
    Leave,
    Shown,
    Step,
    Walk,
    find_shown,
    find_user,
    shown_in,
    tenant_of_path,
)

_PURPOSE = "sign-in page"


async def begin(call: Call, walk: Walk, *, prompt: Prompt = Prompt.LOGIN, max_age: int | None = None) -> Response:
    """
    Begin a walk: with whoever is signed in at the browser already, where the client leaves that open.

    Raises:
        Failure: told on a page.
    """
    GOALS[walk.goal].application(call, walk)
    tenant = tenant_of_path(call, walk.path)
    sessions = browser.live_sessions(call, tenant.id if tenant is not None else None)
    if max_age is not None:
        sessions = [one for one in sessions if call.now - one.authenticated <= max_age]
    secret, cookie = browser.new_secret(call)
    walk = walk.having(browser=secret, expires=call.now + SIGN_IN_PAGE_S, provider=by_name(call, walk, walk.hint))
    if prompt is not Prompt.LOGIN:
        walk = _with_sessions(call, walk, sessions, prompt)
    try:
        response = await _go_on(call, walk, (), is_silent=prompt is Prompt.NONE)
    except Failure as failure:
        # The page that tells it has a form too.
        failure.headers += ((cookie[0].decode("ascii"), cookie[1].decode("ascii")),)
        raise
    response.headers.append(cookie)
    return response


def _with_sessions(call: Call, walk: Walk, sessions: Sequence[BrowserSession], prompt: Prompt) -> Walk:
    """Take whom the client means of those who are signed in; the person chooses where that is not clear."""
    if walk.hint:
        hinted = walk.hint.casefold()
        sessions = [one for one in sessions if _user_name(call, one).casefold() == hinted]
    if prompt is Prompt.SELECT_ACCOUNT or len(sessions) > 1:
        return walk.having(chooses=bool(sessions))
    return walk.having(shown=shown_in(sessions[0])) if sessions else walk


def _user_name(call: Call, session: BrowserSession) -> str:
    user, _ = find_shown(call, shown_in(session))
    return user.user_principal_name


async def sign_in(call: Call) -> Response:
    """
    Answer POST /{tenant}/sign-in, every step's form: with the next page, the same one again, or what the goal gives.

    Raises:
        Failure: told on a page.
    """
    note_named(call, None)
    try:
        form = parse_form(call.request.header(b"content-type"), await call.raw_body())
        walk = _carried(call, form)
        if walk.authorization is not None:
            call.properties["grantType"] = "authorization_code"
            note_named(call, walk.authorization.client_id)
        if walk.shown is not None:
            _note_shown(call, walk.shown)
            find_shown(call, walk.shown)
            call.proved = True
        step = _due(call, walk)
        GOALS[walk.goal].application(call, walk)
    except Failure as failure:
        raise pages.told(call, failure) from None
    if step is None or form.get("step") != step.name:
        # Another window answered it meanwhile, or this form is for a step that is no longer due.
        return await _go_on(call, walk, ())
    call.properties["signInStep"] = step.name
    try:
        taken = await step.take(call, walk, form)
    except Failure as failure:
        raise _told(call, failure, walk, step, form) from None
    if taken.gave_up is not None:
        return GOALS[walk.goal].refuse(call, taken.walk, taken.gave_up)
    return await _go_on(call, taken.walk, taken.changes)


async def come_back(call: Call) -> Response:
    """
    Answer GET /{tenant}/oauth2/callback, where identity providers send people back to: the walk goes on.

    Raises:
        Failure: told on a page.
    """
    note_named(call, None)
    try:
        away = carried_back(call)
        GOALS[away.walk.goal].application(call, away.walk)
    except Failure as failure:
        raise pages.told(call, failure) from None
    try:
        taken = await take_back(call, away)
    except Failure as failure:
        raise _stayed(call, failure, away.walk) from None
    return await _go_on(call, taken.walk, taken.changes)


async def _go_on(call: Call, walk: Walk, changes: tuple[Change, ...], *, is_silent: bool = False) -> Response:
    """Show the page of the first step that is due, or give what the walk was made for."""
    goal = GOALS[walk.goal]
    try:
        walk = _within_policy(call, walk)
        step = _due(call, walk)
    except Failure as failure:
        if is_silent:
            return goal.refuse(call, walk, failure)
        raise pages.told(call, failure) from None
    if step is not None:
        await _commit(call, changes, 200 if step.leave is None else 302)
        if is_silent:
            return goal.refuse(call, walk, _unasked(walk, step))
        return _page(call, walk, step) if step.leave is None else await _leave(call, walk, step.leave)
    shown = walk.the_shown
    call.proved = True
    cookies: list[Header] = []
    if shown.session is None:
        session, ended = _new_session(call, shown)
        kept = [session, *(one for one in browser.live_sessions(call) if one not in ended)]
        # What the browser no longer remembers it could not end by signing out.
        ended = [*ended, *kept[BROWSER_SESSIONS:]]
        changes += (lambda tx: _replace_session(tx, session, ended),)
        cookies = [browser.sessions_cookie(call, kept[:BROWSER_SESSIONS])]
    try:
        reached = goal.reach(call, walk)
    except Failure as failure:
        raise pages.told(call, failure) from None
    await _commit(call, (*changes, *reached.changes), reached.response.status)
    if reached.then is not None:
        reached.then()
    reached.response.headers.extend(cookies)
    return reached.response


async def _leave(call: Call, walk: Walk, leave: Leave) -> Response:
    try:
        return await leave(call, walk)
    except Failure as failure:
        raise _stayed(call, failure, walk) from None


def _stayed(call: Call, failure: Failure, walk: Walk) -> Failure:
    """Tell a person on the next step's page why an identity provider did not sign them in."""
    walk = walk.having(provider="")
    step = _due(call, walk)
    return pages.told(call, failure) if step is None else _told(call, failure, walk, step, {})


def _within_policy(call: Call, walk: Walk) -> Walk:
    """
    Hold a sign-in against the tenant's policies. One that is too old for them is done anew, if it was not just done.

    Raises:
        Invalid: AADSTS53003, a policy blocks it.
    """
    if walk.shown is None:
        return walk
    _note_shown(call, walk.shown)
    user = find_user(call, walk.shown)
    call.proved = True
    verdict = verdict_of(call, walk, user)
    if verdict.blocked:
        note(call, verdict)
        raise refused(verdict, None, resource="")
    provider = provider_of(call, walk)
    if verdict.too_old and (walk.shown.session is not None or (provider and not walk.fresh)):
        # An identity provider may have signed the person in long ago.
        return walk.having(
            shown=None, chooses=False, hint=user.user_principal_name, provider=provider, fresh=bool(provider)
        )
    return walk


def _note_shown(call: Call, shown: Shown) -> None:
    """Note for the journal who has shown what: it was sealed here, or stands in a session of this browser."""
    call.properties.update(tenantId=shown.tenant, userId=shown.user, userCredentialId=shown.credential)
    if shown.factor is not None:
        call.properties["secondFactorId"] = shown.factor


def _unasked(walk: Walk, step: Step) -> Failure:
    """Say which step a client left no room for, that wanted nothing to be asked (OpenID Connect Core 3.1.2.6)."""
    client_id, resource = "", ""
    if walk.authorization is not None:
        client_id, resource = walk.authorization.client_id, walk.authorization.scope.partition(" ")[0]
    return refuse(step.unasked, client_id=client_id, resource=resource)


def _due(call: Call, walk: Walk) -> Step | None:
    return next((step for step in STEPS if step.name not in walk.done and step.is_due(call, walk)), None)


async def _commit(call: Call, changes: tuple[Change, ...], status: int) -> None:
    if not changes:
        return

    async def change(tx: Transaction) -> None:
        for one in changes:
            await one(tx)

    try:
        await call.commit(change, status=lambda _: status)
    except Failure as failure:
        # What was right when it was looked at is no longer, such as a code that somebody else has used.
        raise pages.told(call, failure) from None


def _new_session(call: Call, shown: Shown) -> tuple[BrowserSession, list[BrowserSession]]:
    """Make the session of whoever has just signed in, and name those of the same person that it is instead of."""
    # At an identity provider it may have been long ago: what begins now is this browser's own.
    begun = call.now if FEDERATED in shown.amr else shown.authenticated
    session = BrowserSession(
        id=new_guid(call.world.entropy),
        tenant=shown.tenant,
        user=shown.user,
        credential=shown.credential,
        authenticated=shown.authenticated,
        amr=shown.amr,
        factor=shown.factor,
        expires=begun + BROWSER_SESSION_S,
    )
    return session, [one for one in browser.live_sessions(call, shown.tenant) if one.user == shown.user]


async def _replace_session(tx: Transaction, session: BrowserSession, ended: Sequence[BrowserSession]) -> None:
    await end_sessions(tx, ended)
    await begin_session(tx, session)


def _page(call: Call, walk: Walk, step: Step) -> Response:
    try:
        values = _values(call, walk, step)
    except Failure as failure:
        raise pages.told(call, failure) from None
    return pages.answer(call, step.name, goes_to=GOALS[walk.goal].goes_to(walk), wrong=None, **values)


def _told(call: Call, failure: Failure, walk: Walk, step: Step, form: Form) -> Failure:
    if "username" in form:
        walk = walk.having(hint=form["username"])
    try:
        values = _values(call, walk, step)
    except Failure as worse:
        return pages.told(call, worse)
    return pages.told(call, failure, step.name, goes_to=GOALS[walk.goal].goes_to(walk), **values)


def _values(call: Call, walk: Walk, step: Step) -> dict[str, object]:
    walk = step.prepare(call, walk)
    return {
        "application": GOALS[walk.goal].application(call, walk),
        "action": f"/{walk.path}/sign-in",
        "request": seal(call.world.keys, _PURPOSE, walk),
        "step": step.name,
        **step.page(call, walk),
    }


def _carried(call: Call, form: Form) -> Walk:
    """
    Read what the page carried.

    Raises:
        Invalid: AADSTS9002313, it is none of ours, another browser's, another tenant's, or was answered too late.
    """
    walk = unseal(call.world.keys, _PURPOSE, Walk, form.get("request", ""))
    if walk is None or walk.path != call.params["tenant"]:
        raise refuse(9002313, reason="not a sign-in page of this instance")
    if not compare_digest(browser.digest_of_secret(call), walk.browser):
        raise refuse(9002313, reason="sign-in page of another browser")
    if walk.expires <= call.now:
        raise refuse(9002313, reason="sign-in page answered too late")
    return walk
