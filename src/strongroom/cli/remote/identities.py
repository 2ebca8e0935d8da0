"""`strongroom identity`: user-assigned managed identities, and the outside subjects that may be them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.near import not_found
from strongroom.cli.remote.output import Columns, done, show, show_one
from strongroom.cli.remote.places import (
    IDENTITIES_VERSION,
    Resource,
    find_identity,
    identities,
    identity_path,
)
from strongroom.cli.remote.resource_groups import find_group
from strongroom.cli.remote.session import Session, open_session, segment
from strongroom.cli.remote.vaults import group_of

_LIST: Columns = {
    "Name": "name",
    "Resource group": group_of,
    "Client id": "properties.clientId",
    "Object id": "properties.principalId",
}
_ONE: Columns = {**_LIST, "Location": "location", "Tags": "tags", "Id": "id"}
_FEDERATED: Columns = {
    "Name": "name",
    "Issuer": "properties.issuer",
    "Subject": "properties.subject",
    "Audiences": "properties.audiences",
}


def show_all(data: Path | None, subscription: str | None, group: str | None, *, as_json: bool) -> int:
    """
    Print the identities that the operator may read.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data, subscription=subscription) as session:
        return show(identities(session, group), _LIST, as_json=as_json)


def show_identity(data: Path | None, subscription: str | None, group: str | None, text: str, *, as_json: bool) -> int:
    """
    Print one identity.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        return show_one(find_identity(session, text, group), _ONE, as_json=as_json)


def create(data: Path | None, subscription: str | None, group: str | None, name: str, *, as_json: bool) -> int:
    """
    Make an identity, which has no rights until it is given some.

    Raises:
        Halt: there is one of the name in the group, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        place = find_group(session, group)
        if any(one["name"].lower() == name.lower() for one in identities(session, place["name"])):
            # What exists would lose its tags.
            raise Halt(f"{place['name']} has an identity {name!r} already")
        body = {"location": place["location"]}
        made = session.arm("PUT", identity_path(place, name), body, api_version=IDENTITIES_VERSION)
        return show_one(made, _ONE, as_json=as_json)


def delete(
    data: Path | None, subscription: str | None, group: str | None, text: str, *, yes: bool, as_json: bool
) -> int:
    """
    Remove an identity with its principal: its tokens end, for good.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        found = find_identity(session, text, group)
        confirm(f"Delete the identity {found['name']} in {group_of(found)}, for good?", yes=yes)
        session.arm("DELETE", found["id"], api_version=IDENTITIES_VERSION)
        return done(f"deleted {found['name']}", as_json=as_json, id=found["id"], deleted=True)


# ---- federated credentials ------------------------------------------------------------------------------------------


def show_federated(data: Path | None, subscription: str | None, group: str | None, text: str, *, as_json: bool) -> int:
    """
    Print which subjects of outside issuers may be an identity.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        return show(_federated(session, find_identity(session, text, group)), _FEDERATED, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Federation:
    """Who may be an identity: a subject of an issuer, in tokens for an audience."""

    name: str
    issuer: str
    subject: str
    audience: str


def add_federated(
    data: Path | None, subscription: str | None, group: str | None, text: str, federation: Federation, *, as_json: bool
) -> int:
    """
    Let a subject of an outside issuer be an identity. The operator of the instance has to trust the issuer.

    Raises:
        Halt: there is a credential of the name, no such identity, or the service refuses.
    """
    name = federation.name
    with open_session(data, subscription=subscription) as session:
        found = find_identity(session, text, group)
        if any(one["name"].lower() == name.lower() for one in _federated(session, found)):
            raise Halt(f"{found['name']} has a federated credential {name!r} already: remove that first")
        said = {"issuer": federation.issuer, "subject": federation.subject, "audiences": [federation.audience]}
        made = session.arm("PUT", _path(found, name), {"properties": said}, api_version=IDENTITIES_VERSION)
        return show_one(made, _FEDERATED, as_json=as_json)


def remove_federated(
    data: Path | None, subscription: str | None, group: str | None, text: str, name: str, *, yes: bool, as_json: bool
) -> int:
    """
    Remove a federated credential: the tokens that it gave end, and no others.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        found = find_identity(session, text, group)
        names = [one["name"] for one in _federated(session, found)]
        if name.lower() not in map(str.lower, names):
            raise not_found(f"federated credential of {found['name']}", name, names)
        confirm(f"Remove the federated credential {name} of {found['name']}, ending its tokens?", yes=yes)
        session.arm("DELETE", _path(found, name), api_version=IDENTITIES_VERSION)
        return done(f"removed {name} of {found['name']}", as_json=as_json, id=_path(found, name), removed=True)


def _federated(session: Session, found: Resource) -> list[Resource]:
    path = f"{found['id']}/federatedIdentityCredentials"
    return list(session.arm_pages(path, api_version=IDENTITIES_VERSION))


def _path(found: Resource, name: str) -> str:
    return f"{found['id']}/federatedIdentityCredentials/{segment(name)}"
