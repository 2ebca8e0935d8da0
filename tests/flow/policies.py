"""Conditional access policies, made as an administrator makes them."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core.conditional_access import AccessPolicy, NamedNetwork
from tests.flow.graph import Graph, location_body, policy_body
from tests.flow.users import Person
from tests.world import Answer, Simulation

POLICIES = "identity/conditionalAccess/policies"
LOCATIONS = "identity/conditionalAccess/namedLocations"
VAULT, ARM, GRAPH = (
    "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "00000003-0000-0000-c000-000000000000",
)


class Policies:
    """The first tenant's policies; what is made here is gone after the test."""

    def __init__(self, world: Simulation) -> None:
        self._world, self.graph = world, Graph(world)

    def add(self, *controls: str, state: str = "enabled", age: object = None, **conditions: object) -> str:
        """Make a policy, and give its id."""
        session = {"signInFrequency": {"isEnabled": True, **age}} if isinstance(age, dict) else None
        body = policy_body(conditions=conditions, controls=controls, state=state, sessionControls=session)
        made: str = self.graph.make(POLICIES, body)["id"]
        return made

    def about(self, who: Person, *controls: str, **more: Any) -> str:
        """Make a policy about one user, whatever the token is for."""
        return self.add(*controls, users={"includeUsers": [who.user.id]}, **more)

    def place(self, *ranges: str, trusted: bool = False) -> str:
        """Make a named location, and give its id."""
        made: str = self.graph.make(LOCATIONS, location_body(*ranges, trusted=trusted))["id"]
        return made

    def clear(self) -> None:
        """Remove everything."""

        async def remove(tx: Any) -> None:
            kinds: tuple[type[AccessPolicy | NamedNetwork], ...] = (AccessPolicy, NamedNetwork)
            for kind in kinds:
                for one in await tx.records(kind):
                    await tx.remove(one)

        self._world.commit(remove)


@pytest.fixture
def policies(world: Simulation) -> Iterator[Policies]:
    """Give the first tenant's policies: none, before the test and after it."""
    made = Policies(world)
    yield made
    made.clear()


def named(told: dict[str, Any]) -> list[str]:
    """Give the policies that the `claims` of a refusal name."""
    asked = json.loads(told["claims"])["access_token"]["capolids"]
    assert asked["essential"] is True
    values: list[str] = asked["values"]
    return values


def challenged(answer: Answer) -> dict[str, Any] | None:
    """Read the claims challenge of a 401; None if there is none in it."""
    assert answer.status == 401, answer.body
    header = answer.headers["www-authenticate"]
    items = dict(item.split("=", 1) for item in header.removeprefix("Bearer ").split(", "))
    assert header.count("authorization=") == 1
    if "error" not in items:
        assert "claims" not in items
        return None
    assert items["error"] == '"insufficient_claims"'
    encoded = items["claims"].strip('"')
    assert not {"=", "+", "/", "-", "_"} & set(encoded), "every client reads it alike"
    read: dict[str, Any] = json.loads(b64decode(encoded, validate=True))
    return read
