"""The transfer itself: every secret of a source, compared with the destination's and brought up to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from strongroom.cli.transfer.histories import History, Standing, Version, compare, newest_only
from strongroom.cli.transfer.naming import Named, Unusable
from strongroom.cli.transfer.report import Line, Outcome, Report


class SecretFault(Exception):
    """One secret cannot be read or written; the others may. The message says why and holds no value."""


class TransferEnded(Exception):
    """Nothing more can be done: the place does not answer or does not know who asks. The message says what to do."""

    written = 0
    """How many versions of the secret at hand were written before."""


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
    Bring every wanted secret of *source* to *destination*, one after the other, and tell what became of each.

    *tick* is called after each. An interruption ends the transfer between two versions and is a
    report like any other: what was written is whole, and the next run goes on with the rest.
    """
    report = Report(source.title, destination.title, terms.rehearsal)
    try:
        named, unusable = source.listed()
        report.notes += source.notes()
    except TransferEnded as ended:
        report.notes.append(f"Nothing was done: {ended}")
        report.lines.append(Line("*", "", Outcome.NOT_TRIED, reason=str(ended)))
        return report
    report.lines += [
        Line(one.original, "", Outcome.SKIPPED, reason=one.reason) for one in unusable if _wanted(terms, one)
    ]
    queue = [one for one in named if _wanted(terms, one)]
    done = 0
    try:
        for done, one in enumerate(queue, 1):
            report.lines.append(_transfer_one(source, destination, one, terms))
            tick()
    except TransferEnded as ended:
        last = queue[done - 1]
        report.lines.append(Line(last.original, last.name, Outcome.FAILED, ended.written, str(ended)))
        _leave(report, queue[done:], "the transfer ended before it")
    except KeyboardInterrupt:
        _leave(report, queue[max(done - 1, 0) :], "interrupted; the next run goes on from here")
    if not terms.rehearsal:
        _finish(destination, report)
    return report


def _wanted(terms: Terms, one: Named | Unusable) -> bool:
    return terms.wants(one.original)


def _leave(report: Report, rest: Sequence[Named], reason: str) -> None:
    report.lines += [Line(one.original, one.name, Outcome.NOT_TRIED, reason=reason) for one in rest]


def _finish(destination: Destination, report: Report) -> None:
    try:
        destination.finish()
    except TransferEnded as ended:
        report.lines.append(Line("*", "", Outcome.FAILED, reason=str(ended)))


def _transfer_one(source: Source, destination: Destination, one: Named, terms: Terms) -> Line:
    """Bring one secret over."""
    written = 0
    try:
        history = source.read(one.original)
        if terms.newest_only:
            history = newest_only(history)
        if not history.versions:
            reason = "; ".join(history.unread) or "it has no version"
            return Line(one.original, one.name, Outcome.SKIPPED, reason=reason)
        present = destination.find(one.name)
        standing, missing = compare(history, newest_only(present) if present and terms.newest_only else present)
        if standing is Standing.DIFFERENT:
            if not terms.add:
                return Line(one.original, one.name, Outcome.CONFLICT, reason=_conflict(present))
            missing = history.versions[-1:]
            if present and present.versions and present.versions[-1].mark == missing[0].mark:
                return Line(one.original, one.name, Outcome.UNCHANGED, reason="its newest version is there")
        for version in missing:
            if not terms.rehearsal:
                destination.write(one.name, version)
            written += 1
    except TransferEnded as ended:
        ended.written = written
        raise
    except SecretFault as fault:
        reason = f"{fault}" + (f" ({written} of its versions are written)" if written else "")
        return Line(one.original, one.name, Outcome.FAILED, written, reason)
    outcome = {Standing.ABSENT: Outcome.COPIED, Standing.SAME: Outcome.UNCHANGED}.get(standing, Outcome.CONTINUED)
    return Line(one.original, one.name, outcome, written, "; ".join(history.unread))


def _conflict(present: History | None) -> str:
    if present is not None and present.unread:
        return f"the destination has a secret of that name that cannot be compared: {'; '.join(present.unread)}"
    return "the destination has another secret of that name; --add writes the newest version on top of it"
