"""`$filter`: what is understood, and that everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.arm.filters import Filter, parse_filter
from strongroom.core import limits
from strongroom.core.errors import Invalid

PROPERTIES = frozenset({"name", "resourcetype", "principalid"})
FUNCTIONS = frozenset({"atscope", "assignedto"})
GUID = "a0000000-0000-4000-8000-000000000001"


def parse(text: str | None) -> Filter:
    """Read a filter of the names above."""
    return parse_filter(text, properties=PROPERTIES, functions=FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "equals", "calls"),
    [
        (None, {}, {}),
        ("", {}, {}),
        ("name eq 'v1'", {"name": "v1"}, {}),
        ("resourceType eq 'a/b' and NAME eq 'v'", {"resourcetype": "a/b", "name": "v"}, {}),
        ("name eq 'it''s'", {"name": "it's"}, {}),
        ("name eq ''", {"name": ""}, {}),
        ("name eq 'a and b'", {"name": "a and b"}, {}),
        ("atScope()", {}, {"atscope": ""}),
        (f" atScope() AND assignedTo( '{GUID}' ) ", {}, {"atscope": "", "assignedto": GUID}),
        (f"principalId eq {GUID}", {"principalid": GUID}, {}),
    ],
)
def test_understood(text: str | None, equals: dict[str, str], calls: dict[str, str]) -> None:
    """The forms that the official tools send."""
    assert parse(text) == Filter(equals, calls)


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name eq v1",
        "name eq 'v1",
        "name ne 'v1'",
        "name eq 'a' or name eq 'b'",
        "name eq 'a' name eq 'b'",
        "name eq 'a' and",
        "and name eq 'a'",
        "name eq 'a' and name eq 'b'",
        "tagName eq 'a'",
        "atScope",
        "atScope() and atScope()",
        "below()",
        "(name eq 'a')",
        "name eq 'a'andx",
        "x" * (limits.FILTER_CHARS + 1),
    ],
)
def test_refused(text: str) -> None:
    """What is not understood is refused, with what would be."""
    with pytest.raises(Invalid) as refusal:
        parse(text)
    assert refusal.value.code == "InvalidFilterInQueryString"
    assert "name eq '...'" in refusal.value.message


@given(st.text(alphabet="nameq '()and\n\tx0-", max_size=80))
def test_any_text(text: str) -> None:
    """Any text is a filter or refused, and nothing else happens."""
    try:
        found = parse(text)
    except Invalid:
        return
    assert set(found.equals) <= PROPERTIES
    assert set(found.calls) <= FUNCTIONS
