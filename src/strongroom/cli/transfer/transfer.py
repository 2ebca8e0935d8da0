"""The transfer itself: every secret of a source, compared with the destination's and brought up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from strongroom.cli.transfer.histories import History, Standing, Version, compare, newest_only
from strongroom.cli.transfer.naming import Named, Unusable
from strongroom.cli.transfer.report import Line, Outcome, Report

_BATCH = 32
"""
How many secrets are written side by side. A vault's times are whole seconds, and of two versions of one second nobody
can tell later which was first: a destination waits between two versions of one secret, and so once for a batch.
"""


class SecretFault(Exception):
    """One secret cannot be read or written; the others may. The message says why and holds no value."""


class TransferEnded(Exception):
    """Nothing more can be done: the place does not answer or does not know who asks. The message says what to do."""


class Source(Protocol):
    """Where secrets come from."""

    title: str

    def listed(self) -> tuple[Sequence[Named], Sequence[Unusable]]:
        """
        Name every secret there is, without reading one.

        Raises:
            TransferEnded: it cannot be listed.
        """
        ...

    def read(self, original: str) -> History:
        """
        Read a secret with all its versions.

        Raises:
            SecretFault: not this one.
            TransferEnded: none.
        """
        ...

    def notes(self) -> Iterable[str]:
        """Say what else is there and stays behind."""
        ...


class Destination(Protocol):
    """Where they go."""

    title: str
    is_whole: bool
    """Whether nothing of it is there until `finish` has ended, as with a file; otherwise each version is."""

    def find(self, name: str) -> History | None:
        """
        Read what there is of that name; None if there is nothing.

        Raises:
            SecretFault, TransferEnded: as `Source.read`.
        """
        ...

    def write(self, name: str, version: Version) -> None:
        """
        Write a version, which is the newest then.

        Raises:
            SecretFault, TransferEnded: as `Source.read`.
        """
        ...

    def finish(self) -> None:
        """Make what was written so far last, where that is not done with each version."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How to transfer.

    Attributes:
        rehearsal: read and compare everything, and write nothing.
        newest_only: leave the older versions.
        add: where the destination has another history, write the source's newest version on top of it.
        only: patterns of names at the source, as a shell has them; none means every secret.
    """

    rehearsal: bool = False
    newest_only: bool = False
    add: bool = False
    only: tuple[str, ...] = ()

    def wants(self, original: str) -> bool:
        """Tell whether a secret was asked for."""
        return not self.only or any(fnmatchcase(original.lower(), pattern.lower()) for pattern in self.only)


def transfer(source: Source, destination: Destination, terms: Terms, tick: Callable[[], None]) -> Report:
    """
    Bring every wanted secret of *source* to *destination*, and tell what became of each.

    *tick* is called after each. An interruption ends the transfer between two versions and is a report like any other:
    what was written is whole, and the next run goes on with the rest.
    """
    report = Report(source.title, destination.title, terms.rehearsal)
    try:
        named, unusable = source.listed()
        report.notes += source.notes()
    except TransferEnded as ended:
        report.lines.append(Line("*", "", Outcome.NOT_TRIED, reason=str(ended)))
        return report
    report.lines += [
        Line(one.original, "", Outcome.SKIPPED, reason=one.reason) for one in unusable if terms.wants(one.original)
    ]
    queue = [one for one in named if terms.wants(one.original)]
    work = _Work(source, destination, terms, tick)
    reason = ""
    try:
        for start in range(0, len(queue), _BATCH):
            work.bring(queue[start : start + _BATCH])
        if not terms.rehearsal:
            destination.finish()
    except TransferEnded as ended:
        reason = str(ended)
    except KeyboardInterrupt:
        reason = "interrupted"
    report.lines += work.lines(queue, reason)
    if reason and destination.is_whole:
        report.lines = [_undone(line, reason) for line in report.lines]
    if reason and all(line.outcome is not Outcome.NOT_TRIED for line in report.lines):
        report.lines.append(Line("*", "", Outcome.FAILED, reason=reason))
    return report


def _undone(line: Line, reason: str) -> Line:
    """Tell of a secret of a destination that did not come to be."""
    if line.outcome is Outcome.SKIPPED or (line.outcome is Outcome.FAILED and not line.versions):
        return line
    return Line(line.original, line.name, Outcome.NOT_TRIED, reason=f"{reason}; nothing is written")


@dataclass(slots=True)
class _Pending:
    """A secret some of whose versions are still to be written."""

    one: Named
    outcome: Outcome
    missing: list[Version]
    reason: str
    written: int = 0

    def line(self) -> Line:
        return Line(self.one.original, self.one.name, self.outcome, self.written, self.reason)


@dataclass(slots=True)
class _Work:
    """A transfer under way: what became of each secret so far, by its name at the source."""

    source: Source
    destination: Destination
    terms: Terms
    tick: Callable[[], None]
    ended: dict[str, Line] = field(default_factory=dict)
    pending: dict[str, _Pending] = field(default_factory=dict)

    def bring(self, batch: Sequence[Named]) -> None:
        """Bring a batch over: compare each, then write the next version of each until none lacks any."""
        for one in batch:
            try:
                self._compare(one)
            except SecretFault as fault:
                self._end(Line(one.original, one.name, Outcome.FAILED, reason=str(fault)))
        while self.pending:
            for original, pending in list(self.pending.items()):
                self._step(original, pending)

    def lines(self, queue: Sequence[Named], reason: str) -> list[Line]:
        """Tell of every secret, in the order of the queue, *reason* being why those that are left are left."""
        return [self.ended.get(one.original) or self._left(one, reason) for one in queue]

    def _left(self, one: Named, reason: str) -> Line:
        written = pending.written if (pending := self.pending.get(one.original)) is not None else 0
        outcome = Outcome.FAILED if written else Outcome.NOT_TRIED
        return Line(one.original, one.name, outcome, written, f"{reason}; the next run goes on from here")

    def _compare(self, one: Named) -> None:
        history = self.source.read(one.original)
        if not history.is_text:
            msg = "it has halves of characters in it, which no vault takes"
            raise SecretFault(msg)
        if self.terms.newest_only:
            history = newest_only(history)
        unread = "; ".join(history.unread)
        if not history.versions:
            self._end(Line(one.original, one.name, Outcome.SKIPPED, reason=unread or "it has no version"))
            return
        present = self.destination.find(one.name)
        standing, missing = compare(history, newest_only(present) if present and self.terms.newest_only else present)
        outcome = _OUTCOMES[standing]
        if standing is Standing.DIFFERENT and not self.terms.add:
            self._end(Line(one.original, one.name, Outcome.CONFLICT, reason=_conflict(present)))
            return
        if standing is Standing.DIFFERENT:
            missing = newest_only(history).versions
            if not missing:
                self._end(Line(one.original, one.name, Outcome.SKIPPED, reason=unread))
                return
            if present is not None and [one.mark for one in present.versions[-1:]] == [missing[0].mark]:
                outcome, missing = Outcome.UNCHANGED, ()
        self.pending[one.original] = _Pending(one, outcome, list(missing), unread)

    def _step(self, original: str, pending: _Pending) -> None:
        """Write the next version of a secret, or be done with it."""
        if pending.missing:
            try:
                if not self.terms.rehearsal:
                    self.destination.write(pending.one.name, pending.missing[0])
            except SecretFault as fault:
                told = f" ({pending.written} of its versions are written)" if pending.written else ""
                pending.outcome, pending.reason, pending.missing = Outcome.FAILED, f"{fault}{told}", []
            else:
                pending.missing.pop(0)
                pending.written += 1
        if not pending.missing:
            del self.pending[original]
            self._end(pending.line())

    def _end(self, line: Line) -> None:
        self.ended[line.original] = line
        self.tick()


_OUTCOMES = {
    Standing.ABSENT: Outcome.COPIED,
    Standing.BEHIND: Outcome.CONTINUED,
    Standing.SAME: Outcome.UNCHANGED,
    Standing.DIFFERENT: Outcome.CONTINUED,
}


def _conflict(present: History | None) -> str:
    if present is not None and present.unread:
        return f"the destination has a secret of that name that cannot be compared: {'; '.join(present.unread)}"
    return "the destination has another secret of that name; --add writes the newest version on top of it"
