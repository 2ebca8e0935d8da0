"""
Every operator: when it is true, when false, and when it does not know.

Written from Azure's "role assignment condition format and syntax"; where an operator is Microsoft's own evaluator's,
from that one's cases.
"""

from __future__ import annotations

import pytest

from strongroom.core.condition_attributes import ATTRIBUTES
from strongroom.core.condition_expressions import Comparison, Literal, Quantifier
from strongroom.core.condition_operators import OPERATORS
from strongroom.core.conditions import parse_condition
from strongroom.core.facts import NO_FACTS, Facts

GUID, OTHER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "acdd72a7-3385-48ef-bd42-f606fba81ae7"

TABLE: list[tuple[str, list[str], list[str]]] = [
    ("StringEquals", ["'abcd' 'abcd'", "'' ''"], ["'abcd' 'ABCD'", "'abcd' 'abc'", "'a*' 'ab'"]),
    ("StringEqualsIgnoreCase", ["'abcd' 'ABCD'"], ["'abcd' 'abc'"]),
    ("StringStartsWith", ["'abcd' 'ab'", "'abcd' ''", "'abcd' 'abcd'"], ["'abcd' 'AB'", "'ab' 'abcd'", "'abcd' 'bc'"]),
    ("StringStartsWithIgnoreCase", ["'abcd' 'AB'"], ["'abcd' 'BC'"]),
    ("StringEndsWith", ["'abcd' 'cd'"], ["'abcd' 'CD'", "'abcd' 'bc'"]),
    ("StringEndsWithIgnoreCase", ["'abcd' 'CD'"], ["'abcd' 'BC'"]),
    ("StringContains", ["'abcd' 'bc'"], ["'abcd' 'BC'", "'bc' 'abcd'"]),
    ("StringContainsIgnoreCase", ["'abcd' 'BC'"], ["'abcd' 'CB'"]),
    ("StringLike",
     ["'abcd' 'a*c?'", "'abcd' '*'", "'' '*'", "'abcd' '????'", "'a*d' 'a\\*d'", "'a?' 'a\\?'", "'a\\d' 'a\\\\d'",
      "'readonly/a/b' 'readonly/*'", "'abab' '*ab'", "'aXbXc' 'a*b*c'", "'ab' 'a**b'", "'a.c' 'a.c'", "'a\\d' 'a\\d'"],
     ["'abcd' 'A*C?'", "'abcd' 'a*c'", "'abcd' '???'", "'abd' 'a\\*d'", "'ab' '*ab*ab'", "'a' 'a*a'", "'abc' 'a.c'",
      "'abcd' ''", "'ab' 'a?b'", "'abc' '*?d'"]),
    ("StringLikeIgnoreCase", ["'abcd' 'A*C?'"], ["'abcd' 'A*C'"]),
    ("NumericEquals", ["5 5", "5 5.0", "-1 -1"], ["5 6"]),
    ("NumericLessThan", ["5 6", "-6 5", "1.5 2"], ["5 5", "6 5"]),
    ("NumericLessThanEquals", ["5 6", "5 5"], ["6 5"]),
    ("NumericGreaterThan", ["6 5"], ["5 5", "5 6"]),
    ("NumericGreaterThanEquals", ["6 5", "5 5"], ["5 6"]),
    ("NumericInRange", ["5 [5, 7]", "7 [5, 7]", "6 {5, 7}"], ["4 [5, 7]", "8 [5, 7]"]),
    ("DateTimeEquals",
     ["'2022-06-01T00:00:00.0Z' '2022-06-01T00:00:00Z'", "'2022-06-01T02:00:00+02:00' '2022-06-01T00:00:00Z'",
      "'2022-05-31T22:30:00-01:30' '2022-06-01T00:00:00.0000000Z'", "'2022-06-01T00:00Z' '2022-06-01T00:00:00Z'"],
     ["'2022-06-01T00:00:00.0000001Z' '2022-06-01T00:00:00Z'"]),
    ("DateTimeLessThan", ["'2022-05-31T23:59:59.9999999Z' '2022-06-01T00:00:00Z'"],
     ["'2022-06-01T00:00:00Z' '2022-06-01T00:00:00Z'"]),
    ("DateTimeLessThanEquals", ["'2022-06-01T00:00:00Z' '2022-06-01T00:00:00Z'"],
     ["'2022-06-01T00:00:01Z' '2022-06-01T00:00:00Z'"]),
    ("DateTimeGreaterThan", ["'2022-06-01T00:00:01Z' '2022-06-01T00:00:00Z'"],
     ["'2022-06-01T00:00:00Z' '2022-06-01T00:00:00Z'"]),
    ("DateTimeGreaterThanEquals", ["'2022-06-01T00:00:00Z' '2022-06-01T00:00:00Z'"],
     ["'2022-06-01T00:00:00Z' '2022-06-01T00:00:01Z'"]),
    ("DateTimeInRange", ["'2022-06-15T00:00:00Z' ['2022-06-01T00:00:00Z', '2022-07-01T00:00:00Z']"],
     ["'2022-07-02T00:00:00Z' ['2022-06-01T00:00:00Z', '2022-07-01T00:00:00Z']"]),
    ("TimeOfDayEquals", ["'12:30:00' '12:30'", "'2022-06-01T12:30:00Z' '12:30'", "'2022-06-01T01:00:00+02:00' '23:00'"],
     ["'12:30:01' '12:30'"]),
    ("TimeOfDayLessThan", ["'11:59:59' '12:00:00'"], ["'12:00' '12:00'"]),
    ("TimeOfDayLessThanEquals", ["'12:00' '12:00'"], ["'12:01' '12:00'"]),
    ("TimeOfDayGreaterThan", ["'12:01' '12:00'"], ["'12:00' '12:00'"]),
    ("TimeOfDayGreaterThanEquals", ["'12:00' '12:00'"], ["'11:59' '12:00'"]),
    ("TimeOfDayInRange", ["'12:30:15' ['12:00:00', '13:00:00']", "'2022-06-01T13:00:00Z' ['12:00', '13:00']"],
     ["'12:30:15' ['13:00:00', '14:00:00']"]),
    ("BoolEquals", ["true true", "false false"], ["true false"]),
    ("GuidEquals", [f"{GUID} {GUID}", f"'{GUID}' '{GUID.upper()}'"], [f"{GUID} {OTHER}"]),
    ("IpMatch", ["'10.0.0.9' '10.0.0.0/24'", "'10.0.0.9' '10.0.0.9'", "'2001:db8::1' '2001:db8::/32'"],
     ["'192.168.0.1' '10.0.0.0/8'", "'10.0.0.1' '::/0'"]),
]  # fmt: skip

UNKNOWN = [
    ("StringEquals", ["1 'a'", "'a' 1", "true 'true'"]),
    ("StringLike", ["1 '*'", "'1' 1"]),
    ("StringLikeIgnoreCase", ["'1' 1"]),
    ("NumericEquals", ["'5' 5", "true 1", "5 '5'"]),
    ("NumericInRange", ["6 [7, 5]", "6 ['5', 7]"]),
    ("DateTimeEquals", ["'2022-06-01' '2022-06-01'", "'2022-02-30T00:00:00Z' '2022-02-30T00:00:00Z'",
                        "'2022-06-01T24:00:00Z' '2022-06-01T24:00:00Z'", "'2022-06-01T00:00:00' '2022-06-01T00:00:00Z'",
                        "'0000-01-01T00:00:00Z' '2022-06-01T00:00:00Z'", "1 '2022-06-01T00:00:00Z'",
                        "'2022-06-01T00:00:00+24:00' '2022-06-01T00:00:00Z'",
                        "'2022-06-01T00:00:00.12345678Z' '2022-06-01T00:00:00Z'", "'٢٠٢٢-06-01T00:00:00Z' '12:00'"]),
    ("TimeOfDayLessThan", ["'24:00' '12:00'", "'12:60' '12:00'", "'12' '12:00'", "12 '12:00'"]),
    ("TimeOfDayInRange", ["'23:00' ['22:00', '06:00']"]),
    ("BoolEquals", ["'true' true", "1 true"]),
    ("GuidEquals", [f"'{{{GUID}}}' '{GUID}'", f"'{GUID.replace('-', '')}' '{GUID}'", f"1 {GUID}"]),
    ("IpMatch", ["'10.0.0.999' '10.0.0.0/8'", "'10.0.0.1' '10.0.0.1/8'", "1 '10.0.0.0/8'"]),
]  # fmt: skip
"""Comparisons of what an operator does not compare."""
NEGATED = {
    name: next(
        f"{kind}Not{name[len(kind) :]}"
        for kind in ("String", "Numeric", "DateTime", "TimeOfDay", "Bool", "Guid", "Ip")
        if name.startswith(kind)
    )
    for name, _, _ in TABLE
    if not any(word in name for word in ("Less", "Greater", "Range"))
}


def ask(name: str, sides: str) -> bool | None:
    """Compare the two values of *sides*."""
    at = sides.index(" ")
    if sides.startswith("'"):
        at = sides.index("' ") + 1
    return parse_condition(f"{sides[:at]} {name} {sides[at:]}").evaluate("", NO_FACTS)


def test_the_table_has_every_operator() -> None:
    """What is not in the table above is no operator."""
    assert set(OPERATORS) == {name for name, _, _ in TABLE} | set(NEGATED.values())


@pytest.mark.parametrize(("name", "true", "false"), TABLE)
def test_known_answers(name: str, true: list[str], false: list[str]) -> None:
    """True of the first list, false of the second."""
    assert {sides: ask(name, sides) for sides in true} == dict.fromkeys(true, True)
    assert {sides: ask(name, sides) for sides in false} == dict.fromkeys(false, False)


@pytest.mark.parametrize(("name", "true", "false"), [row for row in TABLE if row[0] in NEGATED])
def test_negations(name: str, true: list[str], false: list[str]) -> None:
    """Where an operator has a negation, that one says the opposite."""
    assert {sides: ask(NEGATED[name], sides) for sides in true} == dict.fromkeys(true, False)
    assert {sides: ask(NEGATED[name], sides) for sides in false} == dict.fromkeys(false, True)


@pytest.mark.parametrize(("name", "compared"), UNKNOWN)
def test_what_an_operator_does_not_compare_is_unknown(name: str, compared: list[str]) -> None:
    """Neither the operator nor its negation holds: a condition of the wrong type grants nothing, and denies."""
    assert {sides: ask(name, sides) for sides in compared} == dict.fromkeys(compared)
    if name in NEGATED:
        assert {sides: ask(NEGATED[name], sides) for sides in compared} == dict.fromkeys(compared)


CROSS = [
    ("{'red', 'blue'} ForAnyOfAnyValues:StringEquals {'blue', 'green'}", True),
    ("{'red', 'blue'} ForAnyOfAnyValues:StringEquals {'orange', 'green'}", False),
    ("{'red', 'blue'} ForAllOfAnyValues:StringEquals {'orange', 'red', 'blue'}", True),
    ("{'red', 'blue'} ForAllOfAnyValues:StringEquals {'red', 'green'}", False),
    ("{10, 20} ForAnyOfAllValues:NumericLessThan {15, 18}", True),
    ("{10, 20} ForAnyOfAllValues:NumericLessThan {5, 18}", False),
    ("{10, 20} ForAllOfAllValues:NumericLessThan {5, 15, 18}", False),
    ("{10, 20} ForAllOfAllValues:NumericLessThan {25, 30}", True),
    ("{10, 20} ForAllOfAllValues:NumericLessThan {15, 25, 30}", False),
    # A single value is a set of one.
    ("'red' ForAnyOfAnyValues:StringEquals {'blue', 'red'}", True),
    ("'red' ForAnyOfAllValues:StringEquals {'blue', 'red'}", False),
    # What cannot be compared is unknown, unless the others decide.
    ("'red' ForAnyOfAnyValues:StringEquals {1, 'red'}", True),
    ("'red' ForAnyOfAnyValues:StringEquals {1, 'blue'}", None),
    ("'red' ForAnyOfAllValues:StringEquals {1, 'blue'}", False),
    ("'red' ForAnyOfAllValues:StringEquals {1, 'red'}", None),
]


@pytest.mark.parametrize(("text", "expected"), CROSS)
def test_sets_are_compared_each_with_each(text: str, expected: bool | None) -> None:  # noqa: FBT001  a column
    """The documentation's own examples, and what follows from three values."""
    assert parse_condition(text).evaluate("", NO_FACTS) is expected


def test_an_empty_collection_decides_nothing() -> None:
    """That all of none is like something is true, and would grant; here it is unknown."""
    now = next(one for one in ATTRIBUTES.values() if one.name == "UtcNow")
    facts = Facts(environment={"utcnow": ()})
    for quantifier in Quantifier:
        comparison = Comparison(now, OPERATORS["StringEquals"], Literal(("a",)), quantifier)
        from_text = parse_condition(f"@Environment[UtcNow] {quantifier.value}:StringEquals {{'a'}}")
        assert from_text.expression == comparison
        assert from_text.evaluate("", facts) is None


def test_a_collection_is_not_compared_as_one_value() -> None:
    """An attribute with several values is unknown to an operator for one, and to a range."""
    facts = Facts(environment={"utcnow": ("12:00", "13:00")})
    assert parse_condition("@Environment[UtcNow] StringEquals '12:00'").evaluate("", facts) is None
    assert parse_condition("@Environment[UtcNow] TimeOfDayInRange ['11:00', '14:00']").evaluate("", facts) is None
    assert parse_condition("'12:30' TimeOfDayInRange @Environment[UtcNow]").evaluate("", facts) is True
    several = parse_condition("@Environment[UtcNow] ForAllOfAnyValues:TimeOfDayGreaterThan {'11:00'}")
    assert several.evaluate("", facts) is True


def test_what_is_no_number_equals_nothing_and_differs_from_nothing() -> None:
    """NaN among the facts is unknown: otherwise it would be unequal to every number, and a NotEquals would grant."""
    facts = Facts(environment={"utcnow": float("nan")})
    for name in ("NumericEquals", "NumericNotEquals", "NumericLessThan"):
        assert parse_condition(f"@Environment[UtcNow] {name} 1").evaluate("", facts) is None


def test_a_pattern_made_to_be_slow_is_not() -> None:
    """A pattern full of wildcards is decided in steps that the lengths of pattern and text bound."""
    assert ask("StringLike", f"'{'a' * 1000}' '{'*a' * 500}b'") is False
    assert ask("StringLike", f"'{'a' * 1000}' '{'*?a' * 300}b'") is False
