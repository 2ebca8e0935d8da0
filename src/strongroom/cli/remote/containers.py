"""`strongroom resource-group` and `strongroom subscription`: what resources are in."""

from __future__ import annotations

from pathlib import Path

from strongroom.cli.outcome import Halt
from strongroom.cli.remote.asking import confirm
from strongroom.cli.remote.output import Columns, done, progress, show, show_one
from strongroom.cli.remote.resource_groups import GROUPS_VERSION, find_group, groups
from strongroom.cli.remote.session import open_session, segment

_GROUPS: Columns = {"Name": "name", "Location": "location", "Tags": "tags", "Id": "id"}
_SUBSCRIPTIONS: Columns = {"Name": "displayName", "Id": "subscriptionId", "State": "state", "Tenant": "tenantId"}

_LOCATION = "local"
"""Where the first resource group of a subscription is. Any word is a location."""


def show_groups(data: Path | None, subscription: str | None, *, as_json: bool) -> int:
    """
    Print the resource groups that the operator may read.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data, subscription=subscription) as session:
        return show(groups(session), _GROUPS, as_json=as_json)


def create_group(data: Path | None, subscription: str | None, name: str, *, location: str | None, as_json: bool) -> int:
    """
    Make a resource group, where the others are unless *location* says otherwise.

    Raises:
        Halt: there is one of the name, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        there = groups(session)
        if any(one["name"].lower() == name.lower() for one in there):
            # What exists would lose its tags.
            raise Halt(f"there is a resource group {name!r} already")
        place = location or (there[0]["location"] if there else _LOCATION)
        path = f"/subscriptions/{session.subscription}/resourceGroups/{segment(name)}"
        made = session.arm("PUT", path, {"location": place}, api_version=GROUPS_VERSION)
        return show_one(made, _GROUPS, as_json=as_json)


def delete_group(data: Path | None, subscription: str | None, name: str, *, yes: bool, as_json: bool) -> int:
    """
    Remove a resource group with everything in it; vaults can be recovered as long as they are kept.

    Raises:
        Halt: there is none, nobody confirms it, or the service refuses.
    """
    with open_session(data, subscription=subscription) as session:
        found = find_group(session, name)
        held = list(session.arm_pages(f"{found['id']}/resources", api_version=GROUPS_VERSION))
        what = f" with {len(held)} resources ({', '.join(one['name'] for one in held)})" if held else ", which is empty"
        confirm(f"Delete the resource group {found['name']}{what}?", yes=yes)
        with progress(f"deleting {found['name']}"):
            session.arm("DELETE", found["id"], api_version=GROUPS_VERSION)
        return done(f"deleted {found['name']}", as_json=as_json, id=found["id"], deleted=True)


def show_subscriptions(data: Path | None, *, as_json: bool) -> int:
    """
    Print the subscriptions in which the operator has any role.

    Raises:
        Halt: the service refuses, or cannot be asked.
    """
    with open_session(data) as session:
        return show(session.subscriptions(), _SUBSCRIPTIONS, as_json=as_json)


def show_subscription(data: Path | None, text: str | None, *, as_json: bool) -> int:
    """
    Print one subscription: the one that is named, or else the one that commands work in.

    Raises:
        Halt: there is none, or the service refuses.
    """
    with open_session(data, subscription=text) as session:
        found = next(one for one in session.subscriptions() if one["subscriptionId"] == session.subscription)
        return show_one(found, _SUBSCRIPTIONS, as_json=as_json)
