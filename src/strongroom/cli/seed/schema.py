"""
The types of a file's members, and how a node is taken as one; every fault is told with its line.

What is taken is plain: texts, numbers, flags, lists and `Entry`, a dictionary that knows its line.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from strongroom.cli.seed.reading import FAULTS, Fault, Invalid, Items, Members, Node, Scalar

_YAML_WORDS = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
    "null": "nothing",
}


class Entry(dict[str, Any]):
    """A mapping of a file that was taken, with the line that it begins on."""

    line: int = 0


@dataclass(slots=True)
class Faults:
    """Everything that is wrong with a file."""

    found: list[Fault] = field(default_factory=list)

    def add(self, line: int, place: str, message: str) -> None:
        """Note a fault."""
        if len(self.found) < FAULTS:
            self.found.append(Fault(line, place, message))

    def check(self) -> None:
        """
        End here if anything is wrong.

        Raises:
            Invalid: something is.
        """
        if self.found:
            raise Invalid(sorted(self.found, key=lambda one: one.line))


class Kind(ABC):
    """What a member may be."""

    @abstractmethod
    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a node, or note what is wrong with it and give None."""

    @property
    @abstractmethod
    def words(self) -> str:
        """How the documentation calls it."""


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A text of one line or more; what it must look like, if *pattern* says so."""

    pattern: str = r"(?s).+"
    says: str = "a text"
    words_: str = "text"

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a text: what YAML takes for something else has to be in quotes, so that nobody wonders which it was."""
        if not isinstance(node, Scalar):
            return faults.add(node.line, place, f"it must be {self.says}")
        if node.kind != "str":
            taken = _YAML_WORDS.get(node.kind, "something else")
            return faults.add(node.line, place, f"it must be {self.says}, and YAML reads {taken}: put it in quotes")
        if re.fullmatch(self.pattern, node.text) is None:
            return faults.add(node.line, place, f"it must be {self.says}")
        return node.text

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return self.words_


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """True or false."""

    only: bool | None = None

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take `true` or `false`, and none of the other words that YAML knows for them."""
        wanted = "true or false" if self.only is None else str(self.only).lower()
        if not isinstance(node, Scalar) or node.kind != "bool" or node.text.lower() not in {"true", "false"}:
            return faults.add(node.line, place, f"it must be {wanted}")
        value = node.text.lower() == "true"
        if self.only is not None and value is not self.only:
            return faults.add(node.line, place, f"it must be {wanted}")
        return value

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return "`true` or `false`" if self.only is None else f"`{str(self.only).lower()}`"


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """A whole number within bounds."""

    least: int
    most: int

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a number in decimal digits: YAML would read `010` as eight."""
        wanted = f"a whole number from {self.least} to {self.most}" if self.least < self.most else str(self.least)
        if not isinstance(node, Scalar) or node.kind != "int" or re.fullmatch(r"0|[1-9]\d{0,9}", node.text) is None:
            return faults.add(node.line, place, f"it must be {wanted}")
        if not self.least <= int(node.text) <= self.most:
            return faults.add(node.line, place, f"it must be {wanted}")
        return int(node.text)

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Instant(Kind):
    """A time with its zone, as RFC 3339 writes it; it is taken as Unix seconds."""

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a time."""
        if isinstance(node, Scalar) and node.kind in {"str", "timestamp"}:
            try:
                moment = datetime.fromisoformat(node.text)
            except ValueError:
                moment = None
            if moment is not None and moment.tzinfo is not None:
                return int(moment.timestamp())
        return faults.add(node.line, place, "it must be a time with its zone, as 2030-01-31T12:00:00Z")

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return "time"


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few words, in any case; taken as it is spelled here."""

    choices: tuple[str, ...]

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a word."""
        if isinstance(node, Scalar) and node.kind == "str":
            for word in self.choices:
                if word.lower() == node.text.lower():
                    return word
        return faults.add(node.line, place, f"it must be one of {', '.join(self.choices)}")

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return " or ".join(f"`{word}`" for word in self.choices)


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """A list."""

    of: Kind

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a list; an empty one is one."""
        if not isinstance(node, Items):
            return faults.add(node.line, place, "it must be a list")
        return [self.of.take(one, f"{place}[{index}]", faults) for index, one in enumerate(node.values)]

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return f"list of {self.of.words}"


@dataclass(frozen=True, slots=True)
class Texts(Kind):
    """A mapping of texts to texts, as tags are."""

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a mapping of texts."""
        if not isinstance(node, Members):
            return faults.add(node.line, place, "it must be a mapping of texts")
        text = Text(r"(?s).*")
        return {name: text.take(one, f"{place}.{name}", faults) for name, one in node.values.items()}

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return "mapping of texts"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a shape, and what it means."""

    kind: Kind
    about: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape(Kind):
    """A mapping with members that are known; with *choose*, exactly one of those has to stand there."""

    name: str
    members: Mapping[str, Member]
    choose: tuple[str, ...] = ()
    check: Callable[[Entry], str | None] | None = None
    """What is wrong with the whole, if anything."""
    quiet: bool = False
    """Whether a member that is not known is not repeated: it may be a secret that went astray."""

    def take(self, node: Node, place: str, faults: Faults) -> Entry | None:
        """Take a mapping: unknown members are faults, since a word that is misspelled must not be passed over."""
        if not isinstance(node, Members):
            faults.add(node.line, place, f"it must be a mapping: {self.name}")
            return None
        before = len(faults.found)
        entry = Entry()
        entry.line = node.line
        for name, value in node.values.items():
            inside = f"{place}.{name}" if place else name
            member = self.members.get(name)
            if member is None:
                unknown = "what stands here" if self.quiet else name
                faults.add(node.lines[name], place, f"{unknown} is not known here: {', '.join(self.members)}")
            else:
                entry[name] = member.kind.take(value, inside, faults)
        missing = [name for name, member in self.members.items() if member.required and name not in node.values]
        if missing:
            faults.add(node.line, place, f"{', '.join(missing)} must be said")
        if self.choose and sum(name in node.values for name in self.choose) != 1:
            faults.add(node.line, place, f"exactly one of {', '.join(self.choose)} must be said")
        if self.check is not None and len(faults.found) == before:
            fault = self.check(entry)
            if fault is not None:
                faults.add(node.line, place, fault)
        return entry

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return self.name


def take(shape: Shape, node: Node) -> Entry:
    """
    Take a whole file.

    Raises:
        Invalid: something is wrong with it.
    """
    faults = Faults()
    entry = shape.take(node, "", faults)
    faults.check()
    return entry or Entry()
