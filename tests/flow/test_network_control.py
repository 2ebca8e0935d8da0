"""What the operator says about networks, and what is served through a private endpoint at all."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.guids import new_guid
from strongroom.core.network import Link
from strongroom.core.networks import NetworkMap, VirtualNetwork
from strongroom.core.resources import Subscription
from strongroom.resources import network_maps
from strongroom.store import Transaction
from tests.flow import networks
from tests.world import START, Answer, Simulation

NO_GUID = "00000000-0000-0000-0000-000000000000"
PATH = "/secrets?api-version=7.4"


def control(world: Simulation, path: str, body: object = None) -> Answer:
    """Ask over the owner's socket: for a list, or with a body."""
    method = "GET" if body is None else "POST"
    return world.ask(method, f"http://control{path}", body=body, link=Link.CONTROL, host="control")


def make_network(world: Simulation, tenant: str = "", subscription: str = "") -> VirtualNetwork:
    """Make a virtual network, past the management plane."""
    first = world.first
    name = f"Net-{secrets.token_hex(4)}"
    made = VirtualNetwork(
        id=f"{subscription or first.subscription_id}/default/{name.lower()}",
        tenant=tenant or first.tenant_id,
        subscription=subscription or first.subscription_id,
        resource_group="Default",
        name=name,
        location="local",
        created=int(START),
        address_prefixes=("10.1.0.0/16",),
    )
    world.commit(lambda tx: tx.put(made))
    return made


@pytest.fixture(autouse=True)
def clean(world: Simulation) -> Iterator[None]:
    """Leave nothing behind that the operator said."""
    yield
    for one in control(world, "/network-maps").json["value"]:
        assert control(world, "/network-maps/remove", {"virtualNetwork": one["virtualNetwork"]}).status == 204


def set_map(world: Simulation, network: VirtualNetwork | str, *ranges: str) -> Answer:
    """Map a virtual network to ranges."""
    scope = network if isinstance(network, str) else network.scope
    return control(world, "/network-maps", {"virtualNetwork": scope, "ranges": list(ranges)})


class TestNetworkMaps:
    """Which real addresses are in a virtual network."""

    def test_set_listed_set_again_and_removed(self, world: Simulation) -> None:
        """Ranges are told in canonical form, once each; the second word is in the place of the first."""
        network = make_network(world)
        answer = set_map(world, network, "203.0.113.0/24", "198.51.100.7", "FD00::/8", "203.0.113.0/24")
        assert answer.status == 200
        assert answer.json == {
            "virtualNetwork": network.scope.lower(),
            "tenantId": network.tenant,
            "ranges": ["203.0.113.0/24", "198.51.100.7/32", "fd00::/8"],
            "created": int(START),
        }
        assert control(world, "/network-maps").json["value"] == [answer.json]
        again = set_map(world, network.scope.upper(), "192.0.2.0/24").json
        assert control(world, "/network-maps").json["value"] == [again]
        assert again["ranges"] == ["192.0.2.0/24"]
        assert control(world, "/network-maps/remove", {"virtualNetwork": network.scope}).status == 204
        assert control(world, "/network-maps").json == {"value": []}
        assert control(world, "/network-maps/remove", {"virtualNetwork": network.scope}).status == 404

    @pytest.mark.parametrize(
        "ranges",
        [
            (),
            ("0.0.0.0/0",),
            ("::/0",),
            ("::ffff:0:0/96",),
            ("0.0.0.0/1", "128.0.0.0/1"),
            ("10.0.0.0/8", "126.0.0.0/7"),
            ("::/127",),
            ("10.0.0.1/8",),
            ("10.0.0.0/33",),
            ("somewhere",),
            ("",),
        ],
    )
    def test_ranges_that_cannot_be(self, world: Simulation, ranges: tuple[str, ...]) -> None:
        """SEC-FLOW-13: everybody, in one piece or in several; this machine among others; what is no range."""
        network = make_network(world)
        assert set_map(world, network, "192.0.2.0/24").status == 200
        before = control(world, "/network-maps").json
        answer = set_map(world, network, *ranges)
        assert answer.status == 400, answer.body
        assert control(world, "/network-maps").json == before

    def test_loopback_named_for_itself(self, world: Simulation) -> None:
        """Programs of this machine are in a network only if that is said of them and of nobody else."""
        assert set_map(world, make_network(world), "127.0.1.0/24", "::1").status == 200

    def test_so_many_ranges_and_no_more(self, world: Simulation) -> None:
        """`NETWORK_MAP_RANGES`, and one more is refused."""
        network = make_network(world)
        ranges = [f"10.{number}.0.0/24" for number in range(limits.NETWORK_MAP_RANGES + 1)]
        assert set_map(world, network, *ranges[:-1]).status == 200
        assert set_map(world, network, *ranges).status == 400

    def test_so_many_networks_and_no_more(self, world: Simulation) -> None:
        """`NETWORK_MAPS`, and one more is refused; one that is mapped can still be mapped otherwise."""
        last, more = make_network(world), make_network(world)

        async def fill(tx: Transaction) -> None:
            for number in range(limits.NETWORK_MAPS - 1):
                scope = (
                    f"/subscriptions/{NO_GUID}/resourcegroups/g/providers/microsoft.network/virtualnetworks/{number}"
                )
                guid = new_guid(secrets.token_bytes)
                await tx.put(NetworkMap(guid, last.tenant, scope, (f"10.{number % 256}.0.0/24",), 0))

        world.commit(fill)
        assert set_map(world, last, "192.0.2.0/25").status == 200
        answer = set_map(world, more, "192.0.2.128/25")
        assert (answer.status, str(limits.NETWORK_MAPS) in answer.error["message"]) == (409, True)
        assert set_map(world, last, "192.0.2.0/24").status == 200

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fd00::/8", "fd00:1::/32"),
            ("::ffff:10.1.0.0/112", "10.1.0.0/24"),
        ],
    )
    def test_an_address_is_in_one_network(self, world: Simulation, ours: str, theirs: str) -> None:
        """SEC-FLOW-13: what another virtual network has is refused, by name, and stays the other's."""
        first, second = make_network(world), make_network(world)
        assert set_map(world, first, "192.0.2.0/24", ours).status == 200
        answer = set_map(world, second, "198.51.100.0/24", theirs)
        assert (answer.status, first.scope.lower() in answer.error["message"]) == (409, True)
        assert [one["virtualNetwork"] for one in control(world, "/network-maps").json["value"]] == [first.scope.lower()]
        assert set_map(world, first, ours, theirs).status == 200

    def test_beside_each_other(self, world: Simulation) -> None:
        """Neighbours have nothing in common, nor has an address of one version with that of the other."""
        first, second = make_network(world), make_network(world)
        assert set_map(world, first, "10.0.0.0/25", "10.0.1.0/24", "::a00:0/120").status == 200
        assert set_map(world, second, "10.0.0.128/25", "10.0.2.0/24").status == 200

    @pytest.mark.parametrize(
        "scope",
        [
            "net",
            "",
            "/subscriptions/none/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n",
            f"/subscriptions/{NO_GUID}/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/n",
            f"/subscriptions/{NO_GUID}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/s",
            f"/subscriptions/{NO_GUID}/resourceGroups//providers/Microsoft.Network/virtualNetworks/n",
        ],
    )
    def test_what_is_no_virtual_network(self, world: Simulation, scope: str) -> None:
        """A name alone, another kind, a part of one."""
        assert set_map(world, scope, "192.0.2.0/24").status == 400
        assert control(world, "/network-maps/remove", {"virtualNetwork": scope}).status == 400

    def test_one_that_is_not_there(self, world: Simulation) -> None:
        """Of no subscription, or of one of ours that has none of the name."""
        for subscription in (NO_GUID, world.first.subscription_id):
            scope = f"/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/none"
            assert set_map(world, scope, "192.0.2.0/24").status == 404

    def test_one_of_any_tenant(self, world: Simulation) -> None:
        """The operator's word is over all of them; the map says whose the network is."""
        tenant, guid = world.tenant(), new_guid(secrets.token_bytes)
        world.commit(lambda tx: tx.put(Subscription(guid, tenant, "Theirs", int(START))))
        network = make_network(world, tenant, guid)
        assert set_map(world, network, "192.0.2.0/24").json["tenantId"] == tenant

    def test_it_goes_with_its_network(self, world: Simulation) -> None:
        """Another virtual network of the same name is not the one that the operator spoke of."""
        network, other = make_network(world), make_network(world)
        set_map(world, network, "192.0.2.0/24")
        set_map(world, other, "198.51.100.0/24")
        world.commit(lambda tx: network_maps.remove_maps_of(tx, [network]))
        assert [one["virtualNetwork"] for one in control(world, "/network-maps").json["value"]] == [other.scope.lower()]

    def test_it_is_recorded(self, world: Simulation) -> None:
        """With network, tenant and ranges; its removal likewise."""
        network = make_network(world)
        set_map(world, network, "192.0.2.0/24")
        entry = world.entries()[-1]
        assert entry["operationName"] == "NetworkMapSet"
        assert entry["properties"]["virtualNetworkId"] == network.scope.lower()
        assert entry["properties"]["addressRanges"] == ["192.0.2.0/24"]
        control(world, "/network-maps/remove", {"virtualNetwork": network.scope})
        entry = world.entries()[-1]
        assert (entry["operationName"], entry["properties"]["tenantId"]) == ("NetworkMapRemove", network.tenant)
        assert entry["properties"]["virtualNetworkId"] == network.scope.lower()

    def test_no_other_way(self, world: Simulation) -> None:
        """The rows are on the owner's socket alone, whatever host is asked on another listener."""
        for host in ("control", "management.localhost:8443"):
            answer = world.ask("GET", "https://control/network-maps", host=host)
            assert answer.status in {401, 404, 421}


class TestSurfaces:
    """SEC-FLOW-12: what is served through a private endpoint: vaults, and nothing else."""

    def through(self, world: Simulation, url: str, **how: Any) -> Answer:
        """Ask as through a private endpoint's listener."""
        scope = f"/subscriptions/{NO_GUID}/resourcegroups/g/providers/microsoft.network/privateendpoints/e"
        return world.ask("GET", url, link=Link.PRIVATE_ENDPOINT, listener=scope, **how)

    def test_a_vault(self, world: Simulation) -> None:
        """Its own, by its name with the port of the URLs; whether it opens is for the vault's firewall to say."""
        assert self.through(world, f"{world.vault_url}{PATH}").status == 421
        network = make_network(world)
        endpoint = networks.private_endpoint(network, f"End-{secrets.token_hex(4)}")
        networks.put(world, endpoint, networks.connection(world.vault, endpoint))
        for _ in range(2):
            assert world.ask("GET", f"{world.vault_url}{PATH}", **networks.through(endpoint)).status == 401
            assert world.ask("GET", f"{world.vault_url[:-5]}{PATH}", **networks.through(endpoint)).status == 421
        assert self.through(world, f"{world.vault_url}{PATH}").status == 421

    @pytest.mark.parametrize(
        "host",
        [
            "login.localhost:8443",
            "management.localhost:8443",
            "graph.localhost:8443",
            "control",
            "localhost",
            "metadata",
            "v.vault.azure.net",
            "login.microsoftonline.com",
            "127.0.0.1:8443",
            "[::1]:8443",
            "elsewhere.example",
        ],
    )
    @pytest.mark.parametrize("path", ["/", "/status", "/msi/token", "/metadata/identity/oauth2/token", "/common/.well"])
    def test_nothing_else(self, world: Simulation, host: str, path: str) -> None:
        """No surface but vaults has a name there, nor has an address; on the main listener some of these are served."""
        answer = self.through(world, f"https://{host}{path}", host=host)
        assert answer.status == 421
        assert answer.error["message"] == "This service does not answer to that host name."

    def test_the_diagnostic(self, world: Simulation) -> None:
        """Health by address, as on the main listener; without a Host header nothing."""
        assert self.through(world, "https://127.0.0.1:8443/healthstatus").status == 200
        assert self.through(world, "https://127.0.0.1:8443/healthstatus", host="").status == 400

    def test_a_host_is_not_remembered_for_another_listener(self, world: Simulation) -> None:
        """What a name stands for is kept by name and listener."""
        url = f"{world.login_url}/{world.first.tenant_id}/v2.0/.well-known/openid-configuration"
        for _ in range(2):
            assert world.ask("GET", url).status == 200
            assert self.through(world, url).status == 421
