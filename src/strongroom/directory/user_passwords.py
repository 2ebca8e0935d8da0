"""
The passwords of users: set by an administrator, changed by their users, and how long they last.

A user has one. Setting it makes another credential, so whatever was signed in with the old one ends: token families
name the credential they began with. What a password has to be is in `core.passwords`; it comes here hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strongroom.core.errors import Conflict
from strongroom.core.guids import new_guid
from strongroom.core.identity import Credential, CredentialKind, User
from strongroom.core.passwords import password_expires
from strongroom.core.sessions import SignInSettings
from strongroom.directory.principals import require_user
from strongroom.store import Transaction
from strongroom.view import View


async def replace_password(
    tx: Transaction,
    user: User,
    *,
    verifier: bytes,
    must_change: bool,
    expires: int | None,
    now: int,
    entropy: Callable[[int], bytes],
    id_: str | None = None,
) -> Credential:
    """
    Give a user another password. Whatever was signed in with the old one ends.

    If the user *must_change* it, it has expired as soon as it is set: it is good for choosing another and for nothing
    else. *id_* is what it is to be known by, where that has to be known before.
    """
    for held in await _passwords(tx, user):
        await tx.remove(held)
    return await put_password(
        tx, user, verifier=verifier, must_change=must_change, expires=expires, now=now, entropy=entropy, id_=id_
    )


async def put_password(
    tx: Transaction,
    user: User,
    *,
    verifier: bytes,
    must_change: bool,
    expires: int | None,
    now: int,
    entropy: Callable[[int], bytes],
    id_: str | None = None,
) -> Credential:
    """Give a user that has none a password: see `replace_password`."""
    made = Credential(
        id=id_ or new_guid(entropy),
        tenant=user.tenant,
        owner=user.id,
        kind=CredentialKind.PASSWORD,
        verifier=verifier,
        created=now,
        not_before=now,
        expires=now if must_change else expires,
    )
    await tx.put(made)
    return made


async def set_password(
    tx: Transaction,
    tenant: str,
    user: str,
    *,
    verifier: bytes,
    must_change: bool,
    now: int,
    entropy: Callable[[int], bytes],
) -> Credential:
    """
    Give a user another password, as an administrator; it lasts as long as the tenant says.

    Raises:
        NotFound: the tenant has no such user.
    """
    found = await require_user(tx, tenant, user)
    return await replace_password(
        tx,
        found,
        verifier=verifier,
        must_change=must_change,
        expires=await expiry_of(tx, found, now),
        now=now,
        entropy=entropy,
    )


async def change_password(
    tx: Transaction,
    proved: Credential,
    *,
    verifier: bytes,
    now: int,
    entropy: Callable[[int], bytes],
    id_: str | None = None,
) -> Credential:
    """
    Give a user another password in the place of the one that the user *proved*; *id_* as for `replace_password`.

    Raises:
        NotFound: the user is gone.
        Conflict: the password is another one by now.
    """
    user = await require_user(tx, proved.tenant, proved.owner)
    if proved.id not in {one.id for one in await _passwords(tx, user)}:
        raise Conflict("The password was changed meanwhile.", reason="the proved password was replaced meanwhile")
    return await replace_password(
        tx,
        user,
        verifier=verifier,
        must_change=False,
        expires=await expiry_of(tx, user, now),
        now=now,
        entropy=entropy,
        id_=id_,
    )


async def expiry_of(tx: Transaction, user: User, now: int) -> int | None:
    """Say when a password that the user is given now expires; None for never."""
    return password_expires(await tx.record(SignInSettings, user.partition, user.tenant), user, now)


async def set_expiry(tx: Transaction, user: User) -> None:
    """Let a user's present password last as long as it would if it were set now; one to be changed stays so."""
    for held in await _passwords(tx, user):
        if held.expires != held.created:
            await tx.put(replace(held, expires=await expiry_of(tx, user, held.created)))


async def set_must_change(tx: Transaction, tenant: str, user: str, *, must_change: bool) -> None:
    """
    Have a user choose another password at the next sign-in, or no longer. What is signed in goes on.

    Raises:
        NotFound: the tenant has no such user.
    """
    found = await require_user(tx, tenant, user)
    for held in await _passwords(tx, found):
        expires = held.created if must_change else await expiry_of(tx, found, held.created)
        await tx.put(replace(held, expires=expires))


async def revoke_sessions(tx: Transaction, tenant: str, user: str, *, now: int) -> User:
    """
    End whatever a user is signed in to: at browsers, every token family, and every code that was not redeemed yet.

    Raises:
        NotFound: the tenant has no such user.
    """
    found = signed_out(await require_user(tx, tenant, user), now)
    await tx.put(found)
    return found


def signed_out(user: User, now: int) -> User:
    """
    Give a user as signed out of everything.

    Nothing of it has to be looked for: each session, family and code says when its user signed in, and is held against
    this whenever it is used. Times are whole seconds, so a sign-in of this one may have been before.
    """
    return replace(user, sessions_valid_from=now + 1)


def password_of(view: View, user: User) -> Credential | None:
    """Find a user's password; None if the user has none."""
    held = (one for one in view.credentials_of(user.id) if one.kind is CredentialKind.PASSWORD)
    return next(held, None)


async def _passwords(tx: Transaction, user: User) -> list[Credential]:
    held = await tx.records_with(Credential, user.partition, user.id)
    return [one for one in held if one.owner == user.id and one.kind is CredentialKind.PASSWORD]
