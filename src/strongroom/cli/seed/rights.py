"""Custom roles, role assignments and deny assignments: through Resource Manager."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from strongroom.cli.seed.items import Item
from strongroom.cli.seed.kind import (
    Kind,
    Parents,
    Wanting,
    pick,
    principal_id,
    say_principal,
    say_scope,
    scope_id,
    show_principal,
    show_principals,
    show_scope,
    without_nothing,
)
from strongroom.cli.seed.plan import Change
from strongroom.cli.seed.reach import AUTHORIZATION, EVERYONE, Document, Reach, at
from strongroom.cli.seed.schema import Entry

_AUTHORIZATION = "providers/Microsoft.Authorization"
_ACTIONS = ("actions", "notActions", "dataActions", "notDataActions")
_CONDITION = "2.0"


def _under(scope: str) -> str:
    return f"{at(scope).rstrip('/')}/{_AUTHORIZATION}"


def _is_above(reach: Reach, scope: str) -> bool:
    """Tell whether something is not of the subscription alone: others rest on it, and no file about this ends it."""
    return not f"{scope.lower()}/".startswith(f"{reach.subscription.lower()}/")


def _permission(values: Mapping[str, Any]) -> Document:
    return {name: list(values.get(name, ())) for name in _ACTIONS}


def _dropping(reach: Reach, item: Item) -> None:
    reach.session.arm("DELETE", at(item.id), api_version=AUTHORIZATION)


# ---- role definitions -----------------------------------------------------------------------------------------------


def _read_role(wanting: Wanting, entry: Entry, _: Item | None) -> Item:
    values = pick(entry, "description", *_ACTIONS)
    values["assignableScopes"] = [wanting.scope(one) for one in entry.get("assignableScopes", ())] or [
        {"subscription": True}
    ]
    return Item("role", entry["name"], values, needs=frozenset(wanting.needs), line=entry.line)


def _found_roles(reach: Reach, _: Parents) -> Iterable[Item]:
    for name, one in reach.listed("role"):
        properties = one["properties"]
        if properties["type"] != "CustomRole":
            continue
        values = {
            "description": properties["description"],
            **pick(properties["permissions"][0], *_ACTIONS),
            "assignableScopes": [show_scope(reach, scope) for scope in properties["assignableScopes"]],
        }
        above = any(_is_above(reach, scope) for scope in properties["assignableScopes"])
        yield Item("role", name, values, id=one["id"], protected=above)


def _put_role(reach: Reach, change: Change) -> None:
    item = change.item
    path = at(item.id) or f"{_under(reach.subscription)}/roleDefinitions/{uuid.uuid4()}"
    properties = {
        "roleName": item.name,
        "description": item.values.get("description", ""),
        "type": "CustomRole",
        "permissions": [_permission(item.values)],
        "assignableScopes": [scope_id(reach, one) for one in item.values["assignableScopes"]],
    }
    made = reach.session.arm("PUT", path, {"properties": properties}, api_version=AUTHORIZATION)
    reach.learn("role", made)


def _drop_role(reach: Reach, item: Item) -> None:
    _dropping(reach, item)
    reach.forget("role", item.name)


# ---- role assignments -----------------------------------------------------------------------------------------------


def _assignment(principal: Document, role: str, scope: Document, values: Document, **more: Any) -> Item:
    said = {"principal": principal, "role": role, "scope": scope, **values}
    return Item("roleAssignment", f"{role} for {say_principal(principal)} at {say_scope(scope)}", said, **more)


def _read_assignment(wanting: Wanting, entry: Entry, _: Item | None) -> Item:
    role = wanting.refer("role", entry["role"], entry.line)
    principal, scope = wanting.principal(entry["principal"]), wanting.scope(entry["scope"])
    values = pick(entry, "condition", "description")
    return _assignment(principal, role, scope, values, needs=_first(wanting), line=entry.line)


def _first(wanting: Wanting) -> frozenset[Any]:
    """Give what an assignment needs; of a secret at whose scope it is, only the vault: the right comes first."""
    return frozenset(key for key in wanting.needs if key.kind != "secret")


def _found_assignments(reach: Reach, _: Parents) -> Iterable[Item]:
    roles = {one["name"]: name for name, one in reach.listed("role")}
    for one in reach.session.arm_pages(f"{_under(reach.subscription)}/roleAssignments", api_version=AUTHORIZATION):
        properties = one["properties"]
        role_id = properties["roleDefinitionId"].rpartition("/")[2]
        yield _assignment(
            show_principal(reach, properties["principalId"]),
            roles.get(role_id, role_id),
            show_scope(reach, properties["scope"]),
            pick(properties, "condition", "description"),
            id=one["id"],
            protected=properties["principalId"] in reach.own or _is_above(reach, properties["scope"]),
        )


def _put_assignment(reach: Reach, change: Change) -> None:
    item = change.item
    values = item.values
    scope = scope_id(reach, values["scope"])
    properties = {
        "roleDefinitionId": reach.find("role", values["role"])["id"],
        "principalId": principal_id(reach, values["principal"]),
        "description": values.get("description") or None,
        "condition": values.get("condition") or None,
        "conditionVersion": _CONDITION if values.get("condition") else None,
    }
    path = at(item.id) or f"{_under(scope)}/roleAssignments/{uuid.uuid4()}"
    reach.session.arm("PUT", path, {"properties": properties}, api_version=AUTHORIZATION)


# ---- deny assignments -----------------------------------------------------------------------------------------------


def _denial(name: str, scope: Document, values: Document, **more: Any) -> Item:
    said = {"name": name, "scope": scope, **values}
    return Item("denyAssignment", f"{name} at {say_scope(scope)}", said, **more)


def _read_denial(wanting: Wanting, entry: Entry, _: Item | None) -> Item:
    scope = wanting.scope(entry["scope"])
    values = pick(entry, "description", *_ACTIONS, "doNotApplyToChildScopes", "condition")
    for name in ("principals", "excludePrincipals"):
        if name in entry:
            values[name] = wanting.principals(entry[name], everyone=True)
    return _denial(entry["name"], scope, values, needs=_first(wanting), line=entry.line)


def _found_denials(reach: Reach, _: Parents) -> Iterable[Item]:
    for one in reach.session.arm_pages(f"{_under(reach.subscription)}/denyAssignments", api_version=AUTHORIZATION):
        properties = one["properties"]
        values = {
            **pick(properties, "description", "doNotApplyToChildScopes", "condition"),
            **pick(properties["permissions"][0], *_ACTIONS),
            **{
                name: show_principals(reach, (principal["id"] for principal in properties[name]))
                for name in ("principals", "excludePrincipals")
            },
        }
        scope = show_scope(reach, properties["scope"])
        above = _is_above(reach, properties["scope"])
        yield _denial(properties["denyAssignmentName"], scope, values, id=one["id"], protected=above)


def _put_denial(reach: Reach, change: Change) -> None:
    item = change.item
    values = item.values
    condition = values.get("condition") or None
    properties = {
        "denyAssignmentName": values["name"],
        "description": values.get("description", ""),
        "permissions": [_permission(values)],
        "doNotApplyToChildScopes": values.get("doNotApplyToChildScopes", False),
        "principals": [_named(reach, one) for one in values["principals"]],
        "excludePrincipals": [_named(reach, one) for one in values.get("excludePrincipals", ())],
        "condition": condition,
        "conditionVersion": _CONDITION if condition else None,
    }
    path = at(item.id) or f"{_under(scope_id(reach, values['scope']))}/denyAssignments/{uuid.uuid4()}"
    reach.session.arm("PUT", path, {"properties": properties}, api_version=AUTHORIZATION)


def _named(reach: Reach, reference: Document) -> Document:
    object_id = principal_id(reach, reference)
    return {"id": object_id, "type": "SystemDefined"} if object_id == EVERYONE else {"id": object_id}


ROLES = Kind(
    "role",
    "roleDefinitions",
    _read_role,
    _found_roles,
    _put_role,
    _drop_role,
    lambda item: {"name": item.name, **without_nothing(item.values)},
    declare=lambda entry, _: str(entry["name"]),
)
ROLE_ASSIGNMENTS = Kind(
    "roleAssignment",
    "roleAssignments",
    _read_assignment,
    _found_assignments,
    _put_assignment,
    _dropping,
    lambda item: without_nothing(item.values),
)
DENY_ASSIGNMENTS = Kind(
    "denyAssignment",
    "denyAssignments",
    _read_denial,
    _found_denials,
    _put_denial,
    _dropping,
    lambda item: without_nothing({name: value for name, value in item.values.items() if value is not False}),
)
