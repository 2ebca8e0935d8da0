from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from strongroom.core.changes import Change, ObjectChanged, RecordPut, RecordRemoved
from strongroom.core.errors import NameTaken
from strongroom.core.identity import User
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.store import Store, StoreClosed, StoreFailed, StoreTimeout, Transaction
from tests.conformance.store.backends import Backend, Hold
from tests.conformance.store.samples import (
    PARTITION,
    VAULT,
    group,
    put,
    put_into,
    remove,
    secret,
    secrets,
    user,
    users,
)

COMMITTERS = 200


async def until(condition: Callable[[], bool]) -> None:
    """Give others their turn until something is so."""
    while not condition():  # noqa: ASYNC110  what is waited for happens in a thread that knows no event
        await asyncio.sleep(0.001)


def big(name: str) -> tuple[StoredObject, StoredVersion]:
    """Make a secret that takes several pages."""
    stored, version = secret(name)
    return stored, replace(version, sealed=bytes(25_000))


async def held(hold: Hold, store: Store, *things: User) -> asyncio.Task[object]:
    """Begin a commit whose durable write hangs."""
    task: asyncio.Task[object] = asyncio.create_task(put(store, *things))
    await until(hold.reached)
    return task


# ---- what a commit says ----------------------------------------------------------------------------------------------


async def test_a_commit_says_what_changed_and_what_the_change_returned(backend: Backend) -> None:
    """Changes come in the order they were made; an object is announced once, however many of its rows were put."""

    async def change(transaction: Transaction) -> str:
        await put_into(transaction, user(1), *secret("A"), *secret("b"))
        await transaction.remove(group(1))
        return "result"

    async with backend.open() as store:
        first = await put(store, group(1))
        committed = await store.commit(change, audit=lambda result: [result.encode(), b"second"])
        assert committed.result == "result"
        assert committed.sequence == first.sequence + 1
        assert committed.outbox == (1, 2)
        assert committed.changes == (
            RecordPut(user(1)),
            ObjectChanged(VAULT, Collection.SECRETS, "a"),
            ObjectChanged(VAULT, Collection.SECRETS, "b"),
            RecordRemoved("group", PARTITION, "group-00001"),
        )


async def test_a_change_that_changes_nothing_takes_no_number(backend: Backend) -> None:
    """It answers with the number of the commit before it."""
    async with backend.open() as store:
        first = await put(store, user(1))
        committed = await store.commit(lambda transaction: transaction.record(User, PARTITION, "user-00001"))
        assert (committed.sequence, committed.changes, committed.result) == (first.sequence, (), user(1))
        assert await store.sequence() == first.sequence


async def test_a_change_awaits_nothing_but_its_transaction(backend: Backend) -> None:
    """A change that waits for anything else holds everybody up, so it is refused and undone."""

    async def change(transaction: Transaction) -> None:
        await transaction.put(user(1))
        await asyncio.sleep(0)

    async with backend.open() as store:
        with pytest.raises(RuntimeError, match="awaits nothing but its transaction"):
            await store.commit(change)
        assert await users(store) == []


async def test_a_transaction_that_is_over_writes_nothing(backend: Backend) -> None:
    """A change that kept its transaction cannot write into somebody else's."""
    kept: list[Transaction] = []

    async def change(transaction: Transaction) -> None:
        kept.append(transaction)

    async with backend.open() as store:
        await store.commit(change)
        with pytest.raises(RuntimeError, match="over"):
            await kept[0].put(user(1))
        with pytest.raises(RuntimeError, match="over"):
            await kept[0].records(User)


async def test_an_audit_that_fails_undoes_its_change(backend: Backend) -> None:
    """SEC: "No record, no answer": what cannot be described is not done."""

    def audit(_result: None) -> Sequence[bytes]:
        message = "cannot be described"
        raise LookupError(message)

    async with backend.open() as store:
        with pytest.raises(LookupError, match="cannot be described"):
            await store.commit(lambda transaction: transaction.put(user(1)), audit=audit)
        assert await users(store) == []


# ---- many at once ----------------------------------------------------------------------------------------------------


async def test_whoever_follows_knows_every_record_when_a_change_begins(backend: Backend) -> None:
    """SEC-FLOW-7: what is decided inside a change, of what subscribers know, holds: no other change is half-known."""
    told: list[Change] = []
    seen: list[bool] = []

    async def change(transaction: Transaction) -> None:
        stored = await transaction.records(User)
        seen.append({record.id for record in stored} == {one.record.id for one in told if isinstance(one, RecordPut)})
        await put_into(transaction, *secret(f"s{len(seen)}"), *([user(len(seen))] if len(seen) % 3 == 0 else []))

    async with backend.open() as store:
        store.subscribe(told.extend)
        await asyncio.gather(*(store.commit(change) for _ in range(COMMITTERS)))
        assert len(await users(store)) == COMMITTERS // 3
    assert seen == [True] * COMMITTERS


async def test_many_committers_see_each_other_and_lose_nothing(backend: Backend) -> None:
    """200 read-modify-writes at once, some of which fail, count exactly those that succeeded."""

    async def count(number: int) -> None:
        async def change(transaction: Transaction) -> None:
            counter = await transaction.record(User, PARTITION, "user-00000")
            assert counter is not None
            await put_into(transaction, user(0, name=str(int(counter.display_name) + 1)), user(number))
            if number % 7 == 0:
                raise LookupError(number)

        await store.commit(change, audit=lambda _: [b"%d" % number])

    async with backend.open() as store:
        await put(store, user(0, name="0"))
        outcomes = await asyncio.gather(*(count(number) for number in range(1, COMMITTERS + 1)), return_exceptions=True)
        failed = {number for number, outcome in enumerate(outcomes, 1) if isinstance(outcome, LookupError)}
        succeeded = {number for number, outcome in enumerate(outcomes, 1) if outcome is None}
        assert failed == set(range(7, COMMITTERS + 1, 7))
        assert failed | succeeded == set(range(1, COMMITTERS + 1))
        counter = await store.record(User, PARTITION, "user-00000")
        assert counter is not None
        assert counter.display_name == str(len(succeeded))
        assert await users(store) == ["user-00000", *(f"user-{number:05}" for number in sorted(succeeded))]
        assert {int(entry) for _, entry in await store.outbox(limit=COMMITTERS)} == succeeded
        assert await store.verify() == []


async def test_a_failure_in_a_group_is_undone_alone(lasting: Backend) -> None:
    """Of three changes in one durable write, the second's rows, names and entries are undone and the others stay."""

    async def broken(transaction: Transaction) -> None:
        await put_into(transaction, user(3), *secret("broken"))
        await transaction.remove(user(1))
        message = "no"
        raise LookupError(message)

    async with lasting.open() as store:
        with lasting.hold_commits(store) as hold:
            first = await held(hold, store, user(1))
            waiting = [
                asyncio.create_task(put(store, user(2), entries=(b"two",))),
                asyncio.create_task(store.commit(broken, audit=lambda _: [b"broken"])),
                asyncio.create_task(put(store, user(4, upn="user3@a.example"), entries=(b"four",))),
            ]
            await asyncio.sleep(0)
            hold.let_go()
            outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes].count(LookupError) == 1
        assert isinstance(outcomes[2], LookupError)
        assert await users(store) == ["user-00001", "user-00002", "user-00004"]
        assert [entry for _, entry in await store.outbox(limit=9)] == [b"two", b"four"]
        assert await store.object(VAULT, Collection.SECRETS, "broken") is None
        assert await store.verify() == []


async def test_names_are_judged_within_a_group(lasting: Backend) -> None:
    """The second of two changes in one durable write that claim the same name is refused."""
    async with lasting.open() as store:
        with lasting.hold_commits(store) as hold:
            first = await held(hold, store, user(1))
            waiting = [asyncio.create_task(put(store, user(n, upn="same@a.example"))) for n in (2, 3)]
            await asyncio.sleep(0)
            hold.let_go()
            outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert isinstance(outcomes[2], NameTaken)
        assert await users(store) == ["user-00001", "user-00002"]


async def test_nobody_reads_what_is_not_yet_durable(lasting: Backend) -> None:
    """While a durable write hangs, readers go on and see the state before it."""
    async with lasting.open() as store:
        await put(store, user(1))
        with lasting.hold_commits(store) as hold:
            writing = await held(hold, store, user(2))
            assert await users(store) == ["user-00001"]
            assert await store.sequence() == 1
            hold.let_go()
            await writing
        assert await users(store) == ["user-00001", "user-00002"]


async def test_a_change_runs_in_its_committers_context(lasting: Backend) -> None:
    """What a log line is bound to is the committer's, also when others do the writing."""
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request")
    seen: list[str] = []

    async def commit(name: str) -> None:
        async def change(transaction: Transaction) -> None:
            seen.append(request.get())
            await transaction.put(user(len(seen)))

        request.set(name)
        await store.commit(change)

    async with lasting.open() as store:
        await asyncio.gather(*(commit(name) for name in "abc"))
    assert sorted(seen) == ["a", "b", "c"]


# ---- subscribers -----------------------------------------------------------------------------------------------------


async def test_subscribers_have_seen_the_changes_when_the_committer_gets_its_answer(backend: Backend) -> None:
    """And they see every commit's changes, in the order of the commits' numbers."""
    seen: list[Change] = []
    numbers: dict[str, int] = {}

    async def commit(number: int) -> None:
        committed = await put(store, user(number))
        assert RecordPut(user(number)) in seen
        numbers[f"user-{number:05}"] = committed.sequence

    async with backend.open() as store:
        store.subscribe(seen.extend)
        await asyncio.gather(*(commit(number) for number in range(50)))
    order = [change.record.id for change in seen if isinstance(change, RecordPut)]
    assert order == sorted(numbers, key=numbers.__getitem__)
    assert len(order) == 50


async def test_subscribers_hear_nothing_of_what_was_undone(backend: Backend) -> None:
    """A change that failed, or changed nothing, is not announced."""
    seen: list[Sequence[Change]] = []

    async def change(transaction: Transaction) -> None:
        await transaction.put(user(1))
        raise LookupError

    async with backend.open() as store:
        store.subscribe(seen.append)
        with pytest.raises(LookupError):
            await store.commit(change)
        await remove(store, user(1))
    assert seen == []


async def test_a_subscriber_that_fails_is_the_committers_to_know(backend: Backend) -> None:
    """The commit is durable and everyone else was told, but its maker does not go on as if all had followed."""
    seen: list[Change] = []

    def broken(_changes: Sequence[Change]) -> None:
        message = "cannot follow"
        raise LookupError(message)

    async with backend.open() as store:
        store.subscribe(broken)
        store.subscribe(seen.extend)
        outcomes = await asyncio.gather(*(put(store, user(number)) for number in range(5)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [LookupError] * 5
        assert len(seen) == 5
        assert len(await users(store)) == 5


# ---- faults of the disk ----------------------------------------------------------------------------------------------


async def test_a_durable_write_that_fails_is_everyones_failure(backend: Backend) -> None:
    """Nobody in the group is told that it succeeded, subscribers hear nothing, and the store goes on afterwards."""
    seen: list[Change] = []
    async with backend.open() as store:
        await put(store, *secret("s0"))
        store.subscribe(seen.extend)
        with backend.fail_commits(store):
            outcomes = await asyncio.gather(
                *(put(store, *secret(f"s{number}")) for number in range(1, 9)), return_exceptions=True
            )
        assert [type(outcome) for outcome in outcomes] == [StoreFailed] * 8
        assert (await secrets(store), seen) == (["s0"], [])
        await asyncio.gather(*(put(store, *secret(f"s{number}")) for number in range(1, 9)))
        assert len(await secrets(store)) == 9
        assert await store.verify() == []


async def test_a_full_disk_is_told_and_survived(backend: Backend) -> None:
    """PIT: "Acknowledged write lost by ... full disk": what did not fit failed, what was acknowledged is there."""
    async with backend.open() as store:
        await put(store, user(0))
        with backend.fill_disk(store):
            outcomes = await asyncio.gather(*(put(store, *big(f"big{n}")) for n in range(40)), return_exceptions=True)
        failed = [outcome for outcome in outcomes if isinstance(outcome, StoreFailed)]
        written = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
        assert failed
        assert len(failed) + len(written) == 40
        for n in range(40):
            assert (await store.object(VAULT, Collection.SECRETS, f"big{n}") is not None) == (n in written)
        await put(store, *big("later"))
        assert await store.verify() == []


async def test_a_database_that_became_read_only_is_told_and_survived(backend: Backend) -> None:
    """Writes fail, reads go on, and when it is mended so do writes."""
    async with backend.open() as store:
        await put(store, user(1))
        with backend.forbid_writing(store):
            outcomes = await asyncio.gather(put(store, user(2)), put(store, user(3)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [StoreFailed] * 2
            assert await users(store) == ["user-00001"]
        await put(store, user(2))
        assert await store.verify() == []


# ---- waiting no longer -----------------------------------------------------------------------------------------------


async def test_a_committer_cancelled_before_its_turn_has_done_nothing(lasting: Backend) -> None:
    """Its change never runs, and those around it are not disturbed."""
    async with lasting.open() as store:
        with lasting.hold_commits(store) as hold:
            first = await held(hold, store, user(1))
            waiting = [asyncio.create_task(put(store, user(number))) for number in (2, 3, 4)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
            hold.let_go()
            outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert isinstance(outcomes[2], asyncio.CancelledError)
        assert await users(store) == ["user-00001", "user-00002", "user-00004"]
        assert await store.verify() == []


async def test_a_committer_cancelled_during_the_durable_write_leaves_it_whole(lasting: Backend) -> None:
    """The change is made or not made as a whole, subscribers know of it, and the next commit follows on."""
    seen: list[Change] = []
    async with lasting.open() as store:
        store.subscribe(seen.extend)
        with lasting.hold_commits(store) as hold:
            first = await held(hold, store, user(1))
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            hold.let_go()
            await put(store, user(2))
        assert await users(store) == ["user-00001", "user-00002"]
        assert seen == [RecordPut(user(1)), RecordPut(user(2))]
        assert await store.verify() == []


async def test_committers_cancelled_at_every_moment_corrupt_nothing(backend: Backend) -> None:
    """Whoever was not cancelled is there, whether in a group, as secrets are, or alone, as users; all is sound."""
    async with backend.open() as store:
        tasks = [
            asyncio.create_task(put(store, user(number)) if number % 5 == 0 else put(store, *secret(f"s{number}")))
            for number in range(100)
        ]
        for number in range(0, 100, 3):
            await asyncio.sleep(0)
            tasks[number].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        there = {*await users(store), *await secrets(store)}
        for number, outcome in enumerate(outcomes):
            made = f"user-{number:05}" if number % 5 == 0 else f"s{number}"
            assert isinstance(outcome, asyncio.CancelledError) or made in there
        await put(store, user(1000))
        assert await store.verify() == []


async def test_a_commit_has_a_deadline(lasting: Backend) -> None:
    """SEC: "in bounded time": neither a durable write that hangs nor a turn behind it is waited for for ever."""
    async with lasting.open(deadline_s=0.05) as store:
        with lasting.hold_commits(store) as hold:
            first = await held(hold, store, user(1))
            second = asyncio.create_task(put(store, user(2)))
            outcomes = await asyncio.gather(first, second, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [StoreTimeout] * 2
            lasting.be_patient(store)
            hold.let_go()
        await put(store, user(3))
        # The first was under way, so its outcome was unknown and turns out to be: made. The second had not begun.
        assert await users(store) == ["user-00001", "user-00003"]
        assert await store.verify() == []


async def test_a_statement_has_a_deadline(backend: Backend) -> None:
    """PIT: "Deadlines on every statement": one that takes too long is given up, outside a change and inside one."""
    async with backend.open() as store:
        await put(store, *(group(number) for number in range(3000)))
        backend.clock.racing = True
        with pytest.raises(StoreTimeout):
            await store.records(type(group()))
        with pytest.raises(StoreTimeout):
            await store.commit(lambda transaction: transaction.records(type(group())))
        backend.clock.racing = False
        assert len(await store.records(type(group()))) == 3000
        await put(store, user(1))
        assert await store.verify() == []


# ---- the end ---------------------------------------------------------------------------------------------------------


async def test_a_closed_store_refuses(backend: Backend) -> None:
    """Reads and writes, and closing again is no fault."""
    async with backend.open() as store:
        await put(store, user(1))
        await store.close()
        await store.close()
        for attempt in (
            put(store, user(2)),
            store.record(User, PARTITION, "user-00001"),
            store.records(User),
            store.changes_since(0, limit=1),
            store.outbox(limit=1),
            store.audited(0),
            store.acquire_lease("job", "me", now=1, lifetime_s=1),
            store.verify(),
        ):
            with pytest.raises(StoreClosed):
                await attempt


async def test_closing_finishes_what_was_begun_and_refuses_what_waits(lasting: Backend) -> None:
    """A durable write under way is answered; a commit that had not begun is told so, and is not there."""
    async with lasting.open() as store:
        with lasting.hold_commits(store) as hold:
            first = await held(hold, store, user(1))
            second = asyncio.create_task(put(store, user(2)))
            await asyncio.sleep(0)
            closing = asyncio.create_task(store.close())
            await asyncio.sleep(0)
            hold.let_go()
            outcomes = await asyncio.gather(first, second, closing, return_exceptions=True)
        assert [isinstance(outcome, StoreClosed) for outcome in outcomes] == [False, True, False]
    async with lasting.open() as store:
        assert await users(store) == ["user-00001"]
        assert await store.verify() == []


def test_a_loop_that_ends_during_a_durable_write_leaves_the_database_sound(lasting: Backend) -> None:
    """When everything is cancelled at once, the group under way is finished first."""
    with_hold: list[Hold] = []

    async def run() -> None:
        store = await lasting.open().__aenter__()
        hold = lasting.hold_commits(store).__enter__()
        with_hold.append(hold)
        writing = await held(hold, store, user(1))
        waiting = asyncio.create_task(put(store, user(2)))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, hold.let_go)
        del writing, waiting

    async def look() -> list[str]:
        async with lasting.open() as store:
            assert await store.verify() == []
            return await users(store)

    asyncio.run(run())
    assert asyncio.run(look()) == ["user-00001"]
