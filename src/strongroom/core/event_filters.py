"""
Which events a subscription gets: by type, by subject, and by what its advanced filters ask of them.

Source: "Event filtering for Azure Event Grid". All advanced filters have to match; of the values of one, any has to, or
none where the operator says not. Texts are compared without case. What an event does not have, or has as null, matches
nothing but `IsNullOrUndefined`, `NumberNotIn` and `StringNotIn`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from strongroom.core import event_limits
from strongroom.core.echo import WORD, shown
from strongroom.core.errors import Invalid
from strongroom.core.events import EventType

FilterValue = str | float | bool | tuple[float, float]
"""A text, a number, a truth, or a range of numbers with both its ends."""


class FilterOperator(StrEnum):
    """What an advanced filter asks, by Event Grid's names."""

    NUMBER_IN = "NumberIn"
    NUMBER_NOT_IN = "NumberNotIn"
    NUMBER_LESS_THAN = "NumberLessThan"
    NUMBER_GREATER_THAN = "NumberGreaterThan"
    NUMBER_LESS_THAN_OR_EQUALS = "NumberLessThanOrEquals"
    NUMBER_GREATER_THAN_OR_EQUALS = "NumberGreaterThanOrEquals"
    NUMBER_IN_RANGE = "NumberInRange"
    NUMBER_NOT_IN_RANGE = "NumberNotInRange"
    BOOL_EQUALS = "BoolEquals"
    STRING_IN = "StringIn"
    STRING_NOT_IN = "StringNotIn"
    STRING_BEGINS_WITH = "StringBeginsWith"
    STRING_NOT_BEGINS_WITH = "StringNotBeginsWith"
    STRING_ENDS_WITH = "StringEndsWith"
    STRING_NOT_ENDS_WITH = "StringNotEndsWith"
    STRING_CONTAINS = "StringContains"
    STRING_NOT_CONTAINS = "StringNotContains"
    IS_NULL_OR_UNDEFINED = "IsNullOrUndefined"
    IS_NOT_NULL = "IsNotNull"


@dataclass(frozen=True, slots=True)
class AdvancedFilter:
    """One question about one member of an event."""

    operator: FilterOperator
    key: str
    """The member: `subject`, `data.ObjectName`."""
    values: tuple[FilterValue, ...] = ()

    @property
    def is_single(self) -> bool:
        """Whether Event Grid writes its one value as `value`, and not a list of them as `values`."""
        return self.operator in _SINGLE


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a subscription gets."""

    types: tuple[EventType, ...] | None = None
    """None is all of them, those that a later release adds included."""
    subject_begins: str = ""
    subject_ends: str = ""
    is_case_sensitive: bool = False
    """Whether the two are compared with case."""
    advanced: tuple[AdvancedFilter, ...] = field(default_factory=tuple)
    with_arrays: bool = False
    """Whether a member that is an array is compared by its elements. No event of a vault has one."""


# ---- whether one matches --------------------------------------------------------------------------------------------


def matches(wanted: EventFilter, envelope: Mapping[str, Any]) -> bool:
    """
    Tell whether a subscription gets an event, given as it would be written in the subscription's own schema.

    Its type is `eventType` or `type`, whichever schema it is.
    """
    kind = envelope.get("eventType", envelope.get("type"))
    if wanted.types is not None and kind not in wanted.types:
        return False
    subject, begins, ends = str(envelope["subject"]), wanted.subject_begins, wanted.subject_ends
    if not wanted.is_case_sensitive:
        subject, begins, ends = subject.casefold(), begins.casefold(), ends.casefold()
    if not (subject.startswith(begins) and subject.endswith(ends)):
        return False
    return all(_holds(one, _find(envelope, one.key), with_arrays=wanted.with_arrays) for one in wanted.advanced)


def _find(envelope: Mapping[str, Any], key: str) -> object:
    """Find a member of an event by its path, without case; None if it is not there."""
    found: object = envelope
    for word in key.casefold().split("."):
        if not isinstance(found, Mapping):
            return None
        found = next((value for name, value in found.items() if name.casefold() == word), None)
    return found


def _holds(asked: AdvancedFilter, found: object, *, with_arrays: bool) -> bool:
    if asked.operator is FilterOperator.IS_NULL_OR_UNDEFINED:
        return found is None
    if asked.operator is FilterOperator.IS_NOT_NULL:
        return found is not None
    negated, kind, compares = _COMPARISONS[asked.operator]
    if found is None:
        return asked.operator in _MATCHED_WITHOUT
    elements = found if with_arrays and isinstance(found, list | tuple) else [found]
    if not all(_is_of(kind, one) for one in elements):
        return False
    hit = any(compares(_folded(one), _folded(value)) for one in elements for value in asked.values)
    return hit is not negated


def _is_of(kind: type, value: object) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


_Compares = Callable[[Any, Any], bool]
_EQUALS: _Compares = lambda one, value: bool(one == value)  # noqa: E731  a row of a table
_WITHIN: _Compares = lambda one, ends: bool(ends[0] <= one <= ends[1])  # noqa: E731
_BEGINS: _Compares = lambda one, value: bool(one.startswith(value))  # noqa: E731
_ENDS: _Compares = lambda one, value: bool(one.endswith(value))  # noqa: E731
_CONTAINS: _Compares = lambda one, value: bool(value in one)  # noqa: E731

_COMPARISONS: dict[FilterOperator, tuple[bool, type, _Compares]] = {
    FilterOperator.NUMBER_IN: (False, float, _EQUALS),
    FilterOperator.NUMBER_NOT_IN: (True, float, _EQUALS),
    FilterOperator.NUMBER_LESS_THAN: (False, float, lambda one, value: bool(one < value)),
    FilterOperator.NUMBER_GREATER_THAN: (False, float, lambda one, value: bool(one > value)),
    FilterOperator.NUMBER_LESS_THAN_OR_EQUALS: (False, float, lambda one, value: bool(one <= value)),
    FilterOperator.NUMBER_GREATER_THAN_OR_EQUALS: (False, float, lambda one, value: bool(one >= value)),
    FilterOperator.NUMBER_IN_RANGE: (False, float, _WITHIN),
    FilterOperator.NUMBER_NOT_IN_RANGE: (True, float, _WITHIN),
    FilterOperator.BOOL_EQUALS: (False, bool, _EQUALS),
    FilterOperator.STRING_IN: (False, str, _EQUALS),
    FilterOperator.STRING_NOT_IN: (True, str, _EQUALS),
    FilterOperator.STRING_BEGINS_WITH: (False, str, _BEGINS),
    FilterOperator.STRING_NOT_BEGINS_WITH: (True, str, _BEGINS),
    FilterOperator.STRING_ENDS_WITH: (False, str, _ENDS),
    FilterOperator.STRING_NOT_ENDS_WITH: (True, str, _ENDS),
    FilterOperator.STRING_CONTAINS: (False, str, _CONTAINS),
    FilterOperator.STRING_NOT_CONTAINS: (True, str, _CONTAINS),
}
"""Of each operator: whether it is negated, of what type the values are, and how two are compared."""
_MATCHED_WITHOUT = frozenset({FilterOperator.NUMBER_NOT_IN, FilterOperator.STRING_NOT_IN})
_NO_VALUE = frozenset({FilterOperator.IS_NULL_OR_UNDEFINED, FilterOperator.IS_NOT_NULL})
_RANGES = frozenset({FilterOperator.NUMBER_IN_RANGE, FilterOperator.NUMBER_NOT_IN_RANGE})
_SINGLE = frozenset(
    {
        FilterOperator.NUMBER_LESS_THAN,
        FilterOperator.NUMBER_GREATER_THAN,
        FilterOperator.NUMBER_LESS_THAN_OR_EQUALS,
        FilterOperator.NUMBER_GREATER_THAN_OR_EQUALS,
        FilterOperator.BOOL_EQUALS,
    }
)
_KEY_LEVELS = 3
"""`data.key1.key2`."""


# ---- reading what was asked -----------------------------------------------------------------------------------------


def parse_types(names: list[str] | None) -> tuple[EventType, ...] | None:
    """
    Read the included event types; none, and `All`, are all of them.

    Raises:
        Invalid: there is no such type of a vault's events.
    """
    if not names or any(name.lower() == "all" for name in names):
        return None
    known = {kind.value.lower(): kind for kind in EventType}
    found = []
    for name in names:
        kind = known.get(name.lower())
        if kind is None:
            raise Invalid(f"'{shown(name, WORD)}' is not an event type of Microsoft.KeyVault.vaults.")
        found.append(kind)
    return tuple(dict.fromkeys(found))


def parse_advanced(operator: str, key: str, values: list[Any]) -> AdvancedFilter:
    """
    Read one advanced filter; *values* has its `values`, or its one `value`.

    Raises:
        Invalid: the operator, the key, or a value that the operator does not compare with.
    """
    found = next((one for one in FilterOperator if one.value.lower() == operator.lower()), None)
    if found is None:
        raise Invalid(f"'{shown(operator, WORD)}' is not the operator of an advanced filter.")
    words = key.split(".")
    if not all(words) or len(words) > _KEY_LEVELS or len(key) > event_limits.EVENT_FILTER_CHARS:
        raise Invalid(f"The key of an advanced filter has 1 to {_KEY_LEVELS} words with full stops between them.")
    if found in _NO_VALUE:
        if values:
            raise Invalid(f"{found.value} compares with no value.")
        return AdvancedFilter(found, key)
    if not values or (found in _SINGLE and len(values) > 1):
        raise Invalid(f"{found.value} compares with {'one value' if found in _SINGLE else 'one value or more'}.")
    return AdvancedFilter(found, key, tuple(_parse_value(found, value) for value in values))


def _parse_value(operator: FilterOperator, value: Any) -> FilterValue:
    if operator in _RANGES:
        if isinstance(value, list | tuple) and len(value) == 2 and all(_is_of(float, end) for end in value):
            return _number(value[0]), _number(value[1])
        raise Invalid(f"A value of {operator.value} is a range: two numbers.")
    kind = _COMPARISONS[operator][1]
    if not _is_of(kind, value):
        noun = {float: "a number", bool: "true or false", str: "a text"}[kind]
        raise Invalid(f"A value of {operator.value} is {noun}.")
    if isinstance(value, str) and len(value) > event_limits.EVENT_FILTER_CHARS:
        raise Invalid(f"A text of an advanced filter has at most {event_limits.EVENT_FILTER_CHARS} characters.")
    return _number(value) if kind is float else value


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Invalid("A number of an advanced filter is too large.") from None


def check_filter(wanted: EventFilter) -> EventFilter:
    """
    Check a filter's limits.

    Raises:
        Invalid: it goes past one.
    """
    if max(len(wanted.subject_begins), len(wanted.subject_ends)) > event_limits.EVENT_SUBJECT_CHARS:
        raise Invalid(
            f"subjectBeginsWith and subjectEndsWith have at most {event_limits.EVENT_SUBJECT_CHARS} characters each."
        )
    if len(wanted.advanced) > event_limits.EVENT_ADVANCED_FILTERS:
        raise Invalid(f"An event subscription has at most {event_limits.EVENT_ADVANCED_FILTERS} advanced filters.")
    if sum(len(one.values) for one in wanted.advanced) > event_limits.EVENT_FILTER_VALUES:
        raise Invalid(
            "The advanced filters of an event subscription have at most"
            f" {event_limits.EVENT_FILTER_VALUES} values together."
        )
    return wanted
