"""Azure CLI gives and takes roles, and defines them."""

from __future__ import annotations

import json

import pytest

from tests.az.conftest import Az

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_role_assignments(az: Az, group: str, tag: str) -> None:
    """A role is given by the principal's application id and the role's name, listed with both, and taken back."""
    first, who = az.first, f"--assignee {az.first['clientId']}"
    scope = az(f"keyvault create -n v-{tag} -g {group} -l local")["id"]
    here = ("--scope", scope, "--role", "Key Vault Secrets User")
    given = az.apart()(f"role assignment create {who}", *here)
    assert (given["principalId"], given["principalType"]) == (first["objectId"], "ServicePrincipal")
    assert az(f"role assignment create {who}", *here)["id"] == given["id"]
    (listed,) = az(f"role assignment list --scope {scope}")
    assert (listed["roleDefinitionName"], listed["principalName"]) == ("Key Vault Secrets User", first["clientId"])
    assert given["id"] in [one["id"] for one in az(f"role assignment list --all {who}")]
    assert "Owner" in [one["roleDefinitionName"] for one in az(f"role assignment list {who} --include-inherited")]
    conditional = az(
        f"role assignment create {who} --condition-version 2.0 --description why --condition",
        "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith 'app-'",
        "--scope", scope, "--role", "Key Vault Secrets Officer",
    )  # fmt: skip
    assert (conditional["conditionVersion"], conditional["description"]) == ("2.0", "why")
    wrong = az.refused(
        f"role assignment create {who} --condition-version 2.0 --scope {scope} --condition nonsense --role",
        "Key Vault Reader",
    )
    assert "condition" in wrong.lower()
    az(f"role assignment delete --ids {conditional['id']}")
    az(f"role assignment delete {who}", *here)
    assert az(f"role assignment list --scope {scope}") == []
    assert "doesn't exist" in az.refused(f"role assignment create {who} --scope {scope} --role nothing")


def test_role_definitions(az: Az, group: str, tag: str) -> None:
    """Built-in roles are found by name; a custom one is created, updated, given, and deleted when nobody has it."""
    (reader,) = az("role definition list --name", "Key Vault Reader")
    assert reader["roleType"] == "BuiltInRole"
    scope = f"{az.subscription}/resourceGroups/{group}"
    wanted = {
        "Name": f"Rotator {tag}",
        "IsCustom": True,
        "Description": "Sets secrets and reads none.",
        "Actions": [],
        "NotActions": [],
        "DataActions": ["Microsoft.KeyVault/vaults/secrets/setSecret/action"],
        "NotDataActions": [],
        "AssignableScopes": [scope],
    }
    made = az("role definition create --role-definition", json.dumps(wanted))
    assert made["permissions"][0]["dataActions"] == wanted["DataActions"]
    changed = az("role definition update --role-definition", json.dumps(wanted | {"Description": "Changed."}))
    assert (changed["name"], changed["description"]) == (made["name"], "Changed.")
    own = az(f"role definition list --custom-role-only --scope {scope}")
    assert [one["roleName"] for one in own] == [wanted["Name"]]
    who = f"--assignee {az.first['clientId']} --scope {scope}"
    az(f"role assignment create {who} --role", str(wanted["Name"]))
    refused = az.refused(f"role definition delete --scope {scope} --name", str(wanted["Name"]))
    assert "RoleDefinitionHasAssignments" in refused
    az(f"role assignment delete {who} --role", str(wanted["Name"]))
    az(f"role definition delete --scope {scope} --name", str(wanted["Name"]))
    wrong = wanted | {"DataActions": ["Microsoft.KeyVault/vaults/nothing/action"]}
    assert "Microsoft.KeyVault/vaults/nothing/action" in az.refused(
        "role definition create --role-definition", json.dumps(wrong)
    )
