"""Asking why, over the owner-only socket, in a simulated world."""

from __future__ import annotations

import secrets
from typing import Any

from strongroom.core.identity import Group, Membership
from strongroom.core.network import Link
from strongroom.core.rbac import DenyAssignment
from tests.world import PUBLIC_ADDRESS, Answer, Simulation

READ_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"


def control(world: Simulation, path: str, body: object) -> Answer:
    """Ask the control surface, as the command line does."""
    return world.ask("POST", f"http://control{path}", body=body, link=Link.CONTROL, host="control")


def why(world: Simulation, principal: str, operation: str = "SecretGet", name: str = "a", **more: object) -> Any:
    """Ask what a request would be answered."""
    about = {} if "url" in more else {"vault": world.vault.name, "object": name}
    question = {"principal": principal, "operation": operation, "address": PUBLIC_ADDRESS, **about, **more}
    answer = control(world, "/explain", question)
    assert answer.status == 200, answer.body
    return answer.json


def who(world: Simulation, operation: str = "SecretGet", name: str = "a") -> dict[str, Any]:
    """Ask who can do something, page after page; by object id."""
    found: dict[str, Any] = {}
    after: str | None = ""
    while after is not None:
        about = {"vault": world.vault.name, "object": name, "operation": operation, "after": after}
        answer = control(world, "/who-can", about)
        assert answer.status == 200, answer.body
        page = [one["principalId"] for one in answer.json["value"]]
        assert not found.keys() & set(page)
        assert page == sorted(page)
        found |= {one["principalId"]: one for one in answer.json["value"]}
        after = answer.json["after"]
    return found


def step(explanation: Any, name: str) -> Any:
    """Give one step of an explanation."""
    return next(one for one in explanation["steps"] if one["name"] == name)


def make_group(world: Simulation, name: str, *members: str) -> str:
    """Make a group with members, and give its object id."""
    tenant, oid = world.first.tenant_id, f"00000000-0000-4000-8000-{secrets.token_hex(6)}"
    records = [
        Group(oid, tenant, name, int(world.clock())),
        *(Membership(f"{oid}/{member}", tenant, oid, member) for member in members),
    ]
    for record in records:
        world.commit(lambda tx, record=record: tx.put(record))
    return oid


def deny(world: Simulation, *principals: str, action: str = READ_SECRET, **more: Any) -> DenyAssignment:
    """Make a deny assignment over the first vault."""
    denial = DenyAssignment(
        id=f"00000000-0000-4000-8000-{secrets.token_hex(6)}",
        tenant=world.first.tenant_id,
        scope=more.pop("scope", world.vault.scope),
        name="no reading",
        created=int(world.clock()),
        data_actions=(action,),
        principals=principals,
        **more,
    )
    world.commit(lambda tx: tx.put(denial))
    return denial
