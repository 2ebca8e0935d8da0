"""
Who can do something to something, and through what.

Every user, service principal and group of the vault's tenant is asked about, by the same functions that decide a
request. Where from is not asked: the firewall judges addresses, and this is about rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.core import limits
from strongroom.core.identity import Caller, Group, PrincipalType, ServicePrincipal, User
from strongroom.core.network import Connection, Link
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import Vault
from strongroom.flow.authentication import suppose
from strongroom.flow.explain.question import About
from strongroom.flow.explain.rights import Held, asked_about, held, role_named
from strongroom.flow.routes import vault_named
from strongroom.flow.world import World

Principal = User | ServicePrincipal | Group
_ANYWHERE = Connection("127.0.0.1", Link.PUBLIC, "")
"""Where from does not matter: no private endpoint is asked about."""
_PIECE = 100
"""Principals that are asked about before others are served, which takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class Can:
    """
    A principal that has a right, or would have it but for a deny assignment.

    Attributes:
        allowed: False where a deny assignment takes it away; None where a condition decides by what is not known yet.
        through: `direct`, or the groups from the one it is in to the one that has the right, by name.
        right: the ARM id of the role assignment, or the place of the access policy.
        role: the name of the role that the assignment gives; None of an access policy.
        role_id: its GUID.
    """

    principal: Principal
    allowed: bool | None
    through: str
    right: str
    scope: str
    condition: str | None
    denied_by: str | None
    role: str | None
    role_id: str | None

    @property
    def kind(self) -> str:
        """What it is, in the words of role assignments."""
        if isinstance(self.principal, User):
            return PrincipalType.USER.value
        return PrincipalType.GROUP.value if isinstance(self.principal, Group) else PrincipalType.SERVICE_PRINCIPAL.value

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.principal.user_principal_name if isinstance(self.principal, User) else self.principal.display_name

    @property
    def enabled(self) -> bool:
        """Whether it may sign in; whoever may not keeps the right, and can use it again once it may."""
        return isinstance(self.principal, Group) or self.principal.enabled


@dataclass(frozen=True, slots=True)
class Page:
    """Some who can, and the object id after which to go on; None at the end."""

    found: tuple[Can, ...]
    after: str | None


async def who_can(world: World, about: About, *, limit: int, after: str = "") -> Page:
    """
    List who can do something, in the order of object ids, at most *limit* at once.

    A page may be short, or empty, and have a next one: it ends after `limits.WHO_CAN_EXAMINED` principals.

    Raises:
        NotFound: no vault is known by the name.
    """
    vault = vault_named(world, about.vault, _ANYWHERE)
    target = about.operation.target(world, vault, {"name": about.name} if about.name else {})
    found: list[Can] = []
    examined = 0
    for principal in _principals(world, vault.tenant, after):
        if len(found) == limit or examined == limits.WHO_CAN_EXAMINED:
            return Page(tuple(found), after)
        examined, after = examined + 1, principal.id
        if examined % _PIECE == 0:
            # Whoever waits is served between two pieces.
            await asyncio.sleep(0)
        caller = suppose(world, principal)
        right = held(world, asked_about(world, caller, about, target, vault, None))
        if right is not None:
            found.append(_can(world, vault, principal, caller, right))
    return Page(tuple(found), None)


def _principals(world: World, tenant: str, after: str) -> Iterator[Principal]:
    view, partition = world.view, tenant_partition(tenant)
    every: list[Principal] = [
        *view.all(User, partition), *view.all(ServicePrincipal, partition), *view.all(Group, partition)
    ]  # fmt: skip
    yield from sorted((one for one in every if one.id > after), key=lambda one: one.id)


def _can(world: World, vault: Vault, principal: Principal, caller: Caller, right: Held) -> Can:
    role = role_named(world, vault.tenant, right.role) if right.role is not None else None
    return Can(
        principal,
        right.allowed,
        _way(world, vault.tenant, caller.oid, right.principal),
        right.id,
        right.scope,
        right.condition,
        right.denied_by,
        # One that is gone gives nothing, and is named by its id as long as its assignment is there.
        role.name if role is not None else right.role,
        right.role,
    )


def _way(world: World, tenant: str, oid: str, group: str) -> str:
    """Name the groups on the shortest way from a principal to the one that has the right."""
    if group == oid:
        return "direct"
    came_from: dict[str, str] = {oid: ""}
    ahead = [oid]
    for one in ahead:
        for above in sorted(world.view.direct_groups_of(tenant, one)):
            if above not in came_from:
                came_from[above] = one
                ahead.append(above)
    names: list[str] = []
    at = group
    while at and at != oid:
        found = world.view.principal(tenant, at)
        names.insert(0, found.display_name if isinstance(found, Group) else at)
        at = came_from.get(at, "")
    return " > ".join(names)
