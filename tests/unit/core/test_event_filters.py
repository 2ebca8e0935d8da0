"""Which events a subscription's filter lets through."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import event_limits
from strongroom.core.errors import Invalid
from strongroom.core.event_filters import (
    AdvancedFilter,
    EventFilter,
    FilterOperator,
    check_filter,
    matches,
    parse_advanced,
    parse_types,
)
from strongroom.core.events import EventType

EVENT: dict[str, Any] = {
    "id": "1",
    "eventType": EventType.SECRET_NEAR_EXPIRY.value,
    "subject": "Db-Password",
    "topic": "/subscriptions/x",
    "data": {"ObjectType": "Secret", "ObjectName": "Db-Password", "NBF": None, "EXP": 1_800_000_000, "Is": True},
}


def lets_through(wanted: EventFilter, event: dict[str, Any] = EVENT) -> bool:
    """Say what a filter says."""
    return matches(wanted, event)


def asks(operator: str, key: str, *values: Any) -> bool:
    """Say what one advanced filter says."""
    return matches(EventFilter(advanced=(parse_advanced(operator, key, list(values)),)), EVENT)


def test_a_filter_that_says_nothing_lets_everything_through() -> None:
    """No filter is no restriction."""
    assert lets_through(EventFilter())


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EventFilter(types=(EventType.SECRET_NEAR_EXPIRY, EventType.KEY_EXPIRED)), True),
        (EventFilter(types=(EventType.KEY_EXPIRED,)), False),
        (EventFilter(subject_begins="db-", subject_ends="WORD"), True),
        (EventFilter(subject_begins="db-", is_case_sensitive=True), False),
        (EventFilter(subject_ends="password", is_case_sensitive=True), False),
        (EventFilter(subject_begins="password"), False),
    ],
    ids=["one of the types", "another type", "subject", "case", "case at the end", "not at the beginning"],
)
def test_types_and_subject_decide(wanted: EventFilter, *, expected: bool) -> None:
    """The type is one of those named, and the subject begins and ends as asked, with case only if so said."""
    assert lets_through(wanted) is expected


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("NumberIn", "data.EXP", (1, 1_800_000_000), True),
        ("NumberIn", "data.EXP", (1,), False),
        ("NumberNotIn", "data.EXP", (1,), True),
        ("NumberNotIn", "data.EXP", (1_800_000_000,), False),
        ("NumberLessThan", "data.exp", (1_800_000_001,), True),
        ("NumberLessThan", "data.exp", (1_800_000_000,), False),
        ("NumberGreaterThan", "data.exp", (1_799_999_999,), True),
        ("NumberGreaterThan", "data.exp", (1_800_000_000,), False),
        ("NumberLessThanOrEquals", "data.exp", (1_800_000_000,), True),
        ("NumberGreaterThanOrEquals", "data.exp", (1_800_000_000,), True),
        ("NumberInRange", "data.exp", ([1, 2], [1_800_000_000, 1_800_000_000]), True),
        ("NumberInRange", "data.exp", ([1, 2],), False),
        ("NumberNotInRange", "data.exp", ([1, 2],), True),
        ("BoolEquals", "data.is", (True,), True),
        ("BoolEquals", "data.is", (False,), False),
        ("StringIn", "data.objecttype", ("KEY", "secret"), True),
        ("StringIn", "data.objecttype", ("key",), False),
        ("StringNotIn", "data.objecttype", ("key",), True),
        ("StringBeginsWith", "Subject", ("x", "DB"), True),
        ("StringNotBeginsWith", "Subject", ("x", "db"), False),
        ("StringEndsWith", "subject", ("word",), True),
        ("StringNotEndsWith", "subject", ("word",), False),
        ("StringContains", "subject", ("-pass",), True),
        ("StringContains", "subject", ("nothing",), False),
        ("StringNotContains", "subject", ("nothing",), True),
        ("IsNullOrUndefined", "data.NBF", (), True),
        ("IsNullOrUndefined", "data.absent", (), True),
        ("IsNullOrUndefined", "data.EXP", (), False),
        ("IsNotNull", "data.EXP", (), True),
        ("IsNotNull", "data.NBF", (), False),
        ("NumberIn", "subject", (1,), False),
        ("StringNotIn", "data.EXP", ("a",), False),
        ("StringIn", "subject.deeper", ("a",), False),
    ],
)
def test_an_operator_compares_as_event_grids_does(
    operator: str, key: str, values: tuple[Any, ...], *, expected: bool
) -> None:
    """Each operator with a value that it matches and one that it does not; texts and keys have no case."""
    assert asks(operator, key, *values) is expected


@pytest.mark.parametrize("operator", [one for one in FilterOperator if not one.value.startswith("Is")])
def test_what_is_not_there_matches_only_what_is_not_in_a_list(operator: FilterOperator) -> None:
    """A member that the event lacks, or has as null, matches `NumberNotIn` and `StringNotIn` and no other."""
    value: Any = "a" if operator.value.startswith("String") else operator is FilterOperator.BOOL_EQUALS or 1
    value = [1, 2] if operator.value.endswith("Range") else value
    expected = operator in {FilterOperator.NUMBER_NOT_IN, FilterOperator.STRING_NOT_IN}
    assert asks(operator.value, "data.absent", value) is expected
    assert asks(operator.value, "data.NBF", value) is expected


def test_all_advanced_filters_have_to_match() -> None:
    """One that does not match is enough to keep an event back."""
    yes, no = parse_advanced("StringIn", "subject", ["db-password"]), parse_advanced("StringIn", "subject", ["x"])
    assert lets_through(EventFilter(advanced=(yes, yes)))
    assert not lets_through(EventFilter(advanced=(yes, no)))


def test_elements_of_an_array_are_compared_if_so_said() -> None:
    """With arrays, one element that matches is enough; without, an array is no text."""
    event = {**EVENT, "data": {"tags": ["a", "b"]}}
    advanced = (parse_advanced("StringIn", "data.tags", ["B"]),)
    assert lets_through(EventFilter(advanced=advanced, with_arrays=True), event)
    assert not lets_through(EventFilter(advanced=advanced), event)


def test_types_are_read_without_case_and_all_is_all() -> None:
    """`All`, and none at all, are every type."""
    assert parse_types(["microsoft.keyvault.keyexpired"]) == (EventType.KEY_EXPIRED,)
    assert parse_types(None) is parse_types([]) is parse_types(["Microsoft.KeyVault.KeyExpired", "all"]) is None
    with pytest.raises(Invalid):
        parse_types(["Microsoft.Storage.BlobCreated"])


@pytest.mark.parametrize(
    ("operator", "key", "values"),
    [
        ("Like", "subject", ["a"]),
        ("StringIn", "", ["a"]),
        ("StringIn", "data..a", ["a"]),
        ("StringIn", "a.b.c.d", ["a"]),
        ("StringIn", "subject", []),
        ("StringIn", "subject", [1]),
        ("NumberIn", "data.EXP", ["1"]),
        ("NumberIn", "data.EXP", [True]),
        ("NumberIn", "data.EXP", [10**400]),
        ("NumberInRange", "data.EXP", [1]),
        ("NumberInRange", "data.EXP", [[1, 2, 3]]),
        ("NumberLessThan", "data.EXP", [1, 2]),
        ("BoolEquals", "data.is", ["true"]),
        ("IsNotNull", "data.is", ["a"]),
    ],
)
def test_what_an_operator_does_not_compare_with_is_refused(operator: str, key: str, values: list[Any]) -> None:
    """An unknown operator, a key that is none, and values of another type or number are refused."""
    with pytest.raises(Invalid):
        parse_advanced(operator, key, values)


def test_limits_of_a_filter() -> None:
    """A filter at its limits is taken, and one past any of them is not."""
    text = "a" * event_limits.EVENT_FILTER_CHARS
    one = parse_advanced("StringIn", "subject", [text])
    key = "k" * event_limits.EVENT_FILTER_CHARS
    assert parse_advanced("StringIn", key, ["a"]).key == key
    for past in ([text + "a"], [text, text + "a"]):
        with pytest.raises(Invalid):
            parse_advanced("StringIn", "subject", past)
    with pytest.raises(Invalid):
        parse_advanced("StringIn", key + "k", ["a"])

    subject = "s" * event_limits.EVENT_SUBJECT_CHARS
    check_filter(EventFilter(subject_begins=subject, subject_ends=subject))
    many = AdvancedFilter(FilterOperator.IS_NOT_NULL, "subject")
    check_filter(EventFilter(advanced=(one,) * event_limits.EVENT_ADVANCED_FILTERS))
    values = AdvancedFilter(FilterOperator.STRING_IN, "subject", ("a",) * event_limits.EVENT_FILTER_VALUES)
    check_filter(EventFilter(advanced=(values, many)))
    for past_filter in (
        EventFilter(subject_begins=subject + "s"),
        EventFilter(subject_ends=subject + "s"),
        EventFilter(advanced=(many,) * (event_limits.EVENT_ADVANCED_FILTERS + 1)),
        EventFilter(advanced=(values, one)),
    ):
        with pytest.raises(Invalid):
            check_filter(past_filter)
