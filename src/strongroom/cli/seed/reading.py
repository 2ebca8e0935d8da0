"""
YAML as nodes that know their lines; JSON is a part of it.

What makes YAML dangerous is refused before anything is built: anchors and aliases (a few lines of them can mean
gigabytes), tags (they name types), keys that stand twice (one of them would silently win), deep nesting, large files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from strongroom.cli.text import one_line
from strongroom.core import limits

FAULTS = 50
"""So many faults are told at once; the rest would not be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file, and where."""

    line: int
    place: str
    """The path of members, as `vaults[0].name`; empty for the file itself."""
    message: str

    def __str__(self) -> str:
        """Write it as one line."""
        return one_line(f"line {self.line}: {self.place + ': ' if self.place else ''}{self.message}")


class Invalid(Exception):
    """A file that cannot be taken, with everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as it stands in the file, and what YAML takes it for: `str`, `int`, `bool`, `null`, `timestamp` ..."""

    text: str
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    values: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Members:
    """A mapping; each key has its own line."""

    values: Mapping[str, Node]
    lines: Mapping[str, int]
    line: int


Node = Scalar | Items | Members


def read_yaml(content: bytes) -> Node:
    """
    Read one document.

    Raises:
        Invalid: it is no YAML, is not one document, or holds what is refused here.
    """
    if len(content) > limits.SEED_FILE_BYTES:
        raise Invalid([Fault(1, "", f"the file has more than {limits.SEED_FILE_BYTES} bytes")])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Invalid([Fault(line, "", "the file is not UTF-8")]) from None
    try:
        events = list(_checked(yaml.parse(text, Loader=yaml.SafeLoader)))
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise Invalid([Fault(_line(error), "", _problem(error))]) from None
    except yaml.YAMLError as error:
        raise Invalid([Fault(1, "", _first_line(str(error)))]) from None
    if root is None or not events:
        raise Invalid([Fault(1, "", "the file is empty")])
    return _convert(root)


def _checked(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """
    Hand on events, and stop at the first one that is refused.

    Raises:
        Invalid: an anchor, an alias, a tag, or too many levels.
    """
    depth = 0
    for event in events:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Invalid([Fault(line, "", "anchors and aliases (& and *) are not taken: write it out")])
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            raise Invalid([Fault(line, "", "tags (!) are not taken")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > limits.SEED_DEPTH:
                raise Invalid([Fault(line, "", f"it is nested more than {limits.SEED_DEPTH} levels deep")])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        yield event


def _convert(node: yaml.Node) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Scalar(_whole(node.value, line), str(node.tag).rpartition(":")[2], line)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(map(_convert, node.value)), line)
    values: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        at = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise Invalid([Fault(at, "", "a key must be a plain text")])
        name = _whole(key.value, at)
        if name in values:
            raise Invalid([Fault(at, "", f"{name} stands here twice; it was in line {lines[name]}")])
        values[name], lines[name] = _convert(value), at
    return Members(values, lines, line)


def _whole(text: str, line: int) -> str:
    """
    Put together what JSON writes as two escapes (RFC 8259 section 7), which YAML knows nothing of.

    Raises:
        Invalid: there is half of one, which is no character.
    """
    if text.isascii():
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise Invalid([Fault(line, "", "an escape is half of a character")]) from None


def _line(what: yaml.Event | yaml.MarkedYAMLError) -> int:
    """Give the line, from 1, that something of the parser is at."""
    names = ("start_mark",) if isinstance(what, yaml.Event) else ("problem_mark", "context_mark")
    marks = (getattr(what, name, None) for name in names)
    return next((int(mark.line) + 1 for mark in marks if mark is not None), 1)


def _problem(error: yaml.MarkedYAMLError) -> str:
    """Say what the parser says, without the snippet of the file that it shows: there may be a secret in it."""
    return _first_line(f"it is no YAML: {error.problem or error.context or 'it cannot be read'}")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


__all__ = ["Fault", "Invalid", "Items", "Members", "Node", "Scalar", "read_yaml"]
