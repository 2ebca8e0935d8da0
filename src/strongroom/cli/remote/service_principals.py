"""`strongroom sp`: service principals, which rights are given to."""

from __future__ import annotations

from pathlib import Path

from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.directory import APPLICATION, SERVICE_PRINCIPAL, find, listed, matching, name_of
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.session import open_session
from strongroom.core.first_party import OWNER_TENANT
from strongroom.core.guids import parse_guid

_LIST: Columns = {
    "Name": "displayName",
    "Client id": "appId",
    "Object id": "id",
    "Type": "servicePrincipalType",
    "Enabled": "accountEnabled",
}
_ONE: Columns = {
    **_LIST,
    "Made": "createdDateTime",
    "Application's tenant": "appOwnerOrganizationId",
    "Names": "servicePrincipalNames",
    "Tags": "tags",
    "Description": "description",
}


def show_all(data: Path | None, name: str | None, *, everyone: bool, as_json: bool) -> int:
    """
    Print the service principals; those of services that are part of every tenant only for *everyone*.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data) as session:
        found = listed(session, SERVICE_PRINCIPAL, name)
        own = [one for one in found if everyone or one["appOwnerOrganizationId"] != OWNER_TENANT]
        return show(own, _LIST, as_json=as_json)


def show_principal(data: Path | None, text: str, *, as_json: bool) -> int:
    """
    Print one service principal.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        return show_one(find(session, SERVICE_PRINCIPAL, text), _ONE, as_json=as_json)


def create(data: Path | None, text: str, *, as_json: bool) -> int:
    """
    Make the service principal of an application, so that it can sign in here and be given rights.

    Raises:
        Halt: there is no such application, or the service refuses.
    """
    with open_session(data) as session:
        app_id = parse_guid(text)
        # The client id of another tenant's application is as good, and is not to be found here.
        found = matching(session, APPLICATION, text) if app_id is not None else [find(session, APPLICATION, text)]
        wanted = found[0]["appId"] if len(found) == 1 else app_id
        made = session.graph("POST", "/servicePrincipals", {"appId": wanted})
        return show_one(made, _ONE, as_json=as_json)


def delete(data: Path | None, text: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove a service principal, with its role assignments.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, SERVICE_PRINCIPAL, text)
        confirm(f"Delete the service principal {name_of(found)} ({found['id']}), ending its tokens?", yes=yes)
        session.graph("DELETE", f"/servicePrincipals/{found['id']}")
        return done(f"deleted {name_of(found)} ({found['id']})", as_json=as_json, id=found["id"], deleted=True)


def enable(data: Path | None, text: str, *, enabled: bool, as_json: bool) -> int:
    """
    Let a service principal sign in, or not; a disabled one's tokens end at once.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data) as session:
        found = find(session, SERVICE_PRINCIPAL, text)
        session.graph("PATCH", f"/servicePrincipals/{found['id']}", {"accountEnabled": enabled})
        sentence = f"{'enabled' if enabled else 'disabled'} {name_of(found)} ({found['id']})"
        return done(sentence, as_json=as_json, id=found["id"], accountEnabled=enabled)
