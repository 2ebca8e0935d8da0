"""An issuer that does what a test tells it, in the place of a CA."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from strongroom.core.errors import Unavailable
from strongroom.core.issuance import Issued, Step, Waiting, Wanted
from tests.flow.authorities import Authority
from tests.flow.client import Client
from tests.world import Simulation

NAME = "stand-in"
HOUR_S = 3600


@dataclass(slots=True)
class StandIn:
    """Gives the steps that it was told, one for each time it is asked; otherwise it has everybody wait an hour."""

    authority: Authority
    steps: deque[Step | Exception] = field(default_factory=deque)
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    """Each request id with the state that came with it."""
    cancelled: list[str] = field(default_factory=list)
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

    async def cancel(self, wanted: Wanted, state: bytes) -> None:  # noqa: ARG002  the protocol's
        """Let go of it."""
        if self.away:
            raise Unavailable("The CA does not answer.", reason="away")
        self.cancelled.append(wanted.request_id)

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
