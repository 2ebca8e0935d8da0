"""Users: people who sign in. Their passwords are in `user_passwords`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from strongroom.core import limits
from strongroom.core.errors import Invalid, NameTaken
from strongroom.core.guids import new_guid
from strongroom.core.identity import Tenant, User
from strongroom.core.records import INSTANCE
from strongroom.directory.deletion import delete
from strongroom.directory.principals import no_such_object, require_user
from strongroom.directory.user_passwords import expiry_of, put_password, set_expiry, signed_out
from strongroom.store import Transaction

# Entra's own alphabet for the part before the @; no space, so no two spellings look alike.
_USER_PRINCIPAL_NAME = re.compile(
    rf"(?=.{{3,{limits.USER_NAME_CHARS}}}\Z)[A-Za-z0-9'._!#^~-]{{1,64}}@[A-Za-z0-9.-]{{1,{limits.USER_DOMAIN_CHARS}}}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user is made of."""

    user_principal_name: str
    display_name: str
    mail_nickname: str = ""
    enabled: bool = True
    given_name: str | None = None
    surname: str | None = None
    profile: Mapping[str, str] = field(default_factory=dict)
    password_never_expires: bool = False


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to become different about a user. None leaves things as they are; an empty name removes it."""

    enabled: bool | None = None
    display_name: str | None = None
    mail_nickname: str | None = None
    user_principal_name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    profile: Mapping[str, str] = field(default_factory=dict)
    """What it names is changed; an empty text removes it."""
    password_never_expires: bool | None = None


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password as it is kept: hashed before, by `crypto.passwords`."""

    verifier: bytes = field(repr=False)
    must_change: bool = False
    """If true it has expired as soon as it is set: it is good for choosing another and for nothing else."""


async def create_user(
    tx: Transaction,
    tenant: str,
    wanted: NewUser,
    *,
    password: NewPassword | None,
    now: int,
    entropy: Callable[[int], bytes],
) -> User:
    """
    Make a user, able to sign in if it has a password.

    Raises:
        Invalid: the name is malformed, taken, or not in a verified domain of the tenant.
    """
    user = User(
        id=new_guid(entropy),
        tenant=tenant,
        user_principal_name=await _judge_name(tx, tenant, wanted.user_principal_name),
        display_name=wanted.display_name,
        created=now,
        enabled=wanted.enabled,
        mail_nickname=wanted.mail_nickname,
        given_name=wanted.given_name or None,
        surname=wanted.surname or None,
        profile=_profile((), wanted.profile),
        password_never_expires=wanted.password_never_expires,
    )
    await _put(tx, user)
    if password is not None:
        await put_password(
            tx,
            user,
            verifier=password.verifier,
            must_change=password.must_change,
            expires=await expiry_of(tx, user, now),
            now=now,
            entropy=entropy,
        )
    return user


async def update_user(tx: Transaction, tenant: str, user: str, change: UserChange, *, now: int) -> User:
    """
    Change a user. Disabling one ends whatever it is signed in to at once, and for good.

    Raises:
        Invalid: the new name is malformed, taken, or not in a verified domain of the tenant.
        NotFound: the tenant has no such user.
    """
    found = await require_user(tx, tenant, user)
    name = change.user_principal_name
    changed = replace(
        found,
        enabled=found.enabled if change.enabled is None else change.enabled,
        display_name=found.display_name if change.display_name is None else change.display_name,
        mail_nickname=found.mail_nickname if change.mail_nickname is None else change.mail_nickname,
        user_principal_name=found.user_principal_name if name is None else await _judge_name(tx, tenant, name),
        given_name=found.given_name if change.given_name is None else change.given_name or None,
        surname=found.surname if change.surname is None else change.surname or None,
        profile=_profile(found.profile, change.profile),
    )
    if change.password_never_expires is not None:
        changed = replace(changed, password_never_expires=change.password_never_expires)
    if found.enabled and not changed.enabled:
        changed = signed_out(changed, now)
    await _put(tx, changed)
    if changed.password_never_expires != found.password_never_expires:
        await set_expiry(tx, changed)
    return changed


async def delete_user(tx: Transaction, tenant: str, user: str, *, now: int) -> None:
    """
    Delete a user; it can be restored, without its roles.

    Raises:
        NotFound: the tenant has no such user.
    """
    await delete(tx, await require_user(tx, tenant, user), now)


def _profile(found: tuple[tuple[str, str], ...], change: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, text) for name, text in {**dict(found), **change}.items() if text))


async def _judge_name(tx: Transaction, tenant: str, name: str) -> str:
    if _USER_PRINCIPAL_NAME.fullmatch(name) is None:
        raise Invalid("Property userPrincipalName is invalid.")
    record = await tx.record(Tenant, INSTANCE, tenant)
    if record is None:
        raise no_such_object(tenant)
    if name.rpartition("@")[2].lower() not in record.domains:
        raise Invalid(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain"
            " names in your organization."
        )
    return name


async def _put(tx: Transaction, user: User) -> None:
    try:
        await tx.put(user)
    except NameTaken:
        # Graph answers this with 400, not with 409.
        raise Invalid("Another object with the same value for property userPrincipalName already exists.") from None
