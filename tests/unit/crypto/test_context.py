import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.crypto.context import bind, context

PARTS = st.lists(st.text(max_size=8), max_size=6)
PLACE = {
    "purpose": "secret value",
    "tenant": "11111111-0000-0000-0000-000000000001",
    "vault": "22222222-0000-0000-0000-000000000002",
    "object_id": "33333333-0000-0000-0000-000000000003",
    "version": "0123456789abcdef0123456789abcdef",
    "value_format": "1",
}


@given(PARTS, PARTS)
def test_different_parts_never_bind_to_the_same_bytes(one: list[str], other: list[str]) -> None:
    """Two lists of parts give the same bytes only if they are the same list."""
    assert (bind(*one) == bind(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("", "a")),
        (("a",), ("a", "")),
        ((), ("",)),
        (("1:a",), ("", "1:a")),
        (("a1:b",), ("a", "b")),
        (("A",), ("a",)),
        (("\u00e9",), ("e\u0301",)),
        (("\ud800",), ("\ud801",)),
    ],
)
def test_characters_do_not_move_between_parts(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """A part keeps its bounds, its case and its spelling; nothing is evened out."""
    assert bind(*one) != bind(*other)


@pytest.mark.parametrize("component", PLACE)
def test_the_context_binds_every_component(component: str) -> None:
    """SEC-BOOT-15: associated data binds purpose, tenant, vault GUID, object GUID, version and format."""
    assert context(**PLACE) != context(**(PLACE | {component: PLACE[component] + "x"}))
