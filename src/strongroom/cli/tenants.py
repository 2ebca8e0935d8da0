"""`strongroom tenants`: list the tenants, make one, change what one is called, and remove one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from strongroom.cli.control import change_tenant, create_tenant, list_tenants, remove_tenant
from strongroom.cli.facts import print_once
from strongroom.cli.instance import find_instance
from strongroom.cli.outcome import Exit
from strongroom.cli.text import tell


def show(data: Path | None, *, as_json: bool) -> int:
    """
    Print every tenant, the oldest first.

    Raises:
        Halt: no service runs there.
    """
    found = list_tenants(find_instance(data))
    if as_json:
        print(json.dumps(found, indent=2))
        return Exit.OK
    for one in found:
        print(_line(one))
    return Exit.OK


def create(data: Path | None, domain: str, *, name: str | None, user: str, subscription: bool, as_json: bool) -> int:
    """
    Have a tenant made, and print it with its first administrator's password, once.

    Raises:
        Halt: no service runs there, it refuses, or nobody takes the password.
    """
    facts = create_tenant(
        find_instance(data), domain=domain, display_name=name or domain, user_name=user, subscription=subscription
    )
    facts = {key: value for key, value in facts.items() if value is not None}
    print_once(
        facts,
        as_json=as_json,
        otherwise=f"the password is lost; strongroom recover --tenant {domain} makes another administrator",
    )
    return Exit.OK


def change(data: Path | None, tenant: str, *, as_json: bool, **changes: str) -> int:
    """
    Change a tenant, and print it.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    changed = change_tenant(find_instance(data), tenant, **changes)
    tell(_line(changed), as_json=as_json, **changed)
    return Exit.OK


def remove(data: Path | None, tenant: str, *, as_json: bool) -> int:
    """
    Remove a tenant that is empty but for its last user.

    Raises:
        Halt: no service runs there, or it refuses.
    """
    remove_tenant(find_instance(data), tenant)
    sentence = f"{tenant} is removed, with its keys and its last user; its domains are free"
    tell(sentence, as_json=as_json, tenant=tenant, removed=True)
    return Exit.OK


def _line(one: dict[str, Any]) -> str:
    return f"{one['tenantId']}  {one['displayName']}  {' '.join(one['domains'])}"
