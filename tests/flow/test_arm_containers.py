"""Tenants, subscriptions, groups, cloud metadata, and what the management plane does not serve."""

from __future__ import annotations

import pytest

from strongroom.arm.operations import SERVED_TYPES
from strongroom.core.builtin_roles import KEY_VAULT_SECRETS_USER, READER
from strongroom.core.identity import Group, Membership
from strongroom.core.names import Surface
from strongroom.core.network import Link
from strongroom.core.resources import UserAssignedIdentity
from strongroom.core.vaults import Vault
from strongroom.directory.applications import create_identity_principal
from strongroom.resources.identities import create_user_assigned_identity, identity_resource_id
from strongroom.store import Transaction
from tests.flow.arm import Arm
from tests.world import Answer, Simulation


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


class TestSubscriptions:
    """Tenants and subscriptions."""

    def test_tenant(self, arm: Arm) -> None:
        """Whoever signs in sees the own tenant."""
        nobody = arm.as_(arm.world.principal())
        (tenant,) = nobody.do("GET", "/tenants")["value"]
        assert tenant["id"] == f"/tenants/{arm.world.first.tenant_id}"
        assert tenant["tenantId"] == arm.world.first.tenant_id
        assert tenant["defaultDomain"] == "strongroom.localhost"

    def test_listed_for_any_role_in_it(self, arm: Arm) -> None:
        """A role anywhere in a subscription lists it, through a group too; none at all does not."""
        arm.make_vault()
        tenant = arm.world.first.tenant_id
        one, other = arm.as_(arm.world.principal()), arm.as_(arm.world.principal())
        assert one.do("GET", "/subscriptions") == {"value": []}
        arm.world.grant(one.who.oid, KEY_VAULT_SECRETS_USER, f"{arm.vault}/secrets/a")
        (subscription,) = one.do("GET", "/subscriptions")["value"]
        assert subscription["subscriptionId"] == arm.world.first.subscription_id
        assert subscription["state"] == "Enabled"
        team = f"e0000000-0000-4000-8000-0000{arm.tag}"
        arm.world.commit(lambda tx: tx.put(Group(team, tenant, "Team", 0)))
        arm.world.commit(lambda tx: tx.put(Membership(f"{team}/{other.who.oid}", tenant, team, other.who.oid)))
        arm.world.grant(team, READER, "/")
        assert len(other.do("GET", "/subscriptions")["value"]) == 1

    def test_unknown(self, arm: Arm) -> None:
        """A caller with rights everywhere is told that a subscription does not exist."""
        name = "59999999-0000-4000-8000-000000000001"
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, READER, "/")
        refusal = who.refused("GET", f"/subscriptions/{name}")
        assert refusal == (404, "SubscriptionNotFound", f"The subscription '{name}' could not be found.")

    @pytest.mark.parametrize("below", ["", "/providers/Microsoft.Authorization/roleAssignments"])
    def test_no_id(self, arm: Arm, below: str) -> None:
        """What is no subscription's id is told so in ARM's words: often it is a variable that was not set."""
        refusal = arm.refused("GET", f"/subscriptions/resourceGroups{below}")
        told = "The provided subscription identifier 'REDACTED' is malformed or invalid."
        assert refusal == (400, "InvalidSubscriptionId", told)


class TestGroups:
    """Resource groups."""

    def test_life(self, arm: Arm) -> None:
        """Made, found in any case, changed, and removed; without tags it has no such member, as recorded."""
        made = arm.ask("PUT", arm.group.replace("resourceGroups", "resourcegroups"), {"location": "West Europe"})
        assert made.status == 201
        assert made.json == {
            "id": arm.group,
            "name": f"g-{arm.tag}",
            "type": "Microsoft.Resources/resourceGroups",
            "location": "westeurope",
            "properties": {"provisioningState": "Succeeded"},
        }
        assert arm.do("GET", arm.group.upper().replace("/SUBSCRIPTIONS", "/subscriptions")) == made.json
        assert arm.ask("HEAD", arm.group).status == 204
        again = arm.ask("PUT", arm.group, {"location": "westeurope", "tags": {"a": "b"}})
        assert (again.status, again.json["tags"]) == (200, {"a": "b"})
        assert arm.refused("PUT", arm.group, {"location": "east"})[:2] == (409, "InvalidResourceGroupLocation")
        assert arm.group in [one["id"] for one in arm.do("GET", f"{arm.subscription}/resourceGroups")["value"]]
        assert arm.ask("DELETE", arm.group).status == 202
        gone = arm.ask("HEAD", arm.group)
        assert (gone.status, gone.body) == (404, b"")
        for method in ("GET", "DELETE"):
            status, code, message = arm.refused(method, arm.group)
            assert (status, code) == (404, "ResourceGroupNotFound")
            assert message == f"Resource group 'g-{arm.tag}' could not be found."

    @pytest.mark.parametrize("name", ["a.", "a%20b", "a%3Cb", "x" * 91])
    def test_bad_names(self, arm: Arm, name: str) -> None:
        """A group's name has its form."""
        path = f"{arm.subscription}/resourceGroups/{name}"
        assert arm.refused("PUT", path, {"location": "local"})[:2] == (400, "InvalidResourceGroup")

    def test_removal_takes_everything(self, arm: Arm) -> None:
        """Vaults become recoverable, identities and the principals behind them are gone with their tokens."""
        arm.make_vault()
        world, tenant = arm.world, arm.world.first.tenant_id
        group = world.view.resource_group(world.first.subscription_id, f"g-{arm.tag}")
        assert group is not None
        now = int(world.clock())

        async def make(tx: Transaction) -> UserAssignedIdentity:
            principal = await create_identity_principal(
                tx,
                tenant,
                display_name="id",
                resource_id=identity_resource_id(group, "id-1"),
                now=now,
                entropy=world.world.entropy,
            )
            return await create_user_assigned_identity(
                tx,
                group=group,
                name="id-1",
                location="local",
                client_id=principal.app_id,
                principal_id=principal.id,
                now=now,
            )

        identity = world.commit(make)
        listed = arm.do("GET", f"{arm.group}/resources")["value"]
        assert {one["type"] for one in listed} == {
            "Microsoft.KeyVault/vaults",
            "Microsoft.ManagedIdentity/userAssignedIdentities",
        }
        arm.do("DELETE", arm.group)
        assert world.view.principal(tenant, identity.principal_id) is None
        assert world.view.all(UserAssignedIdentity, identity.partition).count(identity) == 0
        vault = world.view.vault_by_name(arm.vault_name)
        assert isinstance(vault, Vault)
        assert vault.deleted == now
        assert arm.ask("GET", arm.deleted_vault).status == 200
        arm.make_group()
        arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))


@pytest.mark.parametrize("place", ["group", "vault", "identity", "machine", "network", "perimeter"])
def test_no_location(arm: Arm, place: str) -> None:
    """A body without a location is told so in ARM's words, whatever it would make."""
    if place != "group":
        arm.make_group()
    told = arm.refused("PUT", getattr(arm, place), {"properties": {}})
    assert told == (400, "LocationRequired", "The location property is required for this definition.")


class TestCloud:
    """GET /metadata/endpoints, which needs no token."""

    def ask(self, world: Simulation, version: str, base: str = "", link: Link = Link.PUBLIC) -> Answer:
        """Ask for the metadata."""
        return world.ask("GET", f"{base or world.arm_url}/metadata/endpoints?api-version={version}", link=link)

    def test_one_object(self, world: Simulation) -> None:
        """From 2022-09-01 on the answer is one object, with our own names and the port that was asked."""
        cloud = self.ask(world, "2022-09-01").json
        assert cloud["name"] == "Strongroom"
        assert cloud["resourceManager"] == "https://management.localhost:8443/"
        assert cloud["microsoftGraphResourceId"] == "https://graph.localhost:8443/"
        assert cloud["authentication"]["loginEndpoint"] == "https://login.localhost:8443"
        assert cloud["authentication"]["audiences"][0] == "https://management.localhost:8443/"
        assert cloud["suffixes"]["keyVaultDns"] == "vault.localhost:8443"
        assert "azure.com" not in str({name: cloud[name] for name in cloud if name != "authentication"})

    def test_list(self, world: Simulation) -> None:
        """Older versions want a list of clouds."""
        assert self.ask(world, "2019-05-01").json == [self.ask(world, "2022-09-01").json]

    def test_azures_names(self, world: Simulation) -> None:
        """Who asks through Azure's name gets Azure's names."""
        cloud = self.ask(world, "2022-09-01", "https://management.azure.com", Link.CONTROL).json
        assert cloud["name"] == "AzureCloud"
        assert cloud["authentication"]["loginEndpoint"] == "https://login.microsoftonline.com"
        assert cloud["suffixes"]["keyVaultDns"] == "vault.azure.net"

    def test_audiences_are_ours(self, world: Simulation) -> None:
        """Every audience that is told is one that the token service issues for and this surface accepts."""
        accepted = world.world.hosts.audiences(Surface.MANAGEMENT)
        for audience in self.ask(world, "2022-09-01").json["authentication"]["audiences"]:
            assert audience in accepted

    def test_version(self, world: Simulation) -> None:
        """The api-version is required here too."""
        answer = self.ask(world, "")
        assert (answer.status, answer.error["code"]) == (400, "MissingApiVersionParameter")


class TestUnserved:
    """What there is not."""

    def test_types(self, arm: Arm) -> None:
        """A resource type that is not served is named, with those that are of its namespace and no others."""
        path = f"{arm.group}/providers/microsoft.network/publicIPAddresses/a/b/c"
        status, code, message = arm.refused("PUT", path, {})
        assert (status, code) == (404, "InvalidResourceType")
        assert "'publicIPAddresses/b' could not be found in the namespace 'Microsoft.Network'" in message
        assert "virtualNetworks/subnets" in message
        assert "userAssignedIdentities" not in message
        assert all(name.partition("/")[0] in message for name in SERVED_TYPES)

    def test_namespaces(self, arm: Arm) -> None:
        """A namespace that is not served is named, with those that are."""
        path = f"{arm.group}/providers/Microsoft.Storage/storageAccounts/s/blobServices/default"
        status, code, message = arm.refused("PUT", path, {})
        assert (status, code) == (404, "InvalidResourceNamespace")
        assert message == (
            "The resource namespace 'Microsoft.Storage' is invalid. This service has these resource namespaces:"
            f" {', '.join(sorted({name.partition('/')[0] for name in SERVED_TYPES}))}."
        )

    @pytest.mark.parametrize("path", ["/", "/x", "/subscriptions/x/y/z"])
    def test_paths(self, arm: Arm, path: str) -> None:
        """Any other path says what there is."""
        status, code, message = arm.refused("GET", path)
        assert (status, code) == (404, "NotFound")
        assert "Microsoft.KeyVault" in message

    def test_methods(self, arm: Arm) -> None:
        """A path that is there with another method says which."""
        arm.make_vault()
        answer = arm.ask("POST", arm.vault, {})
        assert (answer.status, answer.error["code"]) == (405, "MethodNotAllowed")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"

    @pytest.mark.parametrize("path", ["/subscriptions/../x", "/subscriptions/%2e%2e/x", "/subscriptions/%zz", "/%ff"])
    def test_malformed_paths(self, arm: Arm, path: str) -> None:
        """Dot segments and broken encodings are refused, not resolved."""
        assert arm.refused("GET", path)[0] == 400
