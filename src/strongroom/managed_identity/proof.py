"""
Who asks: each way of proving it gives the identities that it opens.

- the secret of one run, in a header, a path or a key file
- the Unix user at the other end of a connection within this machine, where the operator mapped that user
- a Unix socket of one identity, which its file's mode and folder keep from everybody else
- the network that another machine's address is in, where the operator mapped that network

A secret that is wrong opens nothing, whatever else the connection would prove; who is on this machine is judged by user
and never by address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from strongroom.core.identity import Credential, ServicePrincipal
from strongroom.core.identity_maps import IdentityMap
from strongroom.core.network import Connection, Link
from strongroom.crypto.secret_texts import WrongSecret
from strongroom.directory.identity_maps import credentials_of, has_maps, maps_of_address, maps_of_socket, maps_of_user
from strongroom.directory.runs import require_run, run_credential_id
from strongroom.flow.world import World
from strongroom.http.message import Request


@dataclass(frozen=True, slots=True)
class Lent:
    """An identity that may be asked for, and the credential that its tokens are bound to."""

    principal: ServicePrincipal
    credential: Credential


@dataclass(frozen=True, slots=True)
class Proof:
    """
    How a caller was proved, and what that opens: evidence.

    `way` is for the journal: `header`, `path`, `key file`, `socket`, `user 1000`, `network 10.0.0.5`. `lent` has no
    identity that is gone or disabled.
    """

    way: str
    lent: tuple[Lent, ...]
    credentials: tuple[Credential, ...]
    """Every credential that the caller has so, whatever became of its identity: for the journal."""
    run: str = ""
    """The run whose secret it was, if it was one."""


def by_secret(world: World, secret: str, way: str, now: int) -> Proof | None:
    """Find the run that a secret belongs to, with equal work if there is none; None if it is missing, wrong or over."""
    found = world.view.credential(run_credential_id(world.keys, secret))
    try:
        credential = require_run(world.keys, found, secret, now)
    except WrongSecret:
        return None
    return Proof(way, _enabled(world, (credential,)), (credential,), run=credential.id)


def by_socket(world: World, request: Request) -> Proof | None:
    """Find the map of the socket that a request came through; None if the map is gone."""
    return _mapped(world, maps_of_socket(world.view, request.listener), "socket")


async def by_connection(world: World, connection: Connection, request: Request) -> Proof | None:
    """
    Find the maps that a connection's other end stands in; None if it stands in none.

    Asked for each request, never remembered: a port may be another's a moment later. What the kernel cannot tell for
    certain opens nothing.
    """
    view, ends = world.view, request.ends
    if request.link is Link.IDENTITY_SOCKET:
        return by_socket(world, request)
    if ends is None or not has_maps(view):
        return None
    owner = await asyncio.to_thread(world.owner_of, *ends)
    if owner.is_here:
        maps = maps_of_user(view, owner.user) if owner.user is not None else []
        way = f"user {owner.user}"
    elif connection.link is Link.METADATA:
        maps = maps_of_address(view, connection.address)
        way = f"network {connection.address}"
    else:
        # Nothing comes to loopback from elsewhere: what the kernel does not know there is gone by now.
        maps, way = [], ""
    return _mapped(world, maps, way)


def _mapped(world: World, maps: Sequence[IdentityMap], way: str) -> Proof | None:
    credentials = tuple(credentials_of(world.view, maps))
    return Proof(way, _enabled(world, credentials), credentials) if credentials else None


def _enabled(world: World, credentials: Sequence[Credential]) -> tuple[Lent, ...]:
    """Leave out the credentials whose identity is gone or disabled."""
    lent = []
    for credential in credentials:
        principal = world.view.principal(credential.tenant, credential.owner)
        if isinstance(principal, ServicePrincipal) and principal.enabled:
            lent.append(Lent(principal, credential))
    return tuple(lent)
