"""
A thousand days in a minute: a vault with a thousand objects, left to the clock.

Keys rotate, certificates renew, secrets expire, what was deleted is purged; the jobs' own functions do it, day by day,
with weeks in which the service was down. What must have happened is computed here, from the plan alone and by other
means than the service's, and compared with the events that were recorded, the audit, and what is left in the vault.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from strongroom.app.upkeep import look_after_objects
from strongroom.core.event_subscriptions import EventSubscription
from strongroom.core.objects import Collection
from strongroom.objects.jobs import purge_due_objects
from strongroom.store import ObjectState
from strongroom.store.deliveries import read_delivery
from tests.conformance.store.backends import Sqlite
from tests.flow.client import Client
from tests.flow.events import Events
from tests.flow.issuing import NODE, lasting_client
from tests.flow.vault_certificates import POLICY
from tests.world import START, Simulation

DAYS = 1000
DAY_S = 86_400
RETENTION_DAYS = 30
NEVER = 10**12
NEAR_DAYS = 30
"""How long before its expiry something is near it, unless a key's policy says otherwise."""
BACKDATED_S = 600
"""How long before its making a certificate of ours begins."""


Told = tuple[str, str, int]
"""An event: its type, its object's name, and which of the object's versions it is about."""


@dataclass(slots=True)
class Plan:
    """What a thousand objects are to be, and what is done to some of them on which day."""

    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  the same plan every time
    ticks: list[int] = field(default_factory=list)
    objects: list[Planned] = field(default_factory=list)
    done: dict[int, list[tuple[str, Planned]]] = field(default_factory=dict)
    """What somebody does at a tick, after the jobs had their turn."""

    def __post_init__(self) -> None:
        # The jobs come at another second every day, and for some weeks not at all.
        down = {*range(200, 221), *range(600, 645)}
        self.ticks = [
            int(START) + day * DAY_S + self.chance.randrange(3600) for day in range(1, DAYS) if day not in down
        ]

    def day(self, first: int, last: int) -> int:
        """Choose a day."""
        return self.chance.randint(first, last)

    def tick(self, first_day: int, last_day: int) -> int:
        """Choose a time at which the service is up."""
        return self.ticks[bisect_left(self.ticks, int(START) + self.day(first_day, last_day) * DAY_S)]

    def at(self, tick: int, what: str, planned: Planned) -> None:
        """Have something done."""
        self.done.setdefault(tick, []).append((what, planned))


@dataclass(slots=True)
class Planned:
    """An object, and when somebody rewrites, deletes and recovers it."""

    kind: str
    name: str
    body: dict[str, Any]
    expires: int | None = None
    """When its first version does."""
    rotates_after: int | None = None
    """Days after a version's making."""
    rotates_before: int | None = None
    """Days before a version's expiry."""
    lives: int | None = None
    """For how many days versions live that are made later."""
    months: int = 0
    percentage: int | None = None
    near_days: int = NEAR_DAYS
    policy: dict[str, Any] | None = None
    rewritten: list[int] = field(default_factory=list)
    deleted: int = NEVER
    recovered: int = NEVER
    left_alone: bool = False
    """Somebody disabled it."""


def a_thousand_objects() -> Plan:
    """Make the plan: the same one every time."""
    plan = Plan()
    makers: tuple[tuple[int, Callable[[Plan, str], Planned]], ...] = (
        (150, rotating_key), (130, key_with_a_life), (120, key_that_expires), (30, disabled_key),
        (200, secret_that_expires), (100, rewritten_secret), (70, plain_secret),
        (90, renewed_certificate), (60, certificate_renewed_by_percentage), (50, certificate_that_expires),
    )  # fmt: skip
    for number, make in makers:
        for index in range(number):
            planned = make(plan, f"{make.__name__.replace('_', '-')}-{index}")
            plan.objects.append(planned)
            if index % 10 == 9:
                planned.deleted = plan.tick(40, 900)
                plan.at(planned.deleted, "delete", planned)
            if index % 20 == 19:
                planned.recovered = plan.ticks[plan.ticks.index(planned.deleted) + plan.day(1, 5)]
                if planned.recovered >= planned.deleted + RETENTION_DAYS * DAY_S:
                    planned.recovered = NEVER
                else:
                    plan.at(planned.recovered, "recover", planned)
    return plan


def _key(name: str, *, expires: int | None = None, trigger: dict[str, str] | None = None, **how: Any) -> Planned:
    body: dict[str, Any] = {"kty": "EC", "crv": "P-256", "attributes": {"enabled": not how.get("left_alone")}}
    if expires is not None:
        body["attributes"]["exp"] = expires
    planned = Planned("keys", name, body, expires=expires, **how)
    if trigger is not None:
        notify = {"trigger": {"timeBeforeExpiry": f"P{planned.near_days}D"}, "action": {"type": "Notify"}}
        planned.policy = {
            "lifetimeActions": [{"trigger": trigger, "action": {"type": "Rotate"}}, notify],
            "attributes": {"expiryTime": None if planned.lives is None else f"P{planned.lives}D"},
        }
    return planned


def rotating_key(plan: Plan, name: str) -> Planned:
    """Plan a key that rotates every so many days, and never expires."""
    days = plan.day(100, 500)
    return _key(name, trigger={"timeAfterCreate": f"P{days}D"}, rotates_after=days)


def key_with_a_life(plan: Plan, name: str) -> Planned:
    """Plan a key that rotates before it expires, some of them after they are near it."""
    life = plan.day(100, 400)
    before, near = plan.day(7, 40), plan.day(10, 45)
    expires = int(START) + life * DAY_S
    return _key(
        name, expires=expires, trigger={"timeBeforeExpiry": f"P{before}D"}, rotates_before=before, lives=life,
        near_days=near,
    )  # fmt: skip


def key_that_expires(plan: Plan, name: str) -> Planned:
    """Plan a key that nobody rotates."""
    return _key(name, expires=int(START) + plan.day(1, 1100) * DAY_S)


def disabled_key(plan: Plan, name: str) -> Planned:
    """Plan a key of which nothing is to be told."""
    return _key(name, expires=int(START) + plan.day(1, 900) * DAY_S, left_alone=True)


def secret_that_expires(plan: Plan, name: str) -> Planned:
    """Plan a secret that nobody writes again."""
    expires = int(START) + plan.day(1, 1100) * DAY_S + plan.day(0, DAY_S)
    return Planned("secrets", name, {"value": "v", "attributes": {"exp": expires}}, expires=expires)


def rewritten_secret(plan: Plan, name: str) -> Planned:
    """Plan a secret that somebody writes again from time to time, with a life of sixty days."""
    planned = secret_that_expires(plan, name)
    planned.lives = 60
    planned.rewritten = sorted({plan.tick(20, 990) for _ in range(2)})
    for tick in planned.rewritten:
        plan.at(tick, "rewrite", planned)
    return planned


def plain_secret(_plan: Plan, name: str) -> Planned:
    """Plan a secret that never expires."""
    return Planned("secrets", name, {"value": "v"})


def _certificate(name: str, months: int, trigger: dict[str, int], action: str, **how: Any) -> Planned:
    policy = {
        **POLICY,
        "x509_props": {**POLICY["x509_props"], "validity_months": months},
        "lifetime_actions": [{"trigger": trigger, "action": {"action_type": action}}],
    }
    return Planned("certificates", name, {"policy": policy}, months=months, **how)


def renewed_certificate(plan: Plan, name: str) -> Planned:
    """Plan a certificate that renews so many days before its end, some after they are near it."""
    days = plan.day(10, 60)
    return _certificate(name, plan.day(5, 15), {"days_before_expiry": days}, "AutoRenew", rotates_before=days)


def certificate_renewed_by_percentage(plan: Plan, name: str) -> Planned:
    """Plan a certificate that renews at some part of its life."""
    percentage = plan.day(50, 95)
    return _certificate(name, plan.day(4, 24), {"lifetime_percentage": percentage}, "AutoRenew", percentage=percentage)


def certificate_that_expires(plan: Plan, name: str) -> Planned:
    """Plan a certificate that nobody renews."""
    return _certificate(name, plan.day(2, 36), {"days_before_expiry": 10}, "EmailContacts")


# ---- what must happen -----------------------------------------------------------------------------------------------


class Model:
    """What must happen to one object, computed from its plan."""

    def __init__(self, plan: Plan, planned: Planned) -> None:
        self.planned = planned
        # The jobs look at nothing that is deleted; what came meanwhile is told at their first turn after its recovery.
        self.ticks = [tick for tick in plan.ticks if tick <= planned.deleted or tick > planned.recovered]
        self.told: list[Told] = []
        self.renewals = 0
        self.versions = 0
        self._run()

    @property
    def is_left(self) -> bool:
        """Whether it is there in the end."""
        return self.planned.deleted == NEVER or self.planned.recovered != NEVER

    def first(self, moment: int | None) -> int:
        """Give the first turn of the jobs from a moment on."""
        place = len(self.ticks) if moment is None else bisect_left(self.ticks, moment)
        return self.ticks[place] if place < len(self.ticks) else NEVER

    def _new_version(self) -> None:
        self.versions += 1
        for noun in ("Certificate", "Key", "Secret"):
            if self.planned.kind in {"certificates", f"{noun.lower()}s"}:
                self.told.append((f"{noun}NewVersionCreated", self.planned.name, self.versions))

    def _run(self) -> None:
        planned, made, by_jobs = self.planned, int(START), False
        expires = planned.expires
        rewritten = [tick for tick in planned.rewritten if not planned.deleted <= tick <= planned.recovered]
        while True:
            self._new_version()
            begins, ends = made, expires
            if planned.kind == "certificates":
                begins, ends = made - BACKDATED_S, months_later(made, planned.months)
            renewal = self._renewal(made, begins, ends)
            renewed, overwritten = self.first(renewal), rewritten[0] if rewritten else NEVER
            self._tell_expiry(made if by_jobs else made + 1, ends, renewal, renewed, overwritten)
            made, by_jobs = min(renewed, overwritten), renewed < overwritten
            if made == NEVER:
                return
            if by_jobs:
                self.renewals += 1
            else:
                rewritten.pop(0)
            expires = None if planned.lives is None else made + planned.lives * DAY_S

    def _renewal(self, made: int, begins: int, ends: int | None) -> int | None:
        planned = self.planned
        if planned.rotates_after is not None:
            return made + planned.rotates_after * DAY_S
        if planned.percentage is not None and ends is not None:
            return begins + (ends - begins) * planned.percentage // 100
        if planned.rotates_before is not None and ends is not None:
            margin = 7 * DAY_S if planned.kind == "keys" else 3600
            return max(ends - planned.rotates_before * DAY_S, made + margin)
        return None

    def _tell_expiry(self, since: int, ends: int | None, renewal: int | None, renewed: int, overwritten: int) -> None:
        """Tell what is told of a version before it is replaced."""
        if ends is None or self.planned.left_alone:
            return
        noun = self.planned.kind.removesuffix("s").capitalize()
        for what, moment in (("NearExpiry", ends - self.planned.near_days * DAY_S), ("Expired", ends)):
            tick = self.first(max(moment, since))
            # Of a key, what comes first is told first, if both are due at one turn; a certificate is renewed first.
            is_first = self.planned.kind == "keys" and renewal is not None and moment < renewal
            # Who writes a secret again does so after the jobs.
            if tick != NEVER and tick <= overwritten and (tick < renewed or (tick == renewed and is_first)):
                self.told.append((f"{noun}{what}", self.planned.name, self.versions))


def months_later(moment: int, months: int) -> int:
    """Give the moment so many calendar months later: by adding a month at a time to the year and the month."""
    at = datetime.fromtimestamp(moment, UTC)
    year, month = at.year, at.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return int(at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1])).timestamp())


# ---- what does happen -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Life:
    """The vault, and what its holders do."""

    world: Simulation
    vault: Client
    subscription: EventSubscription

    def make(self, planned: Planned) -> None:
        """Make an object."""
        if planned.kind == "keys":
            self.vault.done("POST", f"/keys/{planned.name}/create", body=planned.body)
            if planned.policy is not None:
                self.vault.done("PUT", f"/keys/{planned.name}/rotationpolicy", body=planned.policy)
        elif planned.kind == "secrets":
            self.vault.done("PUT", f"/secrets/{planned.name}", body=planned.body)
        else:
            answer = self.vault.ask("POST", f"/certificates/{planned.name}/create", body=planned.body)
            assert answer.status == 202, answer.body

    def do(self, what: str, planned: Planned) -> None:
        """Do what somebody does."""
        path = f"/{planned.kind}/{planned.name}"
        if what == "delete":
            self.vault.done("DELETE", path)
        elif what == "recover":
            self.vault.done("POST", f"/deleted{planned.kind}/{planned.name}/recover")
        elif not planned.deleted <= int(self.world.clock()) <= planned.recovered:
            expires = int(self.world.clock()) + (planned.lives or 0) * DAY_S
            self.vault.done("PUT", path, body={"value": "v", "attributes": {"exp": expires}})

    def day(self) -> None:
        """Give the jobs their turn."""
        self.world.run(self._day())

    async def _day(self) -> None:
        await look_after_objects(self.world.world, NODE)
        await purge_due_objects(self.world.store, self.world.keys, int(self.world.clock()))

    def told(self) -> list[Told]:
        """Give every event that was recorded, in order, with the versions as numbers."""
        rows = Sqlite(self.world.folder).sql(
            self.world.store,
            "SELECT * FROM deliveries WHERE subscription = ? ORDER BY sequence, ordinal",
            self.subscription.number,
        )
        events = [read_delivery(self.world.store._tags, row).event for row in rows]
        assert len({event.id for event in events}) == len(events)
        numbers: dict[str, dict[str, int]] = {}
        found: list[Told] = []
        for event in events:
            known = numbers.setdefault(f"{event.object_type} {event.subject}", {})
            number = known.setdefault(event.version, len(known) + 1)
            found.append((event.type.rpartition(".")[2], event.subject, number))
        return found

    def left(self) -> dict[tuple[str, str], int]:
        """Give what is in the vault, deleted or not: how many versions of what."""
        found: dict[tuple[str, str], int] = {}

        async def read() -> None:
            for collection in Collection:
                for state in ObjectState:
                    page = await self.world.store.objects(
                        self.world.vault.id, collection, state, after=None, limit=10_000
                    )
                    found.update({(collection, stored.name): stored.versions for stored, _ in page.rows})

        self.world.run(read())
        return found


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Make a vault and somebody who subscribes to all its events."""
    simulation = Simulation(tmp_path)
    simulation.set_vault(retention_days=RETENTION_DAYS)
    yield Life(simulation, lasting_client(simulation), Events(simulation).subscribe())
    simulation.close()


@pytest.mark.timeout(600)
def test_a_thousand_days(life: Life) -> None:
    """SEC-CLOCK-1: each thing happens once, at its time or at the first turn after it, and is told once of each."""
    plan = a_thousand_objects()
    assert len(plan.objects) == 1000
    for planned in plan.objects:
        life.make(planned)
    life.world.settle()
    for tick in plan.ticks:
        life.world.advance(tick - life.world.clock())
        life.day()
        for what, planned in plan.done.get(tick, ()):
            life.do(what, planned)
    life.world.advance(RETENTION_DAYS * DAY_S)
    life.world.run(purge_due_objects(life.world.store, life.world.keys, int(life.world.clock())))

    models = [Model(plan, planned) for planned in plan.objects]
    expected = Counter(told for model in models for told in model.told)
    assert set(expected.values()) == {1}
    found = life.told()
    assert Counter(found) - expected == expected - Counter(found) == Counter()
    kinds = Counter(kind for kind, _, _ in found)
    assert len(kinds) == 9
    assert min(kinds.values()) > 30, "the plan has something of everything"

    audited = Counter(entry["operationName"] for entry in life.world.entries())
    for kind, number in kinds.items():
        if not kind.endswith("Created"):
            assert audited[f"{kind}EventGridNotification"] == number
    of_keys = [model for model in models if model.planned.kind == "keys"]
    of_certificates = [model for model in models if model.planned.kind == "certificates"]
    assert audited["KeyRotateIfDue"] == sum(model.renewals for model in of_keys)
    assert audited["CertificateRenew"] == sum(model.renewals for model in of_certificates)

    left = {
        (kind, model.planned.name): model.versions
        for model in models
        if model.is_left
        for kind in (
            ("certificates", "keys", "secrets") if model.planned.kind == "certificates" else [model.planned.kind]
        )
    }
    assert life.left() == left
    assert life.world.run(life.world.store.verify()) == []
