"""
Identity maps: a Unix user, a network or a socket that may be a managed identity.

    add --> the map, and a MAP credential of the identity's principal, which has no secret
    a request whose connection proves the user, the network or the socket --> tokens bound to that credential
    remove --> both are removed, and every token made by the map ends
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, ip_address

from strongroom.core import limits
from strongroom.core.errors import Conflict, NameTaken, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.identity import Credential, CredentialKind, ServicePrincipal, stand_in
from strongroom.core.identity_maps import IdentityMap
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.directory.principals import require_service_principal
from strongroom.store import Transaction
from strongroom.view import View


def make_map(
    principal: ServicePrincipal,
    *,
    user: int | None = None,
    network: str | None = None,
    socket: str | None = None,
    owner: int | None = None,
    now: int,
    entropy: Callable[[int], bytes],
) -> IdentityMap:
    """Make a map of a user, network or socket, to a managed identity's principal; `add_map` makes it count."""
    return IdentityMap(new_guid(entropy), principal.tenant, principal.id, now, user, network, socket, owner)


async def add_map(tx: Transaction, made: IdentityMap) -> None:
    """
    Let a map count.

    Raises:
        NotFound: the identity is gone.
        Conflict: there is such a map already, or there are as many sockets as there may be.
    """
    if made.socket is not None:
        sockets = sum(one.socket is not None for one in await tx.records(IdentityMap, INSTANCE))
        if sockets >= limits.IDENTITY_SOCKETS:
            raise Conflict(f"There are at most {limits.IDENTITY_SOCKETS} sockets of identities. Remove one first.")
    await require_service_principal(tx, made.tenant, made.principal)
    try:
        await tx.put(made)
    except NameTaken:
        raise Conflict("This identity is mapped to that user or network already, or the socket is one's.") from None
    standing = stand_in(
        CredentialKind.MAP,
        made.id,
        tenant=made.tenant,
        owner=made.principal,
        created=made.created,
        display_name=made.source,
    )
    await tx.put(standing)


async def remove_map(tx: Transaction, map_id: str) -> None:
    """
    Remove a map, and with it every token that it made.

    Raises:
        NotFound: there is no such map.
    """
    found = await tx.record(IdentityMap, INSTANCE, map_id)
    if found is None:
        raise NotFound("There is no such identity map.")
    await tx.remove(found)
    credential = await tx.record(Credential, tenant_partition(found.tenant), map_id)
    if credential is not None:
        await tx.remove(credential)


async def remove_maps_to(tx: Transaction, tenant: str, principal: str) -> None:
    """Remove the maps to an identity, as its principal is deleted; their credentials go with that."""
    for one in await tx.records(IdentityMap, INSTANCE):
        if (one.tenant, one.principal) == (tenant, principal):
            await tx.remove(one)


def maps_of_user(view: View, user: int) -> list[IdentityMap]:
    """Find the maps of a Unix user."""
    return [one for one in _maps(view) if one.user == user]


def maps_of_address(view: View, address: str) -> list[IdentityMap]:
    """Find the maps of the networks that an address is in."""
    found = ip_address(address)
    return [one for one in _maps(view) if one.network is not None and found in IPv4Network(one.network)]


def maps_of_socket(view: View, map_id: str) -> list[IdentityMap]:
    """Find the map of a socket that listens for it."""
    return [one for one in _maps(view) if one.id == map_id and one.socket is not None]


def credentials_of(view: View, maps: Iterable[IdentityMap]) -> list[Credential]:
    """Find the credentials that stand for maps."""
    found = (view.credential(one.id) for one in maps)
    return [one for one in found if one is not None and one.kind is CredentialKind.MAP]


def has_maps(view: View) -> bool:
    """Tell whether anything is mapped at all."""
    return bool(_maps(view))


def _maps(view: View) -> tuple[IdentityMap, ...]:
    return view.all(IdentityMap, INSTANCE)
