"""Patterns of actions, as roles, deny assignments and conditions write them."""

from __future__ import annotations

from collections.abc import Iterable


class ActionPattern:
    """
    A compiled list of action patterns: `*` stands for any characters, and case does not count.

    Pieces between wildcards are looked for from left to right, each as early as possible. That decides every pattern
    in time proportional to its length, so no custom role can make a decision slow, as a regular expression could be.
    """

    __slots__ = ("_exact", "_wildcarded")

    def __init__(self, patterns: Iterable[str]) -> None:
        lowered = [pattern.lower() for pattern in patterns]
        self._exact = frozenset(pattern for pattern in lowered if "*" not in pattern)
        self._wildcarded = tuple(tuple(pattern.split("*")) for pattern in lowered if "*" in pattern)

    def matches(self, action: str) -> bool:
        """Tell whether one of the patterns covers *action*."""
        wanted = action.lower()
        return wanted in self._exact or any(_covers(pieces, wanted) for pieces in self._wildcarded)


def _covers(pieces: tuple[str, ...], action: str) -> bool:
    first, *middle, last = pieces
    if not action.startswith(first):
        return False
    at = len(first)
    for piece in middle:
        found = action.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    # The last piece may not overlap what the ones before it took.
    return len(action) - len(last) >= at and action.endswith(last)
