"""
The state of an instance as plain values: one item for each thing, comparable with the item of the same thing elsewhere.

Things are named as people name them. An empty text, an empty list and a member that is absent are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Key(NamedTuple):
    """What tells things apart: their kind, and a name in whose case nothing lies."""

    kind: str
    name: str


def key_of(kind: str, name: str) -> Key:
    """Give the key of a thing."""
    return Key(kind, name.casefold())


class Hidden:
    """A value that is never shown; it is equal to nothing that can be seen."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "(hidden)"


class Unseen:
    """A value that nobody can see yet: it is taken for whatever is wanted, and is written nowhere."""

    __slots__ = ()


UNSEEN = Unseen()


@dataclass(frozen=True, slots=True)
class Item:
    """
    One thing, as a file wants it or as it was found.

    Attributes:
        values: what is compared; of a wanted thing only what the file says.
        aside: what is needed to make it and is not compared, such as how long a new credential lasts.
        parent: what it is in: it goes with it, and a list of a file is complete for one parent.
        needs: what has to be there before it.
        id: by which the service knows it; empty for what is only wanted.
        protected: whether it is never removed by what a file does not say: oneself, and what the service made.
    """

    kind: str
    name: str
    values: Mapping[str, Any]
    aside: Mapping[str, Any] = field(default_factory=dict)
    parent: Key | None = None
    needs: frozenset[Key] = frozenset()
    line: int = 0
    id: str = ""
    protected: bool = False

    @property
    def key(self) -> Key:
        """What tells it apart."""
        return key_of(self.kind, self.name)


def canonical(value: Any) -> Any:
    """Give what compares equal where two values mean the same: lists are sets here, and nothing is nothing."""
    if isinstance(value, Mapping):
        members = ((name, canonical(one)) for name, one in value.items())
        return tuple(sorted((name, one) for name, one in members if one is not None)) or None
    if isinstance(value, list | tuple):
        return tuple(sorted({canonical(one) for one in value}, key=repr)) or None
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return ("flag", value)
    return value


def same(first: Any, second: Any) -> bool:
    """Tell whether two values mean the same."""
    if isinstance(first, Unseen) or isinstance(second, Unseen):
        return True
    return bool(canonical(first) == canonical(second))
