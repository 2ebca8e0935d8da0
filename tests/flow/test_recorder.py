"""Entries of one turn of the loop are written together, and each answer waits for its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from strongroom.flow.recorder import Recorder
from strongroom.journal import Journal, JournalUnavailable
from strongroom.journal.chain import LINE_BYTES
from tests.unit.journal.ledger import NODE, clock, event, numbers, tagger

Writes = list[int]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Open a journal."""
    opened = Journal.open(tmp_path / "audit", tagger, NODE, clock)
    yield opened
    with suppress(JournalUnavailable):
        opened.close()


@pytest.fixture
def writes(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Writes:
    """Say how many entries each write had."""
    counted: Writes = []
    real: Callable[[list[bytes]], None] = journal.append_all

    def append_all(entries: list[bytes]) -> None:
        counted.append(len(entries))
        real(entries)

    monkeypatch.setattr(journal, "append_all", append_all)
    return counted


def test_what_is_recorded_in_one_turn_is_one_write(journal: Journal, writes: Writes) -> None:
    """Thirty requests that are ready together cost one write, in the order in which they were recorded."""
    recorder = Recorder()

    async def record() -> None:
        await asyncio.gather(*(recorder.record(journal, event(number)) for number in range(30)))

    asyncio.run(record())
    assert writes == [30]
    assert numbers(journal.directory) == list(range(30))


def test_an_entry_is_with_the_kernel_when_its_answer_may_leave(journal: Journal) -> None:
    """SEC-AUDIT-5: a read's entry is with the kernel before the answer."""
    recorder = Recorder()

    async def answer(number: int) -> bool:
        await recorder.record(journal, event(number))
        return number in numbers(journal.directory)

    async def answers() -> list[bool]:
        return await asyncio.gather(*(answer(number) for number in range(10)))

    assert asyncio.run(answers()) == [True] * 10


def test_one_after_the_other_is_one_write_each(journal: Journal, writes: Writes) -> None:
    """Nothing waits for company."""
    recorder = Recorder()

    async def record() -> None:
        for number in range(3):
            await recorder.record(journal, event(number))

    asyncio.run(record())
    assert writes == [1, 1, 1]


def test_what_cannot_be_written_is_told_to_everybody_who_waits(journal: Journal) -> None:
    """SEC-AUDIT-6: no record, no answer."""
    recorder = Recorder()
    for path in journal.directory.glob("*.jsonl"):
        path.unlink()

    async def record() -> list[BaseException | None]:
        return await asyncio.gather(
            *(recorder.record(journal, event(number)) for number in range(5)), return_exceptions=True
        )

    assert [type(outcome) for outcome in asyncio.run(record())] == [JournalUnavailable] * 5


@pytest.mark.parametrize(
    "entry", [b'{"x":"' + b"x" * LINE_BYTES + b'"}', b'{"x":\n1}', b"[]"], ids=["long", "lines", "list"]
)
def test_what_is_no_entry_is_refused_alone(journal: Journal, entry: bytes) -> None:
    """A request whose entry cannot be written takes no other's record with it."""
    recorder = Recorder()

    async def record() -> list[BaseException | None]:
        return await asyncio.gather(
            *(recorder.record(journal, each) for each in (event(1), entry, event(2))), return_exceptions=True
        )

    outcomes = asyncio.run(record())
    assert [type(outcome) for outcome in outcomes] == [type(None), JournalUnavailable, type(None)]
    assert numbers(journal.directory) == [1, 2]


def test_a_request_that_is_cancelled_leaves_its_entry(journal: Journal) -> None:
    """Whoever goes away while the write is due was recorded all the same, and so are the others."""
    recorder = Recorder()

    async def record() -> None:
        first = asyncio.ensure_future(recorder.record(journal, event(1)))
        second = asyncio.ensure_future(recorder.record(journal, event(2)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(record())
    assert numbers(journal.directory) == [1, 2]


def test_whatever_goes_wrong_no_answer_leaves_without_its_record(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-AUDIT-6: where the journal fails in a way of its own, everybody is told that nothing was written."""

    def broken(_entries: list[bytes]) -> None:
        raise MemoryError

    monkeypatch.setattr(journal, "append_all", broken)
    recorder = Recorder()

    async def record() -> list[BaseException | None]:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        entries = (recorder.record(journal, event(number)) for number in range(3))
        return await asyncio.gather(*entries, return_exceptions=True)

    assert [type(outcome) for outcome in asyncio.run(record())] == [JournalUnavailable] * 3
