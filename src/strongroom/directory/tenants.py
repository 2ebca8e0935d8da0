"""Tenants: who exists and who vouches for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.echo import TENANT, shown
from strongroom.core.errors import Conflict, Invalid, NameTaken, NotFound
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.guids import new_guid
from strongroom.core.identity import Application, Group, ServicePrincipal, SigningKey, Tenant, User
from strongroom.core.installation import Installation
from strongroom.core.kinds import KINDS
from strongroom.core.limits import DOMAINS_PER_TENANT
from strongroom.core.private_authorities import PrivateAuthority
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.core.relations import DeletedObject
from strongroom.core.resources import Subscription
from strongroom.core.sessions import SignInSettings
from strongroom.directory.roles import assign_role
from strongroom.directory.signing_keys import roll_over
from strongroom.directory.trusted_services import remove_trust_in
from strongroom.directory.users import NewPassword, NewUser, create_user
from strongroom.store import Transaction
from strongroom.view import View

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+", re.ASCII
)


@dataclass(frozen=True, slots=True)
class FirstUser:
    """Who is to administer a new tenant: the part of the name before the @, and a password as it is kept."""

    name: str
    verifier: bytes = field(repr=False)


async def create_tenant(
    tx: Transaction,
    *,
    display_name: str,
    domains: tuple[str, ...],
    now: int,
    entropy: Callable[[int], bytes],
    tenant: str | None = None,
) -> Tenant:
    """
    Make a tenant with its verified domains, the first of which is its default, and its principals of Azure's resources.

    *tenant* is its id, where something had to know it before.

    Raises:
        Conflict: another tenant has one of the domains.
        Invalid: a domain is not a domain name of two labels or more.
    """
    if not domains:
        raise Invalid("A tenant needs a domain.")
    made = Tenant(tenant or new_guid(entropy), display_name, tuple(map(_judge_domain, domains)), now)
    await _put(tx, made)
    for app_id, party in FIRST_PARTY.items():
        await tx.put(ServicePrincipal(new_guid(entropy), made.id, app_id, party.display_name, now))
    return made


async def open_tenant(
    tx: Transaction,
    *,
    tenant: str,
    display_name: str,
    domain: str,
    keys: Sequence[SigningKey],
    first: FirstUser,
    now: int,
    entropy: Callable[[int], bytes],
) -> tuple[Tenant, User]:
    """
    Make a tenant that can be used: with *keys* that sign its tokens, and its first Global Administrator.

    Raises:
        Conflict: another tenant has the domain.
        Invalid: the domain is no domain name, or the user's name is malformed.
    """
    made = await create_tenant(
        tx, display_name=display_name, domains=(domain,), now=now, entropy=entropy, tenant=tenant
    )
    await roll_over(tx, made.id, list(keys), now)
    wanted = NewUser(f"{first.name}@{made.domains[0]}", "Administrator", first.name)
    user = await create_user(tx, made.id, wanted, password=NewPassword(first.verifier), now=now, entropy=entropy)
    await assign_role(tx, made.id, role=GLOBAL_ADMINISTRATOR, principal=user.id)
    return made, user


async def rename_tenant(tx: Transaction, tenant: str, display_name: str) -> Tenant:
    """
    Give a tenant another display name.

    Raises:
        NotFound: there is no such tenant.
    """
    renamed = replace(await _require_tenant(tx, tenant), display_name=display_name)
    await _put(tx, renamed)
    return renamed


async def add_domain(tx: Transaction, tenant: str, domain: str) -> Tenant:
    """
    Give a tenant another verified domain.

    Raises:
        Conflict: another tenant has it, or this one, or this one has as many as it may have.
        Invalid: it is no domain name.
        NotFound: there is no such tenant.
    """
    found, wanted = await _require_tenant(tx, tenant), _judge_domain(domain)
    if wanted in found.domains:
        raise Conflict(f"The tenant has the domain '{wanted}' already.")
    if len(found.domains) >= DOMAINS_PER_TENANT:
        raise Conflict(f"A tenant has at most {DOMAINS_PER_TENANT} domains.")
    changed = replace(found, domains=(*found.domains, wanted))
    await _put(tx, changed)
    return changed


async def remove_domain(tx: Transaction, tenant: str, domain: str) -> Tenant:
    """
    Take a verified domain from a tenant; another tenant can have it then.

    A user who can be restored counts as a user: nobody may come back with a name in another tenant's domain.

    Raises:
        Conflict: it is the tenant's last, or a user or an application still has a name in it.
        NotFound: there is no such tenant, or it has no such domain.
    """
    found, unwanted = await _require_tenant(tx, tenant), domain.lower()
    if unwanted not in found.domains:
        raise NotFound(f"The tenant has no domain '{shown(unwanted, TENANT)}'.")
    if len(found.domains) == 1:
        raise Conflict(f"'{unwanted}' is the tenant's last domain.")
    in_use = await _names_in(tx, found, unwanted)
    if in_use:
        raise Conflict(f"The domain '{unwanted}' is in use: {in_use} names of users and applications are in it.")
    changed = replace(found, domains=tuple(one for one in found.domains if one != unwanted))
    await _put(tx, changed)
    return changed


async def remove_tenant(tx: Transaction, tenant: str) -> None:
    """
    Remove a tenant that has nothing but its last user, with its keys and whatever else is left of it.

    Everybody's tokens of it end, since nobody has its keys any more; its domains are free.

    Raises:
        Conflict: it is the first tenant, or it has something: what, is said.
        NotFound: there is no such tenant.
    """
    found, partition = await _require_tenant(tx, tenant), tenant_partition(tenant)
    if any(one.tenant == tenant for one in await tx.records(Installation, INSTANCE)):
        raise Conflict("The first tenant belongs to the instance and stays.")
    held = {
        "subscriptions": len(await tx.records(Subscription, partition)),
        "applications": len(await tx.records(Application, partition)),
        "private CAs": len(await tx.records(PrivateAuthority, partition)),
        "groups": len(await tx.records(Group, partition)),
        "deleted objects": len(await tx.records(DeletedObject, partition)),
        "users beside the last": max(0, len(await tx.records(User, partition)) - 1),
    }
    if any(held.values()):
        has = ", ".join(f"{count} {name}" for name, count in held.items() if count)
        raise Conflict(f"The tenant is not empty: it has {has}.")
    for kind in KINDS.values():
        for record in await tx.records(kind, partition):
            await tx.remove(record)
    await remove_trust_in(tx, tenant)
    await tx.remove(found)


async def _names_in(tx: Transaction, tenant: Tenant, domain: str) -> int:
    """Count the names of users, and identifier URIs of applications, that are in a domain, deleted ones with them."""
    partition = tenant_partition(tenant.id)
    deleted = [one.inner for one in await tx.records(DeletedObject, partition)]
    users = [*await tx.records(User, partition), *(one for one in deleted if isinstance(one, User))]
    applications = [
        *await tx.records(Application, partition),
        *(one for one in deleted if isinstance(one, Application)),
    ]
    names = sum(one.user_principal_name.rpartition("@")[2].lower() == domain for one in users)
    uris = (uri for one in applications for uri in one.identifier_uris)
    return names + sum(_host_of(uri) == domain for uri in uris)


def _host_of(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None


def _judge_domain(domain: str) -> str:
    if _DOMAIN.fullmatch(domain.lower()) is None:
        raise Invalid(f"'{shown(domain, TENANT)}' is not a domain name.")
    return domain.lower()


async def _require_tenant(tx: Transaction, tenant: str) -> Tenant:
    found = await tx.record(Tenant, INSTANCE, tenant)
    if found is None:
        raise NotFound("There is no such tenant.")
    return found


async def _put(tx: Transaction, tenant: Tenant) -> None:
    try:
        await tx.put(tenant)
    except NameTaken as taken:
        raise Conflict(f"Another tenant has the domain '{taken.name.removeprefix('domain:')}'.") from None


def settings_of(view: View, tenant: str) -> SignInSettings:
    """Find what a tenant's users may, or must, sign in by; where nobody has said anything, what that means."""
    return view.get(SignInSettings, tenant_partition(tenant), tenant) or SignInSettings(tenant, tenant)
