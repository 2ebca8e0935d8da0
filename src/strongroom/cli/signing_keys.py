"""`strongroom signing-keys`: list the keys that sign tokens, let the next one take over, end one at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from strongroom.cli.control import list_signing_keys, revoke_signing_key, roll_signing_keys
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit
from strongroom.cli.text import tell

_TIMES = ("signsFrom", "signsUntil", "trustedUntil")
_COLUMNS = ("kid", "state", "signs from", "signs until", "trusted until", "tenant")


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every signing key that tokens are trusted by.

    Raises:
        Halt: no service runs there.
    """
    _print(list_signing_keys(find_instance(data)), as_json=as_json)
    return Exit.OK


def roll(data: Path | None, tenant: str | None, *, as_json: bool) -> int:
    """
    Let a tenant's next key sign from now on, and print the tenant's keys.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    _print(roll_signing_keys(find_instance(data), tenant), as_json=as_json)
    return Exit.OK


def revoke(data: Path | None, kid: str, *, as_json: bool) -> int:
    """
    End a key and every token that it signed.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    revoke_signing_key(find_instance(data), kid)
    tell(f"{kid} is revoked: every token that it signed is refused from now on", as_json=as_json, kid=kid, revoked=True)
    return Exit.OK


def _print(keys: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(keys, indent=2))
        return
    rows = [_COLUMNS, *(_row(key) for key in keys)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    times = (f"{datetime.fromtimestamp(key[name], UTC):%Y-%m-%d %H:%MZ}" for name in _TIMES)
    return (str(key["kid"]), str(key["state"]), *times, str(key["tenantId"]))
