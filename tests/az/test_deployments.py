"""Azure CLI deploys a template, after it asked whether it is good and what it would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.az.conftest import Az

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]

VAULT = "Microsoft.KeyVault/vaults"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
TEMPLATE: dict[str, Any] = {
    "$schema": SCHEMA,
    "contentVersion": "1.0.0.0",
    "parameters": {"name": {"type": "string"}, "who": {"type": "string"}, "secret": {"type": "securestring"}},
    "resources": [
        {
            "type": VAULT,
            "apiVersion": "2023-07-01",
            "name": "[parameters('name')]",
            "location": "[resourceGroup().location]",
            "properties": {
                "tenantId": "[subscription().tenantId]",
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
            },
        },
        {
            "type": f"{VAULT}/secrets",
            "apiVersion": "2023-07-01",
            "name": "[format('{0}/{1}', parameters('name'), 's')]",
            "dependsOn": [f"[resourceId('{VAULT}', parameters('name'))]"],
            "properties": {"value": "[parameters('secret')]"},
        },
        {
            "type": "Microsoft.Authorization/roleAssignments",
            "apiVersion": "2022-04-01",
            "scope": f"[format('{VAULT}/{{0}}', parameters('name'))]",
            "name": "[guid(parameters('name'))]",
            "dependsOn": [f"[resourceId('{VAULT}', parameters('name'))]"],
            "properties": {
                "roleDefinitionId": (
                    "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions',"
                    " '4633458b-17de-408a-b874-0445c86b69e6')]"
                ),
                "principalId": "[parameters('who')]",
                "principalType": "ServicePrincipal",
            },
        },
    ],
    "outputs": {"uri": {"type": "string", "value": f"[reference(resourceId('{VAULT}', parameters('name'))).vaultUri]"}},
}


def test_a_template(az: Az, group: str, tag: str, canary: str, tmp_path: Path) -> None:
    """Validated, foreseen, deployed with a vault, its secret and a role; shown without the secret, and forgotten."""
    file = tmp_path / "template.json"
    file.write_text(json.dumps(TEMPLATE))
    given = f"-g {group} --template-file {file} --parameters name=v-{tag} who={az.first['objectId']} secret={canary}"
    assert az(f"deployment group validate {given}")["properties"]["provisioningState"] == "Succeeded"
    foreseen = az(f"deployment group what-if --no-pretty-print {given}")
    # What else is in the group is told too, as left alone.
    assert [one["changeType"] for one in foreseen["changes"] if one["changeType"] != "Ignore"] == ["Create"] * 3
    assert canary not in json.dumps(foreseen)

    made = az.apart()(f"deployment group create -n d-{tag} {given}")
    assert made["properties"]["provisioningState"] == "Succeeded"
    vault = az(f"keyvault show -n v-{tag}")
    assert made["properties"]["outputs"]["uri"]["value"] == vault["properties"]["vaultUri"]
    assert az(f"keyvault secret show --vault-name v-{tag} -n s")["value"] == canary
    (assigned,) = az(f"role assignment list --scope {vault['id']}")
    assert assigned["principalId"] == az.first["objectId"]

    shown = az(f"deployment group show -n d-{tag} -g {group}")
    assert shown["properties"]["parameters"]["secret"] == {"type": "SecureString"}
    assert canary not in json.dumps(shown)
    done = az(f"deployment operation group list -n d-{tag} -g {group}")
    kinds = {one["properties"]["targetResource"]["resourceType"] for one in done}
    assert kinds == {VAULT, f"{VAULT}/secrets", "Microsoft.Authorization/roleAssignments"}
    assert {one["properties"]["provisioningState"] for one in done} == {"Succeeded"}
    # Again, and nothing is new but what cannot be compared.
    again = az(f"deployment group what-if --no-pretty-print {given}")
    assert "Create" not in [one["changeType"] for one in again["changes"]]
    az(f"deployment group delete -n d-{tag} -g {group}")
    assert az(f"deployment group list -g {group}") == []


def test_bad_templates(az: Az, own_group: str, tag: str, tmp_path: Path) -> None:
    """What is wrong with a template or a value is said before anything is made."""
    file = tmp_path / "template.json"
    file.write_text(json.dumps(TEMPLATE).replace("[parameters('name')]", "[paramaters('name')]"))
    given = f"-g {own_group} --template-file {file} --parameters name=v-{tag} who=x secret=y"
    assert "InvalidTemplate" in az.refused(f"deployment group validate {given}")
    file.write_text(json.dumps(TEMPLATE).replace(VAULT, "Microsoft.Storage/storageAccounts"))
    assert "Microsoft.Storage" in az.refused(f"deployment group create -n d-{tag} {given}")
    assert az(f"resource list -g {own_group}") == []
