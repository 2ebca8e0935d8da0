"""Deploying templates in a simulated world."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flow.arm import Arm
from tests.world import Answer, Simulation

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
VERSION = "2022-09-01"


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Write a template."""
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def symbolic(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Write a template whose resources have symbolic names, as newer Bicep does."""
    return {"$schema": SCHEMA, "languageVersion": "2.0", "contentVersion": "1.0.0.0", "resources": resources, **more}


def deployment(content: Any, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write the body of a deployment; *parameters* by name, as bare values."""
    given = {name: {"value": value} for name, value in (parameters or {}).items()}
    properties = {"mode": "Incremental", "template": content, "parameters": given}
    location = {"location": more.pop("location")} if "location" in more else {}
    return {**location, "properties": properties | more}


def vault(arm: Arm, name: str = "", **properties: Any) -> dict[str, Any]:
    """Write a vault as a resource of a template."""
    base = {"tenantId": "[subscription().tenantId]", "sku": {"family": "A", "name": "standard"}}
    return {
        "type": "Microsoft.KeyVault/vaults",
        "apiVersion": "2023-07-01",
        "name": name or arm.vault_name,
        "location": "[resourceGroup().location]",
        "properties": base | properties,
    }


def identity(name: str, **more: Any) -> dict[str, Any]:
    """Write a user-assigned identity as a resource of a template."""
    return {
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
        "apiVersion": "2023-01-31",
        "name": name,
        "location": "local",
        **more,
    }


def nested(name: str, content: dict[str, Any], parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write a deployment within another; with parameters it is evaluated in its own scope."""
    options = {"expressionEvaluationOptions": {"scope": "inner"}} if parameters is not None else {}
    properties = {"mode": "Incremental", "template": content, "parameters": parameters or {}, **options}
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": name,
        "properties": properties,
        **more,
    }


def path(scope: str, name: str = "d", rest: str = "") -> str:
    """Give the path of a deployment at a scope."""
    return f"{scope}/providers/Microsoft.Resources/deployments/{name}{rest}"


def begin(arm: Arm, body: dict[str, Any], *, scope: str = "", name: str = "d", **how: Any) -> Answer:
    """Ask for a deployment."""
    return arm.ask("PUT", path(scope or arm.group, name), body, version=VERSION, **how)


def deploy(arm: Arm, body: dict[str, Any], *, scope: str = "", name: str = "d", **how: Any) -> dict[str, Any]:
    """Deploy to the end, and give the properties of the deployment then."""
    answer = begin(arm, body, scope=scope, name=name, **how)
    assert answer.status in (200, 201), answer.body
    arm.world.settle()
    found: dict[str, Any] = arm.do("GET", path(scope or arm.group, name), version=VERSION)["properties"]
    return found


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)
