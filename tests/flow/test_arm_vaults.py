"""Vaults through the management plane: every property, every refusal, and what the data plane makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits, network_limits
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
from tests.flow.arm import Arm, get_secret, policy
from tests.world import Simulation

OLDER = "2025-05-01"
FIRST_BODY_KEYS = {"id", "name", "type", "location", "tags", "systemData", "properties"}


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


class TestShape:
    """What a vault looks like."""

    def test_made(self, arm: Arm) -> None:
        """A new vault is answered with Azure's casing and, as recorded, without what nobody said."""
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
            "enableSoftDelete": True,
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
        arm.make_network()
        subnet = arm.subnet
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
                "permissions": {"keys": ["wrapKey", "get"], "secrets": ["all"]},
            }
        ]
        assert properties["networkAcls"] == {
            "bypass": "None",
            "defaultAction": "Deny",
            "ipRules": [{"value": "203.0.113.7/32"}, {"value": "2001:db8::/32"}, {"value": "10.1.0.0/16"}],
            "virtualNetworkRules": [{"id": subnet.lower(), "ignoreMissingVnetServiceEndpoint": True}],
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

    @pytest.mark.parametrize(("version", "rbac"), [(OLDER, None), ("2026-02-01", True), ("2026-05-15", True)])
    def test_default_model(self, arm: Arm, version: str, rbac: bool | None) -> None:  # noqa: FBT001  a table
        """Role assignments are the default from 2026-02-01 on; before it was access policies, which nobody is told."""
        arm.make_group()
        made = arm.do("PUT", arm.vault, arm.vault_body(), version=version)
        assert made["properties"].get("enableRbacAuthorization") is rbac

    @pytest.mark.parametrize(
        "acls",
        [
            {"bypass": "AzureServices", "defaultAction": "Allow"},
            {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
        ],
    )
    def test_default_firewall(self, arm: Arm, acls: dict[str, Any]) -> None:
        """A firewall that lets everybody in is not shown, though it was said (recorded); another one is."""
        assert "networkAcls" not in arm.make_vault(networkAcls=acls)["properties"]
        closed = arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"bypass": "None"}}})["properties"]
        assert closed["networkAcls"]["bypass"] == "None"
        opened = arm.do("PATCH", arm.vault, {"properties": {"networkAcls": {"bypass": "AzureServices"}}})
        assert "networkAcls" not in opened["properties"]

    def test_said_defaults(self, arm: Arm) -> None:
        """What is said is shown, though it is the default."""
        said = {
            "enabledForDiskEncryption": False,
            "enabledForTemplateDeployment": False,
            "softDeleteRetentionInDays": 90,
            "enableRbacAuthorization": False,
        }
        made = arm.make_vault(**said)["properties"]
        assert {name: made[name] for name in said} == said

    def test_access_of_nothing(self, arm: Arm) -> None:
        """An empty text for public access says nothing: Azure CLI's template of 2023 sends it (recorded)."""
        arm.make_vault(publicNetworkAccess="Disabled")
        kept = arm.do("PUT", arm.vault, arm.vault_body(publicNetworkAccess=""))
        assert kept["properties"]["publicNetworkAccess"] == "Disabled"

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
        {
            "networkAcls": {
                "ipRules": [{"value": f"10.0.{n // 256}.{n % 256}"} for n in range(network_limits.IP_RULES + 1)]
            }
        },
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
        assert "enableRbacAuthorization" not in changed["properties"]

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
            "properties": {"accessPolicies": [policy(arm, arm.who.oid, secrets=["get", "list"])]},
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
        assert words == [{"secrets": ["get"]}, {"keys": ["sign"]}]

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
