"""Templates as values: what a test writes to have one evaluated, planned or refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from strongroom.core.templates.document import read_template
from strongroom.core.templates.evaluation import Budget, Evaluator, Scope
from strongroom.core.templates.functions import FUNCTIONS
from strongroom.core.templates.plan import Plan, make_plan
from strongroom.core.templates.resource_functions import id_functions
from strongroom.core.templates.scopes import Place, parse_place
from strongroom.core.templates.surroundings import Bound, Surroundings

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
GROUP = "/subscriptions/5aaaaaaa-0000-4000-8000-000000000001/resourceGroups/g"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def place(path: str = GROUP) -> Place:
    """Read a scope that is one."""
    found = parse_place(path)
    assert found is not None
    return found


def evaluate(text: Any, path: str = GROUP, budget: Budget | None = None) -> Any:
    """Evaluate an expression, or a value with expressions in it, that asks for nothing outside."""
    return Evaluator(FUNCTIONS, budget or Budget()).evaluate(text, Scope(id_functions(place(path))))


def template(resources: Any = (), **more: Any) -> dict[str, Any]:
    """Write a template; symbolic names make it one of languageVersion 2.0."""
    language = {"languageVersion": "2.0"} if isinstance(resources, dict) else {}
    given = resources if isinstance(resources, dict) else list(resources)
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", **language, "resources": given, **more}


def bind(tree: Any, given: Mapping[str, Any] | None = None, path: str = GROUP) -> Bound:
    """Give a template its parameters."""
    facts = {"resourcegroup": {"location": "local"}, "deployment": {"name": "d"}}
    around = Surroundings(place(path), NOW, bytes(32), facts)
    return Bound(read_template(tree), given or {}, around, Evaluator(FUNCTIONS, Budget()))


def plan(tree: Any, given: Mapping[str, Any] | None = None, path: str = GROUP) -> Plan:
    """Plan a template."""
    return make_plan(bind(tree, given, path))


def resource(name: str, kind: str = "A.B/c", **more: Any) -> dict[str, Any]:
    """Write a resource."""
    return {"type": kind, "apiVersion": "2023-01-01", "name": name, **more}
