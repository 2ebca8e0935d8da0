"""Virtual networks and subnets on the management plane: shapes, ranges, what is in use, limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from strongroom.core import network_limits as limits
from strongroom.core.builtin_roles import CONTRIBUTOR, READER
from strongroom.core.records import Record
from strongroom.store.reader import SqlReader
from tests.flow.arm import Arm
from tests.world import Simulation

R = TypeVar("R", bound=Record)


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def subnet(name: str, *prefixes: str, **properties: Any) -> dict[str, Any]:
    """Write a subnet as azure-mgmt-network sends it."""
    return {"name": name, "properties": {"addressPrefixes": list(prefixes), **properties}}


class TestLife:
    """Made, shown, changed, removed."""

    def test_life(self, arm: Arm) -> None:
        """The members that Azure's clients read; found in any case; PUT replaces, PATCH replaces tags alone."""
        arm.make_group()
        body = arm.network_body(
            subnet("a", "10.1.1.0/24", serviceEndpoints=[{"service": "Microsoft.KeyVault"}], delegations=[]),
            {"name": "b", "properties": {"addressPrefix": "10.1.2.0/24", "networkSecurityGroup": {"id": "/ignored"}}},
            dhcpOptions={"dnsServers": []},
        )
        answer = arm.ask("PUT", arm.network, body | {"location": "West Europe", "tags": {"a": "b"}})
        assert answer.status == 201
        made = answer.json
        etag = made["etag"]
        assert etag.startswith('W/"')
        shown = {
            "provisioningState": "Succeeded",
            "addressPrefix": "10.1.1.0/24",
            "addressPrefixes": ["10.1.1.0/24"],
            "serviceEndpoints": [
                {"provisioningState": "Succeeded", "service": "Microsoft.KeyVault", "locations": ["*"]}
            ],
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
        }
        assert made["properties"]["subnets"][0] == {
            "id": f"{arm.network}/subnets/a",
            "name": "a",
            "type": "Microsoft.Network/virtualNetworks/subnets",
            "etag": etag,
            "properties": shown,
        }
        assert [one["name"] for one in made["properties"]["subnets"]] == ["a", "b"]
        assert {name: made[name] for name in ("id", "name", "type", "location", "tags")} == {
            "id": arm.network,
            "name": f"n-{arm.tag}",
            "type": "Microsoft.Network/virtualNetworks",
            "location": "westeurope",
            "tags": {"a": "b"},
        }
        assert made["properties"]["addressSpace"] == {"addressPrefixes": ["10.1.0.0/16"]}
        assert made["properties"]["provisioningState"] == "Succeeded"
        assert made["properties"]["privateEndpointVNetPolicies"] == "Disabled"
        assert arm.do("GET", arm.network.replace("/n-", "/N-").replace("virtualNetworks", "VIRTUALnetworks")) == made
        assert arm.do("GET", f"{arm.network}/subnets/A") == made["properties"]["subnets"][0]
        patched = arm.do("PATCH", arm.network, {"tags": {"c": "d"}})
        assert patched["properties"]["addressSpace"] == made["properties"]["addressSpace"]
        assert (patched["tags"], patched["etag"] != etag) == ({"c": "d"}, True)
        assert arm.do("PATCH", arm.network, {}) == patched
        assert arm.ask("DELETE", arm.network).status == 202
        assert arm.ask("DELETE", arm.network).status == 204
        for method in ("GET", "PATCH"):
            assert arm.refused(method, arm.network, {} if method == "PATCH" else None)[:2] == (404, "ResourceNotFound")

    def test_subnets_one_by_one(self, arm: Arm) -> None:
        """A subnet is made, changed under the name that it has, and removed; absent is 204."""
        arm.make_group()
        arm.do("PUT", arm.network, arm.network_body())
        path = f"{arm.network}/subnets/One"
        assert arm.ask("PUT", path, subnet("other", "10.1.1.0/24")).status == 201
        answer = arm.ask("PUT", path.replace("One", "ONE"), subnet("ONE", "10.1.2.0/24", "10.1.3.0/24"))
        assert answer.status == 200
        assert answer.json["id"] == path
        assert "addressPrefix" not in answer.json["properties"]
        assert answer.json["properties"]["addressPrefixes"] == ["10.1.2.0/24", "10.1.3.0/24"]
        assert arm.do("GET", f"{arm.network}/subnets")["value"] == [answer.json]
        assert arm.ask("DELETE", path).status == 202
        assert arm.ask("DELETE", path).status == 204
        assert arm.refused("GET", path) == (404, "NotFound", f"Resource {path} not found.")

    def test_put_without_subnets_leaves_them(self, arm: Arm) -> None:
        """A body that says nothing of subnets removes none; an empty list removes all."""
        made = arm.make_network()
        again = arm.do("PUT", arm.network, arm.network_body(addressSpace={"addressPrefixes": ["10.0.0.0/8"]}))
        assert [one["name"] for one in again["properties"]["subnets"]] == [
            one["name"] for one in made["properties"]["subnets"]
        ]
        assert arm.do("PUT", arm.network, arm.network_body(subnets=[]))["properties"]["subnets"] == []

    def test_lists_show_what_may_be_read(self, arm: Arm) -> None:
        """In the subscription, in the group and among all resources, to whoever may read it."""
        made = arm.make_network()
        everywhere = f"{arm.subscription}/providers/Microsoft.Network/virtualNetworks"
        assert arm.do("GET", arm.network.rpartition("/")[0])["value"] == [made]
        kind = "?$filter=resourceType%20eq%20'Microsoft.Network/virtualNetworks'"
        assert [one["id"] for one in arm.do("GET", f"{arm.group}/resources{kind}")["value"]] == [arm.network]
        reader = arm.as_(arm.world.principal())
        assert reader.do("GET", everywhere)["value"] == []
        arm.world.grant(reader.who.oid, READER, arm.group)
        assert reader.do("GET", everywhere)["value"] == [made]

    @pytest.mark.parametrize("place", ["network", "subnet"])
    def test_a_role_over_it(self, arm: Arm, place: str) -> None:
        """Networks and subnets are scopes, and what was given over them goes with them, also by PUT of the network."""
        arm.make_network()
        scope: str = getattr(arm, place)
        manager = arm.as_(arm.world.principal())
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/d0000000-0000-4000-8000-0003{arm.tag}"
        arm.do("PUT", path, arm.assignment_body(manager.who.oid, CONTRIBUTOR))
        assert manager.ask("PUT", arm.subnet, arm.subnet_body()).status == 200
        if place == "subnet":
            assert manager.refused("GET", arm.network)[:2] == (403, "AuthorizationFailed")
            arm.do("PUT", arm.network, arm.network_body(subnets=[]))
        else:
            arm.do("DELETE", arm.network)
        arm.make_network()
        assert manager.refused("PUT", arm.subnet, arm.subnet_body())[:2] == (403, "AuthorizationFailed")
        absent = f"{arm.network}/subnets/none/providers/Microsoft.Authorization/roleAssignments"
        assert arm.refused("GET", absent)[:2] == (404, "NotFound")


OUTSIDE = (
    "Subnet 's' is not valid because its IP address range is outside the IP address range of virtual network '{n}'."
)
OVERLAP = (
    "Subnet 's' is not valid because its IP address range overlaps with that of an existing subnet in virtual network"
    " '{n}'."
)
FORMAT = (
    "Address prefix {p} of resource {at} is not formatted correctly. It should follow CIDR notation, for example"
    " 10.0.0.0/24."
)
HOST_BITS = (
    "The address prefix 10.1.1.1/24 in resource {at} has an invalid CIDR notation. For the given prefix length, the"
    " address prefix should be 10.1.1.0/24."
)
REFUSED = {
    "outside": (["10.2.0.0/24"], "NetcfgSubnetRangeOutsideVnet", OUTSIDE),
    "larger": (["10.0.0.0/8"], "NetcfgSubnetRangeOutsideVnet", OUTSIDE),
    "another family": (["2001:db8::/64"], "NetcfgSubnetRangeOutsideVnet", OUTSIDE),
    "inside another": (["10.1.1.128/25"], "NetcfgSubnetRangesOverlap", OVERLAP),
    "around another": (["10.1.0.0/23"], "NetcfgSubnetRangesOverlap", OVERLAP),
    "second prefix": (["10.1.9.0/24", "10.1.1.0/30"], "NetcfgSubnetRangesOverlap", OVERLAP),
    "no length": (["10.1.1.0"], "InvalidAddressPrefixFormat", FORMAT),
    "a mask": (["10.1.1.0/255.255.255.0"], "InvalidAddressPrefixFormat", FORMAT),
    "too long": (["10.1.1.0/33"], "InvalidAddressPrefixFormat", FORMAT),
    "host bits": (["10.1.1.1/24"], "InvalidCIDRNotation", HOST_BITS),
}


class TestRanges:
    """Where a subnet may lie."""

    @pytest.mark.parametrize(("prefixes", "code", "message"), REFUSED.values(), ids=REFUSED)
    @pytest.mark.parametrize("how", ["subnet", "network"])
    def test_refused(self, arm: Arm, prefixes: list[str], code: str, message: str, how: str) -> None:
        """Outside its network, over another subnet, or no range: the words of the real service, nothing changed."""
        arm.make_network()
        scope = f"{arm.network}/subnets/s"
        wanted = subnet("s", *prefixes)
        if how == "subnet":
            answer = arm.refused("PUT", scope, wanted)
        else:
            answer = arm.refused("PUT", arm.network, arm.network_body(arm.subnet_body(), wanted))
        repeated = prefixes[-1] if prefixes[-1].count(".") == 3 and "/255" not in prefixes[-1] else "REDACTED"
        assert answer == (400, code, message.format(n=f"n-{arm.tag}", at=scope, p=repeated))

    def test_space_that_leaves_a_subnet_out(self, arm: Arm) -> None:
        """A network cannot shrink away from its subnets."""
        arm.make_network()
        body = arm.network_body(addressSpace={"addressPrefixes": ["10.2.0.0/16"]})
        assert arm.refused("PUT", arm.network, body)[:2] == (400, "NetcfgSubnetRangeOutsideVnet")

    def test_accepted(self, arm: Arm) -> None:
        """Both families; a subnet over two ranges that touch; neighbours; a single address; its own former range."""
        arm.make_group()
        space = {"addressPrefixes": ["10.1.0.0/24", "10.1.1.0/24", "2001:db8::/48", "10.1.0.0/24"]}
        body = arm.network_body(
            subnet("both", "10.1.0.0/23"),
            subnet("six", "2001:db8:0:1::/64", "2001:DB8:0:2::/64"),
            addressSpace=space,
        )
        made = arm.do("PUT", arm.network, body)["properties"]
        assert made["addressSpace"]["addressPrefixes"] == ["10.1.0.0/24", "10.1.1.0/24", "2001:db8::/48"]
        assert made["subnets"][1]["properties"]["addressPrefixes"] == ["2001:db8:0:1::/64", "2001:db8:0:2::/64"]
        arm.do("PUT", f"{arm.network}/subnets/both", subnet("both", "10.1.0.0/31", "10.1.0.3/32"))
        arm.do("PUT", f"{arm.network}/subnets/one", subnet("one", "10.1.0.2/32"))

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"properties": {"addressSpace": {"addressPrefixes": []}}}, "MissingAddressPrefix"),
            ({"properties": {}}, "MissingAddressPrefix"),
            ({"location": "", "properties": {}}, "LocationRequired"),
            ({"location": "elsewhere!", "properties": {}}, "LocationNotAvailableForResourceType"),
            ({"tags": {"a/b": "c"}}, "InvalidTagNameCharacters"),
        ],
    )
    def test_bad_bodies(self, arm: Arm, body: dict[str, Any], code: str) -> None:
        """What a network lacks, or has wrong, is told by a word of its own."""
        arm.make_group()
        assert arm.refused("PUT", arm.network, arm.network_body() | body)[:2] == (400, code)

    @pytest.mark.parametrize("name", ["-a", "a.", "a b", "a" * 81])
    def test_bad_names(self, arm: Arm, name: str) -> None:
        """A name that is none is refused for networks and subnets, in NRP's words."""
        arm.make_network()
        for path, body in (
            (f"{arm.network.rpartition('/')[0]}/{name.replace(' ', '%20')}", arm.network_body()),
            (arm.network, arm.network_body(subnet(name, "10.1.9.0/24"))),
        ):
            status, code, message = arm.refused("PUT", path, body)
            assert (status, code) == (400, "InvalidResourceName")
            assert "It must begin with a word character" in message

    def test_two_subnets_of_one_name(self, arm: Arm) -> None:
        """Names differ in more than case."""
        arm.make_group()
        body = arm.network_body(subnet("a", "10.1.1.0/24"), subnet("A", "10.1.2.0/24"))
        assert arm.refused("PUT", arm.network, body)[:2] == (400, "DuplicateResourceName")

    def test_moved(self, arm: Arm) -> None:
        """A network stays where it is."""
        arm.make_network()
        assert arm.refused("PUT", arm.network, arm.network_body() | {"location": "elsewhere"})[:2] == (
            409,
            "InvalidResourceLocation",
        )

    def test_service_that_is_none(self, arm: Arm) -> None:
        """A service endpoint is a service's name; ones nobody here knows are kept."""
        arm.make_network("Microsoft.Storage")
        body = subnet("s", "10.1.1.0/24", serviceEndpoints=[{"service": "what you like!"}])
        assert arm.refused("PUT", arm.subnet, body)[:2] == (400, "InvalidServiceName")


class TestInUse:
    """What a private endpoint holds."""

    @pytest.mark.parametrize("how", ["subnet", "network", "put"])
    def test_a_subnet_with_an_endpoint_stays(self, arm: Arm, how: str) -> None:
        """It is removed in no way until the endpoint is; the sentence is the real service's."""
        arm.make_endpoint()
        ways: dict[str, Callable[[], tuple[int, str, str]]] = {
            "subnet": lambda: arm.refused("DELETE", arm.subnet),
            "network": lambda: arm.refused("DELETE", arm.network),
            "put": lambda: arm.refused("PUT", arm.network, arm.network_body(subnets=[])),
        }
        message = (
            f"Subnet s-{arm.tag} is in use by {arm.endpoint} and cannot be deleted. In order to delete the subnet,"
            " delete all the resources within the subnet. See aka.ms/deletesubnet."
        )
        assert ways[how]() == (400, "InUseSubnetCannotBeDeleted", message)
        shown = arm.do("GET", arm.subnet)["properties"]
        assert shown["privateEndpoints"] == [{"id": arm.endpoint}]
        arm.do("DELETE", arm.endpoint)
        arm.do("DELETE", arm.network)

    def test_group_that_others_use(self, arm: Arm) -> None:
        """A group whose network holds another group's endpoint stays whole; without it everything goes."""
        arm.make_vault()
        arm.make_network()
        other = f"{arm.group}-other"
        arm.do("PUT", other, {"location": "local"})
        endpoint = f"{other}/providers/Microsoft.Network/privateEndpoints/e"
        arm.do("PUT", endpoint, arm.endpoint_body())
        status, code, message = arm.refused("DELETE", arm.group)
        assert (status, code) == (409, "ResourceGroupDeletionBlocked")
        assert arm.network in message
        arm.do("DELETE", other)
        arm.do("DELETE", arm.group)
        arm.make_group()
        assert arm.do("GET", f"{arm.group}/resources")["value"] == []


class TestWork:
    """What a change costs, while nobody else can write."""

    def test_does_not_read_more_for_more_subnets(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the tenant has of each kind is read as often for many subnets that go as for one."""
        arm.make_group()
        arm.do("PUT", arm.network, arm.network_body(*[subnet(f"s{n}", f"10.1.{n}.0/24") for n in range(6)]))
        read: list[type] = []
        records = SqlReader.records

        def counted(self: SqlReader, kind: type[R], partition: str | None = None) -> Awaitable[list[R]]:
            read.append(kind)
            return records(self, kind, partition)

        monkeypatch.setattr(SqlReader, "records", counted)
        arm.do("PUT", arm.network, arm.network_body(*[subnet(f"s{n}", f"10.1.{n}.0/24") for n in range(5)]))
        once = sorted(kind.__name__ for kind in read)
        read.clear()
        arm.do("PUT", arm.network, arm.network_body(subnet("s0", "10.1.0.0/24")))
        assert sorted(kind.__name__ for kind in read) == once


class TestLimits:
    """At the limit, and one past it."""

    def test_subnets(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A network has so many subnets, however they are made."""
        monkeypatch.setattr(limits, "SUBNETS", 2)
        arm.make_group()
        three = [subnet(f"s{index}", f"10.1.{index}.0/24") for index in range(3)]
        arm.do("PUT", arm.network, arm.network_body(*three[:2]))
        for path, body in (
            (f"{arm.network}/subnets/s2", three[2]),
            (arm.network, arm.network_body(*three)),
        ):
            assert arm.refused("PUT", path, body)[:2] == (400, "SubnetCountLimitReached")

    def test_networks(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A subscription has so many networks; those there are can be changed."""
        arm.make_network()
        everywhere = arm.do("GET", f"{arm.subscription}/providers/Microsoft.Network/virtualNetworks")["value"]
        monkeypatch.setattr(limits, "VIRTUAL_NETWORKS", len(everywhere) + 1)
        arm.do("PUT", f"{arm.network}-2", arm.network_body())
        assert arm.refused("PUT", f"{arm.network}-3", arm.network_body())[:2] == (
            400,
            "VirtualNetworkCountLimitReached",
        )
        arm.do("PUT", arm.network, arm.network_body())

    def test_prefixes(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A network and a subnet have so many prefixes each."""
        monkeypatch.setattr(limits, "NETWORK_PREFIXES", 2)
        monkeypatch.setattr(limits, "SUBNET_PREFIXES", 3)
        arm.make_group()
        space = [f"10.{index}.0.0/16" for index in range(3)]
        arm.do("PUT", arm.network, arm.network_body(addressSpace={"addressPrefixes": space[:2]}))
        body = arm.network_body(addressSpace={"addressPrefixes": space})
        assert arm.refused("PUT", arm.network, body)[:2] == (400, "TooManyAddressPrefixes")
        ranges = [f"10.1.{index}.0/24" for index in range(4)]
        arm.do("PUT", arm.subnet, subnet("s", *ranges[:3]))
        assert arm.refused("PUT", arm.subnet, subnet("s", *ranges))[:2] == (400, "TooManyAddressPrefixes")

    def test_name(self, arm: Arm) -> None:
        """80 characters are a name, and 81 are none."""
        arm.make_group()
        parent = arm.network.rpartition("/")[0]
        name = "n" * limits.NETWORK_NAME_CHARS
        arm.do("PUT", f"{parent}/{name}", arm.network_body())
        assert arm.refused("PUT", f"{parent}/{name}n", arm.network_body())[:2] == (400, "InvalidResourceName")

    def test_thousands(self, arm: Arm) -> None:
        """A network of 3000 subnets is made and shown, and its last one checked against all others."""
        arm.make_group()
        many = [subnet(f"s{index}", f"10.{index // 256}.{index % 256}.0/24") for index in range(limits.SUBNETS - 1)]
        arm.do("PUT", arm.network, arm.network_body(*many, addressSpace={"addressPrefixes": ["10.0.0.0/8"]}))
        assert len(arm.do("GET", arm.network)["properties"]["subnets"]) == limits.SUBNETS - 1
        assert arm.refused("PUT", f"{arm.network}/subnets/x", subnet("x", "10.5.5.5/32"))[:2] == (
            400,
            "NetcfgSubnetRangesOverlap",
        )
        arm.do("PUT", f"{arm.network}/subnets/x", subnet("x", "10.200.0.0/16"))
        assert arm.refused("PUT", f"{arm.network}/subnets/y", subnet("y", "10.201.0.0/16"))[:2] == (
            400,
            "SubnetCountLimitReached",
        )
