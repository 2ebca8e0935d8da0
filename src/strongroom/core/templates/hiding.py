"""What of a deployment is kept and shown: nothing that a secure parameter brought in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.document import Template
from strongroom.core.templates.evaluation import Budget
from strongroom.core.templates.expressions import is_expression
from strongroom.core.templates.faults import TemplateFault
from strongroom.core.templates.parameters import SECURE, secure_parts, shown_type, type_of

HIDDEN = "REDACTED"
_SECRETS = ("microsoft.keyvault/vaults/secrets", "secrets")
_BEGINNING = 12
_SHORTEST = 4
"""Texts below this many characters are hidden where they stand alone; within others they would be everywhere."""


def texts_in(values: Iterable[Any]) -> frozenset[str]:
    """
    Gather every text in secure values.

    Raises:
        TemplateFault: there are too many of them to be looked for.
    """
    found: set[str] = set()
    waiting = list(values)
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.add(one)
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    if len(found) > limits.TEMPLATE_SECURE_TEXTS:
        raise TemplateFault(f"The secure values hold more than the limit of {limits.TEMPLATE_SECURE_TEXTS} texts")
    return frozenset(found - {""})


def secrets_in(template: Template, given: Mapping[str, Any]) -> frozenset[str]:
    """Gather the texts of secure parameters before they are bound: those given, and those the template has itself."""
    values = {name.lower(): value for name, value in given.items()}
    budget = Budget()
    return texts_in(
        part
        for name, definition in template.parameters.items()
        for value in (values.get(name.lower(), definition.get("defaultValue")),)
        for part in secure_parts(template, definition, value, budget)
    )


def hide(value: Any, secrets: frozenset[str]) -> Any:
    """Give a value with every text hidden that has one of *secrets* in it."""
    if not secrets:
        return value
    # Nearly always none of them is there, which one look at all the texts together tells.
    everything = "\n".join(_all_texts(value))
    present = frozenset(one for one in secrets if one in everything)
    return _hide(value, present) if present else value


def _all_texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            yield from one
            waiting += one.values()


def _hide(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, str):
        is_shown = not any(one == value or (len(one) >= _SHORTEST and one in value) for one in secrets)
        return value if is_shown else HIDDEN
    if isinstance(value, list):
        return [_hide(one, secrets) for one in value]
    if isinstance(value, dict):
        return {_hide(name, secrets): _hide(one, secrets) for name, one in value.items()}
    return value


def hide_sentence(sentence: str, secrets: frozenset[str]) -> str:
    """Give the sentence of a fault, or another in its place if it may have a secret in it, or the beginning of one."""
    # Sentences cut what they repeat, so of a long secret the beginning alone may be there.
    if any(one[:_BEGINNING] in sentence for one in secrets if len(one) >= _SHORTEST):
        return "The template is not valid, and what is wrong with it cannot be said without a secure value"
    return sentence


def shown_parameters(template: Template, parameters: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Write down the parameters as answers do; of secure ones, the type."""
    return dict(_shown_parameters(template, parameters, secrets))


def _shown_parameters(
    template: Template, parameters: Mapping[str, Any], secrets: frozenset[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in parameters.items():
        kind = type_of(template, template.parameters[name])
        told: dict[str, Any] = {"type": shown_type(kind)}
        yield name, told if kind in SECURE else told | {"value": hide(value, secrets)}


def shown_template(raw: Any, secrets: frozenset[str]) -> Any:
    """
    Write down a template as it is kept: without the default values of secure parameters and the values of secrets.

    Those of the templates within it are gone too.
    """
    return _without_values(hide(raw, secrets))


def _without_values(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_values(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_values(one) for name, one in value.items()}
    kind = str(kept.get("type", "")).lower()
    if kind in SECURE and "defaultValue" in kept:
        del kept["defaultValue"]
    properties = kept.get("properties")
    if kind in _SECRETS and isinstance(properties, dict) and "value" in properties:
        secret = properties["value"]
        if not (isinstance(secret, str) and is_expression(secret)):
            kept["properties"] = properties | {"value": HIDDEN}
    return kept
