"""Resource groups by their names."""

from __future__ import annotations

from typing import Any

from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.remote.near import not_found
from strongroom.cli.remote.session import Session
from strongroom.cli.text import one_line

GROUPS_VERSION = "2022-09-01"


def groups(session: Session) -> list[dict[str, Any]]:
    """List the resource groups of the subscription that the operator may read, by their names."""
    path = f"/subscriptions/{session.subscription}/resourceGroups"
    there = session.arm_pages(path, api_version=GROUPS_VERSION)
    return sorted(there, key=lambda one: (one["name"].lower(), one["id"].lower()))


def find_group(session: Session, name: str | None) -> dict[str, Any]:
    """
    Find a resource group: the one that is named, or the only one there is.

    Raises:
        Halt: there is none, or there are several and none is named.
    """
    there = groups(session)
    found = [one for one in there if name is None or one["name"].lower() == name.lower()]
    if len(found) == 1:
        return found[0]
    if not there:
        raise Halt("there is no resource group that you see: strongroom resource-group create NAME makes one")
    if name is None:
        names = one_line(", ".join(one["name"] for one in there))
        raise Halt(f"say which resource group, with --resource-group: {names}", Exit.USAGE)
    raise not_found("resource group", name, (one["name"] for one in there))
