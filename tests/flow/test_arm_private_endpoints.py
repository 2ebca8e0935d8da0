"""Private endpoints on the management plane, and the vault's side of them: who may open a way in, and who closes it."""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable
from typing import Any

import pytest
from azure.mgmt.keyvault.models import PrivateEndpointConnection, PrivateLinkResourceListResult

from strongroom.core import network_limits as limits
from strongroom.core.builtin_roles import CONTRIBUTOR
from strongroom.core.guids import new_guid
from strongroom.core.networks import ConnectionState, EndpointConnection, EndpointListener
from strongroom.core.rbac import RoleDefinition
from strongroom.core.records import vault_partition
from tests.flow.arm import Arm
from tests.flow.arm_bodies import decided
from tests.flow.client import make_tenant
from tests.world import ARM_AUDIENCE, Principal, Simulation

APPROVE = "Microsoft.KeyVault/vaults/PrivateEndpointConnectionsApproval/action"
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
WRITE = "Microsoft.Network/privateEndpoints/write"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def give(world: Simulation, who: Principal, scope: str, *actions: str) -> None:
    """Give exactly these actions at a scope."""
    role = RoleDefinition(
        id=new_guid(chance.token_bytes), tenant=world.first.tenant_id, name="some actions", actions=actions
    )
    world.commit(lambda tx: tx.put(role))
    world.grant(who.oid, role.id, scope)


def state_of(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Give how an endpoint says that its connection stands."""
    properties = endpoint["properties"]
    both = properties["privateLinkServiceConnections"] + properties["manualPrivateLinkServiceConnections"]
    (one,) = both
    found: dict[str, Any] = one["properties"]["privateLinkServiceConnectionState"]
    return found


def living(arm: Arm) -> list[EndpointConnection]:
    """Read the vault's connections out of the records."""
    vault = arm.world.view.vault_by_name(arm.vault_name)
    assert vault is not None
    return list(arm.world.view.all(EndpointConnection, vault_partition(vault.id)))


class TestLife:
    """Made, shown from both sides, removed."""

    def test_approved_at_once(self, arm: Arm) -> None:
        """Both sides tell it, the vault's by the endpoint's name for it and without a description, as recorded."""
        made = arm.make_endpoint()
        approved = {"status": "Approved", "description": "", "actionsRequired": "None"}
        connection = arm.connection
        assert connection == f"{arm.vault}/privateEndpointConnections/link"
        assert made == arm.do("GET", arm.endpoint.replace("/e-", "/E-"))
        assert made["properties"] == {
            "provisioningState": "Succeeded",
            "subnet": {"id": arm.subnet},
            "privateLinkServiceConnections": [
                {
                    "id": f"{arm.endpoint}/privateLinkServiceConnections/link",
                    "name": "link",
                    "type": "Microsoft.Network/privateEndpoints/privateLinkServiceConnections",
                    "etag": made["etag"],
                    "properties": {
                        "provisioningState": "Succeeded",
                        "privateLinkServiceId": arm.vault,
                        "groupIds": ["vault"],
                        "requestMessage": "please",
                        "privateLinkServiceConnectionState": approved,
                    },
                }
            ],
            "manualPrivateLinkServiceConnections": [],
            "networkInterfaces": [],
            "customDnsConfigs": [],
            "customNetworkInterfaceName": "",
            "ipConfigurations": [],
        }
        shown = arm.do("GET", connection)
        properties = {
            "provisioningState": "Succeeded",
            "privateEndpoint": {"id": arm.endpoint},
            "privateLinkServiceConnectionState": {"status": "Approved", "actionsRequired": "None"},
        }
        assert shown == {
            "id": connection,
            "name": connection.rpartition("/")[2],
            "type": "Microsoft.KeyVault/vaults/privateEndpointConnections",
            "location": "local",
            "etag": shown["etag"],
            "properties": properties,
        }
        assert arm.do("GET", f"{arm.vault}/privateEndpointConnections")["value"] == [shown]
        assert arm.do("GET", arm.vault)["properties"]["privateEndpointConnections"] == [
            {"id": connection, "etag": shown["etag"], "properties": properties}
        ]

    def test_what_the_official_client_reads(self, arm: Arm) -> None:
        """azure-mgmt-keyvault's models take what is answered."""
        arm.make_endpoint()
        read = PrivateEndpointConnection(arm.do("GET", arm.connection))
        assert read.properties.private_endpoint.id == arm.endpoint
        assert read.properties.private_link_service_connection_state.status == "Approved"
        (link,) = PrivateLinkResourceListResult(arm.do("GET", f"{arm.vault}/privateLinkResources")).value
        assert link.properties.group_id == "vault"
        assert link.properties.required_members == ["default"]
        assert link.properties.required_zone_names == ["privatelink.vaultcore.azure.net"]

    def test_vault_without_connections(self, arm: Arm) -> None:
        """A vault says nothing of connections that it has not."""
        assert "privateEndpointConnections" not in arm.make_vault()["properties"]
        assert arm.do("GET", f"{arm.vault}/privateEndpointConnections")["value"] == []

    def test_address(self, arm: Arm) -> None:
        """The address is told where the operator gave the endpoint one, under the vault's name as it was asked."""
        arm.make_endpoint()
        listener = EndpointListener(
            id=f"l-{arm.tag}",
            tenant=arm.world.first.tenant_id,
            endpoint=arm.endpoint.lower(),
            address="10.1.1.4",
            port=443,
            created=0,
        )
        arm.world.commit(lambda tx: tx.put(listener))
        assert arm.do("GET", arm.endpoint)["properties"]["customDnsConfigs"] == [
            {"fqdn": f"{arm.vault_name}.vault.localhost", "ipAddresses": ["10.1.1.4"]}
        ]

    def test_names(self, arm: Arm) -> None:
        """A connection has its endpoint's name for it, in any case; where the vault has one of that name, its own."""
        arm.make_vault()
        arm.make_network()
        bodies = [arm.endpoint_body(), arm.endpoint_body()]
        bodies[0]["properties"]["privateLinkServiceConnections"][0]["name"] = "My-Link"
        bodies[1]["properties"]["privateLinkServiceConnections"][0]["name"] = "my-link"
        for number, body in enumerate(bodies):
            arm.do("PUT", f"{arm.endpoint}-{number}", body)
        listed = arm.do("GET", f"{arm.vault}/privateEndpointConnections")["value"]
        first, second = sorted(listed, key=lambda one: one["properties"]["privateEndpoint"]["id"])
        assert first["id"] == f"{arm.vault}/privateEndpointConnections/My-Link"
        assert (first["name"], len(second["name"])) == ("My-Link", 32)
        assert arm.do("GET", f"{arm.vault}/privateEndpointConnections/MY-link") == first

    def test_removed(self, arm: Arm) -> None:
        """The vault keeps its side, which is disconnected for good, until its owner removes it."""
        arm.make_endpoint()
        connection = arm.connection
        assert arm.ask("DELETE", arm.endpoint).status == 202
        assert arm.ask("DELETE", arm.endpoint).status == 204
        shown = arm.do("GET", connection)["properties"]
        assert shown["provisioningState"] == "Disconnected"
        assert shown["privateLinkServiceConnectionState"]["status"] == "Disconnected"
        assert shown["privateEndpoint"] == {"id": arm.endpoint.lower()}
        assert arm.refused("PUT", connection, decided("Approved"))[:2] == (400, "InvalidPrivateEndpointConnectionState")
        again = arm.do("PUT", arm.endpoint, arm.endpoint_body(manual=True))
        assert state_of(again)["status"] == "Pending"
        assert arm.connection != connection
        assert arm.ask("DELETE", connection).status == 202
        assert arm.ask("DELETE", connection).status == 204
        assert arm.refused("GET", connection)[:2] == (404, "ResourceNotFound")

    def test_removed_by_the_vault(self, arm: Arm) -> None:
        """The endpoint is told that it is disconnected, and asking again makes no new connection."""
        arm.make_endpoint()
        arm.do("DELETE", arm.connection)
        assert state_of(arm.do("GET", arm.endpoint))["status"] == "Disconnected"
        assert state_of(arm.do("PUT", arm.endpoint, arm.endpoint_body()))["status"] == "Disconnected"
        assert living(arm) == []

    @pytest.mark.parametrize("how", ["vault", "group"])
    def test_vault_that_goes(self, arm: Arm, how: str) -> None:
        """A deleted vault's connections are gone, and recovering it brings none back."""
        arm.make_endpoint()
        if how == "vault":
            arm.do("DELETE", arm.vault)
            assert state_of(arm.do("GET", arm.endpoint))["status"] == "Disconnected"
        else:
            arm.do("DELETE", arm.group)
            arm.make_group()
        arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))
        assert living(arm) == []
        assert "privateEndpointConnections" not in arm.do("GET", arm.vault)["properties"]

    def test_endpoints_group_that_goes(self, arm: Arm) -> None:
        """An endpoint that goes with its group is disconnected like any other."""
        arm.make_vault()
        arm.make_network()
        other = f"{arm.group}-other"
        arm.do("PUT", other, {"location": "local"})
        arm.do("PUT", f"{other}/providers/Microsoft.Network/privateEndpoints/e", arm.endpoint_body())
        arm.do("DELETE", other)
        assert [one.state for one in living(arm)] == [ConnectionState.DISCONNECTED]

    def test_lists_show_what_may_be_read(self, arm: Arm) -> None:
        """In the subscription, in the group and among all resources, to whoever may read it."""
        made = arm.make_endpoint()
        everywhere = f"{arm.subscription}/providers/Microsoft.Network/privateEndpoints"
        assert arm.do("GET", arm.endpoint.rpartition("/")[0])["value"] == [made]
        kind = "?$filter=resourceType%20eq%20'Microsoft.Network/privateEndpoints'"
        assert [one["id"] for one in arm.do("GET", f"{arm.group}/resources{kind}")["value"]] == [arm.endpoint]
        reader = arm.as_(arm.world.principal())
        assert reader.do("GET", everywhere)["value"] == []
        give(arm.world, reader.who, arm.endpoint, "Microsoft.Network/privateEndpoints/read")
        assert reader.do("GET", everywhere)["value"] == [made]

    def test_asked_for_again(self, arm: Arm) -> None:
        """The same again changes tags and message; another subnet, vault, name or way of asking is refused."""
        arm.make_endpoint()
        arm.do("PUT", arm.subnet + "2", arm.subnet_body("10.1.2.0/24"))
        body = arm.endpoint_body(requestMessage="again") | {"tags": {"a": "b"}}
        answer = arm.ask("PUT", arm.endpoint, body)
        assert answer.status == 200
        assert answer.json["tags"] == {"a": "b"}
        (link,) = answer.json["properties"]["privateLinkServiceConnections"]
        assert link["properties"]["requestMessage"] == "again"
        elsewhere = arm.endpoint_body()
        elsewhere["properties"]["subnet"]["id"] = arm.subnet + "2"
        renamed = arm.endpoint_body()
        renamed["properties"]["privateLinkServiceConnections"][0]["name"] = "other"
        for other in (
            elsewhere,
            renamed,
            arm.endpoint_body(privateLinkServiceId=arm.vault[:-1]),
            arm.endpoint_body(manual=True),
        ):
            assert arm.refused("PUT", arm.endpoint, other)[:2] == (400, "PropertyChangeNotAllowed")
        assert arm.refused("PUT", arm.endpoint, arm.endpoint_body() | {"location": "moved"})[:2] == (
            409,
            "InvalidResourceLocation",
        )


class TestDecisions:
    """What the vault's owner may say."""

    def test_pending_until_approved(self, arm: Arm) -> None:
        """Asked for by hand it is pending, with what was asked (recorded); the owner's word is told on both sides."""
        made = arm.make_endpoint(manual=True)
        assert state_of(made) == {"status": "Pending", "description": "please", "actionsRequired": "None"}
        assert made["properties"]["privateLinkServiceConnections"] == []
        (link,) = made["properties"]["manualPrivateLinkServiceConnections"]
        assert link["id"] == f"{arm.endpoint}/manualPrivateLinkServiceConnections/link"
        assert link["type"] == "Microsoft.Network/privateEndpoints/manualPrivateLinkServiceConnections"
        approved = arm.do("PUT", arm.connection, decided("approved", description="Welcome"))
        said = {"status": "Approved", "description": "Welcome", "actionsRequired": "None"}
        assert approved["properties"]["privateLinkServiceConnectionState"] == said
        assert state_of(arm.do("GET", arm.endpoint)) == said

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            (["Approved"], True),
            (["Rejected"], True),
            (["Approved", "Rejected"], True),
            (["Approved", "Approved"], True),
            (["Rejected", "Rejected"], True),
            (["Pending"], True),
            (["Rejected", "Approved"], True),
            (["Rejected", "Pending"], False),
            (["Approved", "Pending"], False),
            (["Approved", "Disconnected"], False),
            (["Disconnected"], False),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, list) else "",
    )
    def test_states(self, arm: Arm, path: list[str], *, allowed: bool) -> None:
        """Each state leads to those that the reference names, and from Rejected back (recorded), and to no other."""
        arm.make_endpoint(manual=True)
        for status in path[:-1]:
            arm.do("PUT", arm.connection, decided(status))
        if allowed:
            arm.do("PUT", arm.connection, decided(path[-1]))
        else:
            assert arm.refused("PUT", arm.connection, decided(path[-1]))[:2] == (
                400,
                "InvalidPrivateEndpointConnectionState",
            )

    @pytest.mark.parametrize("body", [{}, {"properties": {}}, decided("Perhaps")], ids=["none", "empty", "word"])
    def test_bad_bodies(self, arm: Arm, body: dict[str, Any]) -> None:
        """A decision that says nothing, or a word that is none, is refused."""
        arm.make_endpoint(manual=True)
        assert arm.refused("PUT", arm.connection, body)[0] == 400

    def test_no_connection_is_made_by_the_vault(self, arm: Arm) -> None:
        """A connection begins with an endpoint: PUT of an unknown one makes none."""
        arm.make_vault()
        assert arm.refused("PUT", arm.connection, decided("Approved"))[:2] == (404, "ResourceNotFound")


class TestRights:
    """SEC-TENANT-9, SEC-TENANT-10: subnet join, and private-endpoint approval, take rights of their own."""

    def linked(self, arm: Arm, who: Principal, action: str, scope: str) -> tuple[int, str, str]:
        """Give the refusal for a right that is missing at another resource."""
        return (
            403,
            "LinkedAuthorizationFailed",
            (
                f"The client '{who.appid}' with object id '{who.oid}' has permission to perform action '{WRITE}' on"
                f" scope '{arm.endpoint}'; however, it does not have permission to perform action '{action}' on the"
                f" linked scope(s) '{scope}' or the linked scope(s) are invalid."
            ),
        )

    def test_needs_both(self, arm: Arm) -> None:
        """Who may write endpoints needs to join the subnet, and to approve connections to the vault."""
        arm.make_vault()
        arm.make_network()
        world, maker = arm.world, arm.as_(arm.world.principal())
        give(world, maker.who, arm.group, WRITE)
        assert maker.refused("PUT", arm.endpoint, arm.endpoint_body()) == self.linked(arm, maker.who, JOIN, arm.subnet)
        give(world, maker.who, arm.subnet, JOIN)
        refusal = self.linked(arm, maker.who, APPROVE, arm.vault)
        assert maker.refused("PUT", arm.endpoint, arm.endpoint_body()) == refusal
        assert living(arm) == []
        give(world, maker.who, arm.vault, APPROVE)
        assert maker.ask("PUT", arm.endpoint, arm.endpoint_body()).status == 201

    def test_by_hand_needs_nothing_of_the_vault(self, arm: Arm) -> None:
        """Asking takes no right over the vault, and gives nothing: who asked cannot approve."""
        arm.make_vault()
        arm.make_network()
        world, maker = arm.world, arm.as_(arm.world.principal())
        give(world, maker.who, arm.group, WRITE, JOIN, "Microsoft.Network/privateEndpoints/read")
        made = maker.do("PUT", arm.endpoint, arm.endpoint_body(manual=True))
        assert state_of(made)["status"] == "Pending"
        assert maker.refused("PUT", arm.connection, decided("Approved"))[:2] == (403, "AuthorizationFailed")
        assert maker.refused("DELETE", arm.connection)[:2] == (403, "AuthorizationFailed")

    def test_approval_of_another_vault(self, arm: Arm) -> None:
        """The right over one vault is none over another whose name begins alike."""
        arm.make_vault()
        arm.make_network()
        maker = arm.as_(arm.world.principal())
        give(arm.world, maker.who, arm.group, WRITE, JOIN)
        give(arm.world, maker.who, arm.vault[:-1], APPROVE)
        assert maker.refused("PUT", arm.endpoint, arm.endpoint_body()) == self.linked(
            arm, maker.who, APPROVE, arm.vault
        )

    @pytest.mark.parametrize("exists", [True, False])
    def test_a_refusal_tells_nothing(self, arm: Arm, *, exists: bool) -> None:
        """Who lacks the right over a subnet or a vault does not learn whether it is there."""
        arm.make_group()
        if exists:
            arm.make_vault()
            arm.make_network()
        maker = arm.as_(arm.world.principal())
        give(arm.world, maker.who, arm.endpoint.rpartition("/providers")[0], WRITE)
        assert maker.refused("PUT", arm.endpoint, arm.endpoint_body()) == self.linked(arm, maker.who, JOIN, arm.subnet)
        give(arm.world, maker.who, arm.group, JOIN)
        assert maker.refused("PUT", arm.endpoint, arm.endpoint_body()) == self.linked(
            arm, maker.who, APPROVE, arm.vault
        )

    def test_a_right_over_it_ends_with_it(self, arm: Arm) -> None:
        """An endpoint is a scope, and what was given over it goes with it."""
        arm.make_endpoint()
        manager = arm.as_(arm.world.principal())
        path = f"{arm.endpoint}/providers/Microsoft.Authorization/roleAssignments/d0000000-0000-4000-8000-0004{arm.tag}"
        arm.do("PUT", path, arm.assignment_body(manager.who.oid, CONTRIBUTOR))
        assert manager.ask("GET", arm.endpoint).status == 200
        arm.do("DELETE", arm.endpoint)
        arm.do("PUT", arm.endpoint, arm.endpoint_body())
        assert manager.refused("GET", arm.endpoint)[:2] == (403, "AuthorizationFailed")

    def test_audited(self, arm: Arm) -> None:
        """The entries name endpoint, subnet and vault, and what was decided."""
        arm.make_endpoint()
        entry = arm.world.entries()[-1]
        assert entry["operationName"] == "PrivateEndpointPut"
        vault = arm.world.view.vault_by_name(arm.vault_name)
        assert vault is not None
        assert {name: entry["properties"][name] for name in ("privateEndpointId", "subnetId", "vaultIds")} == {
            "privateEndpointId": arm.endpoint,
            "subnetId": arm.subnet.lower(),
            "vaultIds": [vault.id],
        }
        arm.do("PUT", arm.connection, decided("Rejected"))
        entry = arm.world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["connectionState"]) == (
            "PrivateEndpointConnectionPut",
            "Rejected",
        )


class TestBadInput:
    """What a request names that is not there, or not that."""

    def not_found(self, arm: Arm, reference: str) -> tuple[int, str, str]:
        """Give NRP's words."""
        message = (
            f"Resource {reference} referenced by resource {arm.endpoint} was not found. Please make sure that the"
            " referenced resource exists, and that both resources are in the same region."
        )
        return 400, "InvalidResourceReference", message

    @pytest.mark.parametrize("what", ["vault", "longer", "deleted", "no vault", "subnet", "network", "region", "form"])
    def test_references(self, arm: Arm, what: str) -> None:
        """A vault or subnet that is absent, deleted, elsewhere or none at all is not found."""
        arm.make_vault()
        arm.make_network()
        body, vault, subnet = arm.endpoint_body(), arm.vault, arm.subnet
        match what:
            case "vault":
                vault = arm.vault[:-1]
            case "longer":
                vault = f"{arm.vault}/secrets/a"
            case "deleted":
                arm.do("DELETE", arm.vault)
            case "no vault":
                vault = arm.network
            case "subnet":
                subnet = f"{arm.subnet}x"
            case "network":
                subnet = f"{arm.network}x/subnets/s-{arm.tag}"
            case "region":
                body["location"] = "elsewhere"
            case _:
                subnet = arm.network
        body["properties"]["subnet"]["id"] = subnet
        body["properties"]["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceId"] = vault
        wrong = vault if what in {"vault", "longer", "deleted", "no vault"} else subnet
        assert arm.refused("PUT", arm.endpoint, body) == self.not_found(arm, wrong)

    def test_of_another_tenant(self, arm: Arm) -> None:
        """SEC-TENANT-2: another tenant's vault, and its subnet, are not there."""
        arm.make_vault()
        arm.make_network()
        alien = make_tenant(arm.world)
        owner = arm.as_(arm.world.principal())
        arm.world.grant(owner.who.oid, CONTRIBUTOR, "/")
        theirs = f"/subscriptions/{alien.subscription}/resourceGroups/{alien.vault.resource_group}"
        network = f"{theirs}/providers/Microsoft.Network/virtualNetworks/n"
        token = arm.world.token(alien.principal, ARM_AUDIENCE, tenant=alien.id)
        arm.world.grant(alien.principal.oid, CONTRIBUTOR, "/", alien.id)
        arm.do("PUT", network, arm.network_body(arm.subnet_body()), token=token)
        for reference in (alien.vault.scope, f"{alien.vault.scope}x"):
            for manual in (False, True):
                body = arm.endpoint_body(manual=manual, privateLinkServiceId=reference)
                assert owner.refused("PUT", arm.endpoint, body) == self.not_found(arm, reference)
        body = arm.endpoint_body()
        for reference in (f"{network}/subnets/s-{arm.tag}", f"{network}/subnets/x"):
            body["properties"]["subnet"]["id"] = reference
            assert owner.refused("PUT", arm.endpoint, body) == self.not_found(arm, reference)

    @pytest.mark.parametrize("groups", [[], ["managedHsm"], ["vault", "vault"], ["vault", "x"]])
    def test_group_ids(self, arm: Arm, groups: list[str]) -> None:
        """A vault has one part that an endpoint can be for; it is found in any case."""
        arm.make_vault()
        arm.make_network()
        assert arm.refused("PUT", arm.endpoint, arm.endpoint_body(groupIds=groups))[:2] == (400, "InvalidGroupId")
        arm.do("PUT", arm.endpoint, arm.endpoint_body(groupIds=["VAULT"]))

    def test_one_connection(self, arm: Arm) -> None:
        """An endpoint has one connection: none, two, and one of each way are refused."""
        arm.make_vault()
        arm.make_network()
        both = arm.endpoint_body()
        both["properties"] |= arm.endpoint_body(manual=True)["properties"]
        none = arm.endpoint_body()
        none["properties"]["privateLinkServiceConnections"] = []
        two = arm.endpoint_body()
        two["properties"]["privateLinkServiceConnections"] *= 2
        for body in (both, none, two):
            assert arm.refused("PUT", arm.endpoint, body)[:2] == (400, "InvalidPrivateLinkServiceConnections")


class TestLimits:
    """At the limit, and one past it."""

    @pytest.fixture
    def place(self, arm: Arm) -> Arm:
        """Make a vault and a network."""
        arm.make_vault()
        arm.make_network()
        return arm

    def test_endpoints_of_a_vault(self, place: Arm) -> None:
        """64 connections, and no 65th; one that is disconnected makes room, and the oldest such go first."""
        for index in range(limits.PRIVATE_ENDPOINTS_PER_VAULT):
            place.do("PUT", f"{place.endpoint}{index}", place.endpoint_body(manual=bool(index % 2)))
        assert place.refused("PUT", place.endpoint, place.endpoint_body())[:2] == (
            409,
            "PrivateEndpointConnectionLimitExceeded",
        )
        for index in range(3):
            place.do("DELETE", f"{place.endpoint}{index}")
        place.do("PUT", place.endpoint, place.endpoint_body())
        connections = living(place)
        assert len(connections) == limits.PRIVATE_ENDPOINTS_PER_VAULT
        assert sum(one.state is ConnectionState.DISCONNECTED for one in connections) == 2

    def test_what_makes_room_leaves_its_name(self, place: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """The name of a connection that goes is free for the one that it makes room for."""
        monkeypatch.setattr(limits, "PRIVATE_ENDPOINTS_PER_VAULT", 1)
        place.do("PUT", place.endpoint, place.endpoint_body())
        place.do("DELETE", place.endpoint)
        place.do("PUT", place.endpoint, place.endpoint_body())
        assert [(one.name, one.state) for one in living(place)] == [("link", ConnectionState.APPROVED)]

    def test_vaults_of_a_subscription(self, place: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """So many vaults of a subscription have endpoints; one that has some can have another."""
        vaults = {vault.id: vault for vault in place.world.view.vaults()}
        connected = {
            one.vault
            for one in place.world.view.all(EndpointConnection)
            if one.state is not ConnectionState.DISCONNECTED
            and vaults[one.vault].subscription == place.world.first.subscription_id
        }
        monkeypatch.setattr(limits, "VAULTS_WITH_ENDPOINTS", len(connected) + 1)
        place.do("PUT", place.endpoint, place.endpoint_body())
        place.do("PUT", f"{place.endpoint}-2", place.endpoint_body())
        other = f"{place.vault}x"
        place.do("PUT", other, place.vault_body())
        body = place.endpoint_body(privateLinkServiceId=other)
        assert place.refused("PUT", f"{place.endpoint}-3", body)[:2] == (409, "PrivateEndpointVaultLimitExceeded")

    def test_endpoints_of_a_network(self, place: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A network has so many endpoints."""
        monkeypatch.setattr(limits, "PRIVATE_ENDPOINTS_PER_NETWORK", 1)
        place.do("PUT", place.endpoint, place.endpoint_body())
        assert place.refused("PUT", f"{place.endpoint}-2", place.endpoint_body())[:2] == (
            409,
            "PrivateEndpointLimitExceeded",
        )

    def test_message(self, place: Arm) -> None:
        """140 characters are a message, and 141 are too many."""
        text = "m" * limits.REQUEST_MESSAGE_CHARS
        too_long = place.endpoint_body(requestMessage=f"{text}m")
        assert place.refused("PUT", place.endpoint, too_long)[:2] == (400, "InvalidRequestMessage")
        place.do("PUT", place.endpoint, place.endpoint_body(requestMessage=text))

    def test_description(self, place: Arm) -> None:
        """1024 characters are a description, and 1025 are too many."""
        place.do("PUT", place.endpoint, place.endpoint_body())
        text = "d" * limits.CONNECTION_DESCRIPTION_CHARS
        place.do("PUT", place.connection, decided("Approved", description=text))
        body = decided("Approved", description=f"{text}d")
        assert place.refused("PUT", place.connection, body)[:2] == (400, "InvalidDescription")


WAYS: dict[str, Callable[[Arm], Any]] = {
    "rejected": lambda arm: arm.do("PUT", arm.connection, decided("Rejected")),
    "removed": lambda arm: arm.do("DELETE", arm.connection),
    "endpoint removed": lambda arm: arm.do("DELETE", arm.endpoint),
    "vault deleted": lambda arm: arm.do("DELETE", arm.vault),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_approved_connection_is_left(arm: Arm, way: Callable[[Arm], Any]) -> None:
    """However a connection ends, no record says any more that it is approved."""
    arm.make_endpoint()
    assert [one.state for one in living(arm)] == [ConnectionState.APPROVED]
    way(arm)
    assert not [one for one in living(arm) if one.state is ConnectionState.APPROVED]
