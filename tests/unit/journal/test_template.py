"""A record made of a template is the record that encoding makes."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from strongroom.journal import Entry, Template, encode
from tests.unit.journal.test_event import entry

AWKWARD = st.one_of(
    st.sampled_from(['"durationMs":"0"', '"correlationId":""', '"time":"', '"', "\\", "\u2028", "", "\ud800", "é"]),
    st.text(max_size=40),
)
FIELDS = st.fixed_dictionaries(
    {
        "time": st.floats(0, 4e9),
        "duration_s": st.floats(-1, 100),
        "correlation_id": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200),
    },
    optional={
        "resource_id": AWKWARD,
        "operation": AWKWARD,
        "operation_version": AWKWARD,
        "description": AWKWARD,
        "client_info": AWKWARD,
        "request_uri": AWKWARD,
        "object_uri": AWKWARD,
        "address": AWKWARD,
        "status": st.sampled_from([200, 204, 403, 503]),
    },
)


@given(FIELDS, st.floats(0, 4e9), st.floats(0, 100), st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_filling_is_encoding(fields: dict[str, Any], time: float, duration_s: float, correlation_id: str) -> None:
    """Whatever texts the entry has, and whatever time, duration and correlation id the next one of its kind."""
    first: Entry = entry(**fields)
    following = msgspec.structs.replace(first, time=time, duration_s=duration_s, correlation_id=correlation_id)
    assert Template(first).fill(time, duration_s, correlation_id) == encode(following)
