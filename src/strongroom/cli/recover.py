"""`strongroom recover`: a new administrator where the last one was lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from strongroom.cli.control import recover_administrator
from strongroom.cli.facts import print_once
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit


def recover(data: Path | None, tenant: str | None, *, as_json: bool) -> int:
    """
    Have the service make an administrator of a tenant, and print its secret, once.

    Raises:
        Halt: no service runs there, it refuses, or nobody takes the secret.
    """
    facts = recover_administrator(find_instance(data), tenant)
    if not as_json:
        facts["expiresOn"] = f"{datetime.fromtimestamp(facts['expiresOn'], UTC):%Y-%m-%d %H:%M} UTC"
    print_once(facts, as_json=as_json, otherwise="the new secret is lost; recover again for another")
    return Exit.OK
