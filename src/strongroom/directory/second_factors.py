"""
Second factors: set up, shown, listed and removed (see `core.second_factors`).

    begun --first right code, or a key's answer--> set up --shown--> set up, and what was shown is good no more
      |                                              |
      +-- nothing is stored: a page carries it       +-- removed, with every token family that it was shown for

What a page carries meanwhile (a secret that no app has confirmed, a challenge) is sealed by whoever makes the page, for
one user and a short while. That an answer is good once is settled here, in the transaction that takes it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from strongroom.core import limits
from strongroom.core.aadsts import refuse
from strongroom.core.echo import GUID, shown
from strongroom.core.errors import Conflict, NameTaken, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.identity import User
from strongroom.core.records import tenant_partition
from strongroom.core.second_factors import (
    KINDS,
    AuthenticatorApp,
    SecondFactor,
    SecurityKey,
    judge_code,
    judge_name,
    judge_number,
)
from strongroom.crypto import security_keys, totp
from strongroom.crypto.context import bind
from strongroom.crypto.protocol import RootKey
from strongroom.crypto.security_keys import CHALLENGE_BYTES, KeyRefused, Known, Party
from strongroom.directory.principals import require_user
from strongroom.store import Transaction
from strongroom.view import View

F = TypeVar("F", AuthenticatorApp, SecurityKey)

_PURPOSE = "authenticator app"
_HANDLE = "security key user handle"


def second_factors_of(view: View, user: User) -> tuple[SecondFactor, ...]:
    """List what a user can show besides a password, the oldest first."""
    return tuple(sorted(view.second_factors_of(user.tenant, user.id), key=_by_age))


async def find_factor(tx: Transaction, user: User, factor_id: str) -> SecondFactor | None:
    """Read a second factor of a user, or None if it is not one of his."""
    for kind in KINDS:
        found = await tx.record(kind, tenant_partition(user.tenant), factor_id)
        if found is not None and found.user == user.id:
            return found
    return None


async def remove_factor(tx: Transaction, user: User, kind: type[SecondFactor], factor_id: str) -> None:
    """
    Remove a second factor of one kind; the families that it was shown for end.

    Raises:
        NotFound: the user has none such.
    """
    found = await tx.record(kind, tenant_partition(user.tenant), factor_id)
    if found is None or found.user != user.id:
        raise no_such_factor(factor_id)
    await tx.remove(found)


def no_such_factor(factor_id: str) -> NotFound:
    """Say that a user has no such second factor; another user's gets the same."""
    return NotFound(
        f"The requested authentication method '{shown(factor_id, GUID)}' was not found.", code="resourceNotFound"
    )


async def remove_all(tx: Transaction, tenant: str, user: str) -> None:
    """Remove every second factor of a user who is gone for good."""
    for kind in KINDS:
        for factor in await tx.records_with(kind, tenant_partition(tenant), user):
            if factor.user == user:
                await tx.remove(factor)


# ---- authenticator apps ---------------------------------------------------------------------------------------------


class NewApp(msgspec.Struct, array_like=True, frozen=True):
    """An app that no code has confirmed yet: what its page carries, sealed."""

    tenant: str
    user: str
    id: str
    secret: bytes
    expires: int


def begin_app(user: User, *, now: int, entropy: Callable[[int], bytes]) -> NewApp:
    """Begin to set up an app: a secret of 160 bits, made here."""
    return NewApp(user.tenant, user.id, new_guid(entropy), totp.new_secret(entropy), now + limits.SECOND_FACTOR_PAGE_S)


def confirm_app(keys: RootKey, user: User, begun: NewApp, *, code: str, name: str, now: int) -> AuthenticatorApp:
    """
    Check the first code of an app; `add_factor` makes the app count. That code is good no more.

    Raises:
        Invalid: AADSTS9002313, it was begun for somebody else or too long ago; 500121, the code is wrong; the name is
            none.
    """
    if (begun.tenant, begun.user) != (user.tenant, user.id) or begun.expires <= now:
        raise refuse(9002313, reason="app was begun for somebody else or too long ago")
    return AuthenticatorApp(
        id=begun.id,
        tenant=user.tenant,
        user=user.id,
        display_name=judge_name(name),
        created=now,
        sealed_secret=keys.seal(_PURPOSE, bind(user.tenant, user.id, begun.id), begun.secret),
        last_step=_step(begun.secret, judge_code(code), now),
    )


async def add_factor(tx: Transaction, user: User, factor: SecondFactor) -> None:
    """
    Let a second factor count, that `confirm_app` or `register_key` made.

    Raises:
        Invalid: the user has as many of the kind as there may be.
        Conflict: it was added before, or another user of the tenant has the same key.
        NotFound: the user is gone.
    """
    await require_user(tx, user.tenant, user.id)
    kind = type(factor)
    held = [one for one in await tx.records_with(kind, factor.partition, user.id) if one.user == user.id]
    judge_number(held, kind)
    if await tx.record(kind, factor.partition, factor.id) is not None:
        raise Conflict("This was set up already.")
    try:
        await tx.put(factor)
    except NameTaken:
        raise Conflict("This security key is registered already.") from None


def judge_app_code(keys: RootKey, view: View, user: User, code: str, now: int) -> AuthenticatorApp:
    """
    Check a code; the app that made it, as it is once `use_code` has taken the code.

    Raises:
        Invalid: AADSTS500121, it is of none of the user's apps, or was taken before.
        Unsealable: a secret was sealed for another user or app, or altered.
    """
    reason = "wrong code"
    for app in second_factors_of(view, user):
        if not isinstance(app, AuthenticatorApp):
            continue
        secret = keys.open(_PURPOSE, bind(app.tenant, app.user, app.id), app.sealed_secret)
        try:
            step = totp.step_of_code(secret, judge_code(code), now)
        except totp.WrongCode:
            continue
        if step > app.last_step:
            return replace(app, last_step=step)
        reason = "code was used before"
    raise refuse(500121, reason=reason)


async def use_code(tx: Transaction, used: AuthenticatorApp) -> None:
    """
    Take a code that `judge_app_code` found to be right, once.

    Raises:
        Invalid: AADSTS500121, it was taken meanwhile, or the app was removed.
    """
    app = await tx.record(AuthenticatorApp, used.partition, used.id)
    if app is None:
        raise refuse(500121, reason="authenticator app was removed meanwhile")
    if used.last_step <= app.last_step:
        raise refuse(500121, reason="code was used before")
    await tx.put(replace(app, last_step=used.last_step))


def _step(secret: bytes, code: str, now: int) -> int:
    try:
        return totp.step_of_code(secret, code, now)
    except totp.WrongCode:
        raise refuse(500121, reason="wrong code") from None


# ---- security keys --------------------------------------------------------------------------------------------------


class Challenge(msgspec.Struct, array_like=True, frozen=True):
    """What a security key is to answer: what its page carries, sealed."""

    tenant: str
    user: str
    host: str
    value: bytes
    made: int
    expires: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A right answer of a key, which `use_key` takes if it is new."""

    key: SecurityKey
    sign_count: int
    made: int


def new_challenge(user: User, party: Party, *, now: int, entropy: Callable[[int], bytes]) -> Challenge:
    """Make a challenge for a user's key on one name of the sign-in pages."""
    value = entropy(CHALLENGE_BYTES)
    return Challenge(user.tenant, user.id, party.host, value, now, now + limits.SECOND_FACTOR_PAGE_S)


def keys_for(view: View, user: User, party: Party) -> tuple[SecurityKey, ...]:
    """List the security keys that a browser could show on a page of this name: those registered on it."""
    held = second_factors_of(view, user)
    return tuple(one for one in held if isinstance(one, SecurityKey) and one.host == party.host)


def registration_options(keys: RootKey, view: View, user: User, party: Party, challenge: Challenge) -> dict[str, Any]:
    """Say what a browser is asked so that a user registers a key, other than those there are."""
    return security_keys.registration_options(
        party,
        handle=_handle(keys, user),
        name=user.user_principal_name,
        display_name=user.display_name,
        challenge=challenge.value,
        held=_known(keys_for(view, user, party)),
    )


def register_key(
    user: User,
    party: Party,
    challenge: Challenge,
    *,
    answer: str,
    name: str,
    now: int,
    entropy: Callable[[int], bytes],
) -> SecurityKey:
    """
    Check what a browser told of a new key; `add_factor` makes it count.

    Raises:
        Invalid: AADSTS9002313, the challenge was somebody else's or made too long ago; 500121, the answer is wrong;
            the name is none.
    """
    _judge_challenge(user, party, challenge, now)
    display_name = judge_name(name)
    try:
        registered = security_keys.verify_registration(party, challenge.value, answer)
    except KeyRefused as refused:
        raise refuse(500121, reason=refused.reason) from None
    known = registered.known
    return SecurityKey(
        id=new_guid(entropy),
        tenant=user.tenant,
        user=user.id,
        display_name=display_name,
        created=now,
        host=party.host,
        credential_id=known.credential_id,
        public_key=known.public_key,
        sign_count=known.sign_count,
        aaguid=registered.aaguid,
        transports=known.transports,
    )


def authentication_options(view: View, user: User, party: Party, challenge: Challenge) -> dict[str, Any]:
    """Say what a browser is asked so that a user shows a key."""
    return security_keys.authentication_options(
        party, challenge=challenge.value, held=_known(keys_for(view, user, party))
    )


def judge_answer(
    keys: RootKey, view: View, user: User, party: Party, challenge: Challenge, *, answer: str, now: int
) -> Answered:
    """
    Check the answer of a user's key; `use_key` takes it.

    Raises:
        Invalid: AADSTS9002313, the challenge was somebody else's or made too long ago; 500121, the answer is wrong, not
            new, or of a key that the user has not.
    """
    _judge_challenge(user, party, challenge, now)
    try:
        credential = security_keys.credential_of(answer)
        key = next(
            (one for one in keys_for(view, user, party) if hmac.compare_digest(one.credential_id, credential)), None
        )
        if key is None:
            raise refuse(500121, reason="security key is none of the user's")
        (known,) = _known([key])
        count = security_keys.verify_assertion(party, challenge.value, known, _handle(keys, user), answer)
    except KeyRefused as refused:
        raise refuse(500121, reason=refused.reason) from None
    answered = Answered(key, count, challenge.made)
    _require_new(key, answered)
    return answered


async def use_key(tx: Transaction, answered: Answered) -> None:
    """
    Take the answer of a key, once.

    Raises:
        Invalid: AADSTS500121, the key was removed meanwhile, has not counted on since it was shown last (somebody may
            have a copy), or has answered a later challenge.
    """
    key = await tx.record(SecurityKey, answered.key.partition, answered.key.id)
    if key is None:
        raise refuse(500121, reason="security key was removed meanwhile")
    _require_new(key, answered)
    await tx.put(replace(key, sign_count=answered.sign_count, last_challenge=answered.made))


def _require_new(key: SecurityKey, answered: Answered) -> None:
    if answered.sign_count <= key.sign_count and (answered.sign_count, key.sign_count) != (0, 0):
        raise refuse(500121, reason=f"security key {key.id} has not counted on: somebody may have a copy of it")
    if answered.made <= key.last_challenge:
        raise refuse(500121, reason="security key has answered this challenge or a later one")


def _judge_challenge(user: User, party: Party, challenge: Challenge, now: int) -> None:
    if (challenge.tenant, challenge.user, challenge.host) != (user.tenant, user.id, party.host):
        raise refuse(9002313, reason="challenge was made for somebody else")
    if challenge.expires <= now:
        raise refuse(9002313, reason="challenge was made too long ago")


def _known(held: Sequence[SecurityKey]) -> list[Known]:
    return [Known(one.credential_id, one.public_key, one.sign_count, one.transports) for one in held]


def _handle(keys: RootKey, user: User) -> bytes:
    """Name a user to authenticators, which keep it: by something that says nothing of who it is (WebAuthn 14.6.1)."""
    return keys.tag(_HANDLE, bind(user.tenant, user.id))


def _by_age(factor: SecondFactor) -> tuple[int, str]:
    return factor.created, factor.id
