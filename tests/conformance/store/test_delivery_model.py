"""The queue of deliveries against a model of it: a list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.event_deliveries import Addressee, Delivery, DeliveryState
from strongroom.store import DeliveryCount, Store, Transaction
from strongroom.store.sqlite import SqliteStore
from tests.conformance.store.backends import tagger
from tests.conformance.store.samples import VAULT, event

HOOK = "hook"
PLACES = "abc"
LATE = 10**9
STEPS = st.lists(
    st.tuples(st.sampled_from(["announce", "deliver", "fail", "die", "replay", "forget"]), st.integers(0, 2)),
    max_size=24,
)


@dataclass
class Model:
    """What should be in the queue: of each object the events that wait, the first first; and the dead ones."""

    waiting: dict[str, list[str]] = field(default_factory=lambda: {place: [] for place in PLACES})
    dead: list[str] = field(default_factory=list)

    @property
    def ready(self) -> set[str]:
        """The first of each object."""
        return {line[0] for line in self.waiting.values() if line}


def _number(event_id: str) -> int:
    return int(event_id.rpartition("-")[2])


async def _perform(model: Model, store: Store, step: tuple[str, int], number: int) -> None:
    what, which = step
    place = PLACES[which]
    due = {one.event.id: one for one in await store.due_deliveries(HOOK, LATE, limit=99)}
    assert set(due) == model.ready
    line = model.waiting[place]

    async def change(tx: Transaction) -> None:
        if what == "announce":
            tx.announce(event(place, number))
            line.append(event(place, number).id)
        elif what == "forget":
            assert await tx.remove_deliveries(HOOK, 999) == sum(map(len, model.waiting.values())) + len(model.dead)
            model.waiting, model.dead = Model().waiting, []
        elif what == "replay" and model.dead:
            await _replay(model, tx)
        elif line and what in {"deliver", "fail", "die"}:
            await _settle(model, tx, what, due[line[0]])

    await store.commit(change)


async def _settle(model: Model, tx: Transaction, what: str, first: Delivery) -> None:
    line = model.waiting[first.event.subject]
    if what == "deliver":
        assert await tx.remove_delivery(first)
        assert not await tx.remove_delivery(first)
        line.pop(0)
    elif what == "fail":
        assert await tx.move_delivery(replace(first, attempts=first.attempts + 1, due_at=first.due_at + 1))
    else:
        assert await tx.move_delivery(replace(first, state=DeliveryState.DEAD))
        model.dead.append(line.pop(0))
        model.dead.sort(key=_number)


async def _replay(model: Model, tx: Transaction) -> None:
    oldest = (await tx.dead_deliveries(HOOK, after=(-1, -1), limit=1)).rows[0]
    assert oldest.event.id == model.dead.pop(0)
    assert await tx.move_delivery(replace(oldest, state=DeliveryState.READY))
    line = model.waiting[oldest.event.subject]
    # The one that is being delivered goes on; of those that wait behind it, the older comes first.
    first, behind = line[:1], sorted([*line[1:], oldest.event.id], key=_number)
    line[:] = [*first, *behind]


async def _run(steps: list[tuple[str, int]]) -> None:
    store = await SqliteStore.open(None, tagger)
    store.route(lambda _: [Addressee(HOOK, VAULT)])
    model = Model()
    for number, step in enumerate(steps):
        await _perform(model, store, step, number)
    waiting = sum(map(len, model.waiting.values()))
    assert await store.count_deliveries(HOOK) == DeliveryCount(waiting, len(model.dead))
    assert await store.verify() == []
    await store.close()


@given(STEPS)
def test_the_queue_is_a_list_for_each_object(steps: list[tuple[str, int]]) -> None:
    """SEC-EVENT-1: whatever is delivered, fails, dies and is replayed, one of each object is ready, in order."""
    asyncio.run(_run(steps))
