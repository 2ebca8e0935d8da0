"""`strongroom sign-in`: what a tenant's users may sign in by, of what is off by default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from strongroom.cli.control import change_sign_in
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit

_TITLES = {"passwordGrant": "password grant", "deviceCode": "device code", "secondFactor": "second factor"}


def change(data: Path | None, tenant: str | None, wanted: Mapping[str, int | None], *, as_json: bool) -> int:
    """
    Change what is said, and print all of it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    told = change_sign_in(find_instance(data), tenant, wanted)
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        for name, title in _TITLES.items():
            print(f"{title:<14}  {'on' if told[name] else 'off'}")
        days = told["passwordDays"]
        print(f"passwords last  {'for ever' if days is None else f'{days} days'}")
    return Exit.OK
