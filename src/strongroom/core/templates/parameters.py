"""Parameters: what a template asks for, against what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from strongroom.core.templates.document import Template
from strongroom.core.templates.evaluation import Budget, type_name
from strongroom.core.templates.faults import TemplateFault
from strongroom.core.templates.number_functions import same

_TYPES: Mapping[str, tuple[str, ...]] = {
    "string": ("String",),
    "securestring": ("String",),
    "int": ("Integer",),
    "bool": ("Boolean",),
    "object": ("Object",),
    "secureobject": ("Object",),
    "array": ("Array",),
}
SECURE = frozenset({"securestring", "secureobject"})
_SHOWN: Mapping[str, str] = {
    "string": "String",
    "securestring": "SecureString",
    "int": "Int",
    "bool": "Bool",
    "object": "Object",
    "secureobject": "SecureObject",
    "array": "Array",
}
_REFERENCES = 16
_STEPS = 8
_MEMBERS = 64
"""Members of one definition, since it is copied for every value that is held against it; Azure knows about a dozen."""


def resolve(template: Template, definition: Mapping[str, Any]) -> dict[str, Any]:
    """
    Follow a definition's `$ref`s; what stands beside one counts more than what it leads to.

    Raises:
        TemplateFault: one leads nowhere, or in a circle.
    """
    found = dict(definition)
    for _ in range(_REFERENCES):
        if len(found) > _MEMBERS:
            raise TemplateFault(f"A definition of the template has more than {_MEMBERS} members")
        reference = found.pop("$ref", None)
        if reference is None:
            return found
        name = str(reference).removeprefix("#/definitions/")
        if name not in template.definitions:
            raise TemplateFault(f"The type definition '{str(reference)[:96]}' is not found")
        if len(template.definitions[name]) > _MEMBERS:
            raise TemplateFault(f"A definition of the template has more than {_MEMBERS} members")
        found = {**template.definitions[name], **found}
    raise TemplateFault("The type definitions of the template refer to one another in a circle")


def type_of(template: Template, definition: Mapping[str, Any]) -> str:
    """
    Give a parameter's or output's type in lower case.

    Raises:
        TemplateFault: it has none of those that there are.
    """
    kind = str(resolve(template, definition).get("type", "")).lower()
    if kind not in _TYPES:
        raise TemplateFault(f"The type '{kind[:32]}' is none of {', '.join(_SHOWN.values())}")
    return kind


def shown_type(kind: str) -> str:
    """Spell a type as answers do."""
    return _SHOWN[kind]


def require_known(template: Template, given: Mapping[str, Any]) -> dict[str, str]:
    """
    Find which of the template's parameters each given one is, whatever its case.

    Raises:
        TemplateFault: the template has none of that name, or one is given twice.
    """
    names = {name.lower(): name for name in template.parameters}
    unknown = sorted(name for name in given if name.lower() not in names)
    if unknown:
        raise TemplateFault(
            f"The template parameters '{', '.join(unknown)[:256]}' in the parameters file are not valid; they are not"
            " present in the original template and can therefore not be provided at deployment time. The only supported"
            f" parameters for this template are '{', '.join(template.parameters)[:1024]}'"
        )
    found = {names[name.lower()]: name for name in given}
    if len(found) != len(given):
        raise TemplateFault("A template parameter is given twice, in names that differ in case only")
    return found


def check(template: Template, name: str, definition: Mapping[str, Any], value: Any, budget: Budget) -> None:
    """
    Hold a value against the definition of a parameter.

    Raises:
        TemplateFault: it is of another type, not allowed, or too long or short. The sentence has no value in it.
    """
    _Check(template, name, budget).value(definition, value, 0)


class _Check:
    def __init__(self, template: Template, name: str, budget: Budget) -> None:
        self._template = template
        self._name = name
        self._budget = budget

    def value(self, given: Mapping[str, Any], value: Any, depth: int) -> None:
        # The definition is copied, and as often as it leads to another.
        self._budget.spend(_STEPS)
        definition = resolve(self._template, given)
        if depth > _REFERENCES * 2:
            self._refuse("nests too deep")
        if value is None and definition.get("nullable") is True:
            return
        if "type" in definition:
            kind = str(definition["type"]).lower()
            if kind not in _TYPES:
                raise TemplateFault(f"The type of the template parameter '{self._name}' is not valid")
            if type_name(value) not in _TYPES[kind]:
                self._refuse(
                    f"Expected a value of type '{_SHOWN[kind]}', but received a value of type '{type_name(value)}'"
                )
        allowed = definition.get("allowedValues")
        if isinstance(allowed, list) and not self._is_allowed(allowed, value):
            self._refuse("The value is not part of the allowed value(s)")
        self._bounds(definition, value)
        if isinstance(value, dict):
            self._members(definition, value, depth)
        if isinstance(value, list):
            self._elements(definition, value, depth)

    def _is_allowed(self, allowed: list[Any], value: Any) -> bool:
        if any(same(one, value, self._budget) for one in allowed):
            return True
        # An array is allowed whose elements each are.
        return isinstance(value, list) and all(any(same(one, item, self._budget) for one in allowed) for item in value)

    def _bounds(self, definition: Mapping[str, Any], value: Any) -> None:
        if isinstance(value, str | list):
            self._bound(definition.get("minLength"), len(value), "minimum length", sign=1)
            self._bound(definition.get("maxLength"), len(value), "maximum length", sign=-1)
        elif isinstance(value, int) and not isinstance(value, bool):
            self._bound(definition.get("minValue"), value, "minimum value", sign=1)
            self._bound(definition.get("maxValue"), value, "maximum value", sign=-1)

    def _bound(self, bound: Any, value: int, what: str, *, sign: int) -> None:
        if isinstance(bound, int) and sign * value < sign * bound:
            self._refuse(f"The {what} is '{bound}'")

    def _members(self, definition: Mapping[str, Any], value: dict[str, Any], depth: int) -> None:
        chooser = definition.get("discriminator")
        if isinstance(chooser, dict):
            chosen = _object(chooser.get("mapping")).get(str(value.get(str(chooser.get("propertyName")))))
            if not isinstance(chosen, dict):
                self._refuse("The value of its discriminator is none of those that there are")
            else:
                self._members(resolve(self._template, chosen), value, depth + 1)
            return
        properties = definition.get("properties")
        if isinstance(properties, dict):
            for name, one in properties.items():
                self.value(one, value.get(name), depth + 1)
        others = definition.get("additionalProperties")
        for name in value.keys() - _object(properties).keys():
            if others is False:
                self._refuse(f"The property '{name[:64]}' is not allowed")
            if isinstance(others, dict):
                self.value(others, value[name], depth + 1)

    def _elements(self, definition: Mapping[str, Any], value: list[Any], depth: int) -> None:
        first = definition.get("prefixItems")
        fixed = first if isinstance(first, list) else []
        for one, item in zip(fixed, value, strict=False):
            self.value(one, item, depth + 1)
        rest = definition.get("items")
        if isinstance(rest, dict):
            for item in value[len(fixed) :]:
                self.value(rest, item, depth + 1)

    def _refuse(self, why: str) -> None:
        raise TemplateFault(f"The provided value for the template parameter '{self._name[:64]}' is not valid. {why}")


def secure_parts(template: Template, given: Mapping[str, Any], value: Any, budget: Budget) -> Iterator[Any]:
    """
    Give what is secure in a value: all of it, or the properties and elements whose own types are.

    Raises:
        TemplateFault: a type of the template is not valid, or that takes too much work.
    """
    waiting: list[tuple[Any, Any]] = [(given, value)]
    while waiting:
        definition, one = waiting.pop()
        if not isinstance(definition, dict) or one is None:
            continue
        budget.spend(_STEPS)
        found = resolve(template, definition)
        if str(found.get("type", "")).lower() in SECURE:
            yield one
        elif isinstance(one, dict):
            waiting += _properties(found, one)
        elif isinstance(one, list):
            first = found.get("prefixItems")
            fixed = first if isinstance(first, list) else []
            waiting += zip(fixed, one, strict=False)
            waiting += ((found.get("items"), item) for item in one[len(fixed) :])


def _properties(definition: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Give the properties of an object, each with its definition; of a union, with that of each of its members."""
    named = _object(definition.get("properties"))
    for name, one in value.items():
        yield named.get(name, definition.get("additionalProperties")), one
    for chosen in _object(_object(definition.get("discriminator")).get("mapping")).values():
        yield chosen, value


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
