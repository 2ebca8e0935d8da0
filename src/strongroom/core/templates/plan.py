"""
The plan: which resources a template comes to, in which order.

Names, types, conditions and loops are evaluated here, before anything is deployed; the bodies when their turn comes,
since they may ask for the state of what was deployed before (`bodies`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.evaluation import Scope
from strongroom.core.templates.expressions import FunctionCall, calls_of, is_expression
from strongroom.core.templates.faults import Needed, TemplateFault
from strongroom.core.templates.number_functions import truth
from strongroom.core.templates.scopes import Place, parse_place, resource_id
from strongroom.core.templates.surroundings import Bound

DEPLOYMENTS = "microsoft.resources/deployments"
CONTROL = frozenset({
    "type", "apiVersion", "name", "condition", "copy", "dependsOn", "scope", "resources", "comments", "metadata",
    "resourceGroup", "subscriptionId", "existing", "asserts", "options",
})  # fmt: skip
"""What a resource of a template has for the template itself; all else is what the resource is made of."""
_ASKING = frozenset({"reference", "references", "listoutputswithsecurevalues"})
_REFUSED = ("import", "extension")


@dataclass(frozen=True, slots=True)
class Planned:
    """
    One resource.

    Attributes:
        key: what it is called within the plan.
        body: what it is made of, not evaluated.
        depends: the keys of what has to be there before it.
        is_existing: whether it is only read.
    """

    key: str
    id: str
    type: str
    name: str
    api_version: str
    body: Mapping[str, Any]
    scope: Scope
    symbol: str
    loop: str
    place: int
    depends: frozenset[str] = frozenset()
    is_existing: bool = False

    @property
    def is_deployment(self) -> bool:
        """Whether it is a deployment within this one."""
        return self.type.lower() == DEPLOYMENTS


@dataclass(frozen=True, slots=True)
class Plan:
    """What a template comes to. `left_out` are the ids of resources whose condition is not met."""

    bound: Bound
    resources: Mapping[str, Planned]
    """By key, in the order of the template."""
    by_id: Mapping[str, Planned]
    by_symbol: Mapping[str, tuple[Planned, ...]]
    by_name: Mapping[str, Planned]
    left_out: tuple[str, ...] = ()

    @property
    def deployed(self) -> tuple[Planned, ...]:
        """The resources that are put, in the order of the template."""
        return tuple(one for one in self.resources.values() if not one.is_existing)

    def named(self, name: str) -> Planned | None:
        """Find a resource by what expressions call it: symbolic name, id, or name."""
        folded = name.lower()
        symbol, _, rest = folded.partition("[")
        by_symbol = self.by_symbol.get(symbol)
        if by_symbol is not None:
            place = int(rest[:-1]) if rest.endswith("]") and rest[:-1].isdecimal() and len(rest) < 5 else 0
            return next((one for one in by_symbol if one.place == place), None)
        found = self.by_id.get(folded)
        if found is not None:
            return found
        return self.by_name.get(folded)


@dataclass(slots=True)
class _Draft:
    planned: Planned
    raw: Mapping[str, Any]
    is_left_out: bool
    copy: Mapping[str, Any] | None
    parent: str | None
    waits: set[str] = field(default_factory=set)


def make_plan(bound: Bound) -> Plan:
    """
    Plan a template.

    Raises:
        TemplateFault: a resource cannot be told, two are one, one depends on what is not there, or on itself.
    """
    try:
        drafts = list(_drafts(bound))
        return _assemble(bound, drafts)
    except RecursionError:
        raise TemplateFault("The expressions of the template ask one another too deeply") from None


def _drafts(bound: Bound) -> Iterator[_Draft]:
    count = 0
    for index, (symbol, raw) in enumerate(bound.template.resources):
        for draft in _expand(bound, raw, symbol, f"{index}", None):
            count += 1
            if count > limits.TEMPLATE_RESOURCES:
                raise TemplateFault(
                    f"The number of template resources exceeds the limit of '{limits.TEMPLATE_RESOURCES}'"
                )
            yield draft


def _expand(
    bound: Bound, raw: Mapping[str, Any], symbol: str | None, key: str, parent: Planned | None
) -> Iterator[_Draft]:
    """Go round a resource's loop, and into its children."""
    copy = raw.get("copy")
    if copy is not None and (
        not isinstance(copy, dict) or not isinstance(copy.get("name"), str) or "count" not in copy
    ):
        raise TemplateFault("The copy of a template resource has a name and a count")
    base = bound.scope if parent is None else parent.scope
    scopes = [base]
    if copy is not None:
        count = bound.evaluator.count(copy["count"], base)
        scopes = [base.in_loop(copy["name"], place, is_unnamed=True) for place in range(count)]
    for place, scope in enumerate(scopes):
        planned = _plan_one(bound, raw, scope, parent)
        planned = replace(
            planned, key=f"{key}.{place}", symbol=(symbol or "").lower(), place=place,
            loop=copy["name"].lower() if copy is not None else "",
        )  # fmt: skip
        condition = bound.evaluator.evaluate(raw.get("condition", True), scope)
        yield _Draft(planned, raw, not truth(condition), copy, parent.key if parent is not None else None)
        children = raw.get("resources")
        if children is not None and not isinstance(children, list):
            raise TemplateFault("The resources within a template resource are an array")
        for index, child in enumerate(children or ()):
            if not isinstance(child, dict):
                raise TemplateFault("A resource within a template resource is no object")
            yield from _expand(bound, child, None, f"{planned.key}/{index}", planned)


def _plan_one(bound: Bound, raw: Mapping[str, Any], scope: Scope, parent: Planned | None) -> Planned:
    refused = next((name for name in _REFUSED if name in raw), None)
    if refused is not None:
        raise TemplateFault(f"A template resource of an extension ('{refused}') is not served")
    kind, name, version = (_text_of(bound, raw, member, scope) for member in ("type", "name", "apiVersion"))
    if parent is not None:
        if not _is_full(kind):
            kind = f"{parent.type}/{kind}"
        if kind.count("/") > name.count("/") + 1:
            name = f"{parent.name}/{name}"
    return Planned(
        key="",
        id=_id_of(bound, raw, scope, kind, name),
        type=kind,
        name=name,
        api_version=version,
        body={member: value for member, value in raw.items() if member not in CONTROL},
        scope=scope,
        symbol="",
        loop="",
        place=0,
        is_existing=raw.get("existing") is True,
    )


def _is_full(kind: str) -> bool:
    return "." in kind.partition("/")[0]


def _text_of(bound: Bound, raw: Mapping[str, Any], member: str, scope: Scope) -> str:
    if member not in raw:
        raise TemplateFault(f"The template resource '{str(raw.get('name', ''))[:96]}' has no '{member}'")
    value = bound.evaluator.evaluate(raw[member], scope)
    if not isinstance(value, str) or not value:
        raise TemplateFault(f"The '{member}' of a template resource is no text")
    return value


def _id_of(bound: Bound, raw: Mapping[str, Any], scope: Scope, kind: str, name: str) -> str:
    place = bound.surroundings.place
    if "scope" in raw:
        return resource_id(_scope_path(place, _text_of(bound, raw, "scope", scope)), kind, name)
    if kind.lower() != DEPLOYMENTS:
        if {"resourceGroup", "subscriptionId"} & raw.keys():
            raise TemplateFault("Only a deployment within the template says its own resourceGroup or subscriptionId")
        return resource_id(place.prefix, kind, name)
    subscription = _text_of(bound, raw, "subscriptionId", scope) if "subscriptionId" in raw else place.subscription
    inherited = place.group if "subscriptionId" not in raw else ""
    group = _text_of(bound, raw, "resourceGroup", scope) if "resourceGroup" in raw else inherited
    if not subscription:
        return resource_id(place.prefix, kind, name)
    within = f"/subscriptions/{subscription}"
    found = parse_place(f"{within}/resourceGroups/{group}" if group else within)
    if found is None:
        raise TemplateFault("The resourceGroup or subscriptionId of a deployment within the template is none")
    return resource_id(found.path, kind, name)


def _scope_path(place: Place, scope: str) -> str:
    """Read the `scope` of a resource: a path, or a type and names within the deployment's own scope."""
    if scope.startswith("/"):
        return scope.rstrip("/")
    parts = scope.split("/")
    if parts[0].lower() == "subscriptions":
        return f"/{scope}".rstrip("/")
    namespace, steps = parts[0], parts[1:]
    if not steps or len(steps) % 2:
        raise TemplateFault(f"The scope '{scope[:128]}' of a template resource is not valid")
    kind, name = "/".join([namespace, *steps[::2]]), "/".join(steps[1::2])
    if kind.lower() == "microsoft.management/managementgroups":
        return resource_id("", kind, name)
    return resource_id(place.prefix, kind, name)


# ---- the order ------------------------------------------------------------------------------------------------------


def _assemble(bound: Bound, drafts: list[_Draft]) -> Plan:
    kept: dict[str, _Draft] = {}
    by_id: dict[str, Planned] = {}
    for draft in drafts:
        if draft.is_left_out:
            continue
        one = draft.planned
        folded = one.id.lower()
        if folded in by_id and not (one.is_existing or by_id[folded].is_existing):
            raise TemplateFault(f"The resource '{one.id[:300]}' is defined multiple times in a template")
        if folded not in by_id or by_id[folded].is_existing:
            by_id[folded] = one
        kept[one.key] = draft
    by_symbol: dict[str, tuple[Planned, ...]] = {}
    for draft in kept.values():
        if draft.planned.symbol:
            by_symbol[draft.planned.symbol] = (*by_symbol.get(draft.planned.symbol, ()), draft.planned)
    plan = Plan(bound, {key: draft.planned for key, draft in kept.items()}, by_id, by_symbol, _by_name(kept))
    names, asked = _Names(drafts), _Asked(bound)
    for draft in kept.values():
        draft.waits |= set(_waits(bound, plan, names, asked, draft)) & kept.keys()
    _batch(kept)
    resources = {key: replace(draft.planned, depends=frozenset(draft.waits - {key})) for key, draft in kept.items()}
    _refuse_circles(resources)
    return Plan(
        bound,
        resources,
        {one.id.lower(): one for one in resources.values() if by_id[one.id.lower()].key == one.key},
        {symbol: tuple(resources[one.key] for one in ones) for symbol, ones in by_symbol.items()},
        {name: resources[one.key] for name, one in plan.by_name.items()},
        tuple(draft.planned.id for draft in drafts if draft.is_left_out and not draft.planned.is_existing),
    )


def _by_name(drafts: Mapping[str, _Draft]) -> dict[str, Planned]:
    """Find resources by their names; of several of one name the first."""
    found: dict[str, Planned] = {}
    for draft in drafts.values():
        found.setdefault(draft.planned.name.lower(), draft.planned)
    return found


class _Names:
    """What `dependsOn` may call a resource, those that are left out too."""

    def __init__(self, drafts: list[_Draft]) -> None:
        self._keys: dict[str, set[str]] = {}
        for draft in drafts:
            one = draft.planned
            names = {one.id, one.name, one.name.rpartition("/")[2], one.loop, one.symbol, f"{one.type}/{one.name}"}
            if one.symbol:
                names.add(f"{one.symbol}[{one.place}]")
            for name in names - {""}:
                self._keys.setdefault(name.lower(), set()).add(one.key)

    def keys(self, name: str) -> set[str] | None:
        return self._keys.get(name.lower())


class _Asked:
    """The calls in bodies that ask for the state of resources: found once in each, however often it is gone round."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._found: dict[int, list[FunctionCall]] = {}

    def calls(self, draft: _Draft) -> list[FunctionCall]:
        found = self._found.get(id(draft.raw))
        if found is None:
            found = self._found[id(draft.raw)] = [
                call
                for text in _texts(draft.planned)
                for call in self._calls_in(text)
                if call.name in _ASKING and call.arguments
            ]
        return found

    def _calls_in(self, text: str) -> list[FunctionCall]:
        if not is_expression(text):
            return []
        return calls_of(self._bound.evaluator.read(text))


def _waits(bound: Bound, plan: Plan, names: _Names, asked: _Asked, draft: _Draft) -> Iterator[str]:
    one = draft.planned
    if draft.parent is not None:
        yield draft.parent
    depends = draft.raw.get("dependsOn")
    given = bound.evaluator.evaluate(depends if depends is not None else [], one.scope)
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise TemplateFault(f"The dependsOn of the template resource '{one.name[:128]}' is no array of texts")
    for name in given:
        keys = names.keys(name)
        if keys is None:
            raise TemplateFault(f"The resource '{name[:300]}' is not defined in the template")
        # A loop's name is as many keys as the loop goes round, and may be named often.
        bound.evaluator.budget.spend(len(keys))
        yield from keys
    for call in asked.calls(draft):
        yield from _asked_for(bound, plan, one, call)


def _texts(planned: Planned) -> Iterator[str]:
    """Give every text of a body. What a deployment within evaluates itself is its own matter."""
    waiting: list[Any] = [planned.body]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, list):
            waiting += found
        elif isinstance(found, dict):
            inner = planned.is_deployment and _is_inner(found)
            waiting += [one for name, one in found.items() if not (inner and name == "template")]


def _is_inner(properties: Mapping[str, Any]) -> bool:
    options = properties.get("expressionEvaluationOptions")
    return isinstance(options, dict) and str(options.get("scope", "")).lower() == "inner"


def _asked_for(bound: Bound, plan: Plan, one: Planned, call: FunctionCall) -> Iterator[str]:
    """Find the resources whose state a call asks for, as far as it says so without them."""
    try:
        name = bound.evaluator.node(call.arguments[0], one.scope)
    except Needed:
        return
    except TemplateFault:
        # Known only later, such as an argument of a lambda: then whoever needs it waits where it is asked for. A budget
        # that is used up says so once more.
        bound.evaluator.budget.spend(0)
        return
    if not isinstance(name, str):
        return
    if call.name == "references":
        yield from (other.key for other in plan.by_symbol.get(name.lower(), ()))
        return
    found = plan.named(name)
    if found is not None:
        yield found.key


def _batch(kept: Mapping[str, _Draft]) -> None:
    """Let the iterations of a serial loop wait for those before them."""
    loops: dict[str, list[_Draft]] = {}
    for draft in kept.values():
        if draft.copy is not None and str(draft.copy.get("mode", "")).lower() == "serial":
            loops.setdefault(draft.planned.loop, []).append(draft)
    for drafts in loops.values():
        size = (drafts[0].copy or {}).get("batchSize", 1)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise TemplateFault("The batchSize of a template copy is an integer greater than zero")
        for place, draft in enumerate(drafts):
            start = (place // size - 1) * size
            draft.waits |= {other.planned.key for other in drafts[max(start, 0) : start + size]}


def _refuse_circles(resources: Mapping[str, Planned]) -> None:
    try:
        TopologicalSorter({key: one.depends for key, one in resources.items()}).prepare()
    except CycleError as circle:
        name = resources[circle.args[1][0]].id
        raise TemplateFault(f"Circular dependency detected on resource: '{name[:300]}'") from None
