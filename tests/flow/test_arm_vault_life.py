"""Vaults through the management plane: deleted, recovered, purged, named, listed and recorded."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core.builtin_roles import (
    KEY_VAULT_CONTRIBUTOR,
    KEY_VAULT_SECRETS_USER,
    OWNER,
)
from strongroom.core.lifecycle import DAY_S
from tests.flow.arm import Arm, get_secret, policy
from tests.world import Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


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
        arm.world.advance(5)
        back = arm.do("PUT", arm.vault, body)
        assert back["systemData"].pop("lastModifiedAt") > made["systemData"].pop("lastModifiedAt")
        assert back == made
        rights = f"{arm.vault}/providers/Microsoft.Authorization/roleAssignments"
        scopes = {one["properties"]["scope"] for one in arm.do("GET", rights)["value"]}
        assert arm.vault not in scopes

    def test_tags_of_a_recovered_vault(self, arm: Arm) -> None:
        """They are those of the request, as with every PUT, and none where it has none (recorded)."""
        arm.make_group()
        arm.do("PUT", arm.vault, arm.vault_body() | {"tags": {"a": "b"}})
        for tags in ({"c": "d"}, {}):
            arm.do("DELETE", arm.vault)
            body = arm.vault_body(createMode="recover") | ({"tags": tags} if tags else {})
            assert arm.do("PUT", arm.vault, body)["tags"] == tags

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
        assert arm.ask("POST", f"{arm.deleted_vault}/purge").status == 202
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
        taken = self.check(arm, arm.vault_name.upper())
        assert taken["reason"] == "AlreadyExists"
        # The real service's own spelling, as recorded.
        assert "Vault names are globaly unique" in taken["message"]
        assert taken["message"].endswith("vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740.")
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

    def test_managed_hsms(self, arm: Arm) -> None:
        """There are none, deleted or not: `az keyvault list-deleted` asks for both kinds. None can be made."""
        places = [
            f"{arm.subscription}/providers/Microsoft.KeyVault/{word}" for word in ("managedHSMs", "deletedManagedHSMs")
        ]
        arm.make_group()
        for place in [*places, f"{arm.group}/providers/Microsoft.KeyVault/managedHSMs"]:
            assert arm.do("GET", place) == {"value": []}
        made = arm.refused("PUT", f"{arm.group}/providers/Microsoft.KeyVault/managedHSMs/h", {"location": "local"})
        assert made[:2] == (404, "InvalidResourceType")

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
            "name%20gt%20'a'",
            "name%20eq%20'a'%20or%20kind%20eq%20'b'",
            "name%20eq%20'a'%20and",
            "tagName%20ne%20'a'",
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
