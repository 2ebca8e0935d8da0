"""What a file may say of who is told of a vault's events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from strongroom.cli.seed.forms.sources import GIVEN_OR_KEPT, WEBHOOK
from strongroom.cli.seed.forms.texts import ANY_TEXT, ARM_ID, LINE, TEXTS
from strongroom.cli.seed.reading import Items, Node, Scalar
from strongroom.cli.seed.schema import Choice, Entry, Faults, Flag, Instant, Kind, ListOf, Member, Shape, Text, Whole
from strongroom.core import event_limits
from strongroom.core.errors import Invalid
from strongroom.core.event_filters import AdvancedFilter, FilterOperator, parse_advanced
from strongroom.core.event_subscriptions import EventSchema
from strongroom.core.events import EventType

EVENTS = {kind.rpartition(".")[2]: kind.value for kind in EventType}
"""What a file calls a type of event, and what the service does."""
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FilterValue(Kind):
    """What an advanced filter compares with: a text, a number, true or false, or a range of two numbers."""

    def take(self, node: Node, place: str, faults: Faults) -> Any:
        """Take a value as it is written: what is to be a text and looks like something else is in quotes."""
        if isinstance(node, Items):
            return [self.take(one, f"{place}[{index}]", faults) for index, one in enumerate(node.values)]
        if isinstance(node, Scalar):
            if node.kind == "str":
                return node.text
            if node.kind == "bool" and node.text.lower() in {"true", "false"}:
                return node.text.lower() == "true"
            if node.kind in {"int", "float"} and _NUMBER.fullmatch(node.text):
                return float(node.text)
        return faults.add(node.line, place, "it must be a text, a number, true, false, or a range of two numbers")

    @property
    def words(self) -> str:
        """How the documentation calls it."""
        return "text, number, `true` or `false`, or two numbers"


def filter_of(entry: Entry) -> AdvancedFilter:
    """
    Give an advanced filter as the domain has it.

    Raises:
        Invalid: its key is none, or its operator does not compare with such values.
    """
    return parse_advanced(entry["operator"], entry["key"], entry.get("values", []))


def _check_filter(entry: Entry) -> str | None:
    try:
        filter_of(entry)
    except Invalid as invalid:
        return str(invalid)
    return None


ADVANCED_FILTER = Shape(
    "advanced filter",
    {
        "operator": Member(Choice(tuple(FilterOperator)), "What is asked.", required=True),
        "key": Member(LINE, "Of which member of the event, as `data.ObjectName`.", required=True),
        "values": Member(ListOf(FilterValue()), "With what it is compared: any of these has to fit."),
    },
    check=_check_filter,
)
DELIVERY_ATTRIBUTE = Shape(
    "delivery attribute",
    {
        "name": Member(LINE, "The name of the header.", required=True),
        "value": Member(LINE, "Its value."),
        "secret": Member(GIVEN_OR_KEPT, "Or where its value comes from, which is shown to nobody."),
        "sourceField": Member(LINE, "Or the member of the event that it is taken from."),
    },
    choose=("value", "secret", "sourceField"),
)
DEAD_LETTERS = Shape(
    "dead letters",
    {
        "storageAccountId": Member(ARM_ID, "To which storage account; its operator maps it to a folder.", True),
        "container": Member(LINE, "Into which container.", required=True),
    },
)
EVENT_SUBSCRIPTION = Shape(
    "event subscription",
    {
        "name": Member(
            Text(
                rf"[A-Za-z0-9-]{{3,{event_limits.EVENT_SUBSCRIPTION_NAME_CHARS}}}",
                "3 to 64 letters, digits and hyphens",
                "name",
            ),
            "Its name.",
            required=True,
        ),
        "endpoint": Member(WEBHOOK, "The webhook that gets the events; it has to agree.", required=True),
        "events": Member(ListOf(Choice(tuple(EVENTS))), "Which events; all if it is not said."),
        "subjectBeginsWith": Member(ANY_TEXT, "Only of what is called so."),
        "subjectEndsWith": Member(ANY_TEXT, "Likewise."),
        "subjectCaseSensitive": Member(Flag(), "Whether both are compared with case."),
        "advancedFilters": Member(ListOf(ADVANCED_FILTER), "All that has to fit besides."),
        "filtersInArrays": Member(Flag(), "Whether lists in an event are compared by what is in them."),
        "schema": Member(Choice(tuple(EventSchema)), "How events are written."),
        "maxDeliveryAttempts": Member(Whole(1, event_limits.EVENT_ATTEMPTS), "How often an event is tried."),
        "minutesToLive": Member(Whole(1, event_limits.EVENT_LIVE_MINUTES), "How long an event is tried."),
        "expires": Member(Instant(), "Until when."),
        "labels": Member(TEXTS, "Every label."),
        "deadLetters": Member(DEAD_LETTERS, "Where copies of what cannot be delivered go."),
        "deliveryAttributes": Member(ListOf(DELIVERY_ATTRIBUTE), "Every header that deliveries get."),
    },
)
