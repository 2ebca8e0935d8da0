"""
Principals by the names that people know them by: a user principal name, a client id, an object id, a display name.

Display names are not unique, so one that fits several is refused with the ids of all of them, and nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.refusals import Refused
from strongroom.cli.remote.session import Session
from strongroom.cli.text import one_line
from strongroom.core.guids import parse_guid

Object = dict[str, Any]
_FORBIDDEN = 403
_UNIQUE = "userPrincipalName"
_AT_ONCE = 500
"""How many ids one request names; Graph takes a thousand."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A collection of Graph, and what its objects go by."""

    word: str
    path: str
    ids: tuple[str, ...]
    """What a GUID may be."""
    names: tuple[str, ...]
    command: str
    """The command that lists them."""
    select: str | None = None
    """What is wanted of them, where Graph does not tell everything by itself."""


APPLICATION = Kind("application", "/applications", ("id", "appId"), ("displayName",), "app")
SERVICE_PRINCIPAL = Kind("service principal", "/servicePrincipals", ("id", "appId"), ("displayName",), "sp")
USER_PROPERTIES = (
    "id,userPrincipalName,displayName,accountEnabled,createdDateTime,mailNickname,givenName,surname,mail,jobTitle,"
    "department"
)
"""What commands want of a user: by itself, Graph tells no more than names."""
USER = Kind("user", "/users", ("id",), ("userPrincipalName", "displayName"), "user", USER_PROPERTIES)
GROUP = Kind("group", "/groups", ("id",), ("displayName",), "group")
_PRINCIPALS = (USER, GROUP, SERVICE_PRINCIPAL)
_TYPES = {
    "#microsoft.graph.user": "User",
    "#microsoft.graph.group": "Group",
    "#microsoft.graph.servicePrincipal": "ServicePrincipal",
}
_TYPE_OF = {USER: "User", GROUP: "Group", SERVICE_PRINCIPAL: "ServicePrincipal"}


def listed(session: Session, kind: Kind, name: str | None = None) -> list[Object]:
    """List the objects of a kind, or those whose display name begins with *name*, in the order of their names."""
    found = _pages(session, kind, f"startswith(displayName,{literal(name)})" if name else None)
    return sorted(found, key=lambda one: (name_of(one).casefold(), one["id"]))


def find(session: Session, kind: Kind, text: str) -> Object:
    """
    Find the one object of a kind that *text* means.

    Raises:
        Halt: there is none, or there are several.
    """
    return only(matching(session, kind, text), text, kind.word, f"strongroom {kind.command} list")


def matching(session: Session, kind: Kind, text: str) -> list[Object]:
    """List the objects of a kind that *text* may mean. One with an @ is a user principal name, and is unique."""
    names = kind.ids if parse_guid(text) is not None else kind.names
    if "@" in text and _UNIQUE in names:
        # A display name may be the address of somebody else, and whoever has it would be taken for them.
        names = (_UNIQUE,)
    return list(_pages(session, kind, " or ".join(f"{name} eq {literal(text)}" for name in names)))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who may be given a right."""

    id: str
    type: str | None
    """`User`, `Group` or `ServicePrincipal`; None if we may not read the directory."""
    name: str


def find_principal(session: Session, text: str) -> Principal:
    """
    Find the one principal that *text* means. An object id needs no right to read the directory.

    Raises:
        Halt: there is none, or there are several.
    """
    kinds = (USER,) if "@" in text else _PRINCIPALS
    try:
        found = [
            Principal(one["id"], _TYPE_OF[kind], name_of(one))
            for kind in kinds
            for one in matching(session, kind, text)
        ]
    except Refused as refused:
        if refused.status == _FORBIDDEN and parse_guid(text) is not None:
            return Principal(text.lower(), None, text)
        raise
    if len(found) == 1:
        return found[0]
    if not found:
        raise Halt(
            f"there is no user, group or service principal {text!r}: strongroom user list, group list and sp list show"
            " them; an application needs a service principal (strongroom sp create)"
        )
    raise _several(text, "principal", [f"{one.type} {one.name} ({one.id})" for one in found])


def names_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Give what principals are called, of those that there are; nothing if we may not read the directory."""
    wanted = sorted(set(ids))
    found: dict[str, str] = {}
    try:
        for start in range(0, len(wanted), _AT_ONCE):
            answer = session.graph("POST", "/directoryObjects/getByIds", {"ids": wanted[start : start + _AT_ONCE]})
            found |= {one["id"]: name_of(one) for one in answer["value"]}
    except Refused as refused:
        if refused.status != _FORBIDDEN:
            raise
    return found


def type_of(one: Mapping[str, Any]) -> str:
    """Say which kind of principal an object is, where objects of several kinds stand."""
    said = str(one.get("@odata.type", ""))
    return _TYPES.get(said, said.rpartition(".")[2])


def name_of(one: Mapping[str, Any]) -> str:
    """Say what an object is called: a user by its user principal name. People wrote it, so it is put on one line."""
    return one_line(str(one.get("userPrincipalName") or one.get("displayName") or ""))


def only(found: Sequence[Object], text: str, word: str, command: str) -> Object:
    """
    Give the one that was found.

    Raises:
        Halt: none was, or several.
    """
    if len(found) == 1:
        return found[0]
    if not found:
        raise Halt(f"there is no {word} {text!r}: {command} shows them")
    raise _several(text, word, [f"{name_of(one)} ({one['id']})" for one in found])


def literal(text: str) -> str:
    """Write a text as filters do."""
    return "'" + text.replace("'", "''") + "'"


def _pages(session: Session, kind: Kind, wanted: str | None) -> Iterator[Object]:
    asked = {"$filter": wanted, "$select": kind.select}
    return session.graph_pages(kind.path, {name: value for name, value in asked.items() if value is not None})


def _several(text: str, word: str, named: Sequence[str]) -> Halt:
    return Halt(f"{text!r} is the name of more than one {word}; say which by its id: {one_line(', '.join(named))}")
