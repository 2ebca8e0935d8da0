"""Signed answers that are given again, and how many may be signed that are not: what anybody may ask for is bounded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer, when it was made and until when it is good, in Unix seconds."""

    content: bytes
    made: int
    until: int


@dataclass(slots=True)
class KeptAnswers:
    """
    The answers, by what they follow from: what is asked about, and everything about it that the answer tells.

    What changes is so asked for under another key, and an answer that is not true any more is never found.
    """

    limit: int
    per_second: int
    _kept: OrderedDict[tuple[object, ...], KeptAnswer] = field(default_factory=OrderedDict)
    _second: int = 0
    _signed: int = 0

    def find(self, key: tuple[object, ...], now: int) -> KeptAnswer | None:
        """Give an answer of whose time less than half is over."""
        found = self._kept.get(key)
        if found is None or now >= found.made + (found.until - found.made) // 2:
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, key: tuple[object, ...], answer: KeptAnswer) -> None:
        """Keep an answer, in the place of the one that was found longest ago if there are as many as there may be."""
        self._kept[key] = answer
        self._kept.move_to_end(key)
        while len(self._kept) > self.limit:
            self._kept.popitem(last=False)

    def may_sign(self, now: int) -> bool:
        """Take one of the signatures that a second has for answers that nobody keeps; False if they are used up."""
        if now > self._second:
            self._second, self._signed = now, 0
        if self._signed >= self.per_second:
            return False
        self._signed += 1
        return True
