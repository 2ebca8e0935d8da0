"""A simulated instance under the command line's own session: every request goes through every step of the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from strongroom.cli.outcome import Halt
from strongroom.cli.remote import accounts
from strongroom.cli.remote.accounts import Account
from strongroom.cli.remote.endpoints import Endpoints
from strongroom.cli.remote.session import Session
from strongroom.cli.remote.tokens import Credential, Tokens, new_cache
from strongroom.cli.seed.apply import Outcome, carry_out
from strongroom.cli.seed.credentials import Credentials
from strongroom.cli.seed.document import read_document
from strongroom.cli.seed.export import Export, make_export
from strongroom.cli.seed.plan import Plan
from strongroom.cli.seed.reach import Document, Reach
from strongroom.cli.seed.state import compare, missing, read_wanted
from strongroom.core.network import Link
from tests.world import PUBLIC_ADDRESS, Principal, Simulation


class _Transport(httpx.BaseTransport):
    """Hands requests to the simulated instance as its listener would."""

    def __init__(self, world: Simulation, peer: str) -> None:
        self._world = world
        self._peer = peer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Have a request answered."""
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
        answer = self._world.ask(request.method, str(request.url), raw=request.read(), headers=headers, peer=self._peer)
        # The client unpacks nothing here, and the length is that of what is there.
        kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
        if "retry-after" in kept:
            # What takes long in Azure is over at once here: nobody waits a second for each network that is made.
            kept["retry-after"] = "0"
        return httpx.Response(answer.status, headers=kept, content=answer.body)


@contextmanager
def session(world: Simulation, who: Principal | None = None, *, peer: str = PUBLIC_ADDRESS) -> Iterator[Session]:
    """Sign in as an application, the first administrator if no other, through the real token endpoint."""
    who = who or world.administrator
    endpoints = Endpoints("localhost:8443", None)
    account = Account("test", accounts.SERVICE_PRINCIPAL, world.first.tenant_id, who.appid)
    with httpx.Client(transport=_Transport(world, peer)) as client:
        tokens = Tokens(endpoints, client, account, Credential(secret=who.secret), memory=new_cache())
        yield Session(endpoints, client, tokens, None, account)


def control(world: Simulation) -> Any:
    """Give the control socket of a simulated instance, as the command line asks it."""

    def ask(method: str, path: str, body: Document | None) -> Document:
        answer = world.ask(method, f"http://control{path}", body=body, link=Link.CONTROL, host="control")
        if answer.status >= 300:
            raise Halt(f"the service refuses: {answer.error['message']}")
        found: Document = answer.json if answer.body else {}
        return found

    return ask


@contextmanager
def reaching(
    world: Simulation, who: Principal | None = None, *, credentials: Path | None = None, folder: Path | None = None,
    environment: dict[str, str] | None = None, operator: bool = True, peer: str = PUBLIC_ADDRESS,
) -> Iterator[Reach]:  # fmt: skip
    """Give what a command has of a simulated instance."""
    with session(world, who, peer=peer) as signed_in:
        yield Reach(
            signed_in,
            control(world) if operator else None,
            folder or world.folder,
            environment or {},
            Credentials(credentials or world.folder / "credentials"),
            clock=world.clock,
        )


def plan(world: Simulation, document: object, *, prune: bool = False, **how: Any) -> Plan:
    """Compare a file with the instance."""
    with reaching(world, **how) as reach:
        return compare(read_wanted(read_document(_bytes(document)), reach), reach, prune=prune)


def apply(world: Simulation, document: object, *, prune: bool = False, **how: Any) -> tuple[Plan, Outcome]:
    """Apply a file, as the command does."""
    with reaching(world, **how) as reach:
        made = compare(read_wanted(read_document(_bytes(document)), reach), reach, prune=prune)
        assert not missing(made, reach), missing(made, reach)
        return made, carry_out(made, reach)


def export(world: Simulation, **how: Any) -> Export:
    """Export the instance."""
    with reaching(world, **how) as reach:
        return make_export(reach)


def _bytes(document: object) -> bytes:
    if isinstance(document, str):
        return document.encode()
    return json.dumps(document).encode()


def load(text: str) -> Any:
    """Read YAML as plain values."""
    return yaml.safe_load(text)
