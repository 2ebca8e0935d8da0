"""How expressions are written, and the text that they stand in."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.expressions import parse_expression
from strongroom.core.templates.faults import TemplateFault
from strongroom.core.templates.source import place_of, strict_json
from tests.unit.core.templating import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("[[plain]", "[plain]"),
        ("[[concat('a')]", "[concat('a')]"),
        ("[open", "[open"),
        ("[concat('a')] ", "[concat('a')] "),
        ("['it''s']", "it's"),
        ("[-5]", -5),
        ("[ concat ( 'a' , 'b' ) ]", "ab"),
        ("[CONCAT('a')]", "a"),
        ("[createObject('Key', createArray(1, 2)).key[1]]", 2),
        ("[createObject('a', 1)['a']]", 1),
    ],
)
def test_texts(text: str, value: Any) -> None:
    """A text is an expression if it is in brackets; two at the beginning stand for one."""
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "[]", "[ ]", "[concat('a']", "[concat('a'))]", "[concat('a',)]", "[concat(,'a')]", "['a]", "[a]", "[a.b.c()]",
        "[concat('a').]", "[concat('a')[]", "[1 2]", '["a"]', "[concat('a'); x]", "[99999999999999999999]",
        "[9223372036854775808]", "[a..b()]", "[.a()]",
    ],
)  # fmt: skip
def test_no_expressions(text: str) -> None:
    """What is no expression is refused, with the place where that shows."""
    with pytest.raises(TemplateFault, match="expression is not valid"):
        parse_expression(text)


def test_length() -> None:
    """An expression is as long as the limit, and no longer."""
    frame = len("['']")
    assert evaluate(f"['{'x' * (limits.TEMPLATE_EXPRESSION_CHARS - frame)}']")
    with pytest.raises(TemplateFault, match="longer than the limit"):
        evaluate(f"['{'x' * (limits.TEMPLATE_EXPRESSION_CHARS - frame + 1)}']")


def test_depth() -> None:
    """Calls are within calls as deep as the limit, and no deeper; so are members of members."""
    deep = limits.TEMPLATE_EXPRESSION_DEPTH
    assert evaluate(f"[{'array(' * deep}1{')' * deep}]")
    for text in (f"[{'array(' * (deep + 1)}1{')' * (deep + 1)}]", f"[json('1'){'.a' * (deep + 1)}]"):
        with pytest.raises(TemplateFault, match=str(deep)):
            evaluate(text)


@pytest.mark.parametrize(
    ("text", "strict"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": 1 // one\n}', '{"a": 1  \n}'),
        ('{/* x\n y */"a": "// no"}', '{    \n     "a": "// no"}'),
        ('{"a": "one\ntwo\ttab"}', '{"a": "one\\ntwo\\ttab"}'),
        ('{"p": {}, template:{"template": 1}}', '{"p": {}, "template":{"template": 1}}'),
        ('{"a": "\\"template: // x"}', '{"a": "\\"template: // x"}'),
        ('{"a": "open', '{"a": "open'),
        ('{"a": "back\\', '{"a": "back\\'),
        ("/* open", " "),
    ],
)
def test_comments(text: str, strict: str) -> None:
    """JSON with comments is made strict; what is in texts stays."""
    assert strict_json(text) == strict


@pytest.mark.parametrize("piece", ['"', "/*", "\\", '"\\', "template", "//", "/*/"])
def test_comments_take_no_time(piece: str) -> None:
    """A text of openings without ends is read once: a quadratic reader would not come back."""
    assert strict_json(piece * 200_000)


def test_place() -> None:
    """Lines and columns are counted from one."""
    assert place_of("ab\ncd", 4) == (2, 2)
