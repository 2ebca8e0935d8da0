"""Templates as Bicep compiles them, in both languages that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flow.arm import Arm
from tests.flow.deploying import VERSION, deploy, deployment, path
from tests.world import Simulation

BICEP = Path(__file__).parent / "bicep"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def compiled(name: str) -> Any:
    """Read a compiled template."""
    return json.loads((BICEP / f"{name}.json").read_text(encoding="utf-8"))


def test_symbolic_names(arm: Arm, canary: str) -> None:
    """Symbolic names, types of its own, functions, loops, a module, and what is nullable."""
    arm.make_group()
    reader = arm.world.principal(f"reader-{arm.tag}")
    parameters = {
        "prefix": f"Kv{arm.tag}",
        "secrets": [{"name": "one"}, {"name": "two", "contentType": "text/plain"}],
        "secretValue": canary,
        "tags": {"env": "test"},
        "readerPrincipalId": reader.oid,
    }
    found = deploy(arm, deployment(compiled("vault"), parameters))
    assert found["provisioningState"] == "Succeeded", found
    outputs = {name: one["value"] for name, one in found["outputs"].items()}
    vault = arm.do("GET", outputs["vaultId"])
    assert outputs["vaultUri"] == vault["properties"]["vaultUri"]
    assert outputs["secretNames"] == ["one", "two"]
    assert outputs["suffix"] == ".vault.localhost:8443"
    assert outputs["retention"] == 7
    assert vault["tags"] == {"env": "test", "sku": "standard"}
    assert [one["value"] for one in vault["properties"]["networkAcls"]["ipRules"]] == [
        "203.0.113.0/32",
        "203.0.113.1/32",
    ]
    assert len(found["outputResources"]) == 6
    again = deploy(arm, deployment(compiled("vault"), parameters))
    assert again["outputs"] == found["outputs"]
    changes = arm.do(
        "POST", path(arm.group, rest="/whatIf"), deployment(compiled("vault"), parameters), version=VERSION
    )
    told = {one["resourceId"].rpartition("/")[2]: one["changeType"] for one in changes["properties"]["changes"]}
    assert told[vault["name"]] == "NoChange"
    assert told["assignment"] == "Deploy"


def test_without_what_is_optional(arm: Arm, canary: str) -> None:
    """What is nullable is left out, a loop of nothing makes nothing, and a condition that is not met neither."""
    arm.make_group()
    parameters = {"prefix": f"kv{arm.tag}", "secretValue": canary, "deployIdentity": False}
    found = deploy(arm, deployment(compiled("vault"), parameters))
    assert found["provisioningState"] == "Succeeded", found
    assert {one["id"].rpartition("/")[2] for one in found["outputResources"]} >= {"assignment"}
    assert len(found["outputResources"]) == 2


def test_at_a_subscription(arm: Arm) -> None:
    """The older language: a group, and a module in it whose output is asked for by its id."""
    parameters = {"groupName": f"g-{arm.tag}", "vaultName": arm.vault_name}
    body = deployment(compiled("subscription"), parameters, location="local")
    found = deploy(arm, body, scope=arm.subscription, name=f"b-{arm.tag}")
    assert found["provisioningState"] == "Succeeded", found
    assert found["outputs"]["vaultId"]["value"] == arm.vault
    assert arm.do("GET", arm.group)["tags"] == {"made-by": "bicep"}
    arm.do("DELETE", f"{arm.vault}/providers/Microsoft.Authorization/locks/keep", version="2020-05-01")
