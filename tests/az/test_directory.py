"""Azure CLI keeps the directory: applications, their credentials and principals, users, and groups."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.az.conftest import Az
from tests.plugins.canary import remember

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_applications(az: Az, tag: str) -> None:
    """An application is created, updated, given credentials, a principal and owners, and deleted."""
    made = az.apart()(f"ad app create --display-name app-{tag} --web-redirect-uris https://{tag}.example/back")
    it = f"--id {made['appId']}"
    assert made["web"]["redirectUris"] == [f"https://{tag}.example/back"]
    az(f"ad app update {it} --identifier-uris api://{made['appId']}")
    assert az(f"ad app show {it}")["identifierUris"] == [f"api://{made['appId']}"]
    secret = az(f"ad app credential reset {it} --display-name one")
    remember(secret["password"])
    az(f"ad app credential reset {it} --append --create-cert --display-name two")
    assert list(az.folder.glob("*.pem")), "Azure CLI puts the key into the home folder, which is the transcript's own"
    assert [one["displayName"] for one in az(f"ad app credential list {it}")] == ["one"]
    (listed,) = az(f"ad app credential list {it}")
    az(f"ad app credential delete {it} --key-id {listed['keyId']}")
    assert az(f"ad app credential list {it}") == []
    trust = {
        "name": f"f-{tag}", "issuer": f"https://{tag}.example", "subject": "main",
        "audiences": ["api://AzureADTokenExchange"],
    }  # fmt: skip
    assert az(f"ad app federated-credential create {it} --parameters", json.dumps(trust))["subject"] == "main"
    trusted = f"{it} --federated-credential-id f-{tag}"
    az(f"ad app federated-credential update {trusted} --parameters", json.dumps(trust | {"subject": "next"}))
    assert [one["subject"] for one in az(f"ad app federated-credential list {it}")] == ["next"]
    az(f"ad app federated-credential delete {trusted}")
    az(f"ad app owner add {it} --owner-object-id {az.first['objectId']}")
    assert az.first["objectId"] in [one["id"] for one in az(f"ad app owner list {it}")]

    principal = az(f"ad sp create {it}")
    assert principal["appId"] == made["appId"]
    assert az(f"ad sp show {it}")["id"] == principal["id"]
    az(f"ad sp delete {it}")
    az(f"ad app delete {it}")
    assert "does not exist" in az.refused(f"ad app show {it}")


def test_a_principal_for_role_assignments(az: Az, own_group: str, tag: str, tmp_path: Path) -> None:
    """`create-for-rbac` makes an application with a secret and a role, who then signs in and can do that much."""
    scope = f"{az.subscription}/resourceGroups/{own_group}"
    made = az(f"ad sp create-for-rbac -n r-{tag} --scopes {scope} --role", "Key Vault Contributor")
    remember(made["password"])
    other = az.anew(tmp_path)
    other(f"login --service-principal --tenant {made['tenant']} -u {made['appId']} -p", made["password"])
    assert [one["name"] for one in other("group list")] == [own_group]
    assert other(f"keyvault create -n v-{tag} -g {own_group} -l local")["name"] == f"v-{tag}"
    assert "ForbiddenByRbac" in other.refused(f"keyvault secret list --vault-name v-{tag}")
    refused = other.refused(f"identity create -n i-{tag} -g {own_group} -l local")
    assert "AuthorizationFailed" in refused
    assert "Microsoft.ManagedIdentity/userAssignedIdentities/write" in refused
    assert "Insufficient privileges" in other.refused("ad user list")


def test_users_and_groups(az: Az, tag: str) -> None:
    """A user is created, found, put into a group and taken out; both are deleted."""
    domain = az.first["userName"].partition("@")[2]
    name, password = f"u-{tag}@{domain}", f"Correct-{tag}-Horse-9"
    remember(password)
    made = az(f"ad user create --display-name u-{tag} --user-principal-name {name} --password", password)
    assert az(f"ad user show --id {name}")["id"] == made["id"]
    assert [one["id"] for one in az(f"ad user list --upn {name}")] == [made["id"]]
    az(f"ad user update --id {name} --display-name U-{tag}")
    team = az(f"ad group create --display-name t-{tag} --mail-nickname t-{tag}")
    az(f"ad group member add -g t-{tag} --member-id {made['id']}")
    assert az(f"ad group member check -g t-{tag} --member-id {made['id']}") == {"value": True}
    assert [one["displayName"] for one in az(f"ad group member list -g {team['id']}")] == [f"U-{tag}"]
    assert az(f"ad user get-member-groups --id {name}")[0]["id"] == team["id"]
    az(f"ad group member remove -g t-{tag} --member-id {made['id']}")
    assert az(f"ad group member list -g t-{tag}") == []
    az(f"ad group delete -g {team['id']}")
    az(f"ad user delete --id {name}")
    assert "does not exist" in az.refused(f"ad user show --id {name}")
    assert "already exists" in az.refused(
        f"ad user create --display-name x --user-principal-name {az.first['userName']} --password", password
    )
