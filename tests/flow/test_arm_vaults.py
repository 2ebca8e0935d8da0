"""Vaults through the management plane: every property, every refusal, and what the data plane makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.api_versions import KEY_VAULT_ARM
from strongroom.core.builtin_roles import (
    CONTRIBUTOR,
    KEY_VAULT_CONTRIBUTOR,
    KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    USER_ACCESS_ADMINISTRATOR,
)
from strongroom.core.network import Link
from strongroom.core.rbac import RoleAssignment
from strongroom.resources.vaults import DAY_S
from tests.flow.arm import Arm
from tests.world import Simulation

OLDER = "2025-05-01"
FIRST_BODY_KEYS = {"id", "name", "type", "location", "tags", "systemData", "properties"}


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def policy(arm: Arm, who: str, **permissions: list[str]) -> dict[str, Any]:
    """Write an access policy."""
    return {"tenantId": arm.world.first.tenant_id, "objectId": who, "permissions": permissions}


def get_secret(arm: Arm) -> int:
    """Ask the vault itself for a secret that does not exist: 404 if the caller may, 403 or 404 of the host if not."""
    url = f"https://{arm.vault_name}.vault.localhost:8443/secrets/none?api-version=7.4"
    return arm.world.ask("GET", url, token=arm.world.token(arm.who)).status


class TestShape:
    """What a vault looks like."""

    def test_made(self, arm: Arm) -> None:
        """A new vault is answered whole, with Azure's casing, and read back the same."""
        arm.make_group()
        made = arm.do("PUT", arm.vault, arm.vault_body() | {"tags": {"env": "test"}})
        assert set(made) == FIRST_BODY_KEYS
        assert made["id"] == arm.vault
        assert (made["name"], made["type"], made["location"]) == (arm.vault_name, "Microsoft.KeyVault/vaults", "local")
        assert made["tags"] == {"env": "test"}
        assert made["properties"] == {
            "sku": {"family": "A", "name": "standard"},
            "tenantId": arm.world.first.tenant_id,
            "accessPolicies": [],
            "enabledForDeployment": False,
            "enabledForDiskEncryption": False,
            "enabledForTemplateDeployment": False,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            "enableRbacAuthorization": True,
            "vaultUri": f"https://{arm.vault_name}.vault.localhost:8443/",
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
        }
        system = made["systemData"]
        assert system["createdBy"] == system["lastModifiedBy"] == arm.who.appid
        assert system["createdByType"] == "Application"
        assert arm.do("GET", arm.vault) == made

    def test_any_case(self, arm: Arm) -> None:
        """Paths are read in any case, and ids written in one."""
        made = arm.make_vault()
        path = arm.vault.replace("resourceGroups", "resourcegroups").replace("Microsoft.KeyVault", "MICROSOFT.keyvault")
        assert arm.do("GET", path.replace("/v-", "/V-").replace("/g-", "/G-")) == made

    def test_uri_of_azures_names(self, arm: Arm) -> None:
        """Who asks through Azure's name is told Azure's name of the vault; both lead to the same one."""
        arm.make_vault()
        token = arm.world.token(arm.who, "https://management.azure.com")
        url = f"https://management.azure.com{arm.vault}?api-version=2026-02-01"
        answer = arm.world.ask("GET", url, token=token, link=Link.CONTROL)
        assert answer.json["properties"]["vaultUri"] == f"https://{arm.vault_name}.vault.azure.net/"

    def test_everything_set(self, arm: Arm) -> None:
        """Every property is kept and read back, words in the casing of the specification."""
        arm.make_group()
        subnet = f"{arm.group}/providers/Microsoft.Network/virtualNetworks/n/subnets/s"
        entry = policy(arm, arm.who.oid, keys=["WRAPKEY", "get"], secrets=["All"], certificates=[])
        body = arm.vault_body(
            sku={"family": "a", "name": "Premium"},
            accessPolicies=[entry | {"applicationId": arm.who.appid}],
            enabledForDeployment=True,
            enabledForDiskEncryption=True,
            enabledForTemplateDeployment=True,
            enableSoftDelete=True,
            softDeleteRetentionInDays=7,
            enableRbacAuthorization=False,
            enablePurgeProtection=True,
            publicNetworkAccess="disabled",
            networkAcls={
                "bypass": "none",
                "defaultAction": "deny",
                "ipRules": [{"value": "203.0.113.7"}, {"value": "2001:db8::/32"}, {"value": "10.1.0.0/16"}],
                "virtualNetworkRules": [{"id": subnet, "ignoreMissingVnetServiceEndpoint": True}],
            },
        )
        properties = arm.do("PUT", arm.vault, body)["properties"]
        assert properties["sku"] == {"family": "A", "name": "premium"}
        assert properties["accessPolicies"] == [
            {
                "tenantId": arm.world.first.tenant_id,
                "objectId": arm.who.oid,
                "applicationId": arm.who.appid,
                "permissions": {"keys": ["get", "wrapKey"], "secrets": ["all"], "certificates": []},
            }
        ]
        assert properties["networkAcls"] == {
            "bypass": "None",
            "defaultAction": "Deny",
            "ipRules": [{"value": "203.0.113.7/32"}, {"value": "2001:db8::/32"}, {"value": "10.1.0.0/16"}],
            "virtualNetworkRules": [{"id": subnet, "ignoreMissingVnetServiceEndpoint": True}],
        }
        expected = {
            "enabledForDeployment": True,
            "enabledForDiskEncryption": True,
            "enabledForTemplateDeployment": True,
            "softDeleteRetentionInDays": 7,
            "enableRbacAuthorization": False,
            "enablePurgeProtection": True,
            "publicNetworkAccess": "Disabled",
        }
        assert {name: properties[name] for name in expected} == expected
        assert arm.do("GET", arm.vault)["properties"] == properties

    @pytest.mark.parametrize(("version", "rbac"), [(OLDER, False), ("2026-02-01", True), ("2026-05-15", True)])
    def test_default_model(self, arm: Arm, version: str, rbac: bool) -> None:  # noqa: FBT001  a table
        """Role assignments are the default from 2026-02-01 on, access policies before (reference section 3.1)."""
        arm.make_group()
        made = arm.do("PUT", arm.vault, arm.vault_body(), version=version)
        assert made["properties"]["enableRbacAuthorization"] is rbac

    @pytest.mark.parametrize("version", KEY_VAULT_ARM)
    def test_versions(self, arm: Arm, version: str) -> None:
        """Every stable api-version is served."""
        assert "value" in arm.do("GET", f"{arm.subscription}/providers/Microsoft.KeyVault/vaults", version=version)

    @pytest.mark.parametrize(
        ("version", "code"),
        [
            ("", "MissingApiVersionParameter"),
            ("7.4", "InvalidApiVersionParameter"),
            ("yesterday", "InvalidApiVersionParameter"),
            ("2020-01-01", "NoRegisteredProviderFound"),
        ],
    )
    def test_unknown_version(self, arm: Arm, version: str, code: str) -> None:
        """An api-version that is missing, malformed or unknown is refused; the refusal says which there are."""
        status, got, message = arm.refused("PUT", arm.vault, arm.vault_body(), version=version)
        assert (status, got) == (400, code)
        assert not version or KEY_VAULT_ARM[-1] in message


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "tenant": ({"tenantId": "59999999-0000-4000-8000-000000000001"}, "'tenantId'"),
    "no tenant": ({"tenantId": None}, "tenantId"),
    "no sku": ({"sku": None}, "sku"),
    "sku": ({"sku": {"family": "A", "name": "gold"}}, "properties.sku.name"),
    "sku family": ({"sku": {"family": "B", "name": "standard"}}, "properties.sku.family"),
    "retention 6": ({"softDeleteRetentionInDays": 6}, "softDeleteRetentionInDays"),
    "retention 91": ({"softDeleteRetentionInDays": 91}, "softDeleteRetentionInDays"),
    "retention text": ({"softDeleteRetentionInDays": "90"}, "softDeleteRetentionInDays"),
    "no soft delete": ({"enableSoftDelete": False}, "enableSoftDelete"),
    "purge protection off": ({"enablePurgeProtection": False}, "enablePurgeProtection"),
    "create mode": ({"createMode": "restore"}, "properties.createMode"),
    "public access": ({"publicNetworkAccess": "Sometimes"}, "properties.publicNetworkAccess"),
    "default action": ({"networkAcls": {"defaultAction": "Ask"}}, "properties.networkAcls.defaultAction"),
    "bypass": ({"networkAcls": {"bypass": "Everyone"}}, "properties.networkAcls.bypass"),
    "address": ({"networkAcls": {"ipRules": [{"value": "203.0.113.256"}]}}, "ipRules"),
    "address text": ({"networkAcls": {"ipRules": [{"value": "home"}]}}, "ipRules"),
    "too many addresses": (
        {"networkAcls": {"ipRules": [{"value": f"10.0.{n // 256}.{n % 256}"} for n in range(limits.IP_RULES + 1)]}},
        "ipRules",
    ),
    "subnet": ({"networkAcls": {"virtualNetworkRules": [{"id": "default"}]}}, "virtualNetworkRules[0].id"),
    "rbac text": ({"enableRbacAuthorization": "yes"}, "enableRbacAuthorization"),
    "policy word": (
        {"accessPolicies": [{"tenantId": "x", "objectId": "x", "permissions": {"secrets": ["read"]}}]},
        "accessPolicies",
    ),
    "policy object": (
        {"accessPolicies": [{"tenantId": "x", "objectId": "me", "permissions": {"secrets": ["get"]}}]},
        "accessPolicies",
    ),
    "policy without permissions": ({"accessPolicies": [{"tenantId": "x", "objectId": "x"}]}, "permissions"),
}


class TestValidation:
    """Whatever is wrong with a vault is refused with its place, and nothing is made."""

    @pytest.mark.parametrize("case", REFUSED)
    def test_properties(self, arm: Arm, case: str) -> None:
        """A wrong property is named."""
        properties, named = REFUSED[case]
        arm.make_group()
        status, _, message = arm.refused("PUT", arm.vault, arm.vault_body(**properties))
        assert status == 400
        assert named in message
        assert arm.ask("GET", arm.vault).status == 404

    @pytest.mark.parametrize("name", ["ab", "a" * 25, "1a2", "a--b", "abc-", "a_b"])
    def test_name(self, arm: Arm, name: str) -> None:
        """A vault's name can be a host's."""
        arm.make_group()
        path = arm.vault.replace(arm.vault_name, name)
        assert arm.refused("PUT", path, arm.vault_body())[:2] == (400, "VaultNameNotValid")

    def test_encoded_slash(self, arm: Arm) -> None:
        """An encoded slash never makes one segment look like several to the comparison of scopes."""
        path = f"{arm.subscription}/resourceGroups/g%2Fproviders/providers/Microsoft.KeyVault/vaults/v1a"
        assert arm.refused("PUT", path, arm.vault_body())[:2] == (400, "InvalidUri")

    @pytest.mark.parametrize("body", [{}, {"location": "local"}, [], "x", {"properties": []}])
    def test_body(self, arm: Arm, body: object) -> None:
        """A body of another form is refused."""
        arm.make_group()
        assert arm.refused("PUT", arm.vault, body)[0] == 400

    @pytest.mark.parametrize("location", ["", None, "Moon/Base"])
    def test_location(self, arm: Arm, location: str | None) -> None:
        """A vault has a location."""
        arm.make_group()
        assert arm.refused("PUT", arm.vault, arm.vault_body() | {"location": location})[0] == 400

    def test_tags(self, arm: Arm) -> None:
        """Tags have their limits."""
        arm.make_group()
        tags = {str(n): "" for n in range(limits.ARM_TAGS + 1)}
        assert arm.refused("PUT", arm.vault, arm.vault_body() | {"tags": tags})[0] == 400

    def test_group_and_subscription(self, arm: Arm) -> None:
        """A vault is made in a group of a subscription that exist."""
        assert arm.refused("PUT", arm.vault, arm.vault_body())[:2] == (404, "ResourceGroupNotFound")

    def test_whole_body_of_policies(self, arm: Arm) -> None:
        """The largest legal list of access policies fits, and one more is refused for its number."""
        arm.make_group()
        words = {"keys": ["all"], "secrets": ["get", "list", "set", "delete"], "certificates": ["all"]}
        entries = [policy(arm, f"a0000000-0000-4000-8000-{n:012}", **words) for n in range(limits.ACCESS_POLICIES + 1)]
        status, _, message = arm.refused("PUT", arm.vault, arm.vault_body(accessPolicies=entries))
        assert status == 400
        assert "1024" in message
        made = arm.do("PUT", arm.vault, arm.vault_body(accessPolicies=entries[:-1]))
        assert len(made["properties"]["accessPolicies"]) == limits.ACCESS_POLICIES


class TestUpdate:
    """PUT and PATCH of a vault that is there."""

    def test_patch_merges(self, arm: Arm) -> None:
        """PATCH changes what is given and nothing else."""
        made = arm.make_vault(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]})
        changed = arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"bypass": "None"}}})
        expected = made["properties"]["networkAcls"] | {"bypass": "None"}
        assert changed["properties"] == made["properties"] | {"networkAcls": expected}
        assert changed["tags"] == made["tags"]
        tagged = arm.do("PATCH", arm.vault, {"tags": {"a": "b"}})
        assert tagged["tags"] == {"a": "b"}
        assert tagged["properties"] == changed["properties"]

    def test_put_replaces_lists(self, arm: Arm) -> None:
        """PUT replaces access policies and tags as a whole; firewall rules that it does not speak of stay."""
        acls = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]}
        arm.make_vault(accessPolicies=[policy(arm, arm.who.oid, secrets=["get"])], networkAcls=acls)
        arm.do("PATCH", arm.vault, {"tags": {"a": "b"}})
        changed = arm.do("PUT", arm.vault, arm.vault_body(accessPolicies=[]))
        assert changed["properties"]["accessPolicies"] == []
        assert changed["tags"] == {}
        assert changed["properties"]["networkAcls"]["defaultAction"] == "Deny"
        assert changed["properties"]["networkAcls"]["ipRules"] == [{"value": "203.0.113.0/24"}]

    def test_put_of_a_firewall_is_that_firewall(self, arm: Arm) -> None:
        """PUT with a firewall replaces the one there was."""
        arm.make_vault(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]})
        changed = arm.do("PUT", arm.vault, arm.vault_body(networkAcls={"defaultAction": "Deny"}))
        assert changed["properties"]["networkAcls"]["ipRules"] == []

    def test_updates_never_change_the_model_by_default(self, arm: Arm) -> None:
        """A newer api-version's default is for new vaults alone (reference section 3.1)."""
        arm.make_group()
        arm.do("PUT", arm.vault, arm.vault_body(), version=OLDER)
        changed = arm.do("PUT", arm.vault, arm.vault_body())
        assert changed["properties"]["enableRbacAuthorization"] is False

    def test_does_not_move(self, arm: Arm) -> None:
        """A vault stays where it was made."""
        arm.make_vault()
        refusal = arm.refused("PUT", arm.vault, arm.vault_body() | {"location": "elsewhere"})
        assert refusal[:2] == (409, "InvalidResourceLocation")

    @pytest.mark.parametrize(
        ("properties", "text"),
        [
            ({"softDeleteRetentionInDays": 30}, "has been set already and it can't be modified"),
            ({"enablePurgeProtection": False}, "irreversible action"),
            ({"enableSoftDelete": False}, "enableSoftDelete"),
            ({"tenantId": "59999999-0000-4000-8000-000000000001"}, "tenantId"),
            ({"createMode": "recover"}, "PUT"),
        ],
    )
    def test_what_never_changes(self, arm: Arm, properties: dict[str, Any], text: str) -> None:
        """What cannot be changed any more is refused."""
        arm.make_vault(enablePurgeProtection=True)
        status, code, message = arm.refused("PATCH", arm.vault, {"properties": properties})
        assert (status, code) == (400, "BadRequest")
        assert text in message

    def test_absent(self, arm: Arm) -> None:
        """There is nothing to change in a vault that does not exist."""
        arm.make_group()
        status, code, message = arm.refused("PATCH", arm.vault, {})
        assert (status, code) == (404, "ResourceNotFound")
        assert message.startswith(
            f"The Resource 'Microsoft.KeyVault/vaults/{arm.vault_name}' under resource group 'g-{arm.tag}' was not"
            " found."
        )

    def test_a_new_firewall_works_at_once(self, arm: Arm) -> None:
        """What is set here decides the very next request to the vault."""
        arm.make_vault()
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_USER, arm.vault)
        assert get_secret(arm) == 404
        arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"defaultAction": "Deny"}}})
        assert get_secret(arm) == 403
        arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"ipRules": [{"value": "203.0.113.0/24"}]}}})
        assert get_secret(arm) == 404


class TestModelSwitch:
    """SEC-TENANT-3: changing between RBAC and access policies, either way, needs unrestricted roleAssignments/write."""

    @pytest.mark.parametrize("to_rbac", [True, False])
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    @pytest.mark.parametrize(
        ("roles", "may"),
        [
            ([OWNER], True),
            ([KEY_VAULT_CONTRIBUTOR, USER_ACCESS_ADMINISTRATOR], True),
            ([CONTRIBUTOR], False),
            ([KEY_VAULT_CONTRIBUTOR], False),
            ([KEY_VAULT_CONTRIBUTOR, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR], False),
        ],
    )
    def test_switch(self, arm: Arm, roles: list[str], may: bool, method: str, to_rbac: bool) -> None:  # noqa: FBT001  a table
        """Who may only write vaults may not choose who gets in; nor may one whose right to assign is conditioned."""
        arm.make_vault(enableRbacAuthorization=not to_rbac)
        who = arm.as_(arm.world.principal())
        for role in roles:
            arm.world.grant(who.who.oid, role, arm.vault)
        body = arm.vault_body(enableRbacAuthorization=to_rbac)
        if may:
            changed = who.do(method, arm.vault, body)
            assert changed["properties"]["enableRbacAuthorization"] is to_rbac
            return
        status, code, message = who.refused(method, arm.vault, body)
        assert (status, code) == (403, "AuthorizationFailed")
        assert f"action 'Microsoft.Authorization/roleAssignments/write' over scope '{arm.vault}'" in message
        recorded = arm.world.entries()[-1]["properties"]
        # What allowed the row did not decide, so it is not named.
        assert (recorded["isRbacAuthorized"], recorded.get("appliedAssignmentId")) == (False, None)

    def test_other_changes_need_no_second_right(self, arm: Arm) -> None:
        """Repeating the model there is, is no switch."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, KEY_VAULT_CONTRIBUTOR, arm.vault)
        who.do("PATCH", arm.vault, {"properties": {"enableRbacAuthorization": True, "enabledForDeployment": True}})

    def test_a_conditioned_assignment_is_not_unrestricted(self, arm: Arm) -> None:
        """Owner under a condition may not switch."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, KEY_VAULT_CONTRIBUTOR, arm.vault)
        owner = arm.world.grant(who.who.oid, OWNER, arm.vault)
        limited = RoleAssignment(
            owner.id, owner.tenant, owner.scope, owner.role, owner.principal, owner.principal_type, owner.created,
            condition="@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals x",
            condition_version="2.0",
        )  # fmt: skip
        arm.world.commit(lambda tx: tx.put(limited))
        body = {"properties": {"enableRbacAuthorization": False}}
        assert who.refused("PATCH", arm.vault, body)[:2] == (403, "AuthorizationFailed")


class TestAccessPolicies:
    """PUT accessPolicies, and what the data plane makes of it."""

    def test_add_and_remove(self, arm: Arm) -> None:
        """A policy that is added lets in at once, and one that is removed locks out at once."""
        arm.make_vault(enableRbacAuthorization=False)
        assert get_secret(arm) == 403
        body = {"properties": {"accessPolicies": [policy(arm, arm.who.oid, secrets=["Get", "List"])]}}
        answer = arm.do("PUT", f"{arm.vault}/accessPolicies/add", body)
        assert answer == {
            "id": f"{arm.vault}/accessPolicies/",
            "type": "Microsoft.KeyVault/vaults/accessPolicies",
            "properties": {
                "accessPolicies": [policy(arm, arm.who.oid, keys=[], secrets=["get", "list"], certificates=[])]
            },
        }
        assert get_secret(arm) == 404
        left = arm.do("PUT", f"{arm.vault}/accessPolicies/remove", body)
        assert left["properties"]["accessPolicies"] == []
        assert get_secret(arm) == 403

    def test_replace(self, arm: Arm) -> None:
        """Replacing is for the principals that are named."""
        other = "a0000000-0000-4000-8000-000000000001"
        entries = [policy(arm, arm.who.oid, secrets=["get"]), policy(arm, other, secrets=["get"])]
        arm.make_vault(accessPolicies=entries)
        body = {"properties": {"accessPolicies": [policy(arm, other, keys=["sign"])]}}
        answer = arm.do("PUT", f"{arm.vault}/accessPolicies/Replace", body)
        words = [entry["permissions"] for entry in answer["properties"]["accessPolicies"]]
        assert words == [
            {"keys": [], "secrets": ["get"], "certificates": []},
            {"keys": ["sign"], "secrets": [], "certificates": []},
        ]

    def test_unknown_operation(self, arm: Arm) -> None:
        """There are three operations."""
        arm.make_vault()
        body = {"properties": {"accessPolicies": []}}
        status, code, message = arm.refused("PUT", f"{arm.vault}/accessPolicies/merge", body)
        assert (status, code) == (400, "BadRequest")
        assert "add, replace, remove" in message

    def test_malformed(self, arm: Arm) -> None:
        """A policy of another tenant, or for something that is no id, is refused."""
        arm.make_vault()
        for bad in (
            policy(arm, "me", secrets=["get"]),
            policy(arm, arm.who.oid, secrets=["getSecret"]),
            policy(arm, arm.who.oid, secrets=["get"]) | {"tenantId": "59999999-0000-4000-8000-000000000001"},
            policy(arm, arm.who.oid, secrets=["get"]) | {"applicationId": "app"},
        ):
            body = {"properties": {"accessPolicies": [bad]}}
            assert arm.refused("PUT", f"{arm.vault}/accessPolicies/add", body)[0] == 400


class TestDeletion:
    """Deleted, listed, recovered, purged."""

    def test_deleted(self, arm: Arm) -> None:
        """A deleted vault is gone from everywhere but the deleted ones, and answers its host no more."""
        made = arm.make_vault()
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_USER, arm.vault)
        assert get_secret(arm) == 404
        assert arm.ask("DELETE", arm.vault).status == 200
        assert arm.ask("GET", arm.vault).status == 404
        deleted = arm.do("GET", arm.deleted_vault)
        assert deleted["id"] == arm.deleted_vault
        assert deleted["type"] == "Microsoft.KeyVault/deletedVaults"
        properties = deleted["properties"]
        assert (properties["vaultId"], properties["location"], properties["tags"]) == (made["id"], "local", {})
        assert properties["deletionDate"] < properties["scheduledPurgeDate"]
        listed = arm.do("GET", f"{arm.subscription}/providers/Microsoft.KeyVault/deletedVaults")["value"]
        assert deleted in listed
        vaults = arm.do("GET", f"{arm.subscription}/providers/Microsoft.KeyVault/vaults")["value"]
        assert made["id"] not in [vault["id"] for vault in vaults]
        assert arm.ask("DELETE", arm.vault).status == 204

    def test_recovered(self, arm: Arm) -> None:
        """A recovered vault is as it was, whatever the request says, and without its role assignments."""
        made = arm.make_vault(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]})
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_USER, arm.vault)
        arm.do("DELETE", arm.vault)
        body = arm.vault_body(createMode="Recover", networkAcls={"defaultAction": "Allow"}, sku=None)
        assert arm.do("PUT", arm.vault, body) == made
        rights = f"{arm.vault}/providers/Microsoft.Authorization/roleAssignments"
        scopes = {one["properties"]["scope"] for one in arm.do("GET", rights)["value"]}
        assert arm.vault not in scopes

    def test_nothing_to_recover(self, arm: Arm) -> None:
        """There must be a deleted vault of this name in this group."""
        arm.make_group()
        body = arm.vault_body(createMode="recover")
        assert arm.refused("PUT", arm.vault, body)[:2] == (404, "SoftDeletedVaultDoesNotExist")
        arm.do("PUT", arm.vault, arm.vault_body())
        assert arm.refused("PUT", arm.vault, body)[:2] == (409, "VaultAlreadyExists")

    def test_name_of_a_deleted_vault(self, arm: Arm) -> None:
        """A new vault does not take a deleted one's name: 409, and another word for one that is elsewhere."""
        arm.make_deleted_vault()
        assert arm.refused("PUT", arm.vault, arm.vault_body())[:2] == (409, "ConflictError")

    def test_name_in_another_group(self, arm: Arm) -> None:
        """A name is one vault's in the whole instance."""
        arm.make_vault()
        other = Arm(arm.world, arm.who)
        other.make_group()
        path = f"{other.group}/providers/Microsoft.KeyVault/vaults/{arm.vault_name.upper()}"
        status, code, message = arm.refused("PUT", path, arm.vault_body())
        assert (status, code) == (409, "VaultAlreadyExists")
        assert message.startswith(f"The vault name '{arm.vault_name.upper()}' is already in use.")

    def test_purged(self, arm: Arm) -> None:
        """Purging is done when the answer comes; the name is free at once."""
        arm.make_deleted_vault()
        assert arm.ask("POST", f"{arm.deleted_vault}/purge").status == 200
        assert arm.refused("GET", arm.deleted_vault)[:2] == (404, "DeletedVaultNotFound")
        assert arm.refused("POST", f"{arm.deleted_vault}/purge")[:2] == (404, "DeletedVaultNotFound")
        arm.do("PUT", arm.vault, arm.vault_body())

    def test_purge_of_an_active_vault(self, arm: Arm) -> None:
        """Only a deleted vault is purged."""
        arm.make_vault()
        assert arm.refused("POST", f"{arm.deleted_vault}/purge")[:2] == (404, "DeletedVaultNotFound")

    def test_purge_protection(self, arm: Arm) -> None:
        """Under purge protection even an owner does not purge."""
        arm.make_vault(enablePurgeProtection=True)
        arm.do("DELETE", arm.vault)
        assert arm.do("GET", arm.deleted_vault)["properties"]["purgeProtectionEnabled"] is True
        refusal = arm.refused("POST", f"{arm.deleted_vault}/purge")
        assert refusal == (405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.")

    def test_wrong_location(self, arm: Arm) -> None:
        """A deleted vault is found in its own location."""
        arm.make_deleted_vault()
        path = arm.deleted_vault.replace("/local/", "/elsewhere/")
        assert arm.refused("GET", path)[:2] == (404, "DeletedVaultNotFound")

    def test_retention_ended(self, arm: Arm) -> None:
        """A vault past its retention is neither found nor recovered, and its name is free before any sweep."""
        arm.make_vault(softDeleteRetentionInDays=7, enablePurgeProtection=True)
        arm.do("DELETE", arm.vault)
        arm.world.advance(7 * DAY_S)
        assert arm.refused("GET", arm.deleted_vault)[:2] == (404, "DeletedVaultNotFound")
        body = arm.vault_body(createMode="recover")
        assert arm.refused("PUT", arm.vault, body)[:2] == (404, "SoftDeletedVaultDoesNotExist")
        assert "enablePurgeProtection" not in arm.do("PUT", arm.vault, arm.vault_body())["properties"]

    def test_key_of_a_new_vault(self, arm: Arm) -> None:
        """A vault made again under a purged one's name is another vault: another GUID, another key."""
        arm.make_deleted_vault()
        first = arm.world.view.vault_by_name(arm.vault_name)
        arm.do("POST", f"{arm.deleted_vault}/purge")
        arm.do("PUT", arm.vault, arm.vault_body())
        second = arm.world.view.vault_by_name(arm.vault_name)
        assert first is not None
        assert second is not None
        assert first.id != second.id
        assert first.wrapped_key != second.wrapped_key


class TestNameAvailability:
    """checkNameAvailability."""

    def check(self, arm: Arm, name: str) -> dict[str, Any]:
        """Ask whether a name is free."""
        path = f"{arm.subscription}/providers/Microsoft.KeyVault/checkNameAvailability"
        answer: dict[str, Any] = arm.do("POST", path, {"name": name, "type": "Microsoft.KeyVault/vaults"})
        return answer

    def test_free(self, arm: Arm) -> None:
        """A free name is free."""
        assert self.check(arm, arm.vault_name) == {"nameAvailable": True}

    def test_taken(self, arm: Arm) -> None:
        """A name is taken by a vault and by a deleted vault, in any case."""
        arm.make_vault()
        assert self.check(arm, arm.vault_name.upper())["reason"] == "AlreadyExists"
        arm.do("DELETE", arm.vault)
        assert self.check(arm, arm.vault_name)["nameAvailable"] is False

    def test_invalid(self, arm: Arm) -> None:
        """What can be no name is said so."""
        assert self.check(arm, "a--b")["reason"] == "AccountNameInvalid"

    def test_other_type(self, arm: Arm) -> None:
        """It is about vaults alone."""
        path = f"{arm.subscription}/providers/Microsoft.KeyVault/checkNameAvailability"
        assert arm.refused("POST", path, {"name": "abc", "type": "Microsoft.KeyVault/managedHSMs"})[0] == 400


class TestLists:
    """Lists, their pages and what they leave out."""

    def test_only_what_may_be_read(self, arm: Arm) -> None:
        """A reader of one vault sees that one in every list."""
        arm.make_vault()
        other = Arm(arm.world, arm.who)
        other.make_vault()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, KEY_VAULT_CONTRIBUTOR, arm.vault)
        for path in (
            f"{arm.subscription}/providers/Microsoft.KeyVault/vaults",
            f"{arm.group}/providers/Microsoft.KeyVault/vaults",
            f"{arm.subscription}/resources",
            f"{arm.group}/resources",
        ):
            assert [one["id"] for one in who.do("GET", path)["value"]] == [arm.vault], path
        assert who.do("GET", f"{other.group}/providers/Microsoft.KeyVault/vaults") == {"value": []}

    def test_absent_group(self, arm: Arm) -> None:
        """Whether a group exists is said to those who may read it alone."""
        path = f"{arm.group}/providers/Microsoft.KeyVault/vaults"
        assert arm.refused("GET", path)[:2] == (404, "ResourceGroupNotFound")
        assert arm.as_(arm.world.principal()).do("GET", path) == {"value": []}

    def test_pages(self, arm: Arm) -> None:
        """`$top` is the length of a page; following the links gives every vault once, in order."""
        others = [Arm(arm.world, arm.who) for _ in range(3)]
        arm.make_group()
        for other in others:
            arm.do("PUT", f"{arm.group}/providers/Microsoft.KeyVault/vaults/{other.vault_name}", arm.vault_body())
        path = f"{arm.group}/providers/Microsoft.KeyVault/vaults"
        page = arm.do("GET", f"{path}?$top=2")
        names = [one["name"] for one in page["value"]]
        assert len(names) == 2
        token = arm.world.token(arm.who, "https://management.azure.com")
        rest = arm.world.ask("GET", page["nextLink"], token=token).json
        names += [one["name"] for one in rest["value"]]
        assert "nextLink" not in rest
        assert names == sorted(other.vault_name for other in others)

    def test_foreign_token(self, arm: Arm) -> None:
        """A skip token opens for its caller, list and filter alone (pitfalls.md "Paths, handles, parsing")."""
        arm.make_group()
        for _ in range(2):
            name = Arm(arm.world, arm.who).vault_name
            arm.do("PUT", f"{arm.group}/providers/Microsoft.KeyVault/vaults/{name}", arm.vault_body())
        path = f"{arm.group}/providers/Microsoft.KeyVault/vaults"
        token = arm.do("GET", f"{path}?$top=1")["nextLink"].rpartition("$skiptoken=")[2]
        subscription_list = f"{arm.subscription}/providers/Microsoft.KeyVault/vaults"
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, arm.group)
        assert len(arm.do("GET", f"{path}?$skiptoken={token}")["value"]) == 1
        for caller, url in (
            (arm, f"{subscription_list}?$skiptoken={token}"),
            (who, f"{path}?$skiptoken={token}"),
            (arm, f"{path}?$skiptoken={token}A"),
            (arm, f"{path}?$skiptoken=AAAA"),
        ):
            assert caller.refused("GET", url)[:2] == (400, "InvalidSkipToken")

    @pytest.mark.parametrize("top", ["0", "-1", "x", "1.5", "", "9" * 40])
    def test_bad_top(self, arm: Arm, top: str) -> None:
        """`$top` is a positive number."""
        path = f"{arm.subscription}/providers/Microsoft.KeyVault/vaults?$top={top}"
        assert arm.refused("GET", path)[:2] == (400, "InvalidTopValue")

    def test_filter(self, arm: Arm) -> None:
        """The filters that az sends find a vault by type and name, in any case."""
        arm.make_vault()
        path = f"{arm.subscription}/resources?$filter="
        found = arm.do(
            "GET",
            f"{path}resourceType%20eq%20'Microsoft.KeyVault/vaults'%20and%20name%20eq%20'{arm.vault_name.upper()}'",
        )
        assert [one["id"] for one in found["value"]] == [arm.vault]
        assert arm.do("GET", f"{path}name%20eq%20'{arm.vault_name}'%20and%20resourceType%20eq%20'x/y'") == {"value": []}

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "name%20ne%20'a'",
            "name%20eq%20'a'%20or%20name%20eq%20'b'",
            "name%20eq%20'a'%20and",
            "tagName%20eq%20'a'",
        ],
    )
    def test_unknown_filter(self, arm: Arm, text: str) -> None:
        """A filter that is not understood is refused rather than left out."""
        refusal = arm.refused("GET", f"{arm.subscription}/resources?$filter={text}")
        assert refusal[:2] == (400, "InvalidFilterInQueryString")


class TestAudit:
    """What the audit says of vault operations."""

    def test_entries(self, arm: Arm) -> None:
        """Every change is recorded under its operation, with what the vault's rules became and never its key."""
        arm.make_vault()
        arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"defaultAction": "Deny"}}})
        entry = arm.world.entries()[-1]
        assert entry["operationName"] == "VaultPatch"
        assert entry["resourceId"] == arm.vault.upper()
        vault = arm.world.view.vault_by_name(arm.vault_name)
        assert vault is not None
        recorded = entry["properties"]
        assert recorded["networkAcls"]["defaultAction"] == "Deny"
        assert recorded["vaultIds"] == [vault.id]
        assert "omitted" not in recorded

    def test_access_policies(self, arm: Arm) -> None:
        """The audit names whose policies changed, and what was done with them."""
        arm.make_vault()
        body = {"properties": {"accessPolicies": [policy(arm, arm.who.oid, secrets=["get"])]}}
        arm.do("PUT", f"{arm.vault}/accessPolicies/add", body)
        recorded = arm.world.entries()[-1]["properties"]
        assert recorded["operationKind"] == "add"
        assert recorded["accessPolicyObjectIds"] == [arm.who.oid]
        assert "omitted" not in recorded

    def test_removal(self, arm: Arm) -> None:
        """The audit names the vaults that a deletion, a purge or the removal of a group took away, by GUID."""
        arm.make_vault()
        vault = arm.world.view.vault_by_name(arm.vault_name)
        assert vault is not None
        for method, path, name in (
            ("DELETE", arm.vault, "VaultDelete"),
            ("PUT", arm.vault, "VaultPut"),
            ("DELETE", arm.group, "ResourceGroupDelete"),
            ("POST", f"{arm.deleted_vault}/purge", "VaultPurge"),
        ):
            arm.do(method, path, arm.vault_body(createMode="recover") if method == "PUT" else None)
            entry = arm.world.entries()[-1]
            assert entry["operationName"] == name
            assert entry["properties"]["vaultIds"] == [vault.id]
            assert "omitted" not in entry["properties"]
