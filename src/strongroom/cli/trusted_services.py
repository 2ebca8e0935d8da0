"""`strongroom trusted-services`: which service principals pass a firewall whose bypass says AzureServices."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strongroom.cli.control import add_trusted_service, list_trusted_services, remove_trusted_service
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit
from strongroom.cli.text import one_line, tell

_COLUMNS = ("id", "principal", "service", "operations")


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every trusted service.

    Raises:
        Halt: no service runs there.
    """
    _print(list_trusted_services(find_instance(data)), as_json=as_json)
    return Exit.OK


def add(data: Path | None, wanted: Mapping[str, Any], *, as_json: bool) -> int:
    """
    Take a service principal for a trusted service, and print it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    _print([add_trusted_service(find_instance(data), wanted)], as_json=as_json)
    return Exit.OK


def remove(data: Path | None, trusted: str, *, as_json: bool) -> int:
    """
    Take a service principal for a trusted service no longer.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    remove_trusted_service(find_instance(data), trusted)
    sentence = f"{trusted} is removed: from its next request on the principal is as any other"
    tell(sentence, as_json=as_json, id=trusted, removed=True)
    return Exit.OK


def _print(found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    rows = [_COLUMNS, *((one["id"], _who(one), _what(one), ",".join(one["operations"])) for one in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _who(one: dict[str, Any]) -> str:
    return f"{one_line(one['displayName'] or '(gone)')} ({one['objectId']})"


def _what(one: dict[str, Any]) -> str:
    return f"{one['service']} (needs {one['flag']})" if one["flag"] else str(one["service"])
