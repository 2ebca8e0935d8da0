"""Templates: what holds for any of them. A failure prints the line that brings its example back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import Invalid
from strongroom.core.templates.bodies import evaluate_outside
from strongroom.core.templates.differences import differences
from strongroom.core.templates.evaluation import Budget, Evaluator, Scope
from strongroom.core.templates.expressions import parse_expression
from strongroom.core.templates.faults import Needed, TemplateFault
from strongroom.core.templates.functions import FUNCTIONS
from strongroom.core.templates.hiding import hide
from strongroom.core.templates.source import strict_json
from tests.unit.core.templating import evaluate, plan, resource, template

TEXTS = st.text(max_size=24)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
LITERALS = st.integers(-99, 99).map(str) | TEXTS.map(lambda text: "'" + text.replace("'", "''") + "'")
CALLS = st.recursive(
    LITERALS,
    lambda inner: st.builds(
        lambda name, arguments: f"{name}({', '.join(arguments)})",
        st.sampled_from(sorted(FUNCTIONS)),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


def spelled(value: Any) -> str:
    """Write a value as an expression."""
    match value:
        case None:
            return "null()"
        case bool():
            return f"{str(value).lower()}()"
        case int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case list():
            return f"createArray({', '.join(map(spelled, value))})"
    pairs = [part for name, member in value.items() for part in (spelled(name), spelled(member))]
    return f"createObject({', '.join(pairs)})"


@given(VALUES)
def test_every_value_can_be_written(value: Any) -> None:
    """An expression that spells a value gives that value."""
    assert evaluate(f"[{spelled(value)}]") == value


@given(VALUES)
def test_data_is_no_expression(value: Any) -> None:
    """What a parameter brings in stays what it is, whatever it looks like: here, and in a template evaluated twice."""
    scope = Scope({"parameters": lambda _evaluator, _scope, _values: value})
    evaluator = Evaluator(FUNCTIONS, Budget())
    once = evaluator.evaluate({"a": "[parameters('p')]"}, scope)
    assert once == {"a": value}
    outside = evaluate_outside(evaluator, {"a": "[parameters('p')]", "b": "[[kept]"}, scope)
    assert evaluator.evaluate(outside, Scope()) == {"a": value, "b": "[kept]"}


@given(CALLS)
def test_any_call_ends(expression: str) -> None:
    """Any expression gives a value or a fault of the template, and nothing else."""
    try:
        evaluate(f"[{expression}]", budget=Budget(20_000))
    except TemplateFault:
        return


@given(st.text(alphabet="[]().,'- ab1\\", max_size=40))
def test_any_text_is_read(text: str) -> None:
    """Any text is an expression or is refused as none."""
    try:
        parse_expression(f"[{text}]")
    except TemplateFault:
        return


@given(st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_order(edges: list[set[int]]) -> None:
    """Every resource comes after what it waits for; exactly what waits for itself is refused."""
    count = len(edges)
    wanted = {
        place: {other for other in others if other < count and other != place} for place, others in enumerate(edges)
    }
    tree = template(
        [resource(f"r{place}", dependsOn=[f"r{other}" for other in sorted(others)]) for place, others in wanted.items()]
    )
    done: set[int] = set()
    while ready := [place for place in wanted if place not in done and wanted[place] <= done]:
        done.update(ready)
    try:
        found = plan(tree)
    except TemplateFault:
        assert len(done) < count
        return
    assert len(done) == count
    waits = {one.name: {found.resources[key].name for key in one.depends} for one in found.deployed}
    assert waits == {f"r{place}": {f"r{other}" for other in others} for place, others in wanted.items()}


@given(VALUES)
def test_any_tree_is_a_template_or_none(tree: Any) -> None:
    """Whatever is sent as a template is planned or refused; in the place of a resource as well."""
    for one in (tree, template([tree]), template(variables=tree), template(outputs=tree), template(parameters=tree)):
        try:
            plan(one)
        except (TemplateFault, Needed, Invalid):
            continue


@given(VALUES, st.sampled_from(["  ", "\n", "/* a */", "// b\n"]))
def test_comments_change_nothing(value: Any, between: str) -> None:
    """JSON says the same with comments between its parts, and strict JSON stays as it is."""
    written = json.dumps(value)
    assert strict_json(written) == written
    assert json.loads(strict_json(f"{between}{written}{between}")) == value


@given(VALUES, st.text(min_size=4, max_size=8))
def test_hidden(value: Any, secret: str) -> None:
    """No text of what is kept has a secret in it."""
    kept = hide([value, secret, {f"a{secret}b": f"x{secret}"}], frozenset({secret}))

    def texts(one: Any) -> list[str]:
        if isinstance(one, dict):
            return [text for name, member in one.items() for text in (name, *texts(member))]
        return (
            [text for item in one for text in texts(item)]
            if isinstance(one, list)
            else [one]
            if isinstance(one, str)
            else []
        )

    assert not any(secret in text for text in texts(kept) if text != "REDACTED")


@given(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4))
def test_what_is_the_same_has_no_differences(value: dict[str, Any]) -> None:
    """A resource that is as the template says would not change."""
    assert differences(value, value) == []
