"""
What a decision costs where there is much to decide by: rights among 10,000 assignments, addresses among 1,000 rules.

In this process, by the functions that a request goes through, with no request around them to hide the cost in. Every
question is another one: there are more secrets and addresses than are remembered. The first decision after a change is
told for itself, because what questions are asked of is made anew then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import cycle, islice
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from bench.measure import Measure, Round, compare
from strongroom.core.builtin_roles import (
    KEY_VAULT_CERTIFICATES_OFFICER,
    KEY_VAULT_CRYPTO_OFFICER,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_USER,
)
from strongroom.core.changes import RecordPut
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.limits import ADDRESS_MEMO_ENTRIES, GRANT_MEMO_ENTRIES
from strongroom.core.network import Bypass, Connection, DefaultAction, Link, NetworkAcls, Verdict
from strongroom.core.network_limits import IP_RULES
from strongroom.core.permissions import DataPermission
from strongroom.core.rbac import RoleAssignment
from strongroom.core.vaults import Vault
from strongroom.flow.authorization import permit
from strongroom.flow.firewall import judge
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World
from strongroom.vault.operations import OPERATIONS
from strongroom.view import View

ASSIGNMENTS, GROUPS = 10_000, 1_000
ROUNDS = 15
DECISIONS = 4_000
"""In each round, and of each kind."""
QUESTIONS = 4 * max(GRANT_MEMO_ENTRIES, ADDRESS_MEMO_ENTRIES)
"""How many different ones there are; they come round again long after they were forgotten."""
_TENANT, _SUBSCRIPTION = "7e4a0000-0000-4000-8000-00000000000a", "5ab50000-0000-4000-8000-000000000001"
_ACTION = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
_ROLES = (KEY_VAULT_CERTIFICATES_OFFICER, KEY_VAULT_CRYPTO_OFFICER, KEY_VAULT_READER)
"""What the others give: none of it is what is asked for."""

Decide = Callable[[], object]
"""Decides the next question."""


def measure_decisions(_directory: Path) -> list[Measure]:
    """Measure both kinds, each with much and with one of everything, in turn."""
    much, one = _Rights(ASSIGNMENTS, GROUPS), _Rights(1, 1)
    many, single = _Addresses(IP_RULES), _Addresses(1)
    counts = f"{ASSIGNMENTS:,} assignments and {GROUPS:,} groups"
    return [
        _measure(f"authorization with {counts}, CPU us, against 1", much.decide, one.decide, target=1.1),
        _measure_first(f"first authorization after a change with {counts}, CPU us, against 1", much, one),
        _measure(f"firewall with {IP_RULES:,} IP rules, CPU us, against 1", many.decide, single.decide, target=1.1),
        _measure_first(f"first verdict after a change with {IP_RULES:,} IP rules, CPU us, against 1", many, single),
    ]


def _measure(name: str, much: Decide, one: Decide, *, target: float) -> Measure:
    rounds = list[Round]()
    for number in range(ROUNDS + 1):
        # In turn, so that neither always finds the processor's caches as the other left them.
        if number % 2:
            alone = _used(one, DECISIONS)
            rounds.append((_used(much, DECISIONS), alone))
        else:
            rounds.append((_used(much, DECISIONS), _used(one, DECISIONS)))
    return compare(name, rounds[1:], better="lower", target=target)


def _measure_first(name: str, much: _Rights | _Addresses, one: _Rights | _Addresses) -> Measure:
    rounds = list[Round]()
    for _ in range(ROUNDS + 1):
        used = []
        for place in (much, one):
            place.change()
            used.append(_used(place.decide, 1))
        rounds.append((used[0], used[1]))
    return compare(name, rounds[1:], better="lower")


def _used(decide: Decide, count: int) -> float:
    """Say how much CPU time one decision takes, in microseconds."""
    before = time.process_time_ns()
    for _ in range(count):
        decide()
    return (time.process_time_ns() - before) / count / 1e3


def _vault(acls: NetworkAcls | None = None) -> Vault:
    return Vault(
        id="fa170000-0000-4000-8000-000000000001", tenant=_TENANT, subscription=_SUBSCRIPTION, resource_group="rg",
        name="bench", location="local", created=0, wrapped_key=b"", network_acls=acls,
    )  # fmt: skip


def _world(view: View) -> World:
    # Of the whole world these two steps see the view alone.
    return cast("World", SimpleNamespace(view=view))


class _Rights:
    """A caller in groups, every one of which has roles over the vault, and one the role that is asked for."""

    def __init__(self, assignments: int, groups: int) -> None:
        self._vault = _vault()
        self._operation = next(one for one in OPERATIONS if _asks_for(one, _ACTION))
        names = [f"9a090000-0000-4000-8000-{number:012x}" for number in range(groups)]
        self._caller = Caller(
            tenant=_TENANT, oid="0b1ec700-0000-4000-8000-000000000000", appid="a",
            kind=PrincipalType.SERVICE_PRINCIPAL, issuer="i", groups=frozenset(names), credential="c",
            token_id="t",  # noqa: S106  no secret, and none of a token that there is
        )  # fmt: skip
        self._view = View()
        self._view.load([self._vault, *self._assignments(assignments, names)])
        self._world = _world(self._view)
        self._changes = 0
        self._scopes = cycle([f"{self._vault.scope}/secrets/s{number}" for number in range(QUESTIONS)])

    def _assignments(self, count: int, groups: Sequence[str]) -> Iterator[RoleAssignment]:
        above = self._vault.scope.split("/providers/")[0]
        scopes = (self._vault.scope, above, f"/subscriptions/{_SUBSCRIPTION}")
        given = zip(cycle(groups), cycle(scopes), cycle(_ROLES), strict=False)
        for number, (group, scope, role) in enumerate(islice(given, count)):
            # The last one is what lets the caller in.
            wanted = KEY_VAULT_SECRETS_USER if number == count - 1 else role
            yield self._assignment(number, group, scope, wanted)

    def _assignment(self, number: int, group: str, scope: str, role: str) -> RoleAssignment:
        return RoleAssignment(
            id=f"a5510000-0000-4000-8000-{number:012x}", tenant=_TENANT, scope=scope, role=role, principal=group,
            principal_type=PrincipalType.GROUP, created=0,
        )  # fmt: skip

    def decide(self) -> object:
        """Decide about the next secret. A request has a caller of its own, so nothing is remembered with it."""
        target = Target(next(self._scopes), {})
        return permit(self._world, replace(self._caller), self._operation, target, self._vault, None)

    def change(self) -> None:
        """Give somebody else a role."""
        self._changes += 1
        other = self._assignment(10**9 + self._changes, "someone", self._vault.scope, KEY_VAULT_READER)
        self._view.apply([RecordPut(other)])


def _asks_for(operation: Op, action: str) -> bool:
    return isinstance(operation.requires, DataPermission) and operation.requires.action == action


class _Addresses:
    """A vault that admits a number of addresses, and is asked by others around them too."""

    def __init__(self, rules: int) -> None:
        first = int(IPv4Address("203.0.0.0"))
        # Lone addresses and ranges, all with their neighbours left out.
        ranges = tuple(f"{IPv4Address(first + 1024 * number)}/{32 if number % 2 else 25}" for number in range(rules))
        self._vault = _vault(NetworkAcls(DefaultAction.DENY, Bypass.NONE, ranges))
        self._view = View()
        self._view.load([self._vault])
        self._world = _world(self._view)
        span = 1024 * IP_RULES
        addresses = [str(IPv4Address(first + (number * 7919) % span)) for number in range(QUESTIONS)]
        self._connections = cycle([Connection(address, Link.PUBLIC, "request") for address in addresses])

    def decide(self) -> Verdict:
        """Judge the next address."""
        return judge(self._world, self._vault, next(self._connections))

    def change(self) -> None:
        """Change something of the vault's."""
        self._vault = replace(self._vault, updated=self._vault.updated + 1)
        self._view.apply([RecordPut(self._vault)])
