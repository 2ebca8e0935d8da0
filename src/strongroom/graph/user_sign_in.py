"""Handlers of what a user signs in with, and of what the user is signed in to."""

from __future__ import annotations

from strongroom.core.errors import Failure, Invalid
from strongroom.core.firewall import source_of
from strongroom.core.identity import Credential, User
from strongroom.core.passwords import judge_password, names_of
from strongroom.crypto.passwords import WrongPassword
from strongroom.directory.user_passwords import change_password, password_of, revoke_sessions
from strongroom.flow.call import Call
from strongroom.graph.objects import find_me, find_user
from strongroom.graph.odata import context
from strongroom.graph.wire import ChangePasswordBody
from strongroom.http import json
from strongroom.http.message import Response


async def hash_new_password(call: Call, text: str, names: tuple[str | None, ...]) -> bytes:
    """
    Judge and hash a password that a user is to have. *names* are the user's, the user principal name first.

    Raises:
        Invalid: it breaks a rule.
        Throttled: too many passwords wait to be hashed.
    """
    tenant = call.world.view.tenant(call.identity.tenant)
    if tenant is None:
        msg = "a caller has no tenant"
        raise RuntimeError(msg)
    user_principal_name, *others = names
    judge_password(text, names_of(tenant, user_principal_name or "", *others))
    return await call.world.passwords.hash(text)


async def change_own_password(call: Call) -> Response:
    """
    Give the user who asks another password, for the present one. What was signed in with that ends.

    Raises:
        Invalid: the present one is wrong, or too many were; the new one breaks a rule.
    """
    user = find_me(call)
    body = await call.body(ChangePasswordBody)
    proved = await _prove(call, user, body.current_password)
    if body.new_password == body.current_password:
        raise Invalid("The new password must be another one than the current password.")
    names = (user.user_principal_name, user.given_name, user.surname)
    verifier = await hash_new_password(call, body.new_password, names)
    call.properties["userId"] = user.id
    await call.commit(
        lambda tx: change_password(tx, proved, verifier=verifier, now=call.now, entropy=call.world.entropy)
    )
    return Response(204, content_type=None)


async def revoke_of_user(call: Call) -> Response:
    """Sign a user out of everything."""
    return await _revoke(call, find_user(call))


async def revoke_of_me(call: Call) -> Response:
    """
    Sign the user who asks out of everything.

    Raises:
        Invalid: it is not a user who asks.
    """
    return await _revoke(call, find_me(call))


async def _revoke(call: Call, user: User) -> Response:
    call.properties["userId"] = user.id
    await call.commit(lambda tx: revoke_sessions(tx, user.tenant, user.id, now=call.now))
    return json.response({"@odata.context": context(call, "Edm.Boolean"), "value": True})


async def _prove(call: Call, user: User, password: str) -> Credential:
    """Check a user's present password. Wrong ones count as they do at sign-in, so a stolen token guesses no faster."""
    world, credential = call.world, password_of(call.world.view, user)
    name, source = user.user_principal_name.casefold(), source_of(call.connection)
    locked = world.lockout.is_locked(name, source, call.now)
    try:
        await world.passwords.verify(None if credential is None else credential.verifier, password)
    except WrongPassword:
        world.lockout.fail(name, source, call.now)
        raise _wrong("wrong password") from None
    if credential is None:
        raise _wrong("the user has no password")
    if locked:
        raise _wrong(f"user {user.id} is locked to the source")
    world.lockout.succeed(name, source)
    return credential


def _wrong(reason: str) -> Failure:
    return Invalid("The current password is incorrect.", reason=reason)
