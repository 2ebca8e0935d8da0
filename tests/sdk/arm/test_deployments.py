"""azure-mgmt-resource-deployments, unmodified, against a live service on its own names with verification on."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments.models import (
    Deployment,
    DeploymentProperties,
    DeploymentWhatIf,
    DeploymentWhatIfProperties,
)

from tests.sdk.arm.conftest import Plane

VAULT = "Microsoft.KeyVault/vaults"


def template(plane: Plane) -> dict[str, Any]:
    """Give a template of one vault, which says its address."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"name": {"type": "string"}},
        "resources": [
            {
                "type": VAULT,
                "apiVersion": "2023-07-01",
                "name": "[parameters('name')]",
                "location": "local",
                "properties": {
                    "tenantId": plane.facts["tenantId"],
                    "sku": {"family": "A", "name": "standard"},
                    "enableRbacAuthorization": True,
                },
            }
        ],
        "outputs": {
            "uri": {"type": "string", "value": f"[reference(resourceId('{VAULT}', parameters('name'))).vaultUri]"}
        },
    }


def properties(content: dict[str, Any], name: str) -> dict[str, Any]:
    """Give what is deployed: the template, with the vault's name."""
    return {"mode": "Incremental", "template": content, "parameters": {"name": {"value": name}}}


def test_a_deployment(plane: Plane, name: str) -> None:
    """Validated, foreseen, made with the poller, listed with its operations, exported and forgotten."""
    client = plane.client(DeploymentsMgmtClient, plane.subscription)
    given: dict[str, Any] = {
        "mode": "Incremental",
        "template": template(plane),
        "parameters": {"name": {"value": name}},
    }
    wanted = Deployment(properties=DeploymentProperties(given))
    checked = client.deployments.begin_validate(plane.group, name, wanted).result()
    assert checked.properties.provisioning_state == "Succeeded"
    asked = DeploymentWhatIf(properties=DeploymentWhatIfProperties(given))
    foreseen = client.deployments.begin_what_if(plane.group, name, asked).result()
    place = f"{plane.scope}/providers/{VAULT}/{name}"
    assert [one.change_type for one in foreseen.changes if one.resource_id == place] == ["Create"]

    made = client.deployments.begin_create_or_update(plane.group, name, wanted).result()
    assert made.properties.provisioning_state == "Succeeded"
    uri = plane.facts["vaultUri"].replace(plane.facts["vaultName"], name)
    assert made.properties.outputs == {"uri": {"type": "String", "value": uri}}
    assert client.deployments.check_existence(plane.group, name)
    assert client.deployments.get(plane.group, name).id == made.id
    assert made.id in [one.id for one in client.deployments.list_by_resource_group(plane.group)]
    (done,) = client.deployment_operations.list(plane.group, name)
    assert (done.properties.target_resource.id, done.properties.provisioning_state) == (place, "Succeeded")
    assert client.deployment_operations.get(plane.group, name, done.operation_id).id == done.id
    assert client.deployments.export_template(plane.group, name).template == template(plane)
    assert client.deployments.begin_delete(plane.group, name).result() is None
    assert not client.deployments.check_existence(plane.group, name)


def test_a_wrong_template(plane: Plane, name: str) -> None:
    """It is refused as Azure refuses it, before anything is made."""
    client = plane.client(DeploymentsMgmtClient, plane.subscription)
    wrong = template(plane)
    wrong["resources"][0]["name"] = "[nothing()]"
    given = properties(wrong, name)
    with pytest.raises(HttpResponseError) as refused:
        client.deployments.begin_create_or_update(
            plane.group, name, Deployment(properties=DeploymentProperties(given))
        ).result()
    assert refused.value.status_code == 400
    assert refused.value.error.code == "InvalidTemplate"
    assert not client.deployments.check_existence(plane.group, name)
