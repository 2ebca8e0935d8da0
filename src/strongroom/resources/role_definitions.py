"""
Custom roles: making, changing and removing them.

A role's name is its own in the whole tenant, built-in roles' included. It can be given at its assignable scopes and
below them. Whoever changes a role changes what everybody has who was given it, so the right to write roles is asked at
every scope that it names or named, and wherever else it was given: by the gate, which the surface hands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from strongroom.core import limits
from strongroom.core.builtin_roles import BUILTIN_ROLES
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.guids import parse_guid
from strongroom.core.hierarchy import group_name
from strongroom.core.rbac import RoleAssignment, RoleDefinition, scope_key
from strongroom.core.records import tenant_partition
from strongroom.resources.action_lists import ActionLists, check_actions
from strongroom.resources.lookup import read_hierarchy
from strongroom.resources.scopes import ROOT, Scope, confirm, locate
from strongroom.store import Transaction
from strongroom.view import View

Gate = Callable[[str], None]
"""Refuses a caller who may not change roles at a scope."""


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """What a custom role is to be."""

    name: str
    description: str
    lists: ActionLists
    scopes: tuple[Scope, ...]


def parse_role_name(text: str) -> str:
    """
    Read the name of a role definition, which is a GUID.

    Raises:
        Invalid: `InvalidRoleDefinitionId`.
    """
    guid = parse_guid(text)
    if guid is None:
        raise Invalid(
            "The role definition ID is not valid. The role definition ID must be a GUID.",
            code="InvalidRoleDefinitionId",
        )
    return guid


def draft_role(
    view: View,
    tenant: str,
    *,
    name: str | None,
    description: str | None,
    lists: ActionLists,
    scopes: Iterable[str],
    gate: Gate,
) -> RoleDraft:
    """
    Check what a custom role is to be, as far as it does not depend on other roles.

    *gate* is asked about each scope before it is looked for, so that nobody learns by it what there is elsewhere.

    Raises:
        Denied: what *gate* says.
        Invalid: `InvalidRoleDefinitionName`, `InvalidDescription`, `InvalidAssignableScopes`, or its actions.
        NotFound: an assignable scope does not exist in the tenant.
    """
    told = (name or "").strip()
    if not 1 <= len(told) <= limits.ROLE_NAME_CHARS or not told.isprintable():
        raise Invalid(
            f"The role name has 1 to {limits.ROLE_NAME_CHARS} printable characters.", code="InvalidRoleDefinitionName"
        )
    said = description or ""
    if len(said) > limits.ROLE_DESCRIPTION_CHARS:
        raise Invalid(
            f"The description of a role has at most {limits.ROLE_DESCRIPTION_CHARS} characters.",
            code="InvalidDescription",
        )
    return RoleDraft(told, said, check_actions(lists), _read_scopes(view, tenant, tuple(scopes), gate))


async def put_role_definition(
    tx: Transaction, *, tenant: str, role: str, draft: RoleDraft, gate: Gate, now: int, by: str
) -> tuple[RoleDefinition, bool]:
    """
    Make a custom role, or replace what it is; the second value says whether it was made. *role* is its GUID.

    Raises:
        Denied: what *gate* says, for any scope that the role has or is to have, or at which it was given.
        Conflict: `RoleDefinitionWithSameNameExists`.
        Invalid: it is a built-in role (`RoleDefinitionUpdateNotAllowed`), or `RoleDefinitionLimitExceeded`.
        NotFound: a scope went away.
    """
    _refuse_built_in(role)
    partition = tenant_partition(tenant)
    existing = await tx.record(RoleDefinition, partition, role)
    wanted = tuple(scope.path for scope in draft.scopes)
    named = dict.fromkeys((*wanted, *(existing.assignable_scopes if existing is not None else ())))
    for place in (*named, *await _given_elsewhere(tx, tenant, role, named)):
        gate(place)
    for scope in draft.scopes:
        await confirm(tx, scope)
    others = await tx.records(RoleDefinition, partition)
    taken = (*BUILTIN_ROLES.values(), *(other for other in others if other.id != role))
    if any(other.name.casefold() == draft.name.casefold() for other in taken):
        raise Conflict(
            "A custom role with the same name already exists in this directory. Use a different name.",
            code="RoleDefinitionWithSameNameExists",
        )
    if existing is None and len(others) >= limits.CUSTOM_ROLES_PER_TENANT:
        raise Invalid(
            "Role definition limit exceeded. No more role definitions can be created. A directory can have"
            f" {limits.CUSTOM_ROLES_PER_TENANT} custom roles.",
            code="RoleDefinitionLimitExceeded",
        )
    base = existing or RoleDefinition(id=role, tenant=tenant, name="", created=now, created_by=by)
    made = replace(
        base,
        name=draft.name,
        description=draft.description,
        actions=draft.lists.actions,
        not_actions=draft.lists.not_actions,
        data_actions=draft.lists.data_actions,
        not_data_actions=draft.lists.not_data_actions,
        assignable_scopes=wanted,
        updated=0 if existing is None else now,
        updated_by="" if existing is None else by,
    )
    await tx.put(made)
    return made, existing is None


async def remove_role_definition(tx: Transaction, *, tenant: str, role: str, gate: Gate) -> RoleDefinition | None:
    """
    Remove a custom role that nobody has; None if there is none of this name.

    Raises:
        Denied: what *gate* says, for any of the role's scopes.
        Invalid: it is a built-in role (`RoleDefinitionUpdateNotAllowed`).
        Conflict: `RoleDefinitionHasAssignments`.
    """
    _refuse_built_in(role)
    partition = tenant_partition(tenant)
    existing = await tx.record(RoleDefinition, partition, role)
    if existing is None:
        return None
    for place in existing.assignable_scopes:
        gate(place)
    if any(given.role == role for given in await tx.records_with(RoleAssignment, partition, role)):
        raise Conflict("There are existing role assignments referencing role.", code="RoleDefinitionHasAssignments")
    await tx.remove(existing)
    return existing


async def _given_elsewhere(tx: Transaction, tenant: str, role: str, scopes: Iterable[str]) -> tuple[str, ...]:
    """
    List the scopes at which a role was given that are not at or below any of *scopes*.

    It stays given where a scope was taken from the role, or a subscription moved away from its management group: who
    may write roles at what is left must not change what is had there.
    """
    tree, places = await read_hierarchy(tx, tenant), frozenset(map(scope_key, scopes))
    with_it = await tx.records_with(RoleAssignment, tenant_partition(tenant), role)
    given = [one.scope for one in with_it if one.role == role]
    return tuple(dict.fromkeys(scope for scope in given if places.isdisjoint(tree.above(scope))))


def _refuse_built_in(role: str) -> None:
    built_in = BUILTIN_ROLES.get(role)
    if built_in is not None:
        raise Invalid(
            f"The role '{built_in.name}' is a built-in role. Built-in roles can be neither changed nor deleted.",
            code="RoleDefinitionUpdateNotAllowed",
        )


def _read_scopes(view: View, tenant: str, texts: tuple[str, ...], gate: Gate) -> tuple[Scope, ...]:
    if not 1 <= len(texts) <= limits.ROLE_ASSIGNABLE_SCOPES:
        raise Invalid(
            f"A custom role has 1 to {limits.ROLE_ASSIGNABLE_SCOPES} assignable scopes.", code="InvalidAssignableScopes"
        )
    for text in texts:
        if not text.startswith("/") or "*" in text or not text.strip("/"):
            raise Invalid(
                f"The assignable scope '{shown(text, RESOURCE_ID)}' is not valid: a custom role is for management"
                f" groups, subscriptions, resource groups or resources, not for '{ROOT}' and not by wildcards.",
                code="InvalidAssignableScopes",
            )
    for text in texts:
        gate(text.rstrip("/"))
    located = (locate(view, tenant, text) for text in texts)
    scopes = {scope_key(scope.path): scope for scope in located}
    if sum(group_name(key) is not None for key in scopes) > 1:
        raise Invalid(
            "Only one management group can be among the assignable scopes of a custom role.",
            code="InvalidAssignableScopes",
        )
    return tuple(scopes.values())
