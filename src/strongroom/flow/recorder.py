"""
The recorder: what requests answered in the same turn of the event loop say, handed to the journal in one write.

    record --> the turn's entries --when all that was ready has run--> Journal.append_all --> the answers leave

An answer waits for its turn to be written, so an entry is with the kernel before its answer leaves, as if it had been
written alone. A loop that has one request at a time writes one entry at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import dataclass, field
from types import coroutine

from strongroom.journal import Journal, JournalUnavailable, require_form

_UNWRITTEN = JournalUnavailable("the entries of the turn were not written")
"""What is told where the journal failed in a way of its own. Made once: a failure made for each turn is rarely told."""


@coroutine
def _next_turn() -> Generator[None, None, None]:
    """Let the loop call what is ready before going on; `asyncio.sleep(0)` without the coroutine around it."""
    yield


@dataclass(slots=True)
class _Turn:
    journal: Journal
    entries: list[bytes] = field(default_factory=list)
    is_over: bool = False
    is_written: bool = False
    """Whether its entries are in the journal: only then do answers leave."""
    failure: JournalUnavailable | None = None
    """Why they are not, where the journal said so."""


class Recorder:
    """Writes entries, those of one turn together. It belongs to one event loop."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn: _Turn | None = None

    async def record(self, journal: Journal, entry: bytes) -> None:
        """
        Write one entry.

        Raises:
            JournalUnavailable: it was not written.
        """
        # Judged alone, so that an entry that cannot be written does not take its neighbours with it.
        require_form(entry)
        turn = self._turn
        if turn is None or turn.journal is not journal:
            turn = self._turn = _Turn(journal)
            asyncio.get_running_loop().call_soon(self._write, turn)
        turn.entries.append(entry)
        # The loop calls in the order in which it was asked to: whatever is ready, `_write`, and then this again.
        await _next_turn()
        if not turn.is_over:
            self._write(turn)
        if not turn.is_written:
            raise (turn.failure or _UNWRITTEN).again()

    def _write(self, turn: _Turn) -> None:
        if turn.is_over:
            return
        turn.is_over = True
        if self._turn is turn:
            self._turn = None
        try:
            turn.journal.append_all(turn.entries)
        except JournalUnavailable as failure:
            turn.failure = failure
        else:
            turn.is_written = True
