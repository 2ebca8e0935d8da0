"""Signing in: what a person shows, judged in the same way wherever it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.core.aadsts import refuse
from strongroom.core.firewall import source_of
from strongroom.core.identity import Credential, Tenant, User
from strongroom.core.limits import USER_NAME_CHARS
from strongroom.crypto.passwords import WrongPassword
from strongroom.directory.runs import is_current
from strongroom.directory.user_passwords import password_of
from strongroom.flow.access import is_break_glass
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.sts.authorities import find_tenant, is_tenant_name

PASSWORD = "pwd"  # noqa: S105  the word of RFC 8176, not a password


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who proved who they are."""

    user: User
    credential: Credential
    amr: tuple[str, ...]
    factor: str | None = None
    """The id of the second factor that was shown."""


@dataclass(frozen=True, slots=True)
class CheckedPassword:
    """A person whose password is right, and whether it is good for choosing another alone."""

    user: User
    credential: Credential
    is_expired: bool


async def sign_in_by_password(call: Call, tenant: Tenant, user_name: str, password: str) -> SignedIn:
    """
    Sign a user in by name and password, where no page can ask for more.

    Raises:
        Invalid: as `check_password`; AADSTS50055, the password has expired.
        Throttled: too many passwords wait to be checked.
    """
    checked = await check_password(call, tenant, user_name, password)
    if checked.is_expired:
        raise refuse(50055, reason="password has expired")
    call.proved = True
    return SignedIn(checked.user, checked.credential, (PASSWORD,))


async def check_password(call: Call, tenant: Tenant, user_name: str, password: str) -> CheckedPassword:
    """
    Check a user's name and password.

    Until the password is right, unknown, locked, disabled and expired users are told the same, with the same work; the
    journal has the reason (security.md "Tokens and sign-in").

    Raises:
        Invalid: AADSTS50126, the name or the password is wrong, or too many were; 50057, the account is disabled.
        Throttled: too many passwords wait to be checked.
    """
    # No user has a longer name, and what strangers send is not kept whole.
    world, name = call.world, user_name[:USER_NAME_CHARS].casefold()
    user, credential = _look_up(world, tenant, user_name)
    source = source_of(call.connection)
    locked = world.lockout.is_locked(name, source, call.now) and not (
        user is not None and is_break_glass(world, user.id)
    )
    try:
        await world.passwords.verify(credential.verifier if credential is not None else None, password)
    except WrongPassword:
        world.lockout.fail(name, source, call.now)
        _note(call, tenant, user)
        raise refuse(50126, reason="wrong password" if user is not None else "unknown user") from None
    if user is None or credential is None:
        raise refuse(50126, reason="unknown user")
    _note(call, tenant, user, credential)
    if locked:
        raise refuse(50126, reason=f"user {user.id} is locked to the source")
    world.lockout.succeed(name, source)
    if not user.enabled:
        raise refuse(50057, reason="user is disabled")
    return CheckedPassword(user, credential, is_expired=not is_current(credential, call.now))


def _note(call: Call, tenant: Tenant, user: User | None, credential: Credential | None = None) -> None:
    """
    Note for the journal whose account was tried: one that there is, and never the name that was typed in.

    *credential* is the password, if it was right.
    """
    call.properties["tenantId"] = tenant.id
    if user is not None:
        call.properties["userId"] = user.id
    if credential is not None:
        call.properties["userCredentialId"] = credential.id


def tenant_of_user(world: World, user_name: str) -> Tenant:
    """
    Find the tenant by the domain of a user's name, which tells nobody who exists.

    Raises:
        Invalid: AADSTS50059, it is no domain of a tenant.
    """
    domain = user_name.rpartition("@")[2].lower()
    if "." not in domain or not is_tenant_name(domain) or world.view.tenant(domain) is None:
        raise refuse(50059, reason="user name of no tenant")
    return find_tenant(world, domain)


def _look_up(world: World, tenant: Tenant, user_name: str) -> tuple[User | None, Credential | None]:
    """Find a user of the tenant with the password it has; both, or neither."""
    user = world.view.user_by_upn(user_name)
    if user is None or user.tenant != tenant.id:
        return None, None
    held = password_of(world.view, user)
    return (user, held) if held is not None else (None, None)
