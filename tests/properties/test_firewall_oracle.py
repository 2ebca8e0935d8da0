"""
The firewall against the second evaluator in `oracle/`, on random vaults, surroundings, connections and callers.

The product is asked from its records on: networks, maps, endpoints and perimeters go through the view, and the verdict
through the admission. 50,000 cases here, a million in `make soak`, and a seed that brings a mismatch back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest

from strongroom.core.errors import Forbidden
from strongroom.core.identity import Caller, PrincipalType, Unidentified
from strongroom.core.network import (
    Bypass,
    Connection,
    DefaultAction,
    Link,
    NetworkAcls,
    PublicNetworkAccess,
    VirtualNetworkRule,
)
from strongroom.core.networks import (
    ConnectionState,
    DeploymentFlag,
    EndpointConnection,
    NetworkMap,
    Perimeter,
    PerimeterAssociation,
    PerimeterMode,
    PerimeterProfile,
    PerimeterRule,
    PrivateEndpoint,
    Subnet,
    TrustedService,
    VirtualNetwork,
)
from strongroom.core.records import Record
from strongroom.core.vaults import Vault
from strongroom.flow.firewall import admit, judge
from strongroom.flow.world import World
from strongroom.view import View
from tests.properties.oracle import places
from tests.properties.oracle.asking import CASES, ENOUGH, SLICES, TIME_S, chance_of, origin, same_chance
from tests.properties.oracle.firewall import Knock, Outcome, Place, Who, decide

KNOCKS = 60
"""How many requests one vault gets."""
TENANT, FOREIGN = "7e4a0000-0000-4000-8000-00000000000a", "7e4a0000-0000-4000-8000-00000000000b"
SUBSCRIPTION = places.SUBSCRIPTIONS[0]
VAULT = "fa170000-0000-4000-8000-000000000001"
_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers"

ANYWHERE = ("0.0.0.0/0", "::/0")

Ask = Callable[[Knock], str]
"""How a request fares with the product, in the words of `Outcome`."""


# ---- the product ----------------------------------------------------------------------------------------------------


def _network_id(name: str) -> str:
    return f"{_GROUP}/Microsoft.Network/virtualNetworks/{name}".lower()


def _endpoint_id(name: str) -> str:
    return f"{_GROUP}/Microsoft.Network/privateEndpoints/{name}".lower()


def _vault(place: Place) -> Vault:
    rules = tuple(
        # In whatever case somebody wrote it.
        VirtualNetworkRule(f"{_network_id(network)}/SUBNETS/{subnet}") for network, subnet in place.network_rules
    )  # fmt: skip
    return Vault(
        id=VAULT, tenant=TENANT, subscription=SUBSCRIPTION, resource_group="rg", name="kv", location="local", created=0,
        wrapped_key=b"", public_network_access=PublicNetworkAccess(place.access),
        network_acls=NetworkAcls(
            DefaultAction.DENY if place.closed else DefaultAction.ALLOW,
            Bypass.AZURE_SERVICES if place.bypass else Bypass.NONE, place.ip_rules, rules,
        ),
        enabled_for_deployment="enabledForDeployment" in place.flags,
        enabled_for_disk_encryption="enabledForDiskEncryption" in place.flags,
        enabled_for_template_deployment="enabledForTemplateDeployment" in place.flags,
    )  # fmt: skip


def _networks(place: Place) -> Iterator[Record]:
    for name, network in place.networks.items():
        tenant = FOREIGN if network.foreign else TENANT
        subnets = tuple(
            Subnet(one, subnet.prefixes, ("Microsoft.KeyVault",) if subnet.ready else ("Microsoft.Storage",))
            for one, subnet in network.subnets.items()
        )
        yield VirtualNetwork(
            id=f"{SUBSCRIPTION}/rg/{name}", tenant=tenant, subscription=SUBSCRIPTION, resource_group="rg", name=name,
            location="local", created=0, address_prefixes=("0.0.0.0/0", "::/0"), subnets=subnets,
        )  # fmt: skip
        if network.mapped is not None:
            yield NetworkMap(f"map-{name}", tenant, _network_id(name), network.mapped, 0)


def _endpoints(place: Place) -> Iterator[Record]:
    for name, endpoint in place.endpoints.items():
        network = place.networks.get(endpoint.network)
        subnet = next(iter(network.subnets)) if network is not None else "default"
        yield PrivateEndpoint(
            id=f"{SUBSCRIPTION}/rg/{name}", tenant=FOREIGN if network is not None and network.foreign else TENANT,
            subscription=SUBSCRIPTION, resource_group="rg", name=name, location="local", created=0,
            subnet=f"{_network_id(endpoint.network)}/subnets/{subnet}",
        )  # fmt: skip
        if endpoint.state is not None:
            state = ConnectionState(endpoint.state)
            yield EndpointConnection(f"connection-{name}", TENANT, VAULT, _endpoint_id(name), state, 0)


def _perimeters(place: Place) -> Iterator[Record]:
    if place.perimeter is None:
        return
    rules = tuple(
        PerimeterRule(f"rule{number}", rule.ranges, rule.subscriptions, rule.outbound)
        for number, rule in enumerate(place.perimeter.rules or ())
    )
    # A profile beside the vault's own lets everyone in, whom it concerns.
    profiles = [PerimeterProfile("Other", 1, (PerimeterRule("all", ("0.0.0.0/0", "::/0")),))]
    if place.perimeter.rules is not None:
        profiles.append(PerimeterProfile("Mine", 1, rules))
    yield Perimeter(
        id=f"{SUBSCRIPTION}/rg/nsp", tenant=TENANT, subscription=SUBSCRIPTION, resource_group="rg", name="nsp",
        location="local", created=0, guid="9e410000-0000-4000-8000-000000000001", profiles=tuple(profiles),
    )  # fmt: skip
    yield PerimeterAssociation(
        f"{SUBSCRIPTION}/rg/nsp/a", TENANT, f"{SUBSCRIPTION}/rg/nsp", "a", "mine", VAULT,
        PerimeterMode(place.perimeter.mode), 0,
    )  # fmt: skip


def _caller(oid: str, who: Who) -> Caller:
    mirid = None
    if who.subscription is not None:
        mirid = f"/subscriptions/{who.subscription.upper()}/resourcegroups/g/providers/Microsoft.Compute/machines/m"
    return Caller(
        tenant=TENANT, oid=oid, appid="a", kind=PrincipalType.SERVICE_PRINCIPAL, issuer="i", groups=frozenset(),
        credential="c", token_id="t", mirid=mirid,
    )  # fmt: skip


class _Services:
    """The trusted services of one vault's callers: each kind of caller is a principal of its own."""

    def __init__(self, view: View, records: list[Record]) -> None:
        self._view, self._records = view, records
        self._oids: dict[Who, str] = {}

    def caller(self, who: Who) -> Caller:
        """Give the caller, and have the operator make it a trusted service if it is one."""
        known = self._oids.get(who)
        if known is not None:
            return _caller(known, who)
        oid = self._oids[who] = f"0b1ec700-0000-4000-8000-{len(self._oids):012x}"
        if who.trusted_for:
            flag = None if who.flag is None else DeploymentFlag(who.flag)
            self._records.append(
                TrustedService(f"service-{oid}", TENANT, oid, "Azure Backup", tuple(sorted(who.trusted_for)), 0, flag)
            )
            self._view.load(self._records)
        return _caller(oid, who)


def product(place: Place) -> Ask:
    """Ask the product about a vault, whose surroundings it finds in the records."""
    vault = _vault(place)
    records: list[Record] = [vault, *_networks(place), *_endpoints(place), *_perimeters(place)]
    view = View()
    view.load(records)
    services = _Services(view, records)
    # Of the whole world the firewall sees the view alone.
    world = cast("World", SimpleNamespace(view=view))

    def ask(knock: Knock) -> str:
        link = Link.PUBLIC if knock.endpoint is None else Link.PRIVATE_ENDPOINT
        endpoint = "" if knock.endpoint is None else _endpoint_id(knock.endpoint)
        connection = Connection(knock.address, link, "request", None, endpoint)
        identity = Unidentified("none", "none") if knock.who is None else services.caller(knock.who)
        try:
            verdict = judge(world, vault, connection)
            return admit(world, verdict, identity, vault, connection, knock.operation).kind
        except Forbidden as refused:
            return str(refused.inner)

    return ask


# ---- comparing ------------------------------------------------------------------------------------------------------


def compare(chance: Random, cases: int, make: Callable[[Place], Ask] = product) -> tuple[list[str], Counter[Outcome]]:
    """Compare *cases* answers, and give the first mismatches and how often each outcome was expected."""
    wrong: list[str] = []
    seen: Counter[Outcome] = Counter()
    while seen.total() < cases and len(wrong) < 3:
        place = places.place(chance)
        ask = make(place)
        for _ in range(KNOCKS):
            knock = places.knock(chance, place)
            expected, said = decide(place, knock), ask(knock)
            seen[expected] += 1
            if said != expected.value:
                wrong.append(f"expected {expected.value}, the product says {said}\n  {place}\n  {knock}")
    return wrong, seen


@pytest.mark.timeout(TIME_S)
@pytest.mark.parametrize("place", range(SLICES))
def test_the_product_admits_as_the_second_evaluator(place: int) -> None:
    """SEC-FLOW-12, SEC-FLOW-13, SEC-FLOW-14: the same are let in by the same kind of rule, and the same refused."""
    wrong, seen = compare(chance_of("firewall", place), CASES // SLICES)

    assert not wrong, "\n\n".join([origin("firewall", place), *wrong])
    # The cases are worth asking: every outcome is frequent.
    if seen.total() >= ENOUGH:
        assert min(seen[outcome] for outcome in Outcome) > seen.total() // 1000, seen


# ---- that a mistake would be seen -----------------------------------------------------------------------------------


def _without(place: Place) -> dict[str, Place]:
    """Give the place as evaluators with one hole each would see it, by what they overlook."""
    networks, endpoints, perimeter = place.networks, place.endpoints, place.perimeter
    return {
        "the order of perimeter and public access": replace(
            place, perimeter=None if place.access == "Disabled" else perimeter
        ),
        "the mode of the perimeter": replace(
            place, perimeter=None if perimeter is None else replace(perimeter, mode="Enforced")
        ),
        "that rules go outward": replace(
            place,
            perimeter=None
            if perimeter is None or perimeter.rules is None
            else replace(perimeter, rules=tuple(replace(rule, outbound=False) for rule in perimeter.rules)),
        ),
        "the perimeter": replace(place, perimeter=None),
        "publicNetworkAccess": replace(place, access="Enabled"),
        "defaultAction": replace(place, closed=False),
        "the bypass": replace(place, bypass=True),
        "the vault's flags": replace(place, flags=frozenset(places.FLAGS)),
        "virtual network rules": replace(place, network_rules=()),
        "the service endpoint": replace(
            place,
            networks={
                n: replace(one, subnets={s: replace(sub, ready=True) for s, sub in one.subnets.items()})
                for n, one in networks.items()
            },
        ),
        "the operator's map": replace(
            place, networks={n: replace(one, mapped=ANYWHERE) for n, one in networks.items()}
        ),
        "the subnet's prefixes": replace(
            place,
            networks={
                n: replace(one, subnets={s: replace(sub, prefixes=ANYWHERE) for s, sub in one.subnets.items()})
                for n, one in networks.items()
            },
        ),
        "whose a network is": replace(place, networks={n: replace(one, foreign=False) for n, one in networks.items()}),
        "the state of a connection": replace(
            place, endpoints={n: replace(one, state="Approved") for n, one in endpoints.items()}
        ),
    }  # fmt: skip


OVERLOOKED = tuple(_without(Place("Enabled", closed=True, bypass=True)))


@pytest.mark.parametrize("overlooked", OVERLOOKED)
def test_a_firewall_that_overlooks_something_is_found_out(overlooked: str) -> None:
    """The product itself, told all but one thing, disagrees with the second evaluator soon."""
    wrong, _ = compare(same_chance(f"overlooked {overlooked}"), 20_000, lambda one: product(_without(one)[overlooked]))

    assert wrong


MISTAKEN: dict[str, Callable[[Ask], Ask]] = {
    "endpoints as public ways in": lambda ask: lambda knock: ask(replace(knock, endpoint=None)),
    "anyone may be trusted": lambda ask: (
        lambda knock: (
            ask(replace(knock, who=Who(frozenset(places.OPERATIONS)))) if knock.who is not None else ask(knock)
        )
    ),
    "trusted for everything": lambda ask: (
        lambda knock: (
            ask(replace(knock, who=replace(knock.who, trusted_for=frozenset(places.OPERATIONS))))
            if knock.who is not None and knock.who.trusted_for
            else ask(knock)
        )
    ),
    "the opposite answer": lambda ask: (
        lambda knock: "ForbiddenByFirewall" if Outcome(ask(knock)).admitted else "address"
    ),
    "one code for all": lambda ask: lambda knock: ask(knock).replace("ByConnection", "ByFirewall"),
}


@pytest.mark.parametrize("mistake", MISTAKEN)
def test_a_mistaken_firewall_is_found_out(mistake: str) -> None:
    """The product with a mistake put around it disagrees with the second evaluator soon."""
    wrong, _ = compare(same_chance(f"mistaken {mistake}"), 20_000, lambda one: MISTAKEN[mistake](product(one)))

    assert wrong
