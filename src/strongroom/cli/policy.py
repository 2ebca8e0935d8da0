"""`strongroom policy`: guardrails for vaults and what is in them, in force or only checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from strongroom.cli.control import check_policy, put_policy, remove_policy, show_policy
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import tell


def check(data: Path | None, file: Path | None, *, as_json: bool) -> int:
    """
    List what goes against the guardrails of a file, or against those in force; the exit code says whether any does.

    Raises:
        Halt: no service runs there, or the file declares no guardrails.
    """
    told = check_policy(find_instance(data), None if file is None else _read(file))
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for one in told["findings"]:
            place = f"{one['vault']}/{one['object']}" if one["object"] else one["vault"]
            print(f"{one['effect']:<5}  {place}: {one['guardrail']}: {one['reason']}")
        if told["found"] > len(told["findings"]):
            print(f"and {told['found'] - len(told['findings'])} more")
        looked = [
            _count(told[f"{noun}s"], noun) for noun in ("vault", "key", "secret", "certificate") if told[f"{noun}s"]
        ]
        print(f"{_count(told['found'], 'finding')} in {' and '.join(looked) or 'nothing'}")
    return Exit.FAILED if told["found"] else Exit.OK


def put(data: Path | None, file: Path, *, as_json: bool) -> int:
    """
    Put a file of guardrails in force, and print them.

    Raises:
        Halt: no service runs there, or the file declares no guardrails.
    """
    _print(put_policy(find_instance(data), _read(file)), as_json=as_json)
    return Exit.OK


def show(data: Path | None, *, as_json: bool, as_file: bool) -> int:
    """
    Print the guardrails in force, or the file that declared them.

    Raises:
        Halt: no service runs there.
    """
    told = show_policy(find_instance(data))
    if as_file:
        print(told["text"] or "", end="")
    else:
        _print(told, as_json=as_json)
    return Exit.OK


def remove(data: Path | None, *, as_json: bool) -> int:
    """
    Put every guardrail out of force.

    Raises:
        Halt: no service runs there, or there is none.
    """
    remove_policy(find_instance(data))
    tell("no guardrail is in force any more", as_json=as_json, guardrails=[])
    return Exit.OK


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Halt(f"{file} cannot be read: {error}") from None


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told, indent=2))
        return
    if not told["guardrails"]:
        print("no guardrail is in force")
    for one in told["guardrails"]:
        print(f"{one['effect']:<5}  {one['rule']:<16}  {one['name']}  ({', '.join(one['vaults'])})")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
