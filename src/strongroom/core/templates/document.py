"""The parts of a template, taken from its JSON and counted before anything is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strongroom.core import deployment_limits as limits
from strongroom.core.templates.faults import TemplateFault

_MEMBERS = frozenset({
    "$schema", "contentVersion", "languageVersion", "apiProfile", "metadata", "parameters", "variables", "functions",
    "resources", "outputs", "definitions",
})  # fmt: skip
_REQUIRED = ("$schema", "contentVersion", "resources")
_SCHEMAS = (
    "deploymenttemplate.json",
    "subscriptiondeploymenttemplate.json",
    "managementgroupdeploymenttemplate.json",
    "tenantdeploymenttemplate.json",
)


@dataclass(frozen=True, slots=True)
class Template:
    """
    A template. Nothing in it is evaluated.

    Attributes:
        resources: each with its symbolic name, or None where they are a list.
        is_symbolic: whether resources go by symbolic names (languageVersion 2.0).
    """

    raw: Mapping[str, Any]
    parameters: Mapping[str, dict[str, Any]]
    variables: Mapping[str, Any]
    functions: Mapping[str, dict[str, Any]]
    """By `namespace.name` in lower case."""
    resources: tuple[tuple[str | None, dict[str, Any]], ...]
    outputs: Mapping[str, dict[str, Any]]
    definitions: Mapping[str, dict[str, Any]]
    is_symbolic: bool


def read_template(tree: Any) -> Template:
    """
    Take a template apart.

    Raises:
        TemplateFault: a part is missing, unknown, of another form, or there are too many of them.
    """
    template = _object(tree, "template")
    unknown = sorted(template.keys() - _MEMBERS)
    if unknown:
        raise TemplateFault(f"Could not find member '{unknown[0][:64]}' on object of type 'Template'")
    missing = next((name for name in _REQUIRED if name not in template), None)
    if missing is not None:
        raise TemplateFault(f"Required property '{missing}' not found in JSON")
    schema = template["$schema"]
    if not isinstance(schema, str) or schema.rstrip("#").rpartition("/")[2].lower() not in _SCHEMAS:
        raise TemplateFault("The template's '$schema' is none of a deployment template")
    resources = template["resources"]
    is_symbolic = isinstance(resources, dict)
    given = list(resources.items()) if is_symbolic else [(None, one) for one in _list(resources, "resources")]
    return Template(
        raw=template,
        parameters=_objects(template, "parameters", limits.TEMPLATE_PARAMETERS),
        variables=_counted(
            _object(template.get("variables") or {}, "variables"), "variables", limits.TEMPLATE_VARIABLES
        ),
        functions=_functions(template),
        resources=tuple((symbol, _object(one, "resources")) for symbol, one in given),
        outputs=_objects(template, "outputs", limits.TEMPLATE_OUTPUTS),
        definitions=_objects(template, "definitions", limits.TEMPLATE_PARAMETERS),
        is_symbolic=is_symbolic,
    )


def _functions(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for space in _list(template.get("functions") or [], "functions"):
        named = _object(space, "functions")
        namespace = named.get("namespace")
        if not isinstance(namespace, str):
            raise TemplateFault("A namespace of functions has no name")
        for name, one in _object(named.get("members") or {}, "functions.members").items():
            found[f"{namespace}.{name}".lower()] = _object(one, f"functions.{name}")
    return _counted(found, "functions", limits.TEMPLATE_VARIABLES)


def _objects(template: Mapping[str, Any], part: str, most: int) -> dict[str, dict[str, Any]]:
    members = _object(template.get(part) or {}, part)
    return _counted({name: _object(one, f"{part}.{name}") for name, one in members.items()}, part, most)


def _counted(members: dict[str, Any], part: str, most: int) -> dict[str, Any]:
    if len(members) > most:
        raise TemplateFault(f"The number of template {part} exceeds the limit of '{most}'")
    folded = {name.lower() for name in members}
    if len(folded) != len(members):
        raise TemplateFault(f"Two of the template's {part} have one name")
    return members


def _object(value: Any, part: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TemplateFault(f"The template's '{part[:96]}' is no object")
    return value


def _list(value: Any, part: str) -> list[Any]:
    if not isinstance(value, list):
        raise TemplateFault(f"The template's '{part}' is no array")
    return value
