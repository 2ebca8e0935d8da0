"""
A vault's side of private endpoints: whose owner says which of them may reach it (reference section 2).

    Pending --> Approved | Rejected;  Approved <--> Rejected
    any --> Disconnected, when its endpoint is removed;  any --> gone, when the vault's owner or the vault removes it

Only an approved one lets anybody through, so a connection that is gone, and one whose endpoint is gone, never does so
again: an endpoint that is made anew under the same name asks anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from strongroom.core import network_limits as limits
from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.networks import ConnectionState, EndpointConnection, LinkRequest
from strongroom.core.records import vault_partition
from strongroom.core.vaults import Vault
from strongroom.resources.lookup import require_active
from strongroom.store import Transaction

_ALLOWED: Mapping[ConnectionState, frozenset[ConnectionState]] = {
    ConnectionState.PENDING: frozenset({ConnectionState.APPROVED, ConnectionState.REJECTED}),
    ConnectionState.APPROVED: frozenset({ConnectionState.REJECTED}),
    ConnectionState.REJECTED: frozenset({ConnectionState.APPROVED}),
    ConnectionState.DISCONNECTED: frozenset(),
}
"""What a vault's owner may make of each state; to say the same again is always allowed."""


def connection_scope(vault: Vault, name: str) -> str:
    """Give the ARM id of a vault's connection."""
    return f"{vault.scope}/privateEndpointConnections/{name}"


def connection_not_found(vault: Vault, name: str) -> NotFound:
    """Say that a vault has no connection of this name."""
    return NotFound(
        f"The private endpoint connection '{shown(connection_scope(vault, name), RESOURCE_ID)}' was not found.",
        code="ResourceNotFound",
    )


async def connect(
    tx: Transaction,
    vault: Vault,
    endpoint: str,
    *,
    request: LinkRequest,
    now: int,
    entropy: Callable[[int], bytes],
) -> EndpointConnection:
    """
    Make the connection that a private endpoint asks for: approved, or pending where it asks by hand.

    It has the request's name, by which its maker asks for it at the vault, unless the vault has one of that name.
    *vault* was read in this transaction; *endpoint* is the private endpoint's ARM id.

    Raises:
        Conflict: the vault has as many connections as it can have, or its subscription as many such vaults.
    """
    partition = vault_partition(vault.id)
    there = await tx.records(EndpointConnection, partition)
    living = [one for one in there if one.state is not ConnectionState.DISCONNECTED]
    if len(living) >= limits.PRIVATE_ENDPOINTS_PER_VAULT:
        raise Conflict(
            f"The vault '{vault.name}' has {limits.PRIVATE_ENDPOINTS_PER_VAULT} private endpoint connections, which is"
            " the most that a vault can have.",
            code="PrivateEndpointConnectionLimitExceeded",
        )
    if not living:
        await check_subscription(tx, vault)
    # Those whose endpoint is gone are kept for people to read, the newest of them, as far as there is room.
    gone = sorted(
        (one for one in there if one.state is ConnectionState.DISCONNECTED), key=lambda one: (one.created, one.id)
    )
    dropped = gone[: max(0, len(there) + 1 - limits.PRIVATE_ENDPOINTS_PER_VAULT)]
    for one in dropped:
        await tx.remove(one)
    name = request.name.lower()
    is_free = all(one.id != name or one in dropped for one in there)
    made = EndpointConnection(
        id=name if is_free else new_guid(entropy).replace("-", ""),
        tenant=vault.tenant,
        vault=vault.id,
        endpoint=endpoint.lower(),
        state=ConnectionState.PENDING if request.manual else ConnectionState.APPROVED,
        created=now,
        description=request.message if request.manual else "",
        spelling=request.name if is_free else "",
    )
    await tx.put(made)
    return made


async def decide_connection(
    tx: Transaction, vault: Vault, name: str, *, state: ConnectionState | None, description: str | None
) -> EndpointConnection:
    """
    Approve or reject a connection, or change what is said of it; None leaves either.

    Raises:
        NotFound: the vault, or the connection, is gone.
        Invalid: it cannot go from the state that it is in to this one, or the description is too long.
    """
    current = await _read(tx, await require_active(tx, vault), name)
    wanted = current.state if state is None else state
    if wanted is not current.state and wanted not in _ALLOWED[current.state]:
        raise Invalid(
            f"The private endpoint connection '{current.name}' is {current.state} and cannot become {wanted}.",
            code="InvalidPrivateEndpointConnectionState",
        )
    if description is not None and len(description) > limits.CONNECTION_DESCRIPTION_CHARS:
        raise Invalid(
            f"The description of a connection has at most {limits.CONNECTION_DESCRIPTION_CHARS} characters.",
            code="InvalidDescription",
        )
    changed = replace(current, state=wanted, description=current.description if description is None else description)
    await tx.put(changed)
    return changed


async def remove_connection(tx: Transaction, vault: Vault, name: str) -> EndpointConnection:
    """
    Remove a vault's connection: its endpoint is disconnected for good.

    Raises:
        NotFound: the vault, or the connection, is gone.
    """
    current = await _read(tx, await require_active(tx, vault), name)
    await tx.remove(current)
    return current


async def remove_connections_of(tx: Transaction, vault: Vault) -> None:
    """Remove every connection of a vault that goes: none comes back with it."""
    for one in await tx.records(EndpointConnection, vault_partition(vault.id)):
        await tx.remove(one)


async def disconnect(tx: Transaction, endpoints: Sequence[str]) -> None:
    """Note on every connection of these private endpoints, by their ARM ids, that its endpoint is gone."""
    gone = {endpoint.lower() for endpoint in endpoints}
    if not gone:
        return
    for one in await tx.records(EndpointConnection):
        if one.endpoint in gone:
            await tx.put(replace(one, state=ConnectionState.DISCONNECTED))


async def _read(tx: Transaction, vault: Vault, name: str) -> EndpointConnection:
    found = await tx.record(EndpointConnection, vault_partition(vault.id), name.lower())
    if found is None:
        raise connection_not_found(vault, name)
    return found


async def check_subscription(tx: Transaction, vault: Vault) -> None:
    """Refuse one vault more with a connection than a subscription can have."""
    connected = {
        one.vault for one in await tx.records(EndpointConnection) if one.state is not ConnectionState.DISCONNECTED
    }
    if len(connected) < limits.VAULTS_WITH_ENDPOINTS:
        return
    vaults = await tx.records(Vault)
    if sum(one.id in connected and one.subscription == vault.subscription for one in vaults) >= (
        limits.VAULTS_WITH_ENDPOINTS
    ):
        raise Conflict(
            f"The subscription has {limits.VAULTS_WITH_ENDPOINTS} vaults with private endpoint connections, which is"
            " the most that it can have.",
            code="PrivateEndpointVaultLimitExceeded",
        )
