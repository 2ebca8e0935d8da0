"""Networks, private endpoints and perimeters around the first vault, put there past the management plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from strongroom.core.network import Link
from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    NetworkMap,
    Perimeter,
    PerimeterAssociation,
    PerimeterMode,
    PerimeterProfile,
    PerimeterRule,
    PrivateEndpoint,
    Subnet,
    VirtualNetwork,
)
from strongroom.core.records import Record
from strongroom.core.vaults import Vault
from strongroom.store import Transaction
from tests.world import Answer, Simulation

KEY_VAULT = "Microsoft.KeyVault"
GROUP = "Rg-Net"


def put(world: Simulation, *records: Record) -> None:
    """Put records, in one commit."""

    async def change(tx: Transaction) -> None:
        for one in records:
            await tx.put(one)

    world.commit(change)


def remove(world: Simulation, *records: Record) -> None:
    """Remove records, in one commit."""

    async def change(tx: Transaction) -> None:
        for one in records:
            await tx.remove(one)

    world.commit(change)


def virtual_network(
    world: Simulation,
    name: str = "Net1",
    prefixes: Sequence[str] = ("10.1.0.0/16",),
    *,
    service_endpoints: Sequence[str] = (KEY_VAULT,),
    tenant: str | None = None,
) -> VirtualNetwork:
    """Make a virtual network with one subnet, `Sub1`, of all its prefixes."""
    subscription = world.first.installation.subscription
    return VirtualNetwork(
        f"{subscription}/{GROUP.lower()}/{name.lower()}",
        tenant or world.first.tenant_id,
        subscription,
        GROUP,
        name,
        "local",
        int(world.clock()),
        tuple(prefixes),
        (Subnet("Sub1", tuple(prefixes), tuple(service_endpoints)),),
    )


def subnet_of(network: VirtualNetwork) -> str:
    """Give the ARM id of a network's subnet."""
    return f"{network.scope}/subnets/Sub1"


def network_map(network: VirtualNetwork, ranges: Sequence[str]) -> NetworkMap:
    """Make the operator's word on where a virtual network's addresses are."""
    return NetworkMap(f"map-{network.name}", network.tenant, network.scope.lower(), tuple(ranges), network.created)


def private_endpoint(network: VirtualNetwork, name: str = "Pe1") -> PrivateEndpoint:
    """Make a private endpoint in a network's subnet."""
    return PrivateEndpoint(
        f"{network.subscription}/{GROUP.lower()}/{name.lower()}",
        network.tenant,
        network.subscription,
        GROUP,
        name,
        "local",
        network.created,
        subnet_of(network).lower(),
    )


def connection(
    vault: Vault, endpoint: PrivateEndpoint, state: ConnectionState = ConnectionState.APPROVED
) -> EndpointConnection:
    """Make a vault's connection to an endpoint."""
    name = f"{endpoint.name.lower()}-{vault.id}"
    return EndpointConnection(name, vault.tenant, vault.id, endpoint.scope.lower(), state, endpoint.created)


def perimeter(world: Simulation, *rules: PerimeterRule, name: str = "Nsp1") -> Perimeter:
    """Make a perimeter with one profile, `Profile1`, of these rules."""
    subscription = world.first.installation.subscription
    return Perimeter(
        f"{subscription}/{GROUP.lower()}/{name.lower()}",
        world.first.tenant_id,
        subscription,
        GROUP,
        name,
        "local",
        int(world.clock()),
        "00000000-0000-4000-8000-00000000000a",
        (PerimeterProfile("Profile1", 1, rules),),
    )


def association(around: Perimeter, vault: Vault, mode: PerimeterMode = PerimeterMode.ENFORCED) -> PerimeterAssociation:
    """Make a vault one of a perimeter's."""
    return PerimeterAssociation(
        f"{around.id}/a1", around.tenant, around.id, "A1", "profile1", vault.id, mode, around.created
    )


def through(endpoint: PrivateEndpoint) -> dict[str, object]:
    """Say how a request comes through an endpoint's listener."""
    return {"link": Link.PRIVATE_ENDPOINT, "listener": endpoint.scope.lower()}


def reads(answer: Answer) -> bool:
    """Tell whether the firewall let a request through: what is behind it then answers, whatever it says."""
    if answer.status == 403:
        assert answer.error["innererror"]["code"] in {"ForbiddenByFirewall", "ForbiddenByConnection", "AccessDenied"}
        return False
    assert answer.status == 200, answer.body
    return True


def renamed(network: VirtualNetwork, **changes: object) -> VirtualNetwork:
    """Give a network with its subnet changed."""
    return replace(network, subnets=(replace(network.subnets[0], **changes),))
