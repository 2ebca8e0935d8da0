"""The cases of secrets."""

from __future__ import annotations

from typing import Any

from tests.flow.case import Case, Collection, done, nothing
from tests.plugins.canary import plant
from tests.world import Simulation


def put(world: Simulation, name: str) -> Any:
    """Set a secret as the administrator."""
    return done(world, "PUT", f"/secrets/{name}", {"value": plant()})


def deleted(world: Simulation, name: str) -> Any:
    """Set a secret and delete it."""
    put(world, name)
    return done(world, "DELETE", f"/secrets/{name}")


def backup(world: Simulation, name: str) -> dict[str, str]:
    """Set a secret, back it up, remove it, and give the backup."""
    put(world, name)
    blob: dict[str, str] = done(world, "POST", f"/secrets/{name}/backup")
    done(world, "DELETE", f"/secrets/{name}")
    done(world, "DELETE", f"/deletedsecrets/{name}")
    return blob


UPDATE = {"tags": {"a": "b"}}

CASES: dict[str, Case] = {
    "SecretSet": Case(nothing, "/secrets/{name}", {"value": plant()}, makes=True),
    "SecretGet": Case(put, "/secrets/{name}/"),
    "SecretUpdate": Case(put, "/secrets/{name}/", UPDATE),
    "SecretDelete": Case(put, "/secrets/{name}"),
    "SecretList": Case(nothing, "/secrets"),
    "SecretListVersions": Case(put, "/secrets/{name}/versions"),
    "SecretListDeleted": Case(nothing, "/deletedsecrets"),
    "SecretGetDeleted": Case(deleted, "/deletedsecrets/{name}"),
    "SecretRecover": Case(deleted, "/deletedsecrets/{name}/recover"),
    "SecretPurge": Case(deleted, "/deletedsecrets/{name}"),
    "SecretBackup": Case(put, "/secrets/{name}/backup"),
    "SecretRestore": Case(nothing, "/secrets/restore", backup, {"value": "AAAA"}),
}

SECRETS = Collection("secrets", put, deleted, backup, lambda bundle: bundle["id"], UPDATE)
