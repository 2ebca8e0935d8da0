"""`strongroom group`: security groups and who is in them."""

from __future__ import annotations

import re
from pathlib import Path

from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.directory import GROUP, find, find_principal, listed, name_of, type_of
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.session import open_session

_LIST: Columns = {"Name": "displayName", "Object id": "id", "Description": "description"}
_ONE: Columns = {**_LIST, "Made": "createdDateTime"}
_MEMBERS: Columns = {"Name": name_of, "Object id": "id", "Type": type_of}
_NICKNAME_CHARS = 64


def show_all(data: Path | None, name: str | None, *, as_json: bool) -> int:
    """
    Print every group, or those whose name begins with *name*.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data) as session:
        return show(listed(session, GROUP, name), _LIST, as_json=as_json)


def show_group(data: Path | None, text: str, *, as_json: bool) -> int:
    """
    Print one group.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        return show_one(find(session, GROUP, text), _ONE, as_json=as_json)


def create(data: Path | None, name: str, description: str | None, *, as_json: bool) -> int:
    """
    Make a security group.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    wanted = {
        "displayName": name,
        "description": description,
        # Graph wants one, and nothing here is mailed.
        "mailNickname": re.sub(r"[^A-Za-z0-9._-]", "", name)[:_NICKNAME_CHARS] or "group",
        "mailEnabled": False,
        "securityEnabled": True,
    }
    with open_session(data) as session:
        return show_one(session.graph("POST", "/groups", wanted), _ONE, as_json=as_json)


def delete(data: Path | None, text: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove a group, and the rights that its members had through it.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, GROUP, text)
        confirm(f"Delete the group {name_of(found)} ({found['id']}), and the rights of its members by it?", yes=yes)
        session.graph("DELETE", f"/groups/{found['id']}")
        return done(f"deleted {name_of(found)} ({found['id']})", as_json=as_json, id=found["id"], deleted=True)


def show_members(data: Path | None, text: str, *, nested: bool, as_json: bool) -> int:
    """
    Print who is in a group, and with *nested* who is in the groups in it.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, GROUP, text)
        members = session.graph_pages(f"/groups/{found['id']}/{'transitiveMembers' if nested else 'members'}")
        return show(sorted(members, key=lambda one: name_of(one).casefold()), _MEMBERS, as_json=as_json)


def add_member(data: Path | None, text: str, member: str, *, as_json: bool) -> int:
    """
    Put a user, a group or a service principal into a group.

    Raises:
        Halt: there is no such group or principal, it is in it already, or the service refuses.
    """
    with open_session(data) as session:
        found, principal = find(session, GROUP, text), find_principal(session, member)
        reference = f"{session.endpoints.graph}/v1.0/directoryObjects/{principal.id}"
        session.graph("POST", f"/groups/{found['id']}/members/$ref", {"@odata.id": reference})
        sentence = f"{principal.name} ({principal.id}) is in {name_of(found)}"
        return done(sentence, as_json=as_json, group=found["id"], member=principal.id, added=True)


def remove_member(data: Path | None, text: str, member: str, *, as_json: bool) -> int:
    """
    Take somebody out of a group.

    Raises:
        Halt: there is no such group or principal, it is not in it, or the service refuses.
    """
    with open_session(data) as session:
        found, principal = find(session, GROUP, text), find_principal(session, member)
        session.graph("DELETE", f"/groups/{found['id']}/members/{principal.id}/$ref")
        sentence = f"{principal.name} ({principal.id}) is no longer in {name_of(found)}"
        return done(sentence, as_json=as_json, group=found["id"], member=principal.id, removed=True)
