"""Network security perimeters on the management plane: profiles, rules, who is in one, and the vault's side of it."""

from __future__ import annotations

import secrets as chance
from typing import Any

import pytest

from strongroom.core import limits, network_limits
from strongroom.core.builtin_roles import CONTRIBUTOR, READER
from strongroom.core.guids import new_guid
from strongroom.core.networks import PerimeterAssociation, PerimeterMode
from strongroom.core.rbac import RoleDefinition
from tests.flow.arm import Arm
from tests.flow.arm_bodies import inbound
from tests.flow.client import make_tenant
from tests.world import Principal, Simulation

JOIN = "Microsoft.KeyVault/vaults/joinPerimeter/action"
WRITE = "Microsoft.Network/networkSecurityPerimeters/resourceAssociations/write"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def outbound(*names: str, **more: Any) -> dict[str, Any]:
    """Write an access rule for what goes out."""
    return {"properties": {"direction": "Outbound", "fullyQualifiedDomainNames": list(names), **more}}


def from_subscription(*subscriptions: str) -> dict[str, Any]:
    """Write an access rule for what comes from subscriptions."""
    return {"properties": {"direction": "inbound", "subscriptions": [{"id": one} for one in subscriptions]}}


def give(world: Simulation, who: Principal, scope: str, *actions: str) -> None:
    """Give exactly these actions at a scope."""
    role = RoleDefinition(
        id=new_guid(chance.token_bytes), tenant=world.first.tenant_id, name="some actions", actions=actions
    )
    world.commit(lambda tx: tx.put(role))
    world.grant(who.oid, role.id, scope)


def inside(arm: Arm) -> list[PerimeterAssociation]:
    """Read the records that say where the vault is."""
    vault = arm.world.view.vault_by_name(arm.vault_name)
    return [one for one in arm.world.view.all(PerimeterAssociation) if vault is not None and one.vault == vault.id]


class TestLife:
    """Made, shown, changed, removed."""

    def test_perimeter(self, arm: Arm) -> None:
        """The members that clients read; its GUID and profiles stay when it is put again."""
        arm.make_group()
        answer = arm.ask("PUT", arm.perimeter, {"location": "West Europe", "tags": {"a": "b"}, "properties": {}})
        assert answer.status == 201
        made = answer.json
        assert made == {
            "id": arm.perimeter,
            "name": f"p-{arm.tag}",
            "type": "Microsoft.Network/networkSecurityPerimeters",
            "location": "westeurope",
            "tags": {"a": "b"},
            "etag": made["etag"],
            "properties": {
                "provisioningState": "Succeeded",
                "perimeterGuid": made["properties"]["perimeterGuid"],
            },
        }
        arm.do("PUT", arm.profile, {"properties": {}})
        again = arm.ask("PUT", arm.perimeter.replace("/p-", "/P-"), {"location": "westeurope"})
        assert (again.status, again.json["properties"], "tags" in again.json) == (200, made["properties"], False)
        assert [one["id"] for one in arm.do("GET", f"{arm.perimeter}/profiles")["value"]] == [arm.profile]
        assert arm.do("PATCH", arm.perimeter, {"tags": {"c": "d"}})["tags"] == {"c": "d"}
        assert arm.ask("DELETE", arm.perimeter).status == 202
        assert arm.ask("DELETE", arm.perimeter).status == 204
        assert arm.refused("GET", arm.perimeter)[:2] == (404, "ResourceNotFound")

    def test_profile_and_rules(self, arm: Arm) -> None:
        """Rules of both directions are kept; every change of them is a new version of the profile."""
        arm.make_profile()
        assert arm.ask("PUT", arm.profile.replace("/f-", "/F-"), {}).status == 200
        assert arm.do("GET", arm.profile) == {
            "id": arm.profile,
            "name": f"f-{arm.tag}",
            "type": "Microsoft.Network/networkSecurityPerimeters/profiles",
            "properties": {"accessRulesVersion": "0", "diagnosticSettingsVersion": "0"},
        }
        made = arm.ask("PUT", arm.rule, inbound("203.0.113.0/24", "2001:DB8::/32", "203.0.113.0/24"))
        assert made.status == 201
        assert made.json == {
            "id": arm.rule,
            "name": f"r-{arm.tag}",
            "type": "Microsoft.Network/networkSecurityPerimeters/profiles/accessRules",
            "properties": {
                "provisioningState": "Succeeded",
                "direction": "Inbound",
                "addressPrefixes": ["203.0.113.0/24", "2001:db8::/32"],
                "subscriptions": [],
                "fullyQualifiedDomainNames": [],
                "networkSecurityPerimeters": [],
                "emailAddresses": [],
                "phoneNumbers": [],
            },
        }
        changed = arm.ask("PUT", arm.rule, from_subscription(arm.subscription))
        assert changed.status == 200
        assert changed.json["properties"]["subscriptions"] == [{"id": arm.subscription}]
        arm.do("PUT", f"{arm.rule}-out", outbound("*.example.com", "example.org"))
        assert arm.do("GET", arm.profile)["properties"]["accessRulesVersion"] == "3"
        listed = arm.do("GET", f"{arm.profile}/accessRules")["value"]
        assert [one["id"] for one in listed] == [arm.rule, f"{arm.rule}-out"]
        assert listed[1]["properties"]["fullyQualifiedDomainNames"] == ["*.example.com", "example.org"]
        assert arm.ask("DELETE", arm.rule).status == 200
        assert arm.ask("DELETE", arm.rule).status == 204
        assert arm.refused("GET", arm.rule) == (404, "NotFound", f"Resource {arm.rule} not found.")
        assert arm.ask("DELETE", arm.profile).status == 200
        assert arm.ask("DELETE", arm.profile).status == 204
        assert arm.refused("GET", arm.profile)[:2] == (404, "NotFound")
        assert arm.refused("PUT", arm.rule, inbound("203.0.113.0/24"))[:2] == (404, "NotFound")

    def test_association(self, arm: Arm) -> None:
        """A vault is put in, its mode changed, taken out; both sides say the same."""
        arm.make_vault()
        arm.make_rule()
        assert arm.do("GET", arm.configuration.rpartition("/")[0])["value"] == []
        body = arm.association_body()
        del body["properties"]["accessMode"]
        made = arm.ask("PUT", arm.association, body)
        assert made.status == 201
        assert made.json == {
            "id": arm.association,
            "name": f"a-{arm.tag}",
            "type": "Microsoft.Network/networkSecurityPerimeters/resourceAssociations",
            "properties": {
                "provisioningState": "Succeeded",
                "privateLinkResource": {"id": arm.vault},
                "profile": {"id": arm.profile},
                "accessMode": "Learning",
                "hasProvisioningIssues": "no",
            },
        }
        changed = arm.ask("PUT", arm.association, arm.association_body("enforced"))
        assert (changed.status, changed.json["properties"]["accessMode"]) == (200, "Enforced")
        assert arm.do("GET", f"{arm.perimeter}/resourceAssociations")["value"] == [changed.json]
        guid = arm.do("GET", arm.perimeter)["properties"]["perimeterGuid"]
        known = arm.do("GET", arm.configuration)
        assert known == {
            "id": f"{arm.vault}/networkSecurityPerimeterConfigurations/{guid}.a-{arm.tag}",
            "name": f"{guid}.a-{arm.tag}",
            "type": "Microsoft.KeyVault/vaults/networkSecurityPerimeterConfigurations",
            "properties": {
                "provisioningState": "Succeeded",
                "provisioningIssues": [],
                "networkSecurityPerimeter": {"id": arm.perimeter, "perimeterGuid": guid, "location": "local"},
                "resourceAssociation": {"name": f"a-{arm.tag}", "accessMode": "Enforced"},
                "profile": {
                    "name": f"f-{arm.tag}",
                    "accessRulesVersion": 1,
                    "accessRules": [
                        {
                            "name": f"r-{arm.tag}",
                            "properties": {
                                "direction": "Inbound",
                                "addressPrefixes": ["203.0.113.0/24"],
                                "subscriptions": [],
                                "fullyQualifiedDomainNames": [],
                                "networkSecurityPerimeters": [],
                                "emailAddresses": [],
                                "phoneNumbers": [],
                            },
                        }
                    ],
                    "diagnosticSettingsVersion": 0,
                    "enabledLogCategories": [],
                },
            },
        }
        assert arm.do("GET", arm.configuration.rpartition("/")[0])["value"] == [known]
        entry = [one for one in arm.world.entries() if one["operationName"] == "PerimeterAssociationPut"][-1]
        assert entry["properties"]["accessMode"] == "Enforced"
        assert arm.ask("DELETE", arm.association).status == 202
        assert arm.ask("DELETE", arm.association).status == 204
        assert arm.refused("GET", arm.association)[:2] == (404, "NotFound")
        assert arm.refused("GET", arm.configuration)[:2] == (404, "NotFound")
        assert inside(arm) == []

    def test_lists_show_what_may_be_read(self, arm: Arm) -> None:
        """In the subscription, in the group and among all resources, to whoever may read it."""
        arm.make_profile()
        made = arm.do("GET", arm.perimeter)
        everywhere = f"{arm.subscription}/providers/Microsoft.Network/networkSecurityPerimeters"
        kind = "?$filter=resourceType%20eq%20'Microsoft.Network/networkSecurityPerimeters'"
        assert [one["id"] for one in arm.do("GET", f"{arm.group}/resources{kind}")["value"]] == [arm.perimeter]
        reader = arm.as_(arm.world.principal())
        assert reader.do("GET", everywhere)["value"] == []
        arm.world.grant(reader.who.oid, READER, arm.group)
        assert reader.do("GET", everywhere)["value"] == [made]

    def test_a_role_over_it(self, arm: Arm) -> None:
        """A perimeter is a scope, and what was given over it goes with it."""
        arm.make_profile()
        manager = arm.as_(arm.world.principal())
        path = f"{arm.perimeter}/providers/Microsoft.Authorization/roleAssignments"
        name = f"{path}/d0000000-0000-4000-8000-0005{arm.tag}"
        arm.do("PUT", name, arm.assignment_body(manager.who.oid, CONTRIBUTOR))
        assert manager.ask("PUT", arm.rule, inbound("203.0.113.0/24")).status == 201
        arm.do("DELETE", arm.perimeter)
        arm.make_profile()
        assert manager.refused("GET", arm.rule)[:2] == (403, "AuthorizationFailed")


class TestEnds:
    """What stays while vaults are in it, and where a vault stays."""

    def test_a_perimeter_with_vaults(self, arm: Arm) -> None:
        """It is removed with `forceDeletion` alone, and a profile that vaults go by is not at all."""
        arm.make_association()
        refusal = (409, "NetworkSecurityPerimeterInUse")
        assert arm.refused("DELETE", arm.profile)[:2] == refusal
        assert arm.refused("DELETE", arm.perimeter)[:2] == refusal
        assert arm.refused("DELETE", f"{arm.perimeter}?forceDeletion=false")[:2] == refusal
        assert arm.refused("DELETE", f"{arm.perimeter}?forceDeletion=maybe")[:2] == (400, "BadRequest")
        assert arm.ask("DELETE", f"{arm.perimeter}?forceDeletion=true").status == 202
        assert inside(arm) == []

    def test_a_deleted_vault_stays(self, arm: Arm) -> None:
        """Deleting and recovering a vault does not open what its perimeter closed; purging it ends it."""
        arm.make_association("Enforced")
        arm.do("DELETE", arm.vault)
        assert [one.mode for one in inside(arm)] == [PerimeterMode.ENFORCED]
        assert arm.refused("DELETE", arm.perimeter)[:2] == (409, "NetworkSecurityPerimeterInUse")
        arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))
        assert arm.do("GET", arm.configuration)["properties"]["resourceAssociation"]["accessMode"] == "Enforced"
        arm.do("DELETE", arm.vault)
        arm.do("POST", f"{arm.deleted_vault}/purge")
        assert arm.do("GET", f"{arm.perimeter}/resourceAssociations")["value"] == []
        arm.do("DELETE", arm.perimeter)

    def test_with_their_group(self, arm: Arm) -> None:
        """A perimeter goes with its group and the vaults there, but not while another group's vault is in it."""
        arm.make_association()
        other = f"{arm.group}-other"
        arm.do("PUT", other, {"location": "local"})
        vault = f"{other}/providers/Microsoft.KeyVault/vaults/{arm.vault_name}o"
        arm.do("PUT", vault, arm.vault_body())
        second = f"{arm.association}-2"
        arm.do("PUT", second, arm.association_body(privateLinkResource={"id": vault}))
        status, code, message = arm.refused("DELETE", arm.group)
        assert (status, code) == (409, "ResourceGroupDeletionBlocked")
        assert arm.perimeter in message
        arm.do("DELETE", second)
        arm.do("DELETE", arm.group)
        assert inside(arm) == []

    @pytest.mark.parametrize(("mode", "access"), [("Enforced", "SecuredByPerimeter"), ("Learning", "Enabled")])
    def test_recovered_after_its_group(self, arm: Arm, mode: str, access: str) -> None:
        """A vault whose perimeter decided and went with the group admits nobody when it is recovered."""
        arm.make_association(mode)
        arm.do("DELETE", arm.group)
        arm.make_group()
        arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))
        assert arm.do("GET", arm.vault)["properties"]["publicNetworkAccess"] == access


class TestRights:
    """Who may put a vault into a perimeter."""

    @pytest.mark.parametrize("exists", [True, False])
    def test_joining(self, arm: Arm, *, exists: bool) -> None:
        """Rights over the perimeter are not enough, and tell nothing; nor is a right over a vault of a like name."""
        arm.make_rule()
        if exists:
            arm.make_vault()
        writer = arm.as_(arm.world.principal())
        give(arm.world, writer.who, arm.perimeter, "Microsoft.Network/*")
        give(arm.world, writer.who, arm.vault[:-1], JOIN)
        message = (
            f"The client '{writer.who.appid}' with object id '{writer.who.oid}' has permission to perform action"
            f" '{WRITE}' on scope '{arm.association}'; however, it does not have permission to perform action '{JOIN}'"
            f" on the linked scope(s) '{arm.vault}' or the linked scope(s) are invalid."
        )
        answer = writer.refused("PUT", arm.association, arm.association_body())
        assert answer == (403, "LinkedAuthorizationFailed", message)

    def test_another_mode(self, arm: Arm) -> None:
        """To change the mode by which a vault is in it takes the right over the vault again."""
        arm.make_association("Enforced")
        writer = arm.as_(arm.world.principal())
        give(arm.world, writer.who, arm.perimeter, "Microsoft.Network/*")
        assert writer.refused("PUT", arm.association, arm.association_body("Learning"))[:2] == (
            403,
            "LinkedAuthorizationFailed",
        )
        give(arm.world, writer.who, arm.vault, JOIN)
        assert writer.ask("PUT", arm.association, arm.association_body("Learning")).status == 200


RULES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": (inbound(), "InvalidAccessRule"),
    "both": (inbound("203.0.113.0/24", subscriptions=[{"id": "/subscriptions/x"}]), "InvalidAccessRule"),
    "inbound names": (inbound("203.0.113.0/24", fullyQualifiedDomainNames=["a.b"]), "InvalidAccessRule"),
    "outbound ranges": (outbound("a.b", addressPrefixes=["203.0.113.0/24"]), "InvalidAccessRule"),
    "no names": (outbound(), "InvalidAccessRule"),
    "bad name": (outbound("a..b"), "InvalidAccessRule"),
    "no range": (inbound("203.0.113.7"), "InvalidAddressPrefixFormat"),
    "host bits": (inbound("203.0.113.7/24"), "InvalidCIDRNotation"),
    "no subscription": (from_subscription("/subscriptions/all"), "InvalidResourceReference"),
    "unknown subscription": (
        from_subscription("/subscriptions/59999999-0000-4000-8000-000000000001"),
        "InvalidResourceReference",
    ),
    "direction": ({"properties": {"direction": "Sideways", "addressPrefixes": ["203.0.113.0/24"]}}, "BadRequest"),
    "no direction": ({"properties": {"addressPrefixes": ["203.0.113.0/24"]}}, "BadRequest"),
}


class TestBadInput:
    """What is refused, and changes nothing."""

    @pytest.mark.parametrize(("body", "code"), RULES.values(), ids=RULES)
    def test_rules(self, arm: Arm, body: dict[str, Any], code: str) -> None:
        """A rule is of one direction and one kind, and everything in it is what it says."""
        arm.make_profile()
        assert arm.refused("PUT", arm.rule, body)[:2] == (400, code)

    def test_references(self, arm: Arm) -> None:
        """A vault or a profile that is not there, or not of this perimeter, is not found."""
        arm.make_vault()
        arm.make_rule()
        other = f"{arm.perimeter}-other"
        arm.do("PUT", other, {"location": "local"})
        arm.do("PUT", f"{other}/profiles/f", {})
        for body in (
            arm.association_body(privateLinkResource={"id": f"{arm.vault}x"}),
            arm.association_body(privateLinkResource={"id": arm.perimeter}),
            arm.association_body(privateLinkResource={}),
            arm.association_body(profile={"id": f"{arm.profile}x"}),
            arm.association_body(profile={"id": f"{other}/profiles/f"}),
            arm.association_body(profile={"id": arm.perimeter}),
        ):
            assert arm.refused("PUT", arm.association, body)[:2] == (400, "InvalidResourceReference")
        assert arm.refused("PUT", arm.association, arm.association_body("Sometimes"))[:2] == (400, "BadRequest")

    def test_of_another_tenant(self, arm: Arm) -> None:
        """SEC-TENANT-2: another tenant's vault and subscription are not there, for who may everything in this one."""
        arm.make_rule()
        alien = make_tenant(arm.world)
        owner = arm.as_(arm.world.principal())
        arm.world.grant(owner.who.oid, CONTRIBUTOR, "/")
        body = arm.association_body(privateLinkResource={"id": alien.vault.scope})
        assert owner.refused("PUT", arm.association, body)[:2] == (400, "InvalidResourceReference")
        body = from_subscription(f"/subscriptions/{alien.subscription}")
        assert owner.refused("PUT", arm.rule, body)[:2] == (400, "InvalidResourceReference")

    def test_one_perimeter(self, arm: Arm) -> None:
        """A vault is in one perimeter, under one name, and a name stays one vault's."""
        arm.make_association()
        assert arm.refused("PUT", f"{arm.association}-2", arm.association_body())[:2] == (
            409,
            "ResourceAlreadyAssociated",
        )
        arm.do("PUT", f"{arm.vault}x", arm.vault_body())
        other = arm.association_body(privateLinkResource={"id": f"{arm.vault}x"})
        assert arm.refused("PUT", arm.association, other)[:2] == (400, "PropertyChangeNotAllowed")


class TestLimits:
    """At the limit, and one past it."""

    refusal = (400, "NetworkSecurityPerimeterLimitExceeded")

    def test_perimeters(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A subscription has so many perimeters."""
        arm.make_profile()
        there = arm.do("GET", f"{arm.subscription}/providers/Microsoft.Network/networkSecurityPerimeters")["value"]
        monkeypatch.setattr(network_limits, "PERIMETERS", len(there) + 1)
        arm.do("PUT", f"{arm.perimeter}-2", {"location": "local"})
        assert arm.refused("PUT", f"{arm.perimeter}-3", {"location": "local"})[:2] == self.refusal
        arm.do("PUT", arm.perimeter, {"location": "local"})

    def test_profiles(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A perimeter has so many profiles."""
        monkeypatch.setattr(network_limits, "PERIMETER_PROFILES", 2)
        arm.make_profile()
        arm.do("PUT", f"{arm.profile}-2", {})
        assert arm.refused("PUT", f"{arm.profile}-3", {})[:2] == self.refusal
        arm.do("PUT", arm.profile, {})

    def test_elements(self, arm: Arm) -> None:
        """A profile's rules have 200 elements in each direction together."""
        arm.make_profile()
        ranges = [f"10.0.{index}.0/24" for index in range(network_limits.PERIMETER_RULE_ELEMENTS)]
        names = [f"a{index}.example" for index in range(network_limits.PERIMETER_RULE_ELEMENTS)]
        arm.do("PUT", arm.rule, inbound(*ranges))
        arm.do("PUT", f"{arm.rule}-out", outbound(*names))
        assert arm.refused("PUT", f"{arm.rule}-2", inbound("10.1.0.0/24"))[:2] == self.refusal
        assert arm.refused("PUT", f"{arm.rule}-2", from_subscription(arm.subscription))[:2] == self.refusal
        assert arm.refused("PUT", f"{arm.rule}-2", outbound("b.example"))[:2] == self.refusal

    def test_associations(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A perimeter has so many vaults in it."""
        monkeypatch.setattr(network_limits, "PERIMETER_ASSOCIATIONS", 1)
        arm.make_association()
        arm.do("PUT", f"{arm.vault}x", arm.vault_body())
        body = arm.association_body(privateLinkResource={"id": f"{arm.vault}x"})
        assert arm.refused("PUT", f"{arm.association}-2", body)[:2] == self.refusal

    def test_domain_name(self, arm: Arm) -> None:
        """253 characters are a domain name, and 254 are none."""
        arm.make_profile()
        name = ".".join(["a" * 62] * 4) + ".a"
        assert len(name) == limits.DOMAIN_NAME_CHARS
        arm.do("PUT", arm.rule, outbound(name))
        assert arm.refused("PUT", arm.rule, outbound(f"{name}a"))[:2] == (400, "InvalidAccessRule")
