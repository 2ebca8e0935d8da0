"""What the journal's tests share: a tagger that a reader of the files does not have, a clock, and ways to tamper."""

import hmac
import json
from pathlib import Path
from typing import Any

from strongroom.journal import Journal
from strongroom.journal.reading import tail

NODE = "n1"


def tagger(purpose: str, message: bytes) -> bytes:
    """Tag as the root key does, under a key of the tests."""
    return hmac.digest(b"root key of the tests:" + purpose.encode(), message, "sha256")


def clock() -> float:
    """Stand still at a moment."""
    return 1_700_000_000.25


def event(number: int) -> bytes:
    """Make an entry that is like no other."""
    return b'{"time":"2024-01-01T00:00:00.%07dZ","operationName":"SecretGet","n":%d}' % (number, number)


def append(journal: Journal, first: int, last: int) -> None:
    """Append entries *first* to *last*."""
    for number in range(first, last + 1):
        journal.append(event(number))


def entries(directory: Path) -> list[dict[str, Any]]:
    """Read every entry there is."""
    return [json.loads(recorded.event) for recorded in tail(directory, n=10**9)]


def numbers(directory: Path) -> list[int]:
    """Read the numbers of the entries that `event` made."""
    return [entry["n"] for entry in entries(directory) if "n" in entry]


def file_of(directory: Path, number: int = 1) -> Path:
    """Say where a file of the series is."""
    return directory / f"{NODE}.{number:08d}.jsonl"


def lines_of(path: Path) -> list[bytes]:
    """Read a file's lines with their ends."""
    return path.read_bytes().splitlines(keepends=True)
