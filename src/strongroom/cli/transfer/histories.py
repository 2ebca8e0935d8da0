"""A secret with all its versions, wherever it is, and what is left to write of one at another place."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Version:
    """One version with all that a vault keeps of it; the times are Unix seconds."""

    value: str = field(repr=False)
    content_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    origin: str = ""
    """What it is called where it was read. It is no part of what is compared: the destination gives its own names."""

    @property
    def texts(self) -> list[str]:
        """Give its value and all that is written beside it."""
        return [self.value, self.content_type or "", *(part for pair in sorted(self.tags.items()) for part in pair)]

    @property
    def mark(self) -> bytes:
        """Give what is equal for equal versions, and holds no value."""
        parts = [
            *self.texts,
            str(self.enabled),
            str(self.not_before),
            str(self.expires),
        ]
        digest = hashlib.sha256()
        for part in parts:
            text = part.encode("utf-8", "surrogatepass")
            digest.update(len(text).to_bytes(8, "big") + text)
        return digest.digest()


@dataclass(frozen=True, slots=True)
class History:
    """A secret's versions that could be read, the oldest first, and why others could not."""

    versions: tuple[Version, ...]
    unread: tuple[str, ...] = ()
    """A sentence for each version whose value its place does not tell."""
    is_newest_unread: bool = field(default=False, compare=False)
    """Whether the newest is one of those: then none of the others is what its programs would get."""

    @property
    def is_text(self) -> bool:
        """Tell whether all of it can be sent: JSON can say halves of characters, which are no text."""
        return all(_is_text(part) for one in self.versions for part in one.texts)


class Standing(Enum):
    """How a destination's history stands to a source's."""

    ABSENT = "absent"
    BEHIND = "behind"
    """It has the source's first versions and nothing else: an interrupted transfer, or newer versions at the source."""
    SAME = "same"
    DIFFERENT = "different"


def compare(source: History, destination: History | None) -> tuple[Standing, tuple[Version, ...]]:
    """
    Tell how a destination stands to its source, and which versions it lacks, the oldest first.

    Versions of one second have no order of their own, so the destination's are compared as a heap with as many of the
    source's first. One that cannot be read is like none of the source's: nothing is written on top of what is unknown.
    """
    if destination is None or not (destination.versions or destination.unread):
        return Standing.ABSENT, source.versions
    count = len(destination.versions)
    first = Counter(one.mark for one in source.versions[:count])
    if destination.unread or first != Counter(one.mark for one in destination.versions):
        return Standing.DIFFERENT, ()
    missing = source.versions[count:]
    return (Standing.BEHIND if missing else Standing.SAME), missing


def newest_only(history: History) -> History:
    """Leave only the newest version, for who does not want the others; nothing if its value is not told."""
    versions = () if history.is_newest_unread else history.versions[-1:]
    return History(versions, history.unread, is_newest_unread=history.is_newest_unread)


def _is_text(part: str) -> bool:
    try:
        part.encode()
    except UnicodeEncodeError:
        return False
    return True
