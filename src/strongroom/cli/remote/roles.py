"""`strongroom role`: roles, and who has which of them where."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.directory import Principal, find_principal, literal, names_of
from strongroom.cli.remote.near import not_found
from strongroom.cli.remote.output import Columns, done, say, show, show_one
from strongroom.cli.remote.places import Place
from strongroom.cli.remote.session import Refused, Session, open_session
from strongroom.cli.text import one_line
from strongroom.core.guids import parse_guid

_VERSION = "2022-04-01"
_AUTHORIZATION = "providers/Microsoft.Authorization"
_FORBIDDEN = 403
_EXISTS = "RoleAssignmentExists"
_ROLES: Columns = {
    "Role": "properties.roleName",
    "Id": "name",
    "Type": lambda one: "custom" if one["properties"]["type"] == "CustomRole" else "built in",
    "Description": "properties.description",
}
_ASSIGNMENTS: Columns = {
    "Role": "roleName",
    "Principal": "principalName",
    "Type": "properties.principalType",
    "Scope": "properties.scope",
    "Condition": "properties.condition",
    "Id": "name",
}
_ASSIGNMENT: Columns = {**_ASSIGNMENTS, "Object id": "properties.principalId", "Description": "properties.description"}

Document = dict[str, Any]


def show_roles(data: Path | None, subscription: str | None, name: str | None, *, custom: bool, as_json: bool) -> int:
    """
    Print the roles that can be given in the subscription, those with *name* in theirs.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data, subscription=subscription) as session:
        wanted = (name or "").casefold()
        found = [
            one
            for one in _roles(session, f"/subscriptions/{session.subscription}")
            if wanted in one["properties"]["roleName"].casefold()
            and (not custom or one["properties"]["type"] == "CustomRole")
        ]
        return show(found, _ROLES, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which assignments are looked for."""

    principal: str | None = None
    through_groups: bool = False
    role: str | None = None


def show_assignments(
    data: Path | None, subscription: str | None, place: Place, wanted: Filter, *, as_json: bool
) -> int:
    """
    Print who has which role at a scope, above it and below it.

    Raises:
        Halt: what is named is not there, or the service refuses.
    """
    if wanted.through_groups and wanted.principal is None:
        raise Halt("--through-groups is of a principal: name one with --principal", Exit.USAGE)
    with open_session(data, subscription=subscription) as session:
        scope = place.find(session)
        query = {}
        if wanted.principal is not None:
            principal = literal(find_principal(session, wanted.principal).id)
            query["$filter"] = f"assignedTo({principal})" if wanted.through_groups else f"principalId eq {principal}"
        found = list(session.arm_pages(f"{scope}/{_AUTHORIZATION}/roleAssignments", api_version=_VERSION, query=query))
        if wanted.role is not None:
            role = _find_role(session, scope, wanted.role)["name"]
            found = [one for one in found if _role_of(one) == role]
        return show(_named(session, scope, found), _ASSIGNMENTS, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Given:
    """What is given beside a role."""

    condition: str | None = None
    description: str | None = None


def assign(
    data: Path | None, subscription: str | None, role: str, principal: str, place: Place, given: Given, *, as_json: bool
) -> int:
    """
    Give a role. One that is held there already, under the same condition, stays as it is.

    Raises:
        Halt: nobody says where, what is named is not there, the role is held under another condition, or the service
            refuses.
    """
    place.require(subscription)
    with open_session(data, subscription=subscription) as session:
        scope = place.find(session)
        definition, receiver = _find_role(session, scope, role), find_principal(session, principal)
        properties = {
            "roleDefinitionId": definition["id"],
            "principalId": receiver.id,
            "principalType": receiver.type,
            "description": given.description,
            "condition": given.condition,
            "conditionVersion": "2.0" if given.condition is not None else None,
        }
        path = f"{scope}/{_AUTHORIZATION}/roleAssignments/{uuid.uuid4()}"
        try:
            made = session.arm("PUT", path, {"properties": properties}, api_version=_VERSION)
        except Refused as refused:
            if refused.code != _EXISTS:
                raise
            made = _held(session, scope, definition, receiver, given, refused)
            say(f"{receiver.name} has the role {definition['properties']['roleName']} there already")
        named = {**made, "roleName": definition["properties"]["roleName"], "principalName": receiver.name}
        return show_one(named, _ASSIGNMENT, as_json=as_json)


def unassign(
    data: Path | None, subscription: str | None, role: str, principal: str, place: Place, *, yes: bool, as_json: bool
) -> int:
    """
    Take a role back that was given at a scope.

    Raises:
        Halt: nobody says where, it was not given there, nobody confirms it, or the service refuses.
    """
    place.require(subscription)
    with open_session(data, subscription=subscription) as session:
        scope = place.find(session)
        definition, receiver = _find_role(session, scope, role), find_principal(session, principal)
        held = _of(session, scope, definition, receiver)
        here = [one for one in held if one["properties"]["scope"].lower() == scope.lower()]
        named = f"the role {one_line(definition['properties']['roleName'])} of {receiver.name}"
        if not here:
            elsewhere = ", ".join(one["properties"]["scope"] for one in held)
            raise Halt(
                f"{named} is not given at {scope}"
                + (f", but at {elsewhere}: name that with --scope" if elsewhere else ": strongroom role assignments"
                   f" --principal {receiver.id} shows what is")
            )  # fmt: skip
        confirm(f"Take back {named} at {scope}?", yes=yes)
        for one in here:
            session.arm("DELETE", one["id"], api_version=_VERSION)
        ids = [one["id"] for one in here]
        return done(f"took back {named} at {scope}", as_json=as_json, scope=scope, ids=ids, removed=True)


def _roles(session: Session, scope: str) -> list[Document]:
    found = session.arm_pages(f"{scope}/{_AUTHORIZATION}/roleDefinitions", api_version=_VERSION)
    return sorted(found, key=lambda one: str(one["properties"]["roleName"]).casefold())


def _find_role(session: Session, scope: str, text: str) -> Document:
    """
    Find a role that can be given at a scope, by its name or its id.

    Raises:
        Halt: there is none, or several; the message says which are near.
    """
    wanted = parse_guid(text.rpartition("/")[2])
    there = _roles(session, scope)
    found = [
        one
        for one in there
        if (one["name"] == wanted if wanted else one["properties"]["roleName"].casefold() == text.casefold())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one["name"] for one in found)
        raise Halt(f"{text!r} is the name of more than one role; say which by its id: {ids}")
    raise not_found("role", text, (one["properties"]["roleName"] for one in there))


def _of(session: Session, scope: str, definition: Document, principal: Principal) -> list[Document]:
    """List the assignments of a role to a principal, at a scope, above it and below it."""
    query = {"$filter": f"principalId eq {literal(principal.id)}"}
    found = session.arm_pages(f"{scope}/{_AUTHORIZATION}/roleAssignments", api_version=_VERSION, query=query)
    return [one for one in found if _role_of(one) == definition["name"]]


def _held(
    session: Session, scope: str, definition: Document, principal: Principal, given: Given, refused: Refused
) -> Document:
    """
    Find the assignment that is in the way of a new one, and make sure that it says the same.

    Raises:
        Halt: it is under another condition.
        Refused: it cannot be seen.
    """
    here = [
        one for one in _of(session, scope, definition, principal) if one["properties"]["scope"].lower() == scope.lower()
    ]
    if not here:
        raise refused
    if here[0]["properties"]["condition"] != given.condition:
        raise Halt(
            f"{principal.name} has the role there under another condition: take it back first, with strongroom role"
            " unassign"
        )
    return here[0]


def _named(session: Session, scope: str, found: Sequence[Document]) -> list[Document]:
    """Add what roles and principals are called, as far as the operator may read that."""
    try:
        roles = {one["name"]: one["properties"]["roleName"] for one in _roles(session, scope)} if found else {}
    except Refused as refused:
        if refused.status != _FORBIDDEN:
            raise
        roles = {}
    people = names_of(session, (one["properties"]["principalId"] for one in found)) if found else {}
    named = [
        {
            **one,
            "roleName": roles.get(_role_of(one), _role_of(one)),
            "principalName": people.get(one["properties"]["principalId"], one["properties"]["principalId"]),
        }
        for one in found
    ]
    return sorted(named, key=lambda one: (one["properties"]["scope"].lower(), one["roleName"], one["principalName"]))


def _role_of(assignment: Document) -> str:
    return str(assignment["properties"]["roleDefinitionId"]).rpartition("/")[2].lower()
