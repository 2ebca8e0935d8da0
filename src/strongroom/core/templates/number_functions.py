"""The functions for numbers, truth and comparison (Azure's documentation)."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from strongroom.core.templates.evaluation import Budget, Evaluator, Form, Function, Scope, misused, type_name
from strongroom.core.templates.expressions import Node
from strongroom.core.templates.text_functions import integer, text

_BITS = 2**63
_MANY = 10_000


def _whole(number: int) -> int:
    if not -_BITS <= number < _BITS:
        raise misused("the result has more than 64 bits")
    return number


def _binary(combine: Callable[[int, int], int]) -> Function:
    return Function(2, 2, lambda _b, v: _whole(combine(integer(v[0]), integer(v[1]))))


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise misused("the divisor is zero")
    # Towards zero, as .NET has it.
    whole = abs(left) // abs(right)
    return whole if (left < 0) == (right < 0) else -whole


def _to_int(_budget: Budget, values: Sequence[Any]) -> int:
    value = values[0]
    if isinstance(value, str):
        trimmed = value.strip()
        if len(trimmed) > 20 or not trimmed.lstrip("+-").isascii() or not trimmed.lstrip("+-").isdigit():
            raise misused("the value is no integer")
        try:
            return _whole(int(trimmed))
        except ValueError:
            raise misused("the value is no integer") from None
    if isinstance(value, float) and math.isfinite(value):
        return _whole(int(value))
    return _whole(integer(value))


def _to_float(_budget: Budget, values: Sequence[Any]) -> float:
    try:
        made = float(values[0])
    except (TypeError, ValueError, OverflowError):
        raise misused("the value is no number") from None
    if not math.isfinite(made):
        raise misused("the value is no number")
    return made


def _numbers(values: Sequence[Any]) -> list[int]:
    given = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not given:
        raise misused("at least one value is expected")
    return [integer(one) for one in given]


def truth(value: Any) -> bool:
    """
    Take a truth value.

    Raises:
        TemplateFault: it is none.
    """
    if not isinstance(value, bool):
        raise misused(f"a value of type 'Boolean' is expected, not '{type_name(value)}'")
    return value


def _to_bool(_budget: Budget, values: Sequence[Any]) -> bool:
    match values[0]:
        case bool(value):
            return value
        case int(number):
            return number != 0
        case str(word) if word.strip().lower() in ("true", "1"):
            return True
        case str(word) if word.strip().lower() in ("false", "0"):
            return False
    raise misused("the value is neither true nor false")


def same(left: Any, right: Any, budget: Budget) -> bool:
    """Tell whether two values are equal; a truth value is no number. Each comparison is taken from *budget*."""
    budget.spend(1)
    if isinstance(left, dict) and isinstance(right, dict):
        budget.spend(len(left))
        return left.keys() == right.keys() and all(same(left[name], right[name], budget) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, other, budget) for one, other in zip(left, right, strict=True))
    if isinstance(left, str):
        budget.spend_on_text(len(left))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _compare(_budget: Budget, values: Sequence[Any]) -> int:
    left, right = values[0], values[1]
    for kind in (int, str):
        if all(isinstance(one, kind) and not isinstance(one, bool) for one in values):
            return int(left > right) - int(left < right)
    raise misused("two integers or two texts are compared")


def _ordered(decide: Callable[[int], bool]) -> Function:
    return Function(2, 2, lambda b, v: decide(_compare(b, v)))


def _if(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> Any:
    return evaluator.node(arguments[1 if truth(evaluator.node(arguments[0], scope)) else 2], scope)


def _and(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> bool:
    return all(truth(evaluator.node(one, scope)) for one in arguments)


def _or(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> bool:
    return any(truth(evaluator.node(one, scope)) for one in arguments)


def _coalesce(evaluator: Evaluator, scope: Scope, arguments: tuple[Node, ...]) -> Any:
    for one in arguments:
        value = evaluator.node(one, scope)
        if value is not None:
            return value
    return None


def _network(value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text(value), strict=False)
    except ValueError:
        raise misused("the value is no network in CIDR notation") from None


def _parse_cidr(_budget: Budget, values: Sequence[Any]) -> dict[str, Any]:
    network = _network(values[0])
    told: dict[str, Any] = {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "broadcast": str(network.broadcast_address),
        "cidr": network.prefixlen,
    }
    if network.num_addresses > 2:
        told |= {"firstUsable": str(network[1]), "lastUsable": str(network[-2])}
    return told


def _cidr_subnet(_budget: Budget, values: Sequence[Any]) -> str:
    network, bits, place = _network(values[0]), integer(values[1]), integer(values[2])
    if not network.prefixlen <= bits <= network.max_prefixlen or not 0 <= place < 2 ** (bits - network.prefixlen):
        raise misused("there is no such subnet")
    start = int(network.network_address) + place * 2 ** (network.max_prefixlen - bits)
    return f"{type(network.network_address)(start)}/{bits}"


def _cidr_host(_budget: Budget, values: Sequence[Any]) -> str:
    network, place = _network(values[0]), integer(values[1])
    if not 0 <= place < network.num_addresses - 1:
        raise misused("there is no such host")
    return str(network[place + 1])


def _constant(value: Any) -> Function:
    return Function(0, 0, lambda _b, _v: value)


NUMBER_FUNCTIONS: Mapping[str, Function | Form] = {
    "add": _binary(lambda left, right: left + right),
    "sub": _binary(lambda left, right: left - right),
    "mul": _binary(lambda left, right: left * right),
    "div": _binary(_divide),
    "mod": _binary(lambda left, right: left - right * _divide(left, right)),
    "int": Function(1, 1, _to_int),
    "float": Function(1, 1, _to_float),
    "min": Function(1, _MANY, lambda _b, v: min(_numbers(v))),
    "max": Function(1, _MANY, lambda _b, v: max(_numbers(v))),
    "true": _constant(value=True),
    "false": _constant(value=False),
    "null": _constant(None),
    "bool": Function(1, 1, _to_bool),
    "not": Function(1, 1, lambda _b, v: not truth(v[0])),
    "and": Form(2, _MANY, _and),
    "or": Form(2, _MANY, _or),
    "if": Form(3, 3, _if),
    "coalesce": Form(1, _MANY, _coalesce),
    "equals": Function(2, 2, lambda b, v: same(v[0], v[1], b), is_deep=True),
    "less": _ordered(lambda sign: sign < 0),
    "lessorequals": _ordered(lambda sign: sign <= 0),
    "greater": _ordered(lambda sign: sign > 0),
    "greaterorequals": _ordered(lambda sign: sign >= 0),
    "parsecidr": Function(1, 1, _parse_cidr),
    "cidrsubnet": Function(3, 3, _cidr_subnet),
    "cidrhost": Function(2, 2, _cidr_host),
}
