"""What a template may ask about besides itself: all handed in, and the functions that give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from strongroom.core.templates.date_functions import COMPACT, write_date
from strongroom.core.templates.document import Template
from strongroom.core.templates.evaluation import Evaluator, Own, Scope, misused
from strongroom.core.templates.faults import TemplateFault
from strongroom.core.templates.parameters import check, require_known, secure_parts, type_of
from strongroom.core.templates.resource_functions import LIST_NAMES, constant, id_functions, refuse_listing
from strongroom.core.templates.scopes import Place
from strongroom.core.templates.text_functions import text

_CALLS_DEEP = 16
_CALL_STEPS = 8


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    Where and when a template is deployed.

    Attributes:
        facts: what the functions without arguments give, by their names in lower case: `resourcegroup` and the like.
            One that the scope does not have is not there.
        chance: 32 random bytes, of which every `newGuid` is made.
    """

    place: Place
    now: datetime
    chance: bytes = field(repr=False)
    facts: Mapping[str, Any]


def base_scope(surroundings: Surroundings) -> Scope:
    """Make the scope that every expression of a template has, before its parameters and variables are there."""
    own: dict[str, Own] = {
        **id_functions(surroundings.place),
        **{name: refuse_listing(name) for name in LIST_NAMES},
        **{name: constant(value) for name, value in surroundings.facts.items()},
        "copyindex": _copy_index,
        "pickzones": lambda _e, _s, _v: [],
    }
    for name in ("reference", "references", "listoutputswithsecurevalues"):
        own[name] = _unexpected(name)
    for name in ("utcnow", "newguid"):
        own[name] = _only_in_defaults(name)
    return Scope(own)


def _copy_index(_evaluator: Evaluator, scope: Scope, values: Sequence[Any]) -> int:
    given = list(values)
    name = given.pop(0).lower() if given and isinstance(given[0], str) else ""
    offset = given.pop(0) if given else 0
    if given or isinstance(offset, bool) or not isinstance(offset, int):
        raise misused("the name of a loop and an offset are expected")
    if name not in scope.loops:
        raise TemplateFault("The template function 'copyIndex' is not expected at this location: there is no such loop")
    return scope.loops[name] + offset


def _unexpected(name: str) -> Own:
    def refuse(_evaluator: Evaluator, _scope: Scope, _values: Sequence[Any]) -> Any:
        raise TemplateFault(f"The template function '{name}' is not expected at this location")

    return refuse


def _only_in_defaults(name: str) -> Own:
    def refuse(_evaluator: Evaluator, _scope: Scope, _values: Sequence[Any]) -> Any:
        raise TemplateFault(
            f"The template function '{name}' is not expected at this location: only a parameter's default value has it"
        )

    return refuse


def _at_the_moment(surroundings: Surroundings) -> Mapping[str, Own]:
    """Make the functions that only the default values of parameters may use."""
    made = 0

    def now(_evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> str:
        return write_date(surroundings.now, text(values[0]) if values else COMPACT)

    def guid(_evaluator: Evaluator, _scope: Scope, _values: Sequence[Any]) -> str:
        nonlocal made
        made += 1
        digits = sha256(surroundings.chance + made.to_bytes(4)).hexdigest()
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"

    return {"utcnow": now, "newguid": guid}


class Bound:
    """
    A template with values for its parameters: what its expressions stand in.

    Parameters and variables are evaluated when they are first asked for, each once.
    """

    def __init__(
        self, template: Template, given: Mapping[str, Any], surroundings: Surroundings, evaluator: Evaluator
    ) -> None:
        """
        Bind the values.

        Raises:
            TemplateFault: one is missing, too many, or not what the template asks for.
        """
        self.template = template
        self.surroundings = surroundings
        self.evaluator = evaluator
        self.parameters: dict[str, Any] = {}
        self._variables: dict[str, Any] = {}
        self._open: set[str] = set()
        self._given = {name: given[other] for name, other in require_known(template, given).items()}
        self._depth = 0
        self._names = {name.lower(): name for name in template.variables}
        self._asked = {name.lower(): name for name in template.parameters}
        self._loops = _loops(template)
        self._base = base_scope(surroundings)
        base = self._base.with_own(self._user_functions())
        self._defaults = base.with_own({"parameters": self._parameter, **_at_the_moment(surroundings)})
        self.scope = base.with_own({"parameters": self._parameter, "variables": self._variable})
        for name in template.parameters:
            self._bind(name)

    def secure_values(self) -> list[Any]:
        """Give the values of secure parameters, and of secure properties: what nobody may see again."""
        return [
            part
            for name, definition in self.template.parameters.items()
            for part in secure_parts(self.template, definition, self.parameters[name], self.evaluator.budget)
        ]

    def _bind(self, name: str) -> Any:
        if name in self.parameters:
            return self.parameters[name]
        definition = self.template.parameters[name]
        type_of(self.template, definition)
        given = self._given.get(name)
        # Null is a value where the template allows it; elsewhere it is none, as if nothing had been given.
        if given is not None or (name in self._given and self._may_be_absent(definition)):
            value = given
        elif "defaultValue" in definition:
            value = self._once(f"parameter {name}", lambda: self._evaluate(definition["defaultValue"], self._defaults))
        else:
            value = None
            if not self._may_be_absent(definition):
                raise TemplateFault(f"The value for the template parameter '{name[:64]}' is not provided")
        self.evaluator.budget.spend_on(value)
        check(self.template, name, definition, value, self.evaluator.budget)
        self.parameters[name] = value
        return value

    def _may_be_absent(self, definition: Mapping[str, Any]) -> bool:
        from strongroom.core.templates.parameters import resolve  # noqa: PLC0415

        return resolve(self.template, definition).get("nullable") is True

    def _evaluate(self, value: Any, scope: Scope) -> Any:
        return self.evaluator.evaluate(value, scope)

    def _once(self, what: str, evaluate: Callable[[], Any]) -> Any:
        if what in self._open:
            raise TemplateFault(f"The template {what[:80]} depends on itself")
        self._open.add(what)
        try:
            return evaluate()
        finally:
            self._open.discard(what)

    def _parameter(self, _evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> Any:
        name = self._asked.get(_asked(values).lower())
        if name is None:
            raise TemplateFault(f"The template parameter '{_asked(values)}' is not found")
        return self._bind(name)

    def _variable(self, _evaluator: Evaluator, _scope: Scope, values: Sequence[Any]) -> Any:
        asked = _asked(values)
        loop = self._loops.get(asked.lower())
        if loop is not None:
            return self._stored(asked.lower(), {"copy": [loop]}, copied=str(loop["name"]))
        name = self._names.get(asked.lower())
        if name is None:
            raise TemplateFault(f"The template variable '{asked}' is not found")
        return self._stored(name.lower(), self.template.variables[name])

    def _stored(self, key: str, value: Any, *, copied: str = "") -> Any:
        if key not in self._variables:
            made = self._once(f"variable {key}", lambda: self._evaluate(value, self.scope))
            self._variables[key] = made[copied] if copied else made
        return self._variables[key]

    # ---- functions of the template's own ----------------------------------------------------------------------------

    def _user_functions(self) -> Mapping[str, Own]:
        return {name: self._user_function(name, one) for name, one in self.template.functions.items()}

    def _user_function(self, name: str, definition: Mapping[str, Any]) -> Own:
        asked = definition.get("parameters") or []
        output = definition.get("output")
        if not isinstance(asked, list) or not isinstance(output, dict) or "value" not in output:
            raise TemplateFault(f"The definition of the function '{name[:64]}' is not valid")

        def call(evaluator: Evaluator, scope: Scope, values: Sequence[Any]) -> Any:
            if len(values) != len(asked):
                raise TemplateFault(f"The function '{name[:64]}' takes {len(asked)} arguments")
            given = {str(one.get("name", "")).lower(): value for one, value in zip(asked, values, strict=True)}
            for one, value in zip(asked, values, strict=True):
                check(self.template, str(one.get("name", "")), one, value, evaluator.budget)

            def parameter(_evaluator: Evaluator, _scope: Scope, names: Sequence[Any]) -> Any:
                if _asked(names).lower() not in given:
                    raise TemplateFault(f"The function '{name[:64]}' has no parameter '{_asked(names)}'")
                return given[_asked(names).lower()]

            # What it may ask about is put together anew.
            evaluator.budget.spend(_CALL_STEPS + len(self.template.functions) // _CALL_STEPS)
            if self._depth >= _CALLS_DEEP:
                raise TemplateFault("The functions of the template call one another too deeply")
            self._depth += 1
            try:
                # It sees its arguments and no variable, as Azure has it.
                inner = self._base.with_own({**self._user_functions_of(scope), "parameters": parameter})
                return evaluator.evaluate(output["value"], inner)
            finally:
                self._depth -= 1

        return call

    def _user_functions_of(self, scope: Scope) -> Mapping[str, Own]:
        return {name: scope.own[name] for name in self.template.functions if name in scope.own}


def _asked(values: Sequence[Any]) -> str:
    if len(values) != 1 or not isinstance(values[0], str):
        raise misused("one name is expected")
    return values[0][:64]


def _loops(template: Template) -> dict[str, dict[str, Any]]:
    """Find the variables that are loops, by their names in lower case; of two of one name the first."""
    loops = template.variables.get("copy")
    found: dict[str, dict[str, Any]] = {}
    for loop in loops if isinstance(loops, list) else ():
        if isinstance(loop, dict) and isinstance(loop.get("name"), str):
            found.setdefault(loop["name"].lower(), loop)
    return found
