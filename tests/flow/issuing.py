"""An issuer that does what a test tells it, in the place of a CA."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography import x509

from strongroom.app.upkeep import look_after_objects
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR
from strongroom.core.errors import Unavailable
from strongroom.core.issuance import Issued, Step, Waiting, Wanted
from strongroom.core.objects import Collection, StoredObject
from strongroom.directory import signing_keys
from strongroom.flow.world import World
from strongroom.store import Transaction
from tests.flow.authorities import Authority
from tests.flow.client import Client
from tests.world import START, Simulation

NAME = "stand-in"
NODE = "node-1"
HOUR_S = 3600
YEAR_S = 365 * 86_400


@dataclass(slots=True)
class StandIn:
    """Gives the steps that it was told, one for each time it is asked; otherwise it has everybody wait an hour."""

    authority: Authority
    steps: deque[Step | Exception] = field(default_factory=deque)
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    """Each request id with the state that came with it."""
    cancelled: list[str] = field(default_factory=list)
    kept: bytes = b""
    """What came with the last cancellation."""
    away: bool = False

    async def step(self, wanted: Wanted, state: bytes) -> Step:
        """Do what comes next."""
        self.asked.append((wanted.request_id, state))
        if self.away:
            raise Unavailable("The CA does not answer.", reason="away")
        step = self.steps.popleft() if self.steps else Waiting(state, wanted.now + HOUR_S)
        if isinstance(step, Exception):
            raise step
        return self.issued(wanted.csr) if step == ISSUE else step

    async def cancel(self, wanted: Wanted, state: bytes) -> None:
        """Let go of it."""
        if self.away:
            raise Unavailable("The CA does not answer.", reason="away")
        self.cancelled.append(wanted.request_id)
        self.kept = state

    def issued(self, csr: bytes) -> Issued:
        """Issue for a request."""
        return Issued(self.authority.issue(x509.load_der_x509_csr(csr)))


ISSUE = Issued(())
"""Stands for what is issued once the request is known."""


def stand_in(vault: Client, world: Simulation, *steps: Step | Exception) -> tuple[StandIn, dict[str, Any]]:
    """Put a new issuer in its place, and give it with what a policy says to have it issue."""
    issuer = StandIn(Authority(world.clock()), deque(steps))
    world.world.issuers = {"StandIn": issuer}
    vault.done("PUT", f"/certificates/issuers/{NAME}", body={"provider": "StandIn"})
    return issuer, {"issuer": {"name": NAME}}


# ---- time -----------------------------------------------------------------------------------------------------------


class _Lasting(Client):
    """A client for years: its tenant's keys roll over, as the job has them do."""

    @property
    def token(self) -> str:
        """A token that is good now."""
        if self.world.clock() >= self._renew:
            world, now = self.world, int(self.world.clock())
            tenant = world.first.tenant_id
            terms = signing_keys.due(world.view.signing_keys(tenant), now)
            keys = [signing_keys.make_signing_key(world.keys, tenant, term, now) for term in terms]
            if keys:
                world.commit(lambda tx: signing_keys.roll_over(tx, tenant, keys, now))
        return super().token


def lasting_client(world: Simulation) -> Client:
    """Administer the first vault as somebody whose secret outlives the test."""
    who = world.principal("keeper", lifetime_s=100 * YEAR_S)
    world.grant(who.oid, KEY_VAULT_ADMINISTRATOR, world.vault.scope)
    return _Lasting(world, who)


def look(world: Simulation, own: World | None = None) -> dict[str, int]:
    """Run the job once, as a node; how much of what it did."""
    return dict(world.run(look_after_objects(own or world.world, NODE)))


def begin_anew(world: Simulation) -> None:
    """Have the next test begin at the same time with nothing due, since tokens' signing keys do not last for all."""
    world.settles = True
    world.settle()
    stored = world.run(world.store.due_objects(2**60, limit=1000))

    async def forget(tx: Transaction) -> None:
        for one in stored:
            await tx.remove_object(one.vault, one.collection, one.name)

    world.commit(forget)
    world.advance(START - world.clock())


@pytest.fixture
def vault(world: Simulation) -> Client:
    """Administer a vault, with a token of this test's time."""
    return lasting_client(world)


@pytest.fixture(autouse=True)
def a_time_of_its_own(world: Simulation) -> Iterator[None]:
    """Have every test begin at the same time with nothing due."""
    yield
    begin_anew(world)


def pending(vault: Client, name: str) -> Any:
    """Read an operation."""
    return vault.done("GET", f"/certificates/{name}/pending")


def stored_of(world: Simulation, name: str) -> StoredObject:
    """Read a certificate's object."""
    stored = world.run(world.store.object(world.vault.id, Collection.CERTIFICATES, name))
    assert stored is not None
    return stored


def versions(vault: Client, collection: str, name: str) -> int:
    """Count versions."""
    return len(vault.walk(f"/{collection}/{name}/versions"))
