"""How much of the audit journal requests without an identity may fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Beyond(StrEnum):
    """Which limit an attempt was beyond, so that it was only counted."""

    SOURCE = "source"
    """Its own source's share of the second."""
    NUMBER = "number"
    """The number of entries in a second, whoever makes them."""
    BYTES = "bytes"
    """The bytes of all entries in a second."""


@dataclass(slots=True)
class AnonymousQuota:
    """
    How many entries, and how large ones, anonymous and blocked attempts may make in each second.

    Beyond it they are counted, and the count is an entry: they cannot use up the space or time that authenticated calls
    need (security.md "The flow"). The source's share comes first, so that one source cannot hide another's attempts by
    using up what all have. Only sources that took a place are remembered, so never more than `per_second`.
    """

    per_source: int
    per_second: int
    bytes_per_second: int
    _second: int = 0
    _used: int = 0
    _used_bytes: int = 0
    _sources: dict[str, int] = field(default_factory=dict)
    _unlisted: dict[Beyond, int] = field(default_factory=dict)
    _since: int = 0

    def take(self, source: str, now: float, make_entry: Callable[[], bytes]) -> bytes | None:
        """
        Take a place for the entry that *make_entry* makes, and give it; or count the attempt, and give None.

        *now* is in Unix seconds. An entry is made only if source and number leave a place for it.
        """
        second = int(now)
        if second > self._second:
            # Only forward: a request that was long under way gives nobody a new second.
            self._second, self._used, self._used_bytes = second, 0, 0
            self._sources.clear()
        of_source = self._sources.get(source, 0)
        if of_source >= self.per_source:
            self._count(Beyond.SOURCE)
            return None
        if self._used >= self.per_second:
            self._count(Beyond.NUMBER)
            return None
        entry = make_entry()
        if self._used_bytes + len(entry) > self.bytes_per_second:
            self._count(Beyond.BYTES)
            return None
        self._sources[source] = of_source + 1
        self._used += 1
        self._used_bytes += len(entry)
        return entry

    def _count(self, beyond: Beyond) -> None:
        if not self._unlisted:
            self._since = self._second
        self._unlisted[beyond] = self._unlisted.get(beyond, 0) + 1

    @property
    def counted(self) -> tuple[Mapping[Beyond, int], int]:
        """How many attempts were only counted since it was last settled, by limit, and since when."""
        return self._unlisted, self._since

    def settle(self) -> None:
        """Start to count anew: the count so far is recorded."""
        self._unlisted = {}
