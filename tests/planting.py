"""Records that are put into an instance's store while it does not run, as its management plane would have made them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from strongroom.core.networks import (
    ConnectionState,
    EndpointConnection,
    LinkRequest,
    PrivateEndpoint,
    Subnet,
    VirtualNetwork,
)
from strongroom.core.records import Record
from strongroom.core.vaults import Vault
from strongroom.crypto.software import SoftwareKeyProtection
from strongroom.store import Transaction
from strongroom.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Private:
    """A virtual network, and private endpoints in it."""

    network: VirtualNetwork
    endpoints: tuple[PrivateEndpoint, ...]


def plant_endpoints(data: Path, prefix: str, *names: str) -> Private:
    """Put a virtual network of one prefix, and private endpoints to the first vault, approved, into an instance."""
    return asyncio.run(_plant(data, prefix, names))


async def _plant(data: Path, prefix: str, names: tuple[str, ...]) -> Private:
    keys = SoftwareKeyProtection.load(data / "root.key")
    store = await SqliteStore.open(data / "strongroom.db", keys.tag)
    try:
        (vault,) = await store.records(Vault)
        network = VirtualNetwork(
            id=f"{vault.subscription}/net/office",
            tenant=vault.tenant,
            subscription=vault.subscription,
            resource_group="Net",
            name="Office",
            location="local",
            created=int(time.time()),
            address_prefixes=(prefix,),
            subnets=(Subnet("Desks", (prefix,)),),
        )
        endpoints = tuple(_endpoint(network, vault, name) for name in names)
        connections = [
            EndpointConnection(
                id=f"{one.name.lower()}.connection",
                tenant=vault.tenant,
                vault=vault.id,
                endpoint=one.scope.lower(),
                state=ConnectionState.APPROVED,
                created=network.created,
            )
            for one in endpoints
        ]
        await _put(store, network, *endpoints, *connections)
    finally:
        await store.close()
    return Private(network, endpoints)


def _endpoint(network: VirtualNetwork, vault: Vault, name: str) -> PrivateEndpoint:
    return PrivateEndpoint(
        id=f"{network.subscription}/net/{name.lower()}",
        tenant=network.tenant,
        subscription=network.subscription,
        resource_group="Net",
        name=name,
        location="local",
        created=network.created,
        subnet=f"{network.scope}/subnets/Desks".lower(),
        requests=(LinkRequest("vault", vault.scope.lower()),),
    )


async def _put(store: SqliteStore, *records: Record) -> None:
    async def change(tx: Transaction) -> None:
        for one in records:
            await tx.put(one)

    await store.commit(change)
