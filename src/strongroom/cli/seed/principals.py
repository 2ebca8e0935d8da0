"""Users, groups, who is in them, and directory roles: through Microsoft Graph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from strongroom.cli.outcome import Halt
from strongroom.cli.seed.items import Item, key_of
from strongroom.cli.seed.kind import (
    Kind,
    Parents,
    Wanting,
    among,
    pick,
    principal_id,
    say_principal,
    show_principal,
    show_principals,
    without_nothing,
)
from strongroom.cli.seed.plan import Act, Change
from strongroom.cli.seed.reach import Document, Reach
from strongroom.cli.seed.schema import Entry
from strongroom.cli.seed.sources import read_value
from strongroom.core.errors import Invalid
from strongroom.core.passwords import judge_password

_PROFILE = ("displayName", "mailNickname", "givenName", "surname", "department", "jobTitle", "mail", "accountEnabled")
_TRIES = 100
_GROUP = ("description", "mailNickname")


# ---- users ----------------------------------------------------------------------------------------------------------


def _read_user(_: Wanting, entry: Entry, __: Item | None) -> Item:
    aside = {"password": entry.get("password")}
    return Item("user", entry["userPrincipalName"], pick(entry, *_PROFILE), aside, line=entry.line)


def _found_users(reach: Reach, _: Parents) -> Iterable[Item]:
    own = reach.session.claims.get("oid")
    for name, one in reach.listed("user"):
        yield Item("user", name, pick(one, *_PROFILE), id=one["id"], protected=one["id"] == own)


def _put_user(reach: Reach, change: Change) -> None:
    item = change.item
    if change.act is Act.CHANGE:
        body = {name: item.values[name] or None for name in change.changed if name != "accountEnabled"}
        if "accountEnabled" in change.changed:
            body["accountEnabled"] = item.values["accountEnabled"]
        reach.session.graph("PATCH", f"/users/{item.id}", body)
        return
    alias = item.name.partition("@")[0]
    made = reach.session.graph("POST", "/users", {
        "accountEnabled": True,
        "displayName": alias,
        "mailNickname": alias,
        **without_nothing(item.values),
        "userPrincipalName": item.name,
        "passwordProfile": {"password": _first_password(reach, item), "forceChangePasswordNextSignIn": True},
    })  # fmt: skip
    reach.learn("user", made)


def _lacks_password(reach: Reach, item: Item) -> str | None:
    source = item.aside["password"]
    if source is None or "keep" in source:
        return "a new user needs a first password: say where it comes from, as `password: {generate: {}}`"
    if "generate" in source:
        return (
            None
            if reach.credentials.path
            else ("the password that is made has to be told to somebody: say --credentials FILE")
        )
    try:
        read_value(source, reach.folder, reach.environment)
    except Halt as fault:
        return str(fault)
    return None


def _first_password(reach: Reach, item: Item) -> str:
    """Give a new user's password; a made one is kept before the user is there, so that it cannot be lost."""
    source = item.aside["password"]
    password = read_value(source, reach.folder, reach.environment)
    if "generate" in source:
        for _ in range(_TRIES):
            if _is_taken(password, item.name):
                break
            # By chance it has no digit, say: such a password is refused, and another one is as good.
            password = read_value(source, reach.folder, reach.environment)
        reach.credentials.write({"userPrincipalName": item.name, "password": password})
    return password


def _is_taken(password: str, name: str) -> bool:
    try:
        judge_password(password, [name.partition("@")[0]])
    except Invalid:
        return False
    return True


# ---- groups ---------------------------------------------------------------------------------------------------------


def _read_group(_: Wanting, entry: Entry, __: Item | None) -> Item:
    return Item("group", entry["displayName"], pick(entry, *_GROUP), line=entry.line)


def _found_groups(reach: Reach, _: Parents) -> Iterable[Item]:
    for name, one in reach.listed("group"):
        yield Item("group", name, pick(one, *_GROUP), id=one["id"], protected=one["id"] in reach.own)


def _put_group(reach: Reach, change: Change) -> None:
    item = change.item
    if change.act is Act.CHANGE:
        reach.session.graph("PATCH", f"/groups/{item.id}", {name: item.values[name] or None for name in change.changed})
        return
    made = reach.session.graph("POST", "/groups", {
        "mailNickname": re.sub(r"[^A-Za-z0-9._-]", "", item.name)[:64] or "group",
        **without_nothing(item.values),
        "displayName": item.name,
        "mailEnabled": False,
        "securityEnabled": True,
    })  # fmt: skip
    reach.learn("group", made)


def _drop(collection: str, kind: str) -> Any:
    def drop(reach: Reach, item: Item) -> None:
        reach.session.graph("DELETE", f"/{collection}/{item.id}")
        reach.forget(kind, item.name)

    return drop


# ---- members and owners ---------------------------------------------------------------------------------------------


def references(name: str, of: str, collection: str, member: str) -> Kind:
    """Make the kind of a list of principals that belongs to an object of the directory, such as a group's members."""

    def read(wanting: Wanting, entry: Entry, parent: Item | None) -> Item | None:
        if member not in entry or parent is None:
            return None
        values = {member: wanting.principals(entry[member])}
        needs = frozenset({parent.key, *wanting.needs})
        return Item(name, parent.name, values, parent=parent.key, needs=needs, line=entry.line)

    def found(reach: Reach, parents: Parents) -> Iterable[Item]:
        for own, one in among(reach, of, parents):
            there = reach.session.graph_pages(f"/{collection}/{one['id']}/{member}")
            values = {member: show_principals(reach, (it["id"] for it in there))}
            yield Item(name, own, values, parent=key_of(of, own), id=one["id"], protected=True)

    def put(reach: Reach, change: Change) -> None:
        object_id = reach.find(of, change.item.name)["id"]
        path = f"/{collection}/{object_id}/{member}"
        there = {one["id"] for one in reach.session.graph_pages(path)}
        wanted = {principal_id(reach, one) for one in change.item.values[member]}
        for one in sorted(wanted - there):
            reference = f"https://graph.microsoft.com/v1.0/directoryObjects/{one}"
            reach.session.graph("POST", f"{path}/$ref", {"@odata.id": reference})
        for one in sorted(there - wanted):
            reach.session.graph("DELETE", f"{path}/{one}/$ref")

    def drop(_: Reach, item: Item) -> None:
        raise AssertionError(f"the {member} of {item.name} go with it")

    def write(item: Item) -> Document:
        return without_nothing(item.values)

    return Kind(name, member, read, found, put, drop, write, parent=of, merges=True)


# ---- directory roles ------------------------------------------------------------------------------------------------

_ASSIGNMENTS = "/roleManagement/directory/roleAssignments"


def _role_item(role: str, principal: Document, **more: Any) -> Item:
    values = {"role": role, "principal": principal}
    return Item("directoryRole", f"{role} for {say_principal(principal)}", values, **more)


def _read_role(wanting: Wanting, entry: Entry, _: Item | None) -> Item:
    role = wanting.refer("directoryRole", entry["role"], entry.line)
    principal = wanting.principal(entry["principal"])
    return _role_item(role, principal, needs=frozenset(wanting.needs), line=entry.line)


def _found_roles(reach: Reach, _: Parents) -> Iterable[Item]:
    names = {one["id"]: name for name, one in reach.listed("directoryRole")}
    for one in reach.session.graph_pages(_ASSIGNMENTS):
        role, principal = names[one["roleDefinitionId"]], show_principal(reach, one["principalId"])
        yield _role_item(role, principal, id=one["id"], protected=one["principalId"] in reach.own)


def _put_role(reach: Reach, change: Change) -> None:
    values = change.item.values
    reach.session.graph("POST", _ASSIGNMENTS, {
        "roleDefinitionId": reach.find("directoryRole", values["role"])["id"],
        "principalId": principal_id(reach, values["principal"]),
        "directoryScopeId": "/",
    })  # fmt: skip


def _drop_role(reach: Reach, item: Item) -> None:
    reach.session.graph("DELETE", f"{_ASSIGNMENTS}/{quote(item.id, safe='')}")


USERS = Kind(
    "user",
    "users",
    _read_user,
    _found_users,
    _put_user,
    _drop("users", "user"),
    lambda item: {"userPrincipalName": item.name, **without_nothing(item.values)},
    declare=lambda entry, _: str(entry["userPrincipalName"]),
    lacks=_lacks_password,
)
GROUPS = Kind(
    "group",
    "groups",
    _read_group,
    _found_groups,
    _put_group,
    _drop("groups", "group"),
    lambda item: {"displayName": item.name, **without_nothing(item.values)},
    declare=lambda entry, _: str(entry["displayName"]),
)
GROUP_MEMBERS = references("group members", "group", "groups", "members")
GROUP_OWNERS = references("group owners", "group", "groups", "owners")
DIRECTORY_ROLES = Kind(
    "directoryRole", "directoryRoles", _read_role, _found_roles, _put_role, _drop_role, lambda item: dict(item.values)
)
