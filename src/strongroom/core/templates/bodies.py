"""Bodies and outputs: what is evaluated when what it asks for is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.evaluation import Evaluator, Own, Scope, misused
from strongroom.core.templates.expressions import is_expression
from strongroom.core.templates.faults import Needed, TemplateFault
from strongroom.core.templates.number_functions import truth
from strongroom.core.templates.parameters import SECURE, secure_parts, shown_type, type_of
from strongroom.core.templates.plan import Plan, Planned

_CARRIED = ("template", "parameters")


@dataclass(frozen=True, slots=True)
class Output:
    """An output: its type in lower case, its value, and what of that is secure."""

    type: str
    value: Any
    secrets: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def is_secure(self) -> bool:
        """Whether nobody may see it."""
        return self.type in SECURE

    def show(self) -> dict[str, Any]:
        """Write it as answers do."""
        told: dict[str, Any] = {"type": shown_type(self.type)}
        return told if self.is_secure else told | {"value": self.value}


def evaluate_body(plan: Plan, one: Planned, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """
    Evaluate what a resource is made of. *known* are documents of resources by their ids in lower case.

    Raises:
        TemplateFault: something in it cannot be evaluated.
        Needed: it asks for a resource whose document is not known.
    """
    scope = one.scope.with_own(_state(plan, known))
    try:
        if not one.is_deployment:
            body: dict[str, Any] = plan.bound.evaluator.evaluate(dict(one.body), scope)
            return body
        return _deployment(plan, one, scope)
    except RecursionError:
        raise TemplateFault("The expressions of the template ask one another too deeply") from None


def _deployment(plan: Plan, one: Planned, scope: Scope) -> dict[str, Any]:
    """Evaluate a deployment within this one: its template is its own, unless it is evaluated in this one's scope."""
    evaluator = plan.bound.evaluator
    properties = one.body.get("properties")
    if not isinstance(properties, dict):
        raise TemplateFault(f"The deployment '{one.name[:128]}' within the template has no properties")
    if "templateLink" in properties or "parametersLink" in properties:
        raise TemplateFault(f"The deployment '{one.name[:128]}' has a link to its template, which is not followed")
    outside = {name: value for name, value in one.body.items() if name != "properties"}
    plain = {name: value for name, value in properties.items() if name not in _CARRIED}
    made = evaluator.evaluate(plain, scope)
    options = made.pop("expressionEvaluationOptions", None) or {}
    word = str(options.get("scope", "outer")).lower() if isinstance(options, dict) else ""
    if word not in ("inner", "outer", "notspecified"):
        raise TemplateFault("The scope of expressionEvaluationOptions is 'inner' or 'outer'")
    template = properties.get("template")
    made["template"] = template if word == "inner" else evaluate_outside(evaluator, template, scope)
    made["parameters"] = evaluator.evaluate(properties.get("parameters") or {}, scope)
    if word != "inner" and made["parameters"]:
        raise TemplateFault("A deployment that is evaluated in the outer scope has no parameters of its own")
    return {**evaluator.evaluate(outside, scope), "properties": made}


def evaluate_outside(evaluator: Evaluator, value: Any, scope: Scope) -> Any:
    """
    Evaluate the expressions of a template that is evaluated once more, within.

    What an expression gives is data then, whatever it begins with: else a parameter that begins with a bracket would
    be run as an expression.
    """
    evaluator.budget.spend(1)
    if isinstance(value, str):
        if not is_expression(value):
            evaluator.budget.spend_on_text(len(value))
            return value
        made = evaluator.text(value, scope)
        # Before it is copied: one value may be asked for at every place of the template.
        evaluator.budget.spend_on(made)
        return _escaped(made)
    if isinstance(value, list):
        return [evaluate_outside(evaluator, one, scope) for one in value]
    if isinstance(value, dict):
        return {name: evaluate_outside(evaluator, one, scope) for name, one in value.items()}
    return value


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return f"[{value}" if value.startswith("[") else value
    if isinstance(value, list):
        return [_escaped(one) for one in value]
    if isinstance(value, dict):
        return {_escaped(name): _escaped(one) for name, one in value.items()}
    return value


def evaluate_outputs(plan: Plan, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Output]:
    """
    Evaluate the outputs whose condition is met.

    Raises:
        TemplateFault, Needed: see `evaluate_body`.
    """
    scope = plan.bound.scope.with_own(_state(plan, known))
    evaluator, found = plan.bound.evaluator, {}
    try:
        for name, definition in plan.bound.template.outputs.items():
            if truth(evaluator.evaluate(definition.get("condition", True), scope)):
                kind = type_of(plan.bound.template, definition)
                value = _value(evaluator, name, definition, scope)
                secrets = tuple(secure_parts(plan.bound.template, definition, value, evaluator.budget))
                found[name] = Output(kind, value, secrets)
    except RecursionError:
        raise TemplateFault("The expressions of the template ask one another too deeply") from None
    return found


def _value(evaluator: Evaluator, name: str, definition: Mapping[str, Any], scope: Scope) -> Any:
    copy = definition.get("copy")
    if isinstance(copy, dict) and {"count", "input"} <= copy.keys():
        count = evaluator.count(copy["count"], scope)
        return [evaluator.evaluate(copy["input"], scope.in_loop(name, at, is_unnamed=True)) for at in range(count)]
    if "value" not in definition:
        raise TemplateFault(f"The template output '{name[:64]}' has no value")
    return evaluator.evaluate(definition["value"], scope)


# ---- the state of resources -----------------------------------------------------------------------------------------


def _state(plan: Plan, known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Own]:
    """Make the functions that ask for the state of resources."""
    state = _State(plan, known)
    return {
        "reference": state.reference,
        "references": state.references,
        "resourceinfo": state.info,
        "listoutputswithsecurevalues": state.outputs,
    }


class _State:
    """What is known of resources, as functions tell it."""

    def __init__(self, plan: Plan, known: Mapping[str, Mapping[str, Any]]) -> None:
        self._plan = plan
        self._known = known

    def reference(self, _evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> Any:
        if not 1 <= len(values) <= 3 or not isinstance(values[0], str):
            raise misused("a resource is expected, an api-version and 'Full'")
        name, version, full = values[0], *_further(values)
        planned = self._plan.named(name)
        if planned is not None:
            return _shown(self._document(planned.id, version or planned.api_version), full=full)
        if not name.startswith("/"):
            raise TemplateFault(
                f"The resource reference '{name[:300]}' is not valid: the template has no such resource"
            )
        if not version:
            raise TemplateFault(f"The reference to '{name[:300]}', which is not in the template, has no api-version")
        return _shown(self._document(name.rstrip("/"), version), full=full)

    def references(self, _evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> Any:
        if not 1 <= len(values) <= 2 or not isinstance(values[0], str):
            raise misused("a symbolic name of a loop is expected, and 'Full'")
        full = str(values[1]).lower() == "full" if len(values) > 1 else False
        ones = self._plan.by_symbol.get(values[0].lower(), ())
        return [_shown(self._document(one.id, one.api_version), full=full) for one in ones]

    def outputs(self, evaluator: Evaluator, scope: Scope, values: Sequence[Any]) -> Any:
        """Give the bare values of the outputs of a deployment within, secure ones too: how Bicep asks for those."""
        document = self.reference(evaluator, scope, values[:2])
        outputs = document.get("outputs") if isinstance(document, dict) else None
        if not isinstance(outputs, dict):
            raise misused("a deployment of the template is expected")
        return {name: one.get("value") for name, one in outputs.items() if isinstance(one, dict)}

    def info(self, _evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> Any:
        planned = self._plan.named(values[0]) if len(values) == 1 and isinstance(values[0], str) else None
        if planned is None:
            raise misused("a symbolic name of the template is expected")
        return {"id": planned.id, "name": planned.name, "type": planned.type, "apiVersion": planned.api_version}

    def _document(self, resource: str, version: str) -> Mapping[str, Any]:
        found = self._known.get(resource.lower())
        if found is None:
            raise Needed(resource, version)
        return found


def _further(values: Sequence[Any]) -> tuple[str, bool]:
    version = str(values[1]) if len(values) > 1 and values[1] is not None else ""
    if len(values) == 2 and version.lower() == "full":
        return "", True
    if len(version) > limits.TEMPLATE_PAD_CHARS:
        raise misused("the api-version is too long")
    return version, len(values) > 2 and str(values[2]).lower() == "full"


def _shown(document: Mapping[str, Any], *, full: bool) -> Any:
    return dict(document) if full else document.get("properties", {})
