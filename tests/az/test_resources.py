"""Azure CLI locks, tags, moves and lists resources of every kind, and looks at who provides them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.az.conftest import Az
from tests.plugins.canary import remember
from tests.sdk.conftest import Live

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_locks(az: Az, own_group: str, tag: str) -> None:
    """A lock on a group keeps it from being deleted, one on a vault from being changed, until each is removed."""
    it = f"--resource v-{tag} -g {own_group} --resource-type Microsoft.KeyVault/vaults"
    az(f"keyvault create -n v-{tag} -g {own_group} -l local")
    kept = az.apart()(f"lock create -n kept -g {own_group} --lock-type CanNotDelete --notes why")
    assert (kept["level"], kept["notes"]) == ("CanNotDelete", "why")
    assert "ScopeLocked" in az.refused(f"group delete -n {own_group} --yes")
    az(f"lock create -n fixed {it} --lock-type ReadOnly")
    assert "ScopeLocked" in az.refused(f"keyvault update -n v-{tag} -g {own_group} --set tags.a=b")
    assert az(f"lock show -n fixed {it}")["level"] == "ReadOnly"
    assert {one["name"] for one in az(f"lock list -g {own_group}")} == {"kept", "fixed"}
    az(f"lock delete -n fixed {it}")
    assert az(f"keyvault update -n v-{tag} -g {own_group} --set tags.a=b")["tags"] == {"a": "b"}
    az(f"lock delete -n kept -g {own_group}")
    az(f"group delete -n {own_group} --yes")


def test_tags(az: Az, own_group: str, tag: str) -> None:
    """Tags are created, merged and deleted as a resource of their own, and groups and resources are found by them."""
    vault = az(f"keyvault create -n v-{tag} -g {own_group} -l local")["id"]
    assert az(f"tag create --resource-id {vault} --tags t-{tag}=x")["properties"]["tags"] == {f"t-{tag}": "x"}
    merged = az(f"tag update --resource-id {vault} --operation merge --tags other=y")
    assert merged["properties"]["tags"] == {f"t-{tag}": "x", "other": "y"}
    assert az(f"keyvault show -n v-{tag}")["tags"] == {f"t-{tag}": "x", "other": "y"}
    assert [one["id"] for one in az(f"resource list --tag t-{tag}=x")] == [vault]
    assert f"t-{tag}" in [one["tagName"] for one in az("tag list")]
    az(f"group update -n {own_group} --set tags.g-{tag}=z")
    assert [one["name"] for one in az(f"group list --tag g-{tag}=z")] == [own_group]
    az(f"tag delete --resource-id {vault} --yes")
    assert az(f"tag list --resource-id {vault}")["properties"]["tags"] == {}


def test_generic_resources(az: Az, group: str, tag: str) -> None:
    """A vault is shown, tagged, moved to another group and deleted by its id alone."""
    vault, other = az(f"keyvault create -n v-{tag} -g {group} -l local")["id"], f"h-{tag}"
    az(f"group create -l local -n {other}")
    assert az(f"resource show --ids {vault}")["name"] == f"v-{tag}"
    assert az(f"resource tag --ids {vault} --tags env=test")["tags"] == {"env": "test"}
    found = az("resource list --resource-type Microsoft.KeyVault/vaults")
    assert vault in [one["id"] for one in found]
    az(f"resource move --destination-group {other} --ids {vault}")
    moved = az(f"keyvault show -n v-{tag}")
    assert (moved["resourceGroup"], moved["tags"]) == (other, {"env": "test"})
    az(f"resource delete --ids {moved['id']}")
    assert az(f"resource list -g {other}") == []
    assert az(f"keyvault show-deleted -n v-{tag}")["properties"]["vaultId"] == moved["id"]


def test_providers(az: Az) -> None:
    """Providers are listed, shown with their types, registered, and say what can be done; so are the locations."""
    listed = {one["namespace"]: one["registrationState"] for one in az("provider list")}
    assert listed["Microsoft.KeyVault"] == "Registered"
    types = [one["resourceType"] for one in az("provider show -n Microsoft.KeyVault")["resourceTypes"]]
    assert "vaults" in types
    az("provider register -n Microsoft.KeyVault --wait")
    assert "Microsoft.Storage" in az.refused("provider show -n Microsoft.Storage")
    said = json.dumps(az("provider operation show --namespace Microsoft.KeyVault"))
    assert "Microsoft.KeyVault/vaults/secrets/getSecret/action" in said
    assert [one["name"] for one in az("account list-locations")] == ["local"]


def test_management_groups(az: Az, live: Live, tag: str, tmp_path: Path) -> None:
    """The owner of the root group makes a management group, puts the subscription into it, and takes it out again."""
    recovered = live.call("recover", "--json")
    assert recovered.returncode == 0, recovered.stderr
    told = json.loads(recovered.stdout)
    remember(told["clientSecret"])
    owner, name = az.anew(tmp_path), f"mg-{tag}"
    owner(f"login --service-principal --tenant {told['tenantId']} -u {told['clientId']} -p", told["clientSecret"])
    # Otherwise it registers the provider before each of these, and waits ten seconds for it.
    owner("provider register -n Microsoft.Management")
    made = owner(f"account management-group create -n {name} --display-name Payments --no-register")
    assert (made["name"], made["displayName"]) == (name, "Payments")
    subscription = az.first["subscriptionId"]
    owner(f"account management-group subscription add -n {name} --subscription {subscription}")
    shown = owner(f"account management-group show -n {name} --expand --no-register")
    assert [one["name"] for one in shown["children"]] == [subscription]
    assert name in [one["name"] for one in owner("account management-group list --no-register")]
    assert "ManagementGroupHasChildren" in owner.refused(f"account management-group delete -n {name} --no-register")
    owner(f"account management-group subscription remove -n {name} --subscription {subscription}")
    owner(f"account management-group delete -n {name} --no-register")
