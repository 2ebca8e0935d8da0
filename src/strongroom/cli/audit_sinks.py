"""`strongroom audit-sinks`: what stands behind the ARM ids that diagnostic settings send copies of the audit to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from strongroom.cli.control import ask
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit
from strongroom.cli.text import one_line

_COLUMNS = ("id", "resource", "goes to", "proof")
_STATUS_COLUMNS = ("id", "resource", "state", "behind", "given", "last")


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every sink.

    Raises:
        Halt: no service runs there.
    """
    _print_sinks(ask(find_instance(data), "GET", "/audit-sinks")["value"], as_json=as_json)
    return Exit.OK


def add(data: Path | None, wanted: Mapping[str, Any], *, as_json: bool) -> int:
    """
    Say what stands behind an ARM id, and print it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    _print_sinks([ask(find_instance(data), "POST", "/audit-sinks", dict(wanted))], as_json=as_json)
    return Exit.OK


def remove(data: Path | None, sink: str) -> int:
    """
    Send nothing more to a sink, and forget how far it came.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    ask(find_instance(data), "DELETE", f"/audit-sinks/{quote(sink, safe='')}")
    print(f"{sink} is removed: nothing more goes there, and what it has it keeps")
    return Exit.OK


def status(data: Path | None, *, as_json: bool) -> int:
    """
    Print how every sink is doing.

    Raises:
        Halt: no service runs there.
    """
    found = ask(find_instance(data), "GET", "/audit-sinks/status")["value"]
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    _print(
        _STATUS_COLUMNS,
        [
            (
                one["id"],
                one_line(one["resource"]),
                _state_of(one),
                f"{one['linesBehind']} lines",
                f"{one['records']} records",
                _time(one["delivered"]),
            )
            for one in found
        ],
    )
    return Exit.OK


def _state_of(one: Mapping[str, Any]) -> str:
    if one["fault"]:
        return f"failed {one['failures']} times: {one_line(one['fault'])}"
    if one["waitingSince"]:
        return f"writing since {_time(one['waitingSince'])}"
    if not one["settings"]:
        return "no setting names it"
    return "follows" if one["isFollowing"] else "nothing flows"


def _time(at: int | None) -> str:
    return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _print_sinks(found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    _print(
        _COLUMNS,
        [(one["id"], one_line(one["resource"]), one_line(one["folder"] or one["url"]), one["proof"]) for one in found],
    )


def _print(columns: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    rows = [columns, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
