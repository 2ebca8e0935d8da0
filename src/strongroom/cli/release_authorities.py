"""`strongroom release-authorities`: on whose word a tenant's keys are released, and the end of what signs that."""

from __future__ import annotations

import json
from pathlib import Path

from strongroom.cli.control import ask
from strongroom.cli.instance import find_instance
from strongroom.cli.issuers import read_key_set, whence
from strongroom.cli.outcome import Exit
from strongroom.cli.text import tell


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every attestation authority, its tenant, and where its keys come from.

    Raises:
        Halt: no service runs there.
    """
    found = ask(find_instance(data), "GET", "/release-authorities")["value"]
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    for one in found:
        print(f"{one['authority']}  tenant {one['tenantId']}, {whence(one)}")
    return Exit.OK


def add(data: Path | None, authority: str, tenant: str | None, keys: Path | None, *, as_json: bool) -> int:
    """
    Let an authority count, by the key set in a file or else by the one that it publishes.

    Raises:
        Halt: no service runs there, it refuses, or the file cannot be read.
    """
    key_set = None if keys is None else read_key_set(keys)
    wanted = {"authority": authority, "tenant": tenant, "keys": key_set}
    made = ask(find_instance(data), "POST", "/release-authorities", wanted)
    tell(f"{made['authority']} counts in tenant {made['tenantId']}: {whence(made)}", as_json=as_json, **made)
    return Exit.OK


def remove(data: Path | None, authority: str, tenant: str | None, *, as_json: bool) -> int:
    """
    Let an authority count no longer.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    ask(find_instance(data), "POST", "/release-authorities/remove", {"authority": authority, "tenant": tenant})
    tell(f"{authority} counts no longer: nothing is released on its word", as_json=as_json, authority=authority)
    return Exit.OK


def revoke_key(data: Path | None, tenant: str | None, *, as_json: bool) -> int:
    """
    End the key that a tenant's releases are signed with.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    ask(find_instance(data), "POST", "/release-authorities/revoke-key", {"tenant": tenant})
    tell(
        "releases are signed by another key from now on: have environments accept those of `strongroom"
        " release-authorities list --json` (signingCertificates), and no other any more",
        as_json=as_json,
        revoked=True,
    )
    return Exit.OK
