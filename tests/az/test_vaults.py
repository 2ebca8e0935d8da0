"""Azure CLI makes, changes, closes, deletes and gets back vaults, and the networks that they are asked from."""

from __future__ import annotations

import pytest

from tests.az.conftest import Az

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("az"), pytest.mark.timeout(600)]


def test_resource_groups(az: Az, tag: str) -> None:
    """A group is made, read, changed, listed by a tag, and deleted with what is in it."""
    name = f"g-{tag}"
    made = az(f"group create -l local -n {name} --tags env={tag}")
    assert (made["name"], made["tags"]) == (name, {"env": tag})
    assert az(f"group exists -n {name}") is True
    assert az(f"group update -n {name} --set tags.owner=me")["tags"] == {"env": tag, "owner": "me"}
    az(f"identity create -l local -g {name} -n i-{tag}")
    assert [one["type"] for one in az(f"resource list -g {name}")] == [
        "Microsoft.ManagedIdentity/userAssignedIdentities"
    ]
    az(f"group delete -n {name} --yes")
    assert az(f"group exists -n {name}") is False
    assert "ResourceGroupNotFound" in az.refused(f"group show -n {name}")


def test_the_life_of_a_vault(az: Az, group: str, tag: str) -> None:
    """A vault is created, shown, updated, deleted, recovered, deleted again and purged."""
    name, place = f"v-{tag}", f"-n v-{tag} -g {group}"
    made = az.apart()(f"keyvault create {place} -l local --retention-days 7 --tags env=test")
    assert made["properties"]["vaultUri"] == az.first["vaultUri"].replace(az.first["vaultName"], name)
    assert made["properties"]["enableRbacAuthorization"] is True
    assert az(f"keyvault show -n {name}") == made
    assert "already exists" in az.refused(f"keyvault create {place} -l local")
    changed = az(f"keyvault update {place} --enabled-for-deployment true --set tags.owner=me")
    assert (changed["properties"]["enabledForDeployment"], changed["tags"]) == (True, {"env": "test", "owner": "me"})
    assert name in [one["name"] for one in az("keyvault list")]
    assert "softDeleteRetentionInDays" in az.refused(f"keyvault update {place} --retention-days 5")

    az(f"keyvault delete {place}")
    assert "not found within subscription" in az.refused(f"keyvault show -n {name}")
    deleted = az(f"keyvault show-deleted -n {name}")
    assert deleted["properties"]["vaultId"] == made["id"]
    assert "deleted" in az.refused(f"keyvault create {place} -l local")
    recovered = az(f"keyvault recover -n {name}")
    # It asks without the tags, and so they are lost, as in Azure.
    assert (recovered["id"], recovered["tags"]) == (made["id"], {})
    az(f"keyvault delete {place}")
    az(f"keyvault purge -n {name}")
    assert name not in [one["name"] for one in az("keyvault list-deleted")]


def test_access_policies(az: Az, group: str, tag: str) -> None:
    """Policies are set for a principal by its name and its id, and removed."""
    place, first = f"-n v-{tag} -g {group}", az.first
    (own,) = az(f"keyvault create {place} -l local --enable-rbac-authorization false")["properties"]["accessPolicies"]
    assert own["objectId"] == first["objectId"]
    az(f"keyvault secret set --vault-name v-{tag} -n s --value one")
    changed = az(f"keyvault set-policy {place} --spn {first['clientId']} --secret-permissions get list")
    (own,) = changed["properties"]["accessPolicies"]
    # In the order in which az gives them, which is that of a set.
    assert (own["objectId"], sorted(own["permissions"]["secrets"])) == (first["objectId"], ["get", "list"])
    refused = az.refused(f"keyvault secret set --vault-name v-{tag} -n s --value two")
    assert "does not have secrets set permission on key vault" in refused
    changed = az(f"keyvault set-policy {place} --upn {first['userName']} --secret-permissions all")
    assert len(changed["properties"]["accessPolicies"]) == 2
    changed = az(f"keyvault delete-policy {place} --object-id {first['objectId']}")
    assert [one["permissions"]["secrets"] for one in changed["properties"]["accessPolicies"]] == [["all"]]
    az(f"keyvault update {place} --enable-rbac-authorization true")


def test_network_rules(az: Az, group: str, tag: str) -> None:
    """A vault is closed to all but ranges and subnets, which are added, listed and removed; the firewall obeys."""
    vault, place = f"v-{tag}", f"-n v-{tag} -g {group}"
    az(f"keyvault create {place} -l local --default-action Deny --bypass None --enable-rbac-authorization false")
    assert "Client address is not authorized" in az.refused(f"keyvault secret list --vault-name {vault}")
    rules = az(f"keyvault network-rule add {place} --ip-address 127.0.0.1 203.0.113.0/24")["properties"]["networkAcls"]
    assert rules["ipRules"] == [{"value": "127.0.0.1/32"}, {"value": "203.0.113.0/24"}]
    assert az(f"keyvault secret list --vault-name {vault}") == []
    az(f"network vnet create -n n-{tag} -g {group} -l local --address-prefixes 10.1.0.0/16")
    subnet = az(
        f"network vnet subnet create -n s-{tag} -g {group} --vnet-name n-{tag} --address-prefixes 10.1.1.0/24"
        " --service-endpoints Microsoft.KeyVault"
    )
    az(f"keyvault network-rule add {place} --vnet-name n-{tag} --subnet s-{tag}")
    listed = az(f"keyvault network-rule list {place}")
    assert [one["id"] for one in listed["virtualNetworkRules"]] == [subnet["id"].lower()]
    az(f"keyvault network-rule remove {place} --subnet {subnet['id']}")
    rules = az(f"keyvault network-rule remove {place} --ip-address 203.0.113.0/24")["properties"]["networkAcls"]
    assert rules == {
        "bypass": "None", "defaultAction": "Deny", "ipRules": [{"value": "127.0.0.1/32"}], "virtualNetworkRules": []
    }  # fmt: skip
    assert az(f"keyvault update {place} --public-network-access Disabled")["properties"]["publicNetworkAccess"] == (
        "Disabled"
    )
    assert "ForbiddenByConnection" in az.refused(f"keyvault secret list --vault-name {vault}")


def test_networks_and_private_endpoints(az: Az, group: str, tag: str) -> None:
    """A private endpoint in a subnet is connected to a vault, rejected by its owner, and removed with its network."""
    net, end = f"-g {group} --vnet-name n-{tag}", f"-n e-{tag} -g {group}"
    vault = az(f"keyvault create -n v-{tag} -g {group} -l local")["id"]
    made = az(
        f"network vnet create -n n-{tag} -g {group} -l local --address-prefixes 10.2.0.0/16"
        " --subnet-name s1 --subnet-prefixes 10.2.1.0/24"
    )["newVNet"]
    assert [one["name"] for one in made["subnets"]] == ["s1"]
    assert "overlap" in az.refused(f"network vnet subnet create -n s2 {net} --address-prefixes 10.2.1.128/25").lower()
    assert [one["name"] for one in az(f"network vnet subnet list {net}")] == ["s1"]
    (group_id,) = az(f"keyvault private-link-resource list --vault-name v-{tag}")
    assert (group_id["groupId"], group_id["requiredZoneNames"]) == ("vault", ["privatelink.vaultcore.azure.net"])
    endpoint = az(
        f"network private-endpoint create {end} -l local --vnet-name n-{tag} --subnet s1 --group-id vault"
        f" --connection-name link --private-connection-resource-id {vault}"
    )
    (link,) = endpoint["privateLinkServiceConnections"]
    assert link["privateLinkServiceConnectionState"]["status"] == "Approved"
    (seen,) = az(f"keyvault show -n v-{tag}")["properties"]["privateEndpointConnections"]
    assert seen["privateEndpoint"]["id"] == endpoint["id"]
    connection = f"--vault-name v-{tag} --name {seen['id'].rpartition('/')[2]}"
    rejected = az(f"keyvault private-endpoint-connection reject {connection} --description no")
    assert rejected["privateLinkServiceConnectionState"] == {
        "actionsRequired": "None", "description": "no", "status": "Rejected"
    }  # fmt: skip
    assert "InUse" in az.refused(f"network vnet subnet delete -n s1 {net}")
    az(f"keyvault private-endpoint-connection delete {connection}")
    az(f"network private-endpoint delete {end}")
    az(f"network vnet delete -n n-{tag} -g {group}")


def test_what_is_not_served_says_so(az: Az) -> None:
    """Managed HSMs and other resource types are refused in ARM's own words, which name what there is."""
    refused = az.refused("keyvault check-name -n nobody")
    assert "InvalidResourceType" in refused
    assert "This service has these resource types of it: checkNameAvailability" in refused
