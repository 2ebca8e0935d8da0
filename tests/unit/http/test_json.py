"""JSON bodies, strictly read."""

from __future__ import annotations

import json as stdlib_json
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Invalid
from strongroom.core.limits import JSON_DEPTH, JSON_TOKENS
from strongroom.http import json


class Body(msgspec.Struct):
    """A body with one text and one free part."""

    value: str
    more: object = None


def test_reads_a_body_of_the_form() -> None:
    """What has the form is read, and members nobody asked for are left alone."""
    assert json.decode(b'{"value":"a","other":1}', Body) == Body("a")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"[]",
        b'{"value":1}',
        b'{"value":null}',
        b'{"value":"a","value":"b"}',
        b'{"value":"a","more":{"x":1,"x":2}}',
        b'{"value":"a","more":NaN}',
        b'{"value":"a","more":Infinity}',
        b'{"value":"\xff"}',
        b'{"value":"a"}{"value":"b"}',
        b'\xef\xbb\xbf{"value":"a"}',
        b'{"value":"a","more":' + b"9" * 5000 + b"}",
        b'{"value":"\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_refuses_what_is_malformed_or_ambiguous(body: bytes) -> None:
    """Two readers that disagree about a body are a hole: what could be read in two ways is refused (pitfalls)."""
    with pytest.raises(Invalid):
        json.decode(body, Body)


def test_depth_is_limited() -> None:
    """A body at the depth limit is read, one past it is refused."""

    def nested(depth: int) -> bytes:
        return b'{"value":"a","more":' + b"[" * (depth - 2) + b"1" + b"]" * (depth - 2) + b"}"

    assert json.decode(nested(JSON_DEPTH), Body).value == "a"
    with pytest.raises(Invalid):
        json.decode(nested(JSON_DEPTH + 1), Body)


def test_messages_do_not_repeat_values() -> None:
    """What is wrong is said by place and kind, never by repeating what was sent: it may be a secret."""
    with pytest.raises(Invalid) as refused:
        json.decode(b'{"value":["canary-4711"]}', Body)
    assert "canary" not in refused.value.message
    assert "$.value" in refused.value.message


def test_the_number_of_values_is_limited() -> None:
    """A body with as many values as allowed is read, one with another is refused before anything is built of it."""

    def wide(tokens: int) -> bytes:
        return b'{"value":"a","more":[' + b",".join([b"1"] * (tokens - 2)) + b"]}"

    assert json.decode(wide(JSON_TOKENS), Body).value == "a"
    with pytest.raises(Invalid):
        json.decode(wide(JSON_TOKENS + 1), Body)


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A body with one word of a list, and nothing else."""

    value: Literal["a", "b"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"valeu":"a"}', "Object contains unknown field `valeu`"),
        (b'{"hunter2":"a"}', "Object contains unknown field `REDACTED`"),
        (b'{"a` - at `$.hunter2":"a"}', "Object contains unknown field `REDACTED`"),
        (b'{"value":"hunter2"}', "Invalid enum value 'REDACTED' - at `$.value`"),
    ],
)
def test_messages_repeat_words_alone(body: bytes, fault: str) -> None:
    """SEC-AUDIT-7: a secret that stands where the name of a member or a word of a list belongs is not repeated."""
    with pytest.raises(Invalid) as refusal:
        json.decode(body, Strict)
    assert refusal.value.message == f"The request body is not valid: {fault}."


@given(
    st.lists(st.sampled_from([*'{}[]":, \n\\1é\x7f', "a", "ab", '"a"', '"b":"', '","', "null"]), max_size=24).map(
        "".join
    )
)
def test_what_is_told_without_a_tree_is_what_its_tree_says(inside: str) -> None:
    """Whatever is taken for a plain object of texts is one to a whole reader, too, with the same members once each."""
    text = "{" + inside + "}"
    if json._is_plain(text):
        pairs = stdlib_json.loads(text, object_pairs_hook=list)
        assert pairs
        assert all(isinstance(part, str) for pair in pairs for part in pair)
        assert len({name for name, _ in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ('{"alg":"RS256","value":"aA-_"}', True),
        ('{ "alg" : "RS256" , "value" : "" }', True),
        ("{" + ",".join(f'"{number}":"x"' for number in range(8)) + "}", True),
        ("{" + ",".join(f'"{number}":"x"' for number in range(9)) + "}", False),
        ('{"a":"x","a":"x"}', False),
        ('{"a":"x","\\u0061":"x"}', False),
        ('{"a":"x"}"b', False),
        ('{"a":"x"}"b":"', False),
        ('{"a":"x"}{"b":"x"}', False),
        ('{"a":"x",}', False),
        ('{"a""x":}', False),
        ('{"a":"x":"b","x"}', False),
        ('{"a":"\t"}', False),
        ('{"a":"é"}', False),
        ('{"a":1}', False),
        ('{"a":["x"]}', False),
        ("{}", False),
    ],
)
def test_plain_is_an_object_of_texts_with_one_spelling(text: str, *, is_plain: bool) -> None:
    """What is not plain for certain is read as a whole."""
    assert json._is_plain(text) is is_plain
