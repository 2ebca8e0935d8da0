"""
Private endpoints: a vault's own address within a virtual network (reference section 2).

The resource says which vault is meant and from which subnet; its address here is the operator's to give, and the way
in is the vault's owner's to open (`endpoint_connections`). Neither follows from making one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from strongroom.core import network_limits as limits
from strongroom.core.errors import Conflict, Invalid
from strongroom.core.networks import EndpointConnection, LinkRequest, PrivateEndpoint
from strongroom.core.records import tenant_partition
from strongroom.core.resources import ResourceGroup
from strongroom.core.vaults import Vault
from strongroom.resources.endpoint_connections import connect, disconnect
from strongroom.resources.endpoint_listeners import remove_listeners_of
from strongroom.resources.lookup import group_not_found, named_vault, resource_not_found
from strongroom.resources.network_names import (
    check_name,
    id_in,
    parse_subnet_id,
    parse_vault_id,
    subnet_scope,
    unresolved,
)
from strongroom.resources.networks import endpoints_in, read_subnet
from strongroom.resources.role_assignments import remove_assignments_under
from strongroom.resources.tracked import check_tags, parse_location, require_place
from strongroom.store import Transaction

ENDPOINT_TYPE = "Microsoft.Network/privateEndpoints"
GROUP_ID = "vault"
"""The one part of a vault that there is an endpoint for."""


@dataclass(frozen=True, slots=True)
class EndpointWish:
    """A private endpoint as a request describes it."""

    location: str
    subnet: str
    """The subnet's ARM id, as it was given."""
    name: str
    """What the connection is called, on the endpoint's side."""
    vault: str
    """The vault's ARM id, as it was given."""
    manual: bool
    message: str
    tags: Mapping[str, str]


def endpoint_scope(group: ResourceGroup, name: str) -> str:
    """Give the ARM id that a private endpoint in this group has."""
    return f"{group.scope}/providers/{ENDPOINT_TYPE}/{name}"


def check_request(groups: list[str], message: str) -> None:
    """
    Check which part of the vault is asked for, and what its owner is told.

    Raises:
        Invalid: it is not the one that a vault has, or the message is too long.
    """
    if [one.lower() for one in groups] != [GROUP_ID]:
        raise Invalid(
            f"The groupIds of a connection to a vault are '{GROUP_ID}', and no others.", code="InvalidGroupId"
        )
    if len(message) > limits.REQUEST_MESSAGE_CHARS:
        raise Invalid(
            f"The requestMessage has at most {limits.REQUEST_MESSAGE_CHARS} characters.", code="InvalidRequestMessage"
        )


async def put_endpoint(
    tx: Transaction,
    *,
    group: ResourceGroup,
    name: str,
    wish: EndpointWish,
    vault: Vault | None,
    now: int,
    entropy: Callable[[int], bytes],
) -> tuple[PrivateEndpoint, EndpointConnection | None, bool]:
    """
    Make a private endpoint with the connection that it asks for, or replace the tags of one that is asked for again.

    *vault* is what was found for the vault that is named. The last value says whether it was made; the connection is
    the one that was made with it. One that the vault's owner removed is not made again: the endpoint has to be.

    Raises:
        NotFound: the group is gone.
        Conflict: it exists in another location, or there are too many.
        Invalid: what it names does not exist, or it exists with another subnet or for another vault.
    """
    scope = endpoint_scope(group, name)
    existing = await tx.record(PrivateEndpoint, tenant_partition(group.tenant), id_in(group, name))
    if existing is not None:
        require_place(existing.name, existing.location, wish.location)
        changed = replace(existing, tags=check_tags(wish.tags), requests=(_same(existing, wish),))
        await tx.put(changed)
        return changed, None, False
    if await tx.record(ResourceGroup, tenant_partition(group.tenant), group.id) is None:
        raise group_not_found(group.name)
    location = parse_location(wish.location)
    subnet = await _require_subnet(tx, group.tenant, wish.subnet, location, scope)
    target = await named_vault(tx, group.tenant, vault, wish.vault, scope)
    request = LinkRequest(check_name(wish.name), target.scope.lower(), wish.manual, wish.message)
    made = PrivateEndpoint(
        id=id_in(group, name),
        tenant=group.tenant,
        subscription=group.subscription,
        resource_group=group.name,
        name=check_name(name),
        location=location,
        created=now,
        subnet=subnet,
        requests=(request,),
        tags=check_tags(wish.tags),
    )
    await tx.put(made)
    connection = await connect(tx, target, scope, request=request, now=now, entropy=entropy)
    return made, connection, True


async def delete_endpoint(tx: Transaction, endpoint: PrivateEndpoint) -> None:
    """
    Remove a private endpoint, the roles that were given over it, and its address; its connections are disconnected.

    Raises:
        NotFound: it is gone already.
    """
    current = await tx.record(PrivateEndpoint, endpoint.partition, endpoint.id)
    if current is None:
        raise resource_not_found(ENDPOINT_TYPE, endpoint.resource_group, endpoint.name)
    await remove_assignments_under(tx, current.tenant, current.scope)
    await disconnect(tx, [current.scope])
    await remove_listeners_of(tx, [current])
    await tx.remove(current)


def _same(existing: PrivateEndpoint, wish: EndpointWish) -> LinkRequest:
    """Give the request of an endpoint as it is asked for again: only its message can be another one."""
    request = existing.requests[0]
    if existing.subnet != wish.subnet.rstrip("/").lower():
        raise Invalid(
            f"The subnet of the private endpoint '{existing.name}' cannot be changed.", code="PropertyChangeNotAllowed"
        )
    same = (request.name, request.vault, request.manual) == (wish.name, wish.vault.rstrip("/").lower(), wish.manual)
    if not same:
        raise Invalid(
            f"The connection of the private endpoint '{existing.name}' cannot be changed. Delete the endpoint and"
            " make another.",
            code="PropertyChangeNotAllowed",
        )
    return replace(request, message=wish.message)


async def _require_subnet(tx: Transaction, tenant: str, text: str, location: str, by: str) -> str:
    reference = parse_subnet_id(text)
    if reference is None:
        raise unresolved(text, by)
    network, subnet = await read_subnet(tx, tenant, reference)
    if network is None or subnet is None or network.location != location:
        raise unresolved(text, by)
    there = endpoints_in(network, await tx.records(PrivateEndpoint, network.partition))
    if len(there) >= limits.PRIVATE_ENDPOINTS_PER_NETWORK:
        raise Conflict(
            f"The virtual network '{network.name}' has {limits.PRIVATE_ENDPOINTS_PER_NETWORK} private endpoints, which"
            " is the most that it can have.",
            code="PrivateEndpointLimitExceeded",
        )
    return subnet_scope(network, subnet.name).lower()


def vault_named(text: str) -> str | None:
    """Give the name of the vault that an ARM id names; None if it names none."""
    reference = parse_vault_id(text)
    return None if reference is None else reference.name
