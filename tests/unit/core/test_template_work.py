"""No template makes more work, or more memory, than its budget: what a function costs is charged before it is spent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.bodies import evaluate_outside
from strongroom.core.templates.faults import TemplateFault
from tests.unit.core.templating import bind, evaluate, template

_LONG = "a" * 1_000_000
_SECONDS = 5.0
"""Far more than any of these takes, and far less than it took where the work was not charged."""


def _variable(expression: Any, **variables: Any) -> Callable[[], Any]:
    def call() -> Any:
        bound = bind(template(variables={**variables, "x": expression}))
        return bound.evaluator.evaluate("[variables('x')]", bound.scope)

    return call


def _parameter(definition: dict[str, Any], value: Any, **more: Any) -> Callable[[], Any]:
    return lambda: bind(template(parameters={"p": definition}, **more), {"p": value})


def _outside() -> Any:
    bound = bind(template(parameters={"p": {"type": "string"}}), {"p": f"[{_LONG}"})
    return evaluate_outside(bound.evaluator, ["[parameters('p')]"] * 20_000, bound.scope)


_MANY = "[map(range(0, 10000), lambda('i', {}))]"
_WORK: dict[str, Callable[[], Any]] = {
    "each of many marks is tried at each character": _variable(
        "[split(variables('a'), variables('m'))]", a=_LONG, m=[f"{'a' * 30}{number}" for number in range(5000)]
    ),
    "an id is made of a long text, often": _variable(
        _MANY.format("extensionResourceId(variables('a'), 'A/b', 'c')"), a=_LONG
    ),
    "a long name of a member is written often": _variable(f"[string({_MANY[1:-1]})]".format("variables('o')"),
                                                          o={_LONG: 1}),
    "a text with two brackets is copied often": _variable(
        {"copy": [{"name": "z", "count": 800, "input": [f"[[{_LONG}"] * 50}]}
    ),
    "more expressions are read again than anybody remembers": _variable(
        {"copy": [{"name": "z", "count": 800, "input": [
            f"[if(true(), 1, createArray({','.join(['1'] * 600)},{number}))]" for number in range(2500)
        ]}]}
    ),
    "members of members are looked for among many": _variable(
        _MANY.format("tryGet(variables('o'), 'A', 'zz')"), o={"A": {f"k{number}": 1 for number in range(100_000)}}
    ),
    "a variable is looked for among many loops": _variable(
        [_MANY.format("variables('l29999')")] * 5,
        copy=[{"name": f"l{number}", "count": 1, "input": 1} for number in range(30_000)],
    ),
    "a definition of many members is held against many values": _parameter(
        {"type": "array", "items": {"$ref": "#/definitions/a"}},
        [0] * 80_000,
        definitions={"a": {f"k{number}": 1 for number in range(60_000)}},
    ),
    "many values are allowed, and many given": _parameter(
        {"type": "array", "allowedValues": list(range(70_000))}, [69_999] * 70_000
    ),
    "what is evaluated in the outer scope is as long at each place": _outside,
    "JSON has more values than may be looked at": _variable(
        "[json(variables('a'))]", a=f"[{','.join(['1'] * 1_000_000)}]"
    ),
}  # fmt: skip


@pytest.mark.parametrize("work", _WORK.values(), ids=_WORK.keys())
def test_no_work_is_without_a_bound(work: Callable[[], Any]) -> None:
    """It is refused, and soon."""
    begun = time.process_time()
    with pytest.raises(TemplateFault):
        work()
    assert time.process_time() - begun < _SECONDS


def test_the_last_place_of_a_text_is_found_in_a_time_that_grows_with_the_text() -> None:
    """`rfind` compares the whole of the part at every place."""
    begun = time.process_time()
    found = _variable("[lastIndexOf(variables('a'), variables('b'))]", a=_LONG, b=f"ab{'a' * 400_000}")()
    assert (found, time.process_time() - begun < _SECONDS) == (-1, True)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[split('abcd', createArray('ab', 'bcd'))]", ["", "cd"]),
        ("[split('a,b;c', createArray(',', ';'))]", ["a", "b", "c"]),
        ("[split('a--b-c', createArray('-', '--'))]", ["a", "b", "c"]),
        ("[split('abc', ',')]", ["abc"]),
        ("[split(',', ',')]", ["", ""]),
        ("[split('', ',')]", [""]),
        ("[split('a', createArray())]", ["a"]),
        ("[lastIndexOf('abcabc', 'BC')]", 4),
        ("[lastIndexOf('abc', '')]", 3),
        ("[lastIndexOf('abc', 'x')]", -1),
    ],
)
def test_texts_are_divided_and_found(expression: str, expected: Any) -> None:
    """At one place the longest delimiter counts; of places, the first."""
    assert evaluate(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        r"""[json('"\ud800"')]""",
        "[json('1e999')]",
        f"[json('{'9' * 30}')]",
        f"[json('{'[' * 100}{']' * 100}')]",
        "[uri('http://[', 'x')]",
        "[dateTimeToEpoch('0001-01-01T00:00:00+14:00')]",
        "[format('{0:D²}', 1)]",
        "[lambda('x', 1)]",
        "[concat(lambda('x', 1), 'a')]",
        "[createArray(lambda('x', 1))]",
    ],
)
def test_what_cannot_be_written_as_json_or_computed_is_a_fault_of_the_template(expression: str) -> None:
    """An exception of another kind would be told as a fault of the service, or stop a deployment half-way."""
    with pytest.raises(TemplateFault):
        evaluate(expression)


def test_an_integer_beyond_64_bits_is_refused() -> None:
    """Nothing that is kept or sent could hold it."""
    with pytest.raises(TemplateFault, match="64 bits"):
        bind(template(parameters={"p": {"type": "int"}}), {"p": 2**63})


def test_a_value_is_as_deep_as_it_may_be() -> None:
    """One level more is refused, before anything goes through it that calls itself at each level."""
    deep: Any = 1
    for _ in range(limits.TEMPLATE_VALUE_DEPTH - 1):
        deep = [deep]
    assert bind(template(parameters={"p": {"type": "array"}}), {"p": deep}).parameters == {"p": deep}
    with pytest.raises(TemplateFault, match="nests deeper"):
        bind(template(parameters={"p": {"type": "array"}}), {"p": [deep]})
