"""`strongroom identity-maps`: which users and networks may be a managed identity without a secret."""

from __future__ import annotations

import json
import pwd
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strongroom.cli.control import add_identity_map, list_identity_maps, remove_identity_map
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt

_COLUMNS = ("id", "who", "identity")


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every map.

    Raises:
        Halt: no service runs there.
    """
    _print(list_identity_maps(find_instance(data)), as_json=as_json)
    return Exit.OK


def add(data: Path | None, identity: str, user: str | None, network: str | None, *, as_json: bool) -> int:
    """
    Map a user, by name or number, or a network to an identity, and print the map.

    Raises:
        Halt: no service runs there, it refuses, or there is no such user.
    """
    if (user is None) == (network is None):
        raise Halt("say who: --user or --network, and one of them", Exit.USAGE)
    number = None if user is None else _number(user)
    _print([add_identity_map(find_instance(data), identity, number, network)], as_json=as_json)
    return Exit.OK


def remove(data: Path | None, map_id: str) -> int:
    """
    Remove a map, with every token that it made.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    remove_identity_map(find_instance(data), map_id)
    print(f"{map_id} is removed: every token that it made is refused from now on")
    return Exit.OK


def _number(user: str) -> int:
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise Halt(f"there is no user {user} on this machine") from None


def _print(maps: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(maps, indent=2))
        return
    rows = [_COLUMNS, *((one["id"], _who(one), one["resourceId"] or "(gone)") for one in maps)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _who(one: dict[str, Any]) -> str:
    user = one["user"]
    if user is None:
        return f"network {one['network']}"
    try:
        return f"user {pwd.getpwuid(user).pw_name} ({user})"
    except KeyError:
        return f"user {user}"
