"""`strongroom sign-in`: what a tenant's users may sign in by, of what is off by default."""

from __future__ import annotations

import json
from pathlib import Path

from strongroom.cli.control import change_sign_in
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit


def change(
    data: Path | None, tenant: str | None, *, password_grant: bool | None, password_days: int | None, as_json: bool
) -> int:
    """
    Change what is said, and print all of it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    told = change_sign_in(find_instance(data), tenant, password_grant=password_grant, password_days=password_days)
    if as_json:
        print(json.dumps(told, indent=2))
    else:
        days = told["passwordDays"]
        print(f"password grant  {'on' if told['passwordGrant'] else 'off'}")
        print(f"passwords last  {'for ever' if days is None else f'{days} days'}")
    return Exit.OK
