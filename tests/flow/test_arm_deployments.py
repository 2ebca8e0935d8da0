"""Deployments of templates: what they make, and what they refuse."""

from __future__ import annotations

import pytest

from tests.flow.arm import Arm
from tests.flow.deploying import VERSION, begin, deploy, deployment, identity, path, symbolic, template, vault
from tests.world import Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


class TestLife:
    """From a template to what is in it."""

    def test_deployed(self, arm: Arm) -> None:
        """A vault is made as the template says, and its outputs say what it became."""
        arm.make_group()
        content = template(
            vault(arm),
            parameters={"days": {"type": "int", "defaultValue": 7}},
            outputs={"uri": {"type": "string", "value": f"[reference('{arm.vault_name}').vaultUri]"}},
        )
        content["resources"][0]["properties"]["softDeleteRetentionInDays"] = "[parameters('days')]"
        answer = begin(arm, deployment(content))
        assert answer.status == 201
        assert answer.json["properties"]["provisioningState"] == "Accepted"
        assert answer.headers["azure-asyncoperation"].startswith(
            f"{arm.world.arm_url}{path(arm.group)}/operationStatuses/"
        )
        arm.world.settle()
        status = arm.world.ask(
            "GET",
            answer.headers["azure-asyncoperation"],
            token=arm.world.token(arm.who, "https://management.azure.com"),
        )
        assert status.json == {"status": "Succeeded"}
        found = arm.do("GET", path(arm.group), version=VERSION)
        assert found["properties"]["provisioningState"] == "Succeeded"
        assert found["properties"]["parameters"] == {"days": {"type": "Int", "value": 7}}
        uri = f"https://{arm.vault_name}.vault.localhost:8443/"
        assert found["properties"]["outputs"] == {"uri": {"type": "String", "value": uri}}
        assert found["properties"]["outputResources"] == [{"id": arm.vault}]
        assert arm.do("GET", arm.vault)["properties"]["softDeleteRetentionInDays"] == 7

    def test_symbolic(self, arm: Arm) -> None:
        """Resources go by their symbolic names."""
        arm.make_group()
        content = symbolic(
            {
                "kv": vault(arm),
                "id": identity(
                    "[format('i-{0}-{1}', parameters('tag'), copyIndex())]", copy={"name": "id", "count": 2}
                ),
            },
            parameters={"tag": {"type": "string"}},
            outputs={"first": {"type": "string", "value": "[reference('id[1]').principalId]"}},
        )
        found = deploy(arm, deployment(content, {"tag": arm.tag}))
        assert found["provisioningState"] == "Succeeded", found
        assert len(found["outputResources"]) == 3
