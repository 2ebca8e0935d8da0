"""The cases of every operation of the data plane: each kind of object has its own in a module of its own."""

from __future__ import annotations

from strongroom.core.permissions import AnyOf, DataPermission, Public
from strongroom.flow.operation import Op
from strongroom.vault.operations import OPERATIONS
from tests.flow import certificate_cases, issuer_cases, key_cases, secret_cases
from tests.flow.case import VERSION, Case, Collection
from tests.flow.certificate_cases import CERTIFICATES
from tests.flow.key_cases import KEYS
from tests.flow.secret_cases import SECRETS
from tests.world import Simulation

GUARDED: tuple[Op, ...] = tuple(op for op in OPERATIONS if not isinstance(op.requires, Public))
"""Every operation that wants a caller. A new row without a case fails the suite."""

CASES: dict[str, Case] = {**secret_cases.CASES, **key_cases.CASES, **issuer_cases.CASES, **certificate_cases.CASES}

COLLECTIONS: tuple[Collection, ...] = (SECRETS, KEYS, CERTIFICATES)
_BY_NAME = {one.name: one for one in COLLECTIONS}


def collection(op: Op) -> Collection:
    """Give the kind of objects that a row is about."""
    return _BY_NAME[permission(op).category]


def permission(op: Op) -> DataPermission:
    """Give the permission a row requires: the first one, of several any of which is enough."""
    requires = op.requires.options[0] if isinstance(op.requires, AnyOf) else op.requires
    assert isinstance(requires, DataPermission)
    return requires


def scope(world: Simulation, op: Op, name: str) -> str:
    """Give the scope that a row's right is looked up at."""
    own = world.vault.scope
    return f"{own}/{collection(op).name}/{name}" if "{name}" in op.path else own


__all__ = ["CASES", "COLLECTIONS", "GUARDED", "VERSION", "collection", "permission", "scope"]
