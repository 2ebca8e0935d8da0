"""
Routing: from a method and a raw path to a row of a table.

A template's `{name}` takes one non-empty segment; `{name?}` one that may be empty or absent; `key='{name}'` what stands
between the two texts, as OData's alternate keys need it; a leading `{name*}` any number of segments before the first
literal that follows it. A path is split before it is decoded, so an encoded slash stays in its segment and is judged
there as part of a name. Leading slashes may be doubled, as some clients send them (reference azure-key-vault.md section
1.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from strongroom.core import limits
from strongroom.core.echo import METHOD, shown
from strongroom.core.errors import Invalid, MethodNotAllowed, NotFound


class Row(Protocol):
    """What a routing table is made of."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def path(self) -> str:
        """The path template."""
        ...


RowT = TypeVar("RowT", bound=Row)


@dataclass(slots=True)
class _Node(Generic[RowT]):
    literals: dict[str, _Node[RowT]] = field(default_factory=dict)
    embedded: list[tuple[str, str, _Node[RowT]]] = field(default_factory=list)
    parameter: _Node[RowT] | None = None
    name: str = ""
    rows: list[tuple[tuple[str, ...], RowT]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Match(Generic[RowT]):
    """The rows a path leads to, alike but for the api-versions that know them, and its decoded parameters."""

    rows: tuple[RowT, ...]
    parameters: dict[str, str]


class Router(Generic[RowT]):
    """A table compiled for look-up. Immutable."""

    def __init__(self, rows: Iterable[RowT], *, case_insensitive: bool = False) -> None:
        """*case_insensitive* makes literal segments match in any case, as ARM's do."""
        self._fold = case_insensitive
        self._roots: dict[str, _Node[RowT]] = {}
        self._greedy: dict[str, list[tuple[str, tuple[str, ...], _Node[RowT]]]] = {}
        for row in rows:
            self._add(row)

    def find(self, method: str, path: bytes) -> Match[RowT]:
        """
        Find the rows for a request.

        Raises:
            Invalid: the path is too long or not validly percent-encoded.
            MethodNotAllowed: the path is known, with other methods.
            NotFound: the path is not known.
        """
        segments = split_path(path)
        found = self._match(method, segments)
        if found is not None:
            return found
        others = sorted(other for other in self._methods() if other != method and self._match(other, segments))
        if others:
            # In the real data plane's words.
            raise MethodNotAllowed(f"HTTP {shown(method, METHOD)} not allowed", headers=(("Allow", ", ".join(others)),))
        raise NotFound("The path is not one of this service's.")

    def _methods(self) -> set[str]:
        return set(self._roots) | set(self._greedy)

    def _add(self, row: RowT) -> None:
        parts = row.path.strip("/").split("/") if row.path != "/" else []
        if parts and parts[0].endswith("*}"):
            name = parts[0][1:-2]
            literals = [self._literal(part) for part in parts[1:]]
            node: _Node[RowT] = _Node()
            self._insert(node, parts[1:], row)
            self._greedy.setdefault(row.method, []).append((name, tuple(literals[:2]), node))
            return
        self._insert(self._roots.setdefault(row.method, _Node()), parts, row)

    def _insert(self, node: _Node[RowT], parts: list[str], row: RowT) -> None:
        self._finish(node, parts, [], row)

    def _finish(self, node: _Node[RowT], parts: list[str], names: list[str], row: RowT) -> None:
        """Go on from a node with the parts that are left, *names* being those of the parameters before it."""
        names = [*names]
        for index, part in enumerate(parts):
            if "{" not in part:
                node = node.literals.setdefault(self._literal(part), _Node())
                continue
            if not part.startswith("{"):
                before, _, rest = part.partition("{")
                name, _, after = rest.partition("}")
                names.append(name)
                node = _embedding(node, self._literal(before), self._literal(after))
                continue
            optional = part.endswith("?}")
            names.append(part[1:-2] if optional else part[1:-1])
            if optional:
                # Absent altogether: `/secrets/name`, `/keys/name/sign`. Empty: `/secrets/name/` and `/keys/name//sign`
                # have an empty segment for it.
                self._finish(node, parts[index + 1 :], names[:-1], row)
            if node.parameter is None:
                node.parameter = _Node(name="?" if optional else "")
            elif optional:
                node.parameter.name = "?"
            node = node.parameter
        node.rows.append((tuple(names), row))

    def _literal(self, part: str) -> str:
        return part.lower() if self._fold else part

    def _match(self, method: str, segments: list[str]) -> Match[RowT] | None:
        root = self._roots.get(method)
        if root is not None:
            found = self._walk(root, segments, 0, [])
            if found is not None:
                return found
        return self._match_greedy(method, segments)

    def _match_greedy(self, method: str, segments: list[str]) -> Match[RowT] | None:
        for name, anchor, node in self._greedy.get(method, ()):
            # The last place where the anchor stands: a scope may itself contain `/providers/...`.
            for start in range(len(segments) - len(anchor), -1, -1):
                if tuple(self._literal(part) for part in segments[start : start + len(anchor)]) != anchor:
                    continue
                found = self._walk(node, segments[start:], 0, [])
                if found is not None:
                    scope = "/" + "/".join(segments[:start])
                    return Match(found.rows, {name: scope, **found.parameters})
                break
        return None

    def _walk(self, node: _Node[RowT], segments: list[str], index: int, values: list[str]) -> Match[RowT] | None:
        if index == len(segments):
            return self._end(node, values)
        segment = segments[index]
        child = node.literals.get(segment.lower() if self._fold else segment)
        if child is not None:
            found = self._walk(child, segments, index + 1, values)
            if found is not None:
                return found
        for before, after, child in node.embedded:
            value = self._between(before, after, segment)
            if value:
                found = self._walk(child, segments, index + 1, [*values, value])
                if found is not None:
                    return found
        parameter = node.parameter
        if parameter is not None and (segment or parameter.name == "?"):
            found = self._walk(parameter, segments, index + 1, [*values, segment])
            if found is not None:
                return found
        if not segment and index == len(segments) - 1:
            # One trailing slash, where the template takes nothing more.
            return self._end(node, values)
        return None

    def _between(self, before: str, after: str, segment: str) -> str | None:
        """Find what stands between two texts in a segment, or None if it does not have them."""
        literal = self._literal(segment)
        if not (literal.startswith(before) and literal.endswith(after)):
            return None
        return segment[len(before) : len(segment) - len(after)]

    @staticmethod
    def _end(node: _Node[RowT], values: list[str]) -> Match[RowT] | None:
        if not node.rows:
            return None
        names = node.rows[0][0]
        rows = tuple(row for names_of_row, row in node.rows if names_of_row == names)
        return Match(rows, dict(zip(names, values, strict=True)))


def _embedding(node: _Node[RowT], before: str, after: str) -> _Node[RowT]:
    """Find or make the child of a node for a segment that has a parameter between two texts."""
    for known_before, known_after, child in node.embedded:
        if (known_before, known_after) == (before, after):
            return child
    made: _Node[RowT] = _Node()
    node.embedded.append((before, after, made))
    return made


def split_path(path: bytes) -> list[str]:
    """
    Split a raw path into decoded segments.

    Raises:
        Invalid: too long, not ASCII, or not validly percent-encoded UTF-8; or with a `.` or `..` segment, which some
            readers resolve and others do not.
    """
    if len(path) > limits.PATH_BYTES:
        raise Invalid("The request path is too long.")
    if b"%" not in path:
        try:
            segments = path.decode("ascii").lstrip("/").split("/")
        except UnicodeDecodeError:
            raise Invalid("The request path is not validly encoded.") from None
    else:
        segments = [_decode_segment(part) for part in path.lstrip(b"/").split(b"/")]
    if "." in segments or ".." in segments:
        raise Invalid("The request path has a dot segment.")
    return segments


def _decode_segment(part: bytes) -> str:
    pieces = part.split(b"%")
    hexadecimal = b"0123456789abcdefABCDEF"
    if any(len(piece) < 2 or piece[0] not in hexadecimal or piece[1] not in hexadecimal for piece in pieces[1:]):
        raise Invalid("The request path is not validly encoded.")
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The request path is not validly encoded.") from None


def parse_query(query: bytes) -> dict[str, str]:
    """
    Decode a query string; names too, since some clients encode `api-version` (reference clients.md section 2).

    Raises:
        Invalid: not validly encoded, or a parameter comes twice.
    """
    if len(query) > limits.PATH_BYTES:
        raise Invalid("The query string is too long.")
    parameters: dict[str, str] = {}
    for pair in query.split(b"&"):
        if not pair:
            continue
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        decoded = _decode_segment(name)
        if decoded in parameters:
            raise Invalid("A query parameter comes twice.")
        parameters[decoded] = _decode_segment(value)
    return parameters
