"""
JSON, strictly read.

A body is refused if it is not UTF-8, has a member twice, nests deeper than `limits.JSON_DEPTH`, or is not of the form
the operation reads: two readers that disagree about a body are a hole (pitfalls "Complex JSON").
"""

from __future__ import annotations

import json as stdlib_json
import re
from itertools import chain
from typing import Any, NoReturn, TypeVar

import msgspec

from strongroom.core import limits
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.http.message import Header, Response

T = TypeVar("T")


class Secretive(msgspec.Struct):
    """A body with a secret in it, which therefore shows nothing of itself."""

    def __repr__(self) -> str:
        """Say what it is, and nothing of what is in it."""
        return f"<{type(self).__name__}>"


_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


class _DuplicateMember(ValueError):
    """An object has two members of one name."""


def encode(value: object) -> bytes:
    """Encode to compact UTF-8 JSON."""
    return _encoder.encode(value)


def response(value: object, status: int = 200, headers: list[Header] | None = None) -> Response:
    """Answer with a JSON body."""
    return Response(status, _encoder.encode(value), headers if headers is not None else [])


def decode(body: bytes, kind: type[T]) -> T:
    """
    Decode a body of the form *kind*.

    Raises:
        Invalid: the body is empty, malformed, ambiguous, too deep, or of another form. The message names the place and
            the fault, never a value.
    """
    if not body.strip():
        raise Invalid("A request body is required.")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        _refuse_ambiguity(body)
        value: T = decoder.decode(body)
    except _DuplicateMember:
        raise Invalid("The request body has a JSON object with the same member twice.") from None
    except msgspec.ValidationError as error:
        raise Invalid(f"The request body is not valid: {_fault_of(error)}.") from None
    except (ValueError, RecursionError):
        # ValueError covers both decoders' syntax errors, invalid UTF-8 and numbers beyond any use.
        raise Invalid("The request body is not valid JSON.") from None
    return value


def fault_offset(text: str) -> int | None:
    """Say at which character a text stops being JSON; None if it does not, or there is no such place."""
    content = text.encode()
    try:
        msgspec.json.decode(content, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        place = _BYTE.search(str(error))
        return None if place is None else len(content[: int(place[1])].decode("utf-8", "ignore"))
    except (ValueError, RecursionError):
        return None
    return None


_BYTE = re.compile(r"\(byte ([0-9]+)\)")
_REPEATING = re.compile(
    r"(Object contains unknown field|Invalid (?:enum )?value) ([`'])(.*?)\2( - at `\$(?:\.[A-Za-z.@]+|\[[0-9.]*\])*`)?",
    re.DOTALL,
)
"""What msgspec says with the client's own text in it."""


def _fault_of(error: msgspec.ValidationError) -> str:
    """Say what is wrong with a body: in msgspec's words, which name the place, and repeat what is a word at most."""
    text = str(error)
    match = _REPEATING.fullmatch(text)
    return text if match is None else f"{match[1]} {match[2]}{shown(match[3], WORD)}{match[2]}{match[4] or ''}"


def _refuse_ambiguity(body: bytes) -> None:
    """Refuse repeated members, NaN and excessive depth, which msgspec accepts or judges elsewhere."""
    # Decoded here because `loads` guesses at other encodings and takes encoded surrogates, and msgspec does not look
    # into the members that it does not read.
    text = body.decode("utf-8")
    if _is_plain(text):
        return
    if body.count(b",") + body.count(b"[") + body.count(b"{") > limits.JSON_TOKENS:
        # Bounded before anything is built: millions of tiny values would hold the loop for seconds, and gigabytes.
        raise Invalid(f"The request body has more than {limits.JSON_TOKENS} values.")
    depth, level = 0, [_strict.decode(text)]
    while level:
        depth += 1
        if depth > limits.JSON_DEPTH:
            raise Invalid(f"The request body nests deeper than {limits.JSON_DEPTH} levels.")
        # What nests is all that goes on to the next level: a body of a hundred thousand lists holds the loop for a
        # fifth of the time that it takes with everything looked at twice.
        nodes = [node.values() if type(node) is dict else node for node in level if type(node) in _NESTING]
        level = list(chain.from_iterable(nodes))


def _is_plain(text: str) -> bool:
    """
    Tell whether a text is one object of texts, none of its members twice, and nothing in it has a second spelling.

    That is nearly every body there is, and is told without building its tree. Of printable ASCII without a backslash
    every quotation mark begins or ends a text, so what stands between the texts is all the structure there is.
    """
    if "\\" in text or not text.isascii() or not text.isprintable():
        return False
    parts = text.split('"', 4 * _PLAIN_MEMBERS + 1)
    names = parts[1::4]
    if not 0 < len(names) <= _PLAIN_MEMBERS or len(set(names)) != len(names):
        return False
    return '"'.join(parts[::2]).replace(" ", "") == _STRUCTURES[len(names)]


_NESTING = frozenset({dict, list})
_PLAIN_MEMBERS = 8
_STRUCTURES = ['"'.join(["{", *[":", ","] * (count - 1), ":", "}"]) for count in range(_PLAIN_MEMBERS + 1)]
"""What stands between the texts of an object with so many members, its pieces parted by quotation marks."""


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateMember
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError


_strict = stdlib_json.JSONDecoder(object_pairs_hook=_unique_members, parse_constant=_refuse_constant)
