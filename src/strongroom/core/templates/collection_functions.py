"""The functions for arrays, objects and lambdas (Azure's documentation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from typing import Any

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.evaluation import (
    Budget,
    Evaluator,
    Form,
    Function,
    Lambda,
    Scope,
    has_member,
    member,
    misused,
    type_name,
)
from strongroom.core.templates.expressions import Literal, Node
from strongroom.core.templates.number_functions import same, truth
from strongroom.core.templates.text_functions import integer, spell, text

_MANY = 10_000


def array(value: Any) -> list[Any]:
    """
    Take an array.

    Raises:
        TemplateFault: it is none.
    """
    if not isinstance(value, list):
        raise misused(f"a value of type 'Array' is expected, not '{type_name(value)}'")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """
    Take an object.

    Raises:
        TemplateFault: it is none.
    """
    if not isinstance(value, dict):
        raise misused(f"a value of type 'Object' is expected, not '{type_name(value)}'")
    return value


def _among(budget: Budget, one: Any, many: Sequence[Any]) -> bool:
    return any(same(one, other, budget) for other in many)


def _contains(budget: Budget, values: Sequence[Any]) -> bool:
    match values[0]:
        case list(items):
            return _among(budget, values[1], items)
        case dict():
            return has_member(values[0], spell(values[1]))
        case str(whole):
            return spell(values[1]) in whole
    raise misused("a text, an array or an object is searched")


def _is_empty(_budget: Budget, values: Sequence[Any]) -> bool:
    if values[0] is None:
        return True
    if not isinstance(values[0], str | list | dict):
        raise misused("a text, an array or an object is expected")
    return not values[0]


def _length(_budget: Budget, values: Sequence[Any]) -> int:
    if not isinstance(values[0], str | list | dict):
        raise misused("a text, an array or an object is expected")
    return len(values[0])


def _end(place: int) -> Function:
    def call(_budget: Budget, values: Sequence[Any]) -> Any:
        given = values[0]
        if not isinstance(given, str | list):
            raise misused("a text or an array is expected")
        if not given:
            return "" if isinstance(given, str) else None
        return given[place]

    return Function(1, 1, call, is_view=True)


def _number_of(value: Any, among: str | list[Any]) -> int:
    return max(0, min(integer(value), len(among)))


def _skip(_budget: Budget, values: Sequence[Any]) -> Any:
    if not isinstance(values[0], str | list):
        raise misused("a text or an array is expected")
    return values[0][_number_of(values[1], values[0]) :]


def _take(_budget: Budget, values: Sequence[Any]) -> Any:
    if not isinstance(values[0], str | list):
        raise misused("a text or an array is expected")
    return values[0][: _number_of(values[1], values[0])]


def _range(_budget: Budget, values: Sequence[Any]) -> list[int]:
    start, count = integer(values[0]), integer(values[1])
    if not 0 <= count <= _MANY or start + count > 2**31 - 1:
        raise misused(f"the count is between 0 and {_MANY}, and the sum less than 2147483647")
    return list(range(start, start + count))


def _union(budget: Budget, values: Sequence[Any]) -> Any:
    if all(isinstance(one, list) for one in values):
        found: list[Any] = []
        for one in values:
            for item in one:
                if not _among(budget, item, found):
                    found.append(item)
        return found
    merged: dict[str, Any] = {}
    for one in values:
        merged = _merged(budget, merged, mapping(one))
    return merged


def _merged(budget: Budget, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """Put one object over another; objects in both are merged, whatever else is taken from the second."""
    budget.spend(len(left) + len(right))
    merged = dict(left)
    for name, value in right.items():
        present = merged.get(name)
        both = isinstance(present, dict) and isinstance(value, dict)
        merged[name] = _merged(budget, present, value) if both else value  # type: ignore[arg-type]  # both are objects
    return merged


def _shallow(budget: Budget, values: Sequence[Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for one in array(values[0]):
        merged |= mapping(one)
        budget.spend(len(merged))
    return merged


def _intersection(budget: Budget, values: Sequence[Any]) -> Any:
    first, others = values[0], values[1:]
    if all(isinstance(one, list) for one in values):
        return [item for item in first if all(_among(budget, item, other) for other in others)]
    given = [mapping(one) for one in values]
    return {
        name: value
        for name, value in given[0].items()
        if all(name in other and same(other[name], value, budget) for other in given[1:])
    }


def _create_object(_budget: Budget, values: Sequence[Any]) -> dict[str, Any]:
    if len(values) % 2:
        raise misused("every name has a value")
    return {text(name): value for name, value in zip(values[::2], values[1::2], strict=True)}


def _items(_budget: Budget, values: Sequence[Any]) -> list[dict[str, Any]]:
    given = mapping(values[0])
    return [{"key": name, "value": given[name]} for name in sorted(given)]


def _flatten(_budget: Budget, values: Sequence[Any]) -> list[Any]:
    return [item for one in array(values[0]) for item in array(one)]


def _try_get(budget: Budget, values: Sequence[Any]) -> Any:
    found, keys = values[0], values[1:]
    for key in keys:
        if isinstance(found, dict):
            budget.spend(len(found))
        if found is None or not has_member(found, key):
            return None
        found = member(found, key)
    return found


def _try_index(_budget: Budget, values: Sequence[Any]) -> Any:
    return _try_get(_budget, values)


# ---- lambdas --------------------------------------------------------------------------------------------------------


def _lambda(_evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> Lambda:
    names = [one.value for one in arguments[:-1] if isinstance(one, Literal) and isinstance(one.value, str)]
    if len(names) != len(arguments) - 1:
        raise misused("the arguments of a lambda are named by texts")
    return Lambda(tuple(names), arguments[-1], scope)


def _lambda_variables(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> Any:
    name = evaluator.node(arguments[0], scope)
    if not isinstance(name, str) or name not in scope.lambdas:
        raise misused("there is no lambda around with an argument of that name")
    return scope.lambdas[name]


def _given(evaluator: Evaluator, scope: Scope, node: Node) -> Lambda:
    function = evaluator.node(node, scope)
    if not isinstance(function, Lambda):
        raise misused("a lambda is expected")
    return function


def _map(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> list[Any]:
    items, function = array(evaluator.node(arguments[0], scope)), _given(evaluator, scope, arguments[1])
    return _weighed(evaluator, [evaluator.apply(function, item, place) for place, item in enumerate(items)])


def _filter(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> list[Any]:
    items, function = array(evaluator.node(arguments[0], scope)), _given(evaluator, scope, arguments[1])
    kept = [item for place, item in enumerate(items) if truth(evaluator.apply(function, item, place))]
    return _weighed(evaluator, kept)


def _reduce(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> Any:
    items, found = array(evaluator.node(arguments[0], scope)), evaluator.node(arguments[1], scope)
    function = _given(evaluator, scope, arguments[2])
    for place, item in enumerate(items):
        found = evaluator.apply(function, found, item, place)
    return found


def _sort(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> list[Any]:
    items, function = array(evaluator.node(arguments[0], scope)), _given(evaluator, scope, arguments[1])

    def order(left: Any, right: Any) -> int:
        return int(truth(evaluator.apply(function, right, left))) - int(truth(evaluator.apply(function, left, right)))

    return _weighed(evaluator, sorted(items, key=cmp_to_key(order)))


def _to_object(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> dict[str, Any]:
    items, key = array(evaluator.node(arguments[0], scope)), _given(evaluator, scope, arguments[1])
    value = _given(evaluator, scope, arguments[2]) if len(arguments) > 2 else None
    made = {text(evaluator.apply(key, item)): item if value is None else evaluator.apply(value, item) for item in items}
    evaluator.budget.spend_on(made)
    return made


def _group_by(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> dict[str, Any]:
    items, key = array(evaluator.node(arguments[0], scope)), _given(evaluator, scope, arguments[1])
    made: dict[str, Any] = {}
    for item in items:
        made.setdefault(text(evaluator.apply(key, item)), []).append(item)
    evaluator.budget.spend_on(made)
    return made


def _map_values(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> dict[str, Any]:
    given, function = mapping(evaluator.node(arguments[0], scope)), _given(evaluator, scope, arguments[1])
    made = {name: evaluator.apply(function, value) for name, value in given.items()}
    evaluator.budget.spend_on(made)
    return made


def _weighed(evaluator: Evaluator, made: list[Any]) -> list[Any]:
    evaluator.budget.spend_on(made)
    return made


COLLECTION_FUNCTIONS: Mapping[str, Function | Form] = {
    "array": Function(1, 1, lambda _b, v: v[0] if isinstance(v[0], list) else [v[0]]),
    "createarray": Function(0, _MANY, lambda _b, v: list(v)),
    "createobject": Function(0, _MANY, _create_object),
    "contains": Function(2, 2, _contains, is_deep=True),
    "empty": Function(1, 1, _is_empty),
    "first": _end(0),
    "last": _end(-1),
    "length": Function(1, 1, _length),
    "skip": Function(2, 2, _skip),
    "take": Function(2, 2, _take),
    "range": Function(2, 2, _range),
    "union": Function(1, _MANY, _union, is_deep=True),
    "intersection": Function(1, _MANY, _intersection, is_deep=True),
    "shallowmerge": Function(1, 1, _shallow),
    "flatten": Function(1, 1, _flatten),
    "items": Function(1, 1, _items),
    "objectkeys": Function(1, 1, lambda _b, v: sorted(mapping(v[0]))),
    "tryget": Function(2, limits.TEMPLATE_EXPRESSION_DEPTH, _try_get, is_view=True),
    "tryindex": Function(2, limits.TEMPLATE_EXPRESSION_DEPTH, _try_index, is_view=True),
    "lambda": Form(1, 8, _lambda),
    "lambdavariables": Form(1, 1, _lambda_variables),
    "map": Form(2, 2, _map),
    "filter": Form(2, 2, _filter),
    "reduce": Form(3, 3, _reduce),
    "sort": Form(2, 2, _sort),
    "toobject": Form(2, 3, _to_object),
    "groupby": Form(2, 2, _group_by),
    "mapvalues": Form(2, 2, _map_values),
}
