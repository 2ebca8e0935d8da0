"""How to ask for each operation of the data plane so that it succeeds, and what makes that possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from strongroom.core.permissions import DataPermission, Public
from strongroom.flow.operation import Op
from strongroom.vault.operations import OPERATIONS
from tests.plugins.canary import plant
from tests.world import Simulation

VERSION = "2026-04-01"


@dataclass(frozen=True, slots=True)
class Case:
    """One operation's request. *prepare* brings the vault into the state that the operation needs."""

    prepare: Callable[[Simulation, str], None]
    path: str
    body: object = None


def _nothing(_world: Simulation, _name: str) -> None:
    """Need nothing."""


def put(world: Simulation, name: str) -> None:
    """Set a secret as the administrator."""
    answer = world.ask(
        "PUT",
        f"{world.vault_url}/secrets/{name}?api-version={VERSION}",
        token=world.token(world.administrator),
        body={"value": plant()},
    )
    assert answer.status == 200, answer.body


def deleted(world: Simulation, name: str) -> None:
    """Set a secret and delete it."""
    put(world, name)
    token = world.token(world.administrator)
    answer = world.ask("DELETE", f"{world.vault_url}/secrets/{name}?api-version={VERSION}", token=token)
    assert answer.status == 200, answer.body


def backup(world: Simulation, name: str) -> str:
    """Set a secret, back it up, remove it, and give the backup."""
    put(world, name)
    token = world.token(world.administrator)
    url = f"{world.vault_url}/secrets/{name}"
    blob: str = world.ask("POST", f"{url}/backup?api-version={VERSION}", token=token).json["value"]
    world.ask("DELETE", f"{url}?api-version={VERSION}", token=token)
    gone = world.ask("DELETE", f"{world.vault_url}/deletedsecrets/{name}?api-version={VERSION}", token=token)
    assert gone.status == 204, gone.body
    return blob


CASES: dict[str, Case] = {
    "SecretSet": Case(_nothing, "/secrets/{name}", {"value": plant()}),
    "SecretGet": Case(put, "/secrets/{name}/"),
    "SecretUpdate": Case(put, "/secrets/{name}/", {"tags": {"a": "b"}}),
    "SecretDelete": Case(put, "/secrets/{name}"),
    "SecretList": Case(_nothing, "/secrets"),
    "SecretListVersions": Case(put, "/secrets/{name}/versions"),
    "SecretListDeleted": Case(_nothing, "/deletedsecrets"),
    "SecretGetDeleted": Case(deleted, "/deletedsecrets/{name}"),
    "SecretRecover": Case(deleted, "/deletedsecrets/{name}/recover"),
    "SecretPurge": Case(deleted, "/deletedsecrets/{name}"),
    "SecretBackup": Case(put, "/secrets/{name}/backup"),
    "SecretRestore": Case(_nothing, "/secrets/restore", backup),
}

GUARDED: tuple[Op, ...] = tuple(op for op in OPERATIONS if not isinstance(op.requires, Public))
"""Every operation that wants a caller. A new row without a case fails the suite."""


def permission(op: Op) -> DataPermission:
    """Give the permission a row requires."""
    assert isinstance(op.requires, DataPermission)
    return op.requires


def resource(world: Simulation, op: Op, name: str) -> str:
    """Give the scope that a refusal names, in lower case."""
    scope = world.vault.scope.lower()
    return f"{scope}/secrets/{name}" if "{name}" in op.path else scope
