"""`strongroom jobs`: how what the service does by itself is going, and one of it now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from strongroom.cli.control import ask
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit
from strongroom.cli.text import one_line

_COLUMNS = ("job", "last run", "took", "ended", "done", "waiting", "next run", "lease")
_FINE = {"ok", "elsewhere", ""}


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every job.

    Raises:
        Halt: no service runs there.
    """
    found = ask(find_instance(data), "GET", "/jobs")
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print([_row(job, str(found["node"])) for job in found["value"]])
    return Exit.OK


def run(data: Path | None, name: str, *, as_json: bool) -> int:
    """
    Run a job now, and print how it ended.

    Raises:
        Halt: no service runs there, or there is no such job.
    """
    job = ask(find_instance(data), "POST", f"/jobs/{quote(name, safe='')}/run")
    print(json.dumps(job, indent=2) if as_json else _told(job))
    return Exit.OK if job["outcome"] in _FINE else Exit.FAILED


def _told(job: dict[str, Any]) -> str:
    name, outcome = one_line(str(job["name"])), str(job["outcome"])
    if job["running"]:
        return f"{name} runs, and takes longer; see: strongroom jobs list"
    if outcome == "elsewhere":
        return f"{name} is another node's at the moment: {one_line(str(job['leaseHolder']))} has the lease"
    if outcome not in _FINE:
        return f"{name} failed: {one_line(outcome)}"
    done = "" if job["done"] is None else f", and did {job['done']}"
    return f"{name} ran for {job['durationSeconds']:.3f} s{done}"


def _row(job: dict[str, Any], node: str) -> tuple[str, ...]:
    holder, outcome = job["leaseHolder"], "runs" if job["running"] else job["outcome"] or "-"
    if job["failures"] > 1:
        outcome = f"{outcome} ({job['failures']} times)"
    return (
        one_line(str(job["name"])),
        _time(job["began"]),
        "-" if job["durationSeconds"] is None else f"{job['durationSeconds']:.3f} s",
        one_line(str(outcome)),
        "-" if job["done"] is None else str(job["done"]),
        "-" if job["waiting"] is None else str(job["waiting"]),
        _time(job["nextAt"]),
        "-" if holder is None else "here" if holder == node else one_line(str(holder)),
    )


def _time(moment: float | None) -> str:
    return "-" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%SZ}"


def _print(lines: Sequence[tuple[str, ...]]) -> None:
    rows = [_COLUMNS, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
