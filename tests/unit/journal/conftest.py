"""A journal in a directory of its own."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from strongroom.journal import Journal, JournalUnavailable
from tests.unit.journal.ledger import NODE, clock, tagger

Opener = Callable[..., Journal]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the journal is: not there yet."""
    return tmp_path / "audit"


@pytest.fixture
def reopen(directory: Path) -> Iterator[Opener]:
    """Open the journal again and again; what is still open at the end is closed."""
    opened: list[Journal] = []

    def open_it(**options: object) -> Journal:
        for journal in opened:
            journal.close()
        opened[:] = [Journal.open(directory, tagger, NODE, clock, **options)]  # type: ignore[arg-type]  # passed through
        return opened[0]

    yield open_it
    for journal in opened:
        with suppress(JournalUnavailable):
            journal.close()


@pytest.fixture
def journal(reopen: Opener) -> Journal:
    """Open a journal."""
    return reopen()
