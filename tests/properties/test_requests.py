"""Whatever a caller sends as a token request's form or as a Graph filter, it is understood or refused."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Failure, Invalid
from strongroom.graph.filters import All, Any, Clause, Literal, Node, Not, Operator, parse_filter
from strongroom.sts.forms import CONTENT_TYPE, parse_basic, parse_form

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)
FILTER_PIECES = st.sampled_from(
    [
        "displayName",
        " eq ",
        "'x'",
        "''",
        "'",
        " and ",
        "startswith(",
        ")",
        ",",
        "/any(c:c eq ",
        "true",
        "null",
        " or ",
        "not ",
    ]
)


@given(st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), max_size=20))
def test_a_well_formed_form_is_read_as_it_was_written(members: dict[str, str]) -> None:
    """Reading undoes writing, in the two spellings of a blank."""
    for quote_via in (quote, None):
        body = urlencode(members, quote_via=quote_via) if quote_via else urlencode(members)
        assert parse_form(CONTENT_TYPE, body.encode()) == members


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_are_refused(body: bytes) -> None:
    """Nothing but a refusal comes of a malformed form, and no member of it is empty."""
    number, form = None, {"nothing": "read"}
    try:
        form = parse_form(CONTENT_TYPE, body)
    except Failure as refusal:
        number = refusal.number
    assert number in {None, 9002313, 9000411}
    assert all(form.values())


@given(st.text(max_size=60))
def test_any_header_is_basic_or_is_refused(header: str) -> None:
    """Nothing but a refusal comes of a malformed Authorization header."""
    number = None
    try:
        parse_basic(header)
    except Failure as refusal:
        number = refusal.number
    assert number in {None, 9002313}


@given(st.lists(FILTER_PIECES, max_size=12).map("".join) | TEXT)
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    """A filter is understood whole or not at all: what was read, written again, is the filter."""
    try:
        node = parse_filter(text)
    except Invalid:
        return
    # Written anew it has more brackets, which count as terms.
    if text.count("(") + text.count(" or ") + text.count(" and ") < 5:
        assert parse_filter(written(node)) == node


def written(node: Node) -> str:
    """Write a filter that was read."""
    match node:
        case Not(inner):
            return f"not ({written(inner)})"
        case All(nodes):
            return " and ".join(map(bracketed, nodes))
        case Any(nodes):
            return " or ".join(map(bracketed, nodes))
        case Clause(name, operator, literals):
            shown = [spelled(literal) for literal in literals]
            return {
                Operator.EQ: f"{name} in ({', '.join(shown)})",
                Operator.STARTS_WITH: f"startswith({name},{shown[0]})",
                Operator.ANY: f"{name}/any(c:c eq {shown[0]})",
            }[operator]


def bracketed(node: Node) -> str:
    """Write a filter as a part of another."""
    return written(node) if isinstance(node, Clause) else f"({written(node)})"


def spelled(literal: Literal) -> str:
    """Write a literal."""
    if isinstance(literal, str):
        return f"'{literal.replace(chr(39), chr(39) * 2)}'"
    return "null" if literal is None else str(literal).lower()


@given(TEXT, TEXT)
def test_a_literal_cannot_leave_its_quotes(one: str, other: str) -> None:
    """However a quoted text looks, it stays one literal: no text of a user's becomes a clause."""
    text = f"displayName eq '{one.replace(chr(39), chr(39) * 2)}' and appId eq '{other.replace(chr(39), chr(39) * 2)}'"
    assert parse_filter(text) == All(
        (Clause("displayName", Operator.EQ, (one,)), Clause("appId", Operator.EQ, (other,)))
    )
