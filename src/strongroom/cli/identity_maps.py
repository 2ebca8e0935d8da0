"""`strongroom identity-maps`: which users, networks and sockets may be a managed identity without a secret."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.cli.control import add_identity_map, list_identity_maps, remove_identity_map
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import tell

_COLUMNS = ("id", "who", "identity")


@dataclass(frozen=True, slots=True)
class Source:
    """Who is mapped, as the command line says it."""

    user: str | None
    network: str | None
    socket: Path | None
    owner: str | None


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every map.

    Raises:
        Halt: no service runs there.
    """
    _print(list_identity_maps(find_instance(data)), as_json=as_json)
    return Exit.OK


def add(data: Path | None, identity: str, source: Source, *, as_json: bool) -> int:
    """
    Map a user, by name or number, a network or a socket to an identity, and print the map.

    Raises:
        Halt: no service runs there, it refuses, or there is no such user.
    """
    if sum(one is not None for one in (source.user, source.network, source.socket)) != 1:
        raise Halt("say who: --user or --network or --socket, and one of them", Exit.USAGE)
    if source.owner is not None and source.socket is None:
        raise Halt("--owner says whose a --socket is to be", Exit.USAGE)
    wanted: dict[str, Any] = {
        "user": None if source.user is None else _number(source.user),
        "network": source.network,
        # The service has another working directory.
        "socket": None if source.socket is None else os.path.abspath(source.socket),  # noqa: PTH100  a link stays one
        "owner": None if source.owner is None else _number(source.owner),
    }
    _print([add_identity_map(find_instance(data), identity, wanted)], as_json=as_json)
    return Exit.OK


def remove(data: Path | None, map_id: str, *, as_json: bool) -> int:
    """
    Remove a map, with every token that it made.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    remove_identity_map(find_instance(data), map_id)
    tell(
        f"{map_id} is removed: every token that it made is refused from now on",
        as_json=as_json,
        id=map_id,
        removed=True,
    )
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
    for one in maps:
        if one["fault"]:
            print(f"{one['id']}: {one['fault']}", file=sys.stderr)


def _who(one: dict[str, Any]) -> str:
    if one["socket"] is not None:
        owner = "" if one["owner"] is None else f" of {_user(one['owner'])}"
        return f"socket {one['socket']}{owner}{' (does not listen)' if one['fault'] else ''}"
    return f"network {one['network']}" if one["user"] is None else _user(one["user"])


def _user(user: int) -> str:
    try:
        return f"user {pwd.getpwuid(user).pw_name} ({user})"
    except KeyError:
        return f"user {user}"
