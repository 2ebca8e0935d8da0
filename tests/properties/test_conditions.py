"""Conditions for any text and any facts: the logic after Kleene, and a parser that refuses and never fails."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import event, given
from hypothesis import strategies as st

from strongroom.core.condition_attributes import ATTRIBUTES, Source
from strongroom.core.condition_expressions import all_of, any_of, negation
from strongroom.core.condition_operators import OPERATORS
from strongroom.core.conditions import ConditionFault, parse_condition
from strongroom.core.facts import NO_FACTS, Facts

GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
values = st.sampled_from([True, False, None])

# ---- the laws of the logic


@given(values, values, values)
def test_the_laws_of_three_values(a: bool | None, b: bool | None, c: bool | None) -> None:  # noqa: FBT001  values
    """Order and grouping do not matter, NOT undoes itself, De Morgan and distribution hold, and unknown is kept."""
    assert all_of([a, b]) is all_of([b, a])
    assert any_of([a, b]) is any_of([b, a])
    assert all_of([a, all_of([b, c])]) is all_of([all_of([a, b]), c]) is all_of([a, b, c])
    assert any_of([a, any_of([b, c])]) is any_of([any_of([a, b]), c]) is any_of([a, b, c])
    assert negation(negation(a)) is a
    assert negation(all_of([a, b])) is any_of([negation(a), negation(b)])
    assert negation(any_of([a, b])) is all_of([negation(a), negation(b)])
    assert all_of([a, any_of([b, c])]) is any_of([all_of([a, b]), all_of([a, c])])
    assert all_of([a, True]) is a
    assert any_of([a, False]) is a
    assert all_of([a, False]) is False
    assert any_of([a, True]) is True
    assert negation(None) is None


# ---- what is written is what is meant

NUMBER = {True: 1.0, None: 0.5, False: 0.0}
LEAVES = {
    True: ("1 NumericEquals 1", "ActionMatches{'*'}", "Exists @Resource[Microsoft.KeyVault/vaults/secrets:name]"),
    False: ("'a' StringEquals 'b'", "SubOperationMatches{'a'}", "Exists @Environment[isPrivateLink]"),
    None: ("@Environment[UtcNow] DateTimeLessThan '2030-01-01T00:00:00Z'", "1 StringEquals 'x'"),
}
KNOWN = Facts({"microsoft.keyvault/vaults/secrets:name": "a"})


@dataclass(frozen=True)
class Tree:
    """A condition as it is meant: its text, its value by arithmetic, and how tightly its text binds."""

    text: str
    value: float
    binding: int


@st.composite
def leaves(draw: st.DrawFn) -> Tree:
    """Draw an expression of a value."""
    value = draw(values)
    return Tree(draw(st.sampled_from(LEAVES[value])), NUMBER[value], 4)


@st.composite
def joined(draw: st.DrawFn, children: st.SearchStrategy[Tree]) -> Tree:
    """Join trees, with parentheses where they are needed and sometimes where not."""
    kind = draw(st.sampled_from(["not", "and", "or"]))
    binding = {"or": 1, "and": 2, "not": 3}[kind]

    def written(part: Tree) -> str:
        gap = draw(st.sampled_from(["", " ", "\n\t"]))
        needed = part.binding < binding or (kind != "not" and part.binding == binding)
        return f"({gap}{part.text}{gap})" if needed or draw(st.booleans()) else part.text

    if kind == "not":
        part = draw(children)
        return Tree(draw(st.sampled_from(["NOT ", "!"])) + written(part), 1 - part.value, binding)
    parts = draw(st.lists(children, min_size=2, max_size=3))
    word = draw(st.sampled_from(["AND", "&&"] if kind == "and" else ["OR", "||"]))
    found = [part.value for part in parts]
    return Tree(f" {word} ".join(map(written, parts)), min(found) if kind == "and" else max(found), binding)


@given(st.recursive(leaves(), joined, max_leaves=20))
def test_a_written_condition_means_what_was_meant(tree: Tree) -> None:
    """AND is the least, OR the greatest, NOT what is left to one: whatever the spacing and the parentheses."""
    found = parse_condition(tree.text).evaluate(GET, KNOWN)
    event(str(found))
    assert NUMBER[found] == tree.value


@given(st.recursive(leaves(), joined, max_leaves=20))
def test_knowing_more_changes_no_answer(tree: Tree) -> None:
    """While facts are to come, true and false are final, for whatever facts come."""
    condition = parse_condition(tree.text)
    before = condition.evaluate(GET, NO_FACTS, pending=True)
    if before is not None:
        assert condition.evaluate(GET, KNOWN) is before


# ---- any text, any facts

words = st.sampled_from(
    ["(", ")", "!", "NOT", "AND", "OR", "&&", "||", "{", "}", "[", "]", ",", "'", "''", "'a'", "1", "-1.5", "true",
     "ActionMatches", "SubOperationMatches", "Exists", "ForAnyOfAnyValues:StringEquals", "@Resource", "@Principal[a:b]",
     "@Resource[Microsoft.KeyVault/vaults/secrets:name]", "@Environment[UtcNow]", "\\", "\n", "\x00", "é",
     "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", *OPERATORS]
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=60), st.lists(words, max_size=20).map(" ".join), st.lists(words, max_size=20).map("".join)
)


@given(texts)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a condition or a refusal with a position within the text comes of any text."""
    try:
        found = parse_condition(text).evaluate(GET, NO_FACTS)
    except ConditionFault as refused:
        fault = refused
    else:
        event("read")
        assert found in {True, False, None}
        return
    assert 0 <= fault.position <= len(text)
    assert fault.message.endswith(".")


scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["2026-01-01T00:00:00Z", "12:00", "10.0.0.1", "10.0.0.0/8", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"]
    ),
)
facts = st.one_of(scalars, st.lists(scalars, max_size=3).map(tuple))
attributes = st.sampled_from([one for one in ATTRIBUTES.values() if one.source is Source.ENVIRONMENT])


@given(attributes, attributes, st.sampled_from(sorted(OPERATORS)), facts, facts, st.booleans())
def test_any_facts_are_compared_or_unknown(
    left: object,
    right: object,
    name: str,
    one: object,
    other: object,
    quantified: bool,  # noqa: FBT001  drawn
) -> None:
    """No fact makes an operator fail, whatever its type, and an operator and its negation never agree."""
    known = Facts(environment={left.name.lower(): one, right.name.lower(): other})  # type: ignore[attr-defined,dict-item]
    prefix = "ForAllOfAnyValues:" if quantified and not name.endswith("InRange") else ""
    text = f"@Environment[{left.name}] {prefix}{name} @Environment[{right.name}]"  # type: ignore[attr-defined]
    found = parse_condition(text).evaluate(GET, known)
    assert found in {True, False, None}
    positive = name.replace("Not", "", 1)
    if not prefix and "Not" in name and positive in OPERATORS:
        opposite = parse_condition(text.replace(name, positive)).evaluate(GET, known)
        assert found is negation(opposite)
