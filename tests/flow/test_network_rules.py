"""A vault's firewall over networks, private endpoints and perimeters: what counts, and that it ends with its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls, PublicNetworkAccess, VirtualNetworkRule
from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    NetworkMap,
    Perimeter,
    PerimeterAssociation,
    PerimeterMode,
    PerimeterRule,
    PrivateEndpoint,
    VirtualNetwork,
)
from strongroom.core.records import Record
from tests.flow import journal, networks
from tests.flow import test_managed_identity as runs
from tests.flow.client import Client, client_of, make_tenant, make_vault
from tests.flow.networks import (
    association,
    connection,
    network_map,
    perimeter,
    private_endpoint,
    put,
    reads,
    remove,
    subnet_of,
    through,
    virtual_network,
)
from tests.world import Simulation

INSIDE, BESIDE, OUTSIDE = "10.1.2.3", "10.9.2.3", "198.51.100.9"
"""In the network and where the operator said it is; in the network alone; in nothing."""
V6_INSIDE, V6_BESIDE = "2001:db8:1::7", "2001:db8:9::7"
DISABLED = PublicNetworkAccess.DISABLED

pytestmark = pytest.mark.usefixtures("restored", "cleared")


@pytest.fixture
def cleared(world: Simulation) -> Iterator[None]:
    """Leave nothing around the first vault behind, since the tests share a world."""
    yield
    kinds: tuple[type[Record], ...] = (
        VirtualNetwork,
        NetworkMap,
        PrivateEndpoint,
        EndpointConnection,
        Perimeter,
        PerimeterAssociation,
    )
    remove(world, *(one for kind in kinds for one in world.view.all(kind)))


def ask(vault: Client, peer: str = OUTSIDE, **how: Any) -> bool:
    """Ask for something in the vault from an address; whether the firewall let it through."""
    return reads(vault.ask("GET", "/secrets", peer=peer, **how))


def fence(world: Simulation, *subnets: str, ignore_missing: bool = False, **changes: Any) -> None:
    """Let nobody into the first vault but some subnets."""
    rules = tuple(VirtualNetworkRule(one, ignore_missing) for one in subnets)
    acls = NetworkAcls(DefaultAction.DENY, Bypass.NONE, virtual_network_rules=rules)
    world.set_vault(network_acls=acls, **changes)


def properties(world: Simulation) -> dict[str, Any]:
    """Give the properties of the last audit entry."""
    found: dict[str, Any] = journal.last(world)["properties"]
    return found


class TestSubnets:
    """Virtual network rules: prefixes that a tenant wrote, inside ranges that the operator mapped."""

    def test_only_what_is_in_both_counts(self, world: Simulation, vault: Client) -> None:
        """SEC-FLOW-13: a prefix outside what the operator mapped admits nobody, and neither does the map alone."""
        network = virtual_network(world, prefixes=("10.0.0.0/8", "2001:db8::/32"))
        put(world, network, network_map(network, ("10.1.0.0/16", "192.0.2.0/24", "2001:db8:1::/48")))
        fence(world, subnet_of(network).upper())
        assert ask(vault, INSIDE)
        assert properties(world)["addrAuthType"] == f"virtualNetworkRule {subnet_of(network).lower()}"
        assert properties(world)["subnetId"] == subnet_of(network).lower()
        assert ask(vault, f"::ffff:{INSIDE}")
        assert ask(vault, V6_INSIDE)
        for outside in (BESIDE, "192.0.2.1", V6_BESIDE, OUTSIDE):
            assert not ask(vault, outside), outside
            assert "subnetId" not in properties(world)

    def test_a_network_that_nobody_mapped_admits_nobody(self, world: Simulation, vault: Client) -> None:
        """SEC-FLOW-13, SEC-TENANT-9: whoever writes prefixes and joins subnets gets nobody in by that."""
        network = virtual_network(world, prefixes=("0.0.0.0/0", "::/0"))
        put(world, network)
        fence(world, subnet_of(network))
        assert not ask(vault, INSIDE)
        assert not ask(vault, V6_INSIDE)

    @pytest.mark.parametrize("ignore_missing", [False, True])
    def test_a_subnet_without_the_service_endpoint_admits_nobody(
        self, world: Simulation, vault: Client, *, ignore_missing: bool
    ) -> None:
        """`ignoreMissingVnetServiceEndpoint` lets the rule be saved; it counts once the subnet has the endpoint."""
        network = virtual_network(world, service_endpoints=("Microsoft.Storage",))
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        fence(world, subnet_of(network), ignore_missing=ignore_missing)
        assert not ask(vault, INSIDE)
        put(world, networks.renamed(network, service_endpoints=("microsoft.keyvault",)))
        assert ask(vault, INSIDE)

    def test_another_tenants_network_admits_nobody(self, world: Simulation, vault: Client) -> None:
        """SEC-TENANT-1: what another tenant calls its own does not count, although the operator mapped it."""
        network = virtual_network(world, tenant=world.tenant())
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        fence(world, subnet_of(network))
        assert not ask(vault, INSIDE)

    def test_a_rule_of_one_subnet_does_not_count_for_another(self, world: Simulation, vault: Client) -> None:
        """An id that only begins alike names something else."""
        network = virtual_network(world)
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        fence(world, f"{subnet_of(network)}2", f"{network.scope}2/subnets/Sub1", network.scope)
        assert not ask(vault, INSIDE)

    @pytest.mark.parametrize("gone", [VirtualNetwork, NetworkMap])
    def test_what_is_removed_ends_at_once(self, world: Simulation, vault: Client, gone: type[Record]) -> None:
        """SEC-FLOW-13: the request after a removal is refused, whatever was decided before."""
        network = virtual_network(world)
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        fence(world, subnet_of(network))
        assert ask(vault, INSIDE)
        remove(world, *world.view.all(gone))
        assert not ask(vault, INSIDE)

    def test_what_is_narrowed_ends_at_once(self, world: Simulation, vault: Client) -> None:
        """A prefix taken from the subnet, or a range from the map, counts no longer."""
        network = virtual_network(world)
        mapped = network_map(network, ("10.1.0.0/16",))
        put(world, network, mapped)
        fence(world, subnet_of(network))
        assert ask(vault, INSIDE)
        put(world, networks.renamed(network, address_prefixes=("10.1.99.0/24",)))
        assert not ask(vault, INSIDE)
        put(world, network)
        assert ask(vault, INSIDE)
        put(world, replace(mapped, ranges=("10.1.99.0/24",)))
        assert not ask(vault, INSIDE)

    def test_the_narrowest_rule_is_the_evidence(self, world: Simulation, vault: Client) -> None:
        """An IP rule inside a subnet is named, and so is a subnet inside an IP rule."""
        network = virtual_network(world)
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        fence(world, subnet_of(network))
        acls = world.vault.network_acls
        assert acls is not None
        world.set_vault(network_acls=replace(acls, ip_rules=("10.0.0.0/8", "10.1.2.0/24", "10.1.0.0/16")))
        for peer, rule in (
            (INSIDE, "ipRule 10.1.2.0/24"),
            ("10.1.9.9", "ipRule 10.1.0.0/16"),
            (BESIDE, "ipRule 10.0.0.0/8"),
        ):
            assert ask(vault, peer)
            assert properties(world)["addrAuthType"] == rule
        world.set_vault(network_acls=replace(acls, ip_rules=("10.0.0.0/8",)))
        assert ask(vault, INSIDE)
        assert properties(world)["subnetId"] == subnet_of(network).lower()

    def test_a_forwarding_header_is_not_where_a_request_comes_from(self, world: Simulation, vault: Client) -> None:
        """SEC-FLOW-10: nobody's word but the socket's counts."""
        network = virtual_network(world)
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        fence(world, subnet_of(network))
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Azure-ClientIP", "X-Azure-SocketIP"):
            value = f"for={INSIDE}" if name == "Forwarded" else INSIDE
            assert not ask(vault, OUTSIDE, headers={name: value}), name


class TestEndpoints:
    """Private endpoints: a listener, a source network and the owner's word, all together."""

    @pytest.fixture
    def endpoint(self, world: Simulation) -> PrivateEndpoint:
        """Make a private endpoint in a network that the operator mapped."""
        network = virtual_network(world, service_endpoints=())
        put(world, network, network_map(network, ("10.1.0.0/16",)))
        made = private_endpoint(network)
        put(world, made)
        return made

    @pytest.mark.parametrize("access", list(PublicNetworkAccess))
    def test_an_approved_endpoint_needs_no_rule(
        self, world: Simulation, vault: Client, endpoint: PrivateEndpoint, access: PublicNetworkAccess
    ) -> None:
        """SEC-FLOW-12: whatever the vault says of public access, its own endpoint's network comes in."""
        put(world, connection(world.vault, endpoint))
        fence(world, public_network_access=access)
        assert ask(vault, INSIDE, **through(endpoint))
        scope = endpoint.scope.lower()
        assert properties(world)["addrAuthType"] == f"privateEndpoint {scope}"
        assert properties(world)["privateEndpointId"] == scope
        assert not ask(vault, INSIDE)
        assert "privateEndpointId" not in properties(world)

    def test_an_endpoint_is_exempt_from_the_perimeter(
        self, world: Simulation, vault: Client, endpoint: PrivateEndpoint
    ) -> None:
        """Reference section 2: "PE traffic ... is exempt from Network Security Perimeter (NSP) rules"."""
        around = perimeter(world)
        put(world, connection(world.vault, endpoint), around, association(around, world.vault))
        assert ask(vault, INSIDE, **through(endpoint))
        assert "perimeterId" not in properties(world)
        assert not ask(vault, INSIDE)

    @pytest.mark.parametrize("action", list(DefaultAction))
    def test_its_address_from_elsewhere_is_no_way_in(
        self, world: Simulation, vault: Client, endpoint: PrivateEndpoint, action: DefaultAction
    ) -> None:
        """SEC-FLOW-12: a listener that is reached from another network proves nothing, and is no public way either."""
        put(world, connection(world.vault, endpoint))
        world.set_vault(network_acls=NetworkAcls(action, Bypass.AZURE_SERVICES, (f"{OUTSIDE}/32", f"{BESIDE}/32")))
        for peer in (OUTSIDE, BESIDE):
            answer = vault.ask("GET", "/secrets", peer=peer, **through(endpoint))
            assert answer.status == 403
            assert answer.error["innererror"]["code"] == "ForbiddenByConnection"
            assert properties(world)["privateEndpointId"] == endpoint.scope.lower()
            assert "addrAuthType" not in properties(world)

    @pytest.mark.parametrize("state", [one for one in ConnectionState if one is not ConnectionState.APPROVED])
    def test_only_an_approved_connection_counts(
        self, world: Simulation, vault: Client, endpoint: PrivateEndpoint, state: ConnectionState
    ) -> None:
        """SEC-FLOW-12: pending, rejected and disconnected are refused, though the vault is open to everybody else."""
        put(world, connection(world.vault, endpoint, state))
        assert ask(vault, INSIDE)
        answer = vault.ask("GET", "/secrets", peer=INSIDE, **through(endpoint))
        assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByConnection")

    def test_what_is_taken_back_ends_at_once(self, world: Simulation, vault: Client, endpoint: PrivateEndpoint) -> None:
        """Each record that an endpoint rests on ends it with the next request."""
        approved = connection(world.vault, endpoint)
        network, mapped = world.view.all(VirtualNetwork)[0], world.view.all(NetworkMap)[0]
        steps: tuple[Callable[[], None], ...] = (
            lambda: put(world, replace(approved, state=ConnectionState.REJECTED)),
            lambda: remove(world, endpoint),
            lambda: remove(world, mapped),
            lambda: remove(world, network),
            lambda: put(world, replace(mapped, ranges=("10.200.0.0/16",))),
        )
        for step in steps:
            put(world, approved, endpoint, network, mapped)
            assert ask(vault, INSIDE, **through(endpoint))
            step()
            assert not ask(vault, INSIDE, **through(endpoint))

    def test_an_endpoint_opens_only_its_own_vault(
        self, world: Simulation, vault: Client, endpoint: PrivateEndpoint
    ) -> None:
        """SEC-FLOW-12: another vault, a vault that is not there and one of another tenant are all the same to it."""
        put(world, connection(world.vault, endpoint))
        alien = make_tenant(world)
        hosts = ("nothing-there", alien.vault.name)
        answers = [
            world.ask(
                "GET",
                f"https://{host}.vault.localhost:8443/{path}?api-version=7.4",
                token=vault.token,
                peer=INSIDE,
                **through(endpoint),  # type: ignore[arg-type]  # the two that it names
            )
            for host in hosts
            for path in ("secrets", "healthstatus", "nothing/of/the/kind")
        ]
        assert {answer.status for answer in answers} == {421}
        assert len({answer.body for answer in answers}) == 1
        assert answers[0].error == {
            "code": "MisdirectedRequest",
            "message": "This private endpoint does not lead to the vault of this name.",
        }
        assert {answer.headers["x-ms-keyvault-region"] for answer in answers} == {world.world.settings.region}
        # Gone, its own connection is the same again.
        remove(world, connection(world.vault, endpoint))
        assert vault.ask("GET", "/secrets", peer=INSIDE, **through(endpoint)).status == 421

    def test_two_vaults_over_one_connection_are_judged_one_by_one(
        self, world: Simulation, vault: Client, endpoint: PrivateEndpoint
    ) -> None:
        """SEC-FLOW-7: what one request was let into says nothing about the next one over the same connection."""
        first = world.first
        second = make_vault(world, first.tenant_id, first.installation.subscription, world.administrator.oid)
        other = Client(world, origin=f"https://{second.name}.vault.localhost:8443")
        fence(world)
        put(world, connection(world.vault, endpoint))
        for _ in range(2):
            assert ask(vault, INSIDE, **through(endpoint))
            assert other.ask("GET", "/secrets", peer=INSIDE, **through(endpoint)).status == 421
            assert ask(other, OUTSIDE)
            assert not ask(vault, OUTSIDE)

    def test_what_the_firewall_saw_is_told(self, world: Simulation, vault: Client, endpoint: PrivateEndpoint) -> None:
        """Reference section 1.7: the diagnostic names the link and the endpoint, by vault and by address."""
        put(world, connection(world.vault, endpoint, ConnectionState.REJECTED))
        scope = endpoint.scope.lower()
        expected = f"conn_type=PrivateLink;private_endpoint={scope};addr={INSIDE};act_addr_fam=InterNetworkV6;"
        for host in (None, "10.1.0.4:8443"):
            answer = world.ask(
                "GET",
                f"{world.vault_url}/healthstatus",
                host=host,
                peer=INSIDE,
                link=Link.PRIVATE_ENDPOINT,
                listener=endpoint.scope.lower(),
            )
            assert answer.status == 200, answer.body
            assert answer.headers["x-ms-keyvault-network-info"] == expected
        assert vault.ask("GET", "/secrets", peer=INSIDE).headers["x-ms-keyvault-network-info"] == (
            f"conn_type=Ipv4;addr={INSIDE};act_addr_fam=InterNetwork;"
        )

    def test_an_endpoint_of_another_tenant_comes_in_by_the_owners_word(self, world: Simulation) -> None:
        """SEC-TENANT-10: approval opens a way to the door, and nothing behind it: token and right are asked as ever."""
        network = virtual_network(world, service_endpoints=())
        endpoint = private_endpoint(network)
        put(world, network, network_map(network, ("10.1.0.0/16",)), endpoint)
        alien = make_tenant(world)
        put(world, connection(alien.vault, endpoint))
        closed = replace(alien.vault, public_network_access=DISABLED)
        put(world, closed)
        assert ask(client_of(world, alien), INSIDE, **through(endpoint))
        stranger = Client(world, world.principal("stranger", alien.id), tenant=alien.id)
        answer = world.ask(
            "GET",
            f"https://{alien.vault.name}.vault.localhost:8443/secrets?api-version=7.4",
            token=stranger.token,
            peer=INSIDE,
            **through(endpoint),  # type: ignore[arg-type]  # the two that it names
        )
        assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByRbac")


class TestPerimeters:
    """Network security perimeters: enforced, learning, and gone."""

    def test_an_enforced_perimeter_decides_alone(self, world: Simulation, vault: Client) -> None:
        """Reference section 2: "perimeter rules override `publicNetworkAccess`, deny everything not allowed"."""
        around = perimeter(world, PerimeterRule("in", ("192.0.2.0/24", "2001:db8:1::/48")))
        put(world, around, association(around, world.vault))
        for access in PublicNetworkAccess:
            world.set_vault(
                network_acls=NetworkAcls(DefaultAction.ALLOW, Bypass.AZURE_SERVICES, (f"{OUTSIDE}/32",)),
                public_network_access=access,
            )
            assert ask(vault, "192.0.2.9")
            assert properties(world)["addrAuthType"] == "perimeterRule 192.0.2.0/24"
            assert properties(world)["perimeterId"] == around.scope
            assert ask(vault, V6_INSIDE)
            answer = vault.ask("GET", "/secrets", peer=OUTSIDE)
            assert (answer.status, answer.error["innererror"]["code"]) == (403, "ForbiddenByFirewall")
            assert answer.error["message"].startswith("Request was not allowed by NSP rules and the client address is")

    def test_outbound_rules_and_other_profiles_admit_nobody(self, world: Simulation, vault: Client) -> None:
        """A vault ignores outbound rules, and is in one profile."""
        around = perimeter(world, PerimeterRule("out", ("192.0.2.0/24",), outbound=True))
        others = replace(around.profiles[0], name="Profile2", rules=(PerimeterRule("in", ("192.0.2.0/24",)),))
        put(world, replace(around, profiles=(*around.profiles, others)), association(around, world.vault))
        assert not ask(vault, "192.0.2.9")

    @pytest.mark.parametrize("mode", [PerimeterMode.LEARNING, PerimeterMode.AUDIT])
    def test_a_perimeter_that_learns_only_tells(self, world: Simulation, vault: Client, mode: PerimeterMode) -> None:
        """The vault's own settings decide, and the journal says what the perimeter would have."""
        around = perimeter(world, PerimeterRule("in", ("192.0.2.0/24",)))
        put(world, around, association(around, world.vault, mode))
        assert ask(vault, OUTSIDE)
        told = properties(world)
        assert (told["addrAuthType"], told["perimeterReport"]) == ("defaultAction", "blocked by perimeterRules")
        assert told["perimeterId"] == around.scope
        assert ask(vault, "192.0.2.9")
        assert properties(world)["perimeterReport"] == "admitted by perimeterRule 192.0.2.0/24"
        fence(world)
        assert not ask(vault, "192.0.2.9")
        assert properties(world)["perimeterReport"] == "admitted by perimeterRule 192.0.2.0/24"
        # A vault that leaves it to the perimeter is in its hands, whatever the mode.
        fence(world, public_network_access=PublicNetworkAccess.SECURED_BY_PERIMETER)
        assert ask(vault, "192.0.2.9")
        assert not ask(vault, OUTSIDE)

    def test_a_rule_for_a_subscription_admits_its_managed_identities(self, world: Simulation) -> None:
        """The caller is known by its verified token; anybody else of the subscription's tenant is refused."""
        subscription = world.first.installation.subscription
        around = perimeter(world, PerimeterRule("in", subscriptions=(subscription.upper(),)))
        put(world, around, association(around, world.vault))
        run = runs.begin(world)
        token = runs.ask(world, run).json["access_token"]
        url = f"{world.vault_url}/secrets?api-version=7.4"
        assert reads(world.ask("GET", url, token=token, peer=OUTSIDE))
        assert properties(world)["addrAuthType"] == f"perimeterRule {subscription}"
        assert not reads(world.ask("GET", url, token=world.token(world.administrator), peer=OUTSIDE))
        # A token that does not verify says nothing of a subscription.
        answer = world.ask("GET", url, token=f"{token}x", peer=OUTSIDE)
        assert answer.error["innererror"]["code"] == "ForbiddenByFirewall"
        assert "Caller" not in answer.error["message"]
        put(world, association(around, world.vault, PerimeterMode.LEARNING))
        assert reads(world.ask("GET", url, token=token, peer=OUTSIDE))
        assert properties(world)["perimeterReport"] == f"admitted by perimeterRule {subscription}"

    def test_what_is_removed_ends_at_once(self, world: Simulation, vault: Client) -> None:
        """A rule, a profile, a perimeter: gone, none admits. The association gone, the vault's own settings decide."""
        around = perimeter(world, PerimeterRule("in", ("192.0.2.0/24",)))
        inside = association(around, world.vault)
        put(world, inside)
        steps: tuple[Callable[[], None], ...] = (
            lambda: put(world, replace(around, profiles=(replace(around.profiles[0], rules=()),))),
            lambda: put(world, replace(around, profiles=())),
            lambda: remove(world, around),
        )
        for step in steps:
            put(world, around)
            assert ask(vault, "192.0.2.9")
            step()
            assert not ask(vault, "192.0.2.9")
        put(world, around)
        assert not ask(vault, OUTSIDE)
        remove(world, inside)
        assert ask(vault, OUTSIDE)

    def test_another_tenants_perimeter_does_not_take_a_vault(self, world: Simulation, vault: Client) -> None:
        """SEC-TENANT-1: an association that is not of the vault's tenant decides nothing about it."""
        around = replace(perimeter(world, PerimeterRule("in", ("192.0.2.0/24",))), tenant=world.tenant())
        put(world, around, association(around, world.vault))
        fence(world)
        assert not ask(vault, "192.0.2.9")
