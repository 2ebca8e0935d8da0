"""`strongroom acme`: accounts with ACME authorities, by which vaults have certificates."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from strongroom.cli.control import ask
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit, Halt
from strongroom.cli.text import one_line, tell
from strongroom.core import acme_limits as limits

_COLUMNS = ("name", "directory", "challenge", "domains", "tenants")
_STANDARD_INPUT = Path("-")


def show_all(data: Path | None, *, as_json: bool) -> int:
    """
    Print every account.

    Raises:
        Halt: no service runs there.
    """
    found = ask(find_instance(data), "GET", "/acme-accounts")["value"]
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print_table(found)
    return Exit.OK


def show(data: Path | None, name: str, *, as_json: bool) -> int:
    """
    Print one account.

    Raises:
        Halt: no service runs there, or there is no such account.
    """
    _print(ask(find_instance(data), "GET", _place(name)), as_json=as_json)
    return Exit.OK


def add(data: Path | None, wanted: Mapping[str, Any], key_file: Path | None, *, as_json: bool) -> int:
    """
    Make an account with an authority, and print it.

    Raises:
        Halt: no service runs there, it or the authority refuses, or the key's file cannot be read.
    """
    instance = find_instance(data)
    external_key = None if key_file is None else _read_key(key_file)
    _print(ask(instance, "POST", "/acme-accounts", {**wanted, "externalKey": external_key}), as_json=as_json)
    return Exit.OK


def check(data: Path | None, name: str, *, as_json: bool) -> int:
    """
    Ask the authority how an account is; 1 if it is not valid.

    Raises:
        Halt: no service runs there, or the authority cannot be asked or refuses the account.
    """
    found = ask(find_instance(data), "POST", f"{_place(name)}/check", {})
    tell(f"{name}: {one_line(found['status'])}", as_json=as_json, **found)
    return Exit.OK if found["status"] == "valid" else Exit.FAILED


def remove(data: Path | None, name: str, *, as_json: bool) -> int:
    """
    Forget an account, and have the authority take it out of use.

    Raises:
        Halt: no service runs there, or there is no such account.
    """
    removed = ask(find_instance(data), "DELETE", _place(name))
    there = "the authority has taken it out of use" if removed["deactivated"] else "the authority could not be told"
    tell(f"{name} is removed: {there}; certificates that it was issued stay", as_json=as_json, **removed)
    return Exit.OK


def _place(name: str) -> str:
    return f"/acme-accounts/{quote(name, safe='')}"


def _read_key(path: Path) -> str:
    """
    Read the key of an external account, from a file or standard input.

    Raises:
        Halt: it cannot be read, or is no text of one key.
    """
    try:
        if path == _STANDARD_INPUT:
            text = sys.stdin.buffer.read(limits.ACME_EXTERNAL_KEY_CHARS + 2)
        else:
            with path.open("rb") as file:
                text = file.read(limits.ACME_EXTERNAL_KEY_CHARS + 2)
        key = text.decode("ascii").strip()
    except OSError as error:
        raise Halt(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        key = ""
    if not 0 < len(key) <= limits.ACME_EXTERNAL_KEY_CHARS:
        raise Halt(f"{path} holds no key of an external account: base64url, on one line")
    return key


def _print(one: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(one, indent=2))
        return
    print(f"{one['name']}  {one_line(one['directory'])}")
    shown = {
        "account": one["url"],
        "contacts": ", ".join(one["contacts"]),
        "terms agreed to": one["terms"],
        "external account": one["externalKeyId"],
        "names are proved by": one["challenge"],
        "hook": one["hook"] and f"{one['hook']}, then {one['dnsWaitSeconds']} s for the record to spread",
        "for names at or below": ", ".join(one["domains"]) or "anything",
        "for vaults of": ", ".join(one["tenantIds"]),
    }
    for title, text in shown.items():
        if text:
            print(f"  {title}: {one_line(text)}")


def _print_table(found: Sequence[Mapping[str, Any]]) -> None:
    rows: list[tuple[str, ...]] = [_COLUMNS]
    rows += [
        (
            one["name"],
            one_line(one["directory"]),
            one["challenge"],
            ",".join(one["domains"]) or "any",
            ",".join(one["tenantIds"]),
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
