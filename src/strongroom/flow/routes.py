"""The second step: which operation, on which vault and target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from strongroom.core.api_versions import at_least, parse_data_plane
from strongroom.core.errors import Invalid, Misdirected, NotFound
from strongroom.core.names import Site
from strongroom.core.network import Connection, Link
from strongroom.core.vaults import Vault
from strongroom.flow.operation import OWN_TENANT, Op, Target
from strongroom.flow.surface import Surface
from strongroom.flow.world import World
from strongroom.http.message import Request
from strongroom.http.routing import parse_query

_OVERRIDES = frozenset({b"x-http-method", b"x-http-method-override", b"x-http-request"})
"""The reference has the first and the last (section 12); the middle one is what other services of Azure's take."""
_OVERRIDABLE = frozenset({"GET", "PUT", "PATCH", "DELETE", "POST"})


@dataclass(frozen=True, slots=True)
class Route:
    """What a request is for: evidence of this step."""

    op: Op
    vault: Vault | None
    target: Target
    api_version: str
    query: Mapping[str, str]


_MEMO_ENTRIES = 4096
_MEMO_BYTES = 256
"""The longest path and query together that are remembered: together the memo stays below a few megabytes."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What method, path and query come to, whoever asks and of whichever vault. Shared, so nobody changes it."""

    op: Op
    parameters: Mapping[str, str]
    api_version: str
    query: Mapping[str, str]


def find_vault(world: World, surface: Surface, site: Site | None, connection: Connection) -> Vault | None:
    """
    Find the vault that the host names.

    Raises:
        Misdirected: it is asked for through a private endpoint that has nothing to do with it, or there is none.
        NotFound: there is none, or it is deleted; which of the two is not said.
    """
    if not surface.has_vaults:
        return None
    return vault_named(world, site.vault_name if site is not None else None, connection)


def vault_named(world: World, name: str | None, connection: Connection) -> Vault:
    """
    Find the vault with a name, as it is asked for over a connection.

    Raises:
        Misdirected, NotFound: see `find_vault`.
    """
    vault = world.view.vault_by_name(name) if name else None
    if connection.link is Link.PRIVATE_ENDPOINT and not _is_connected(world, vault, connection.endpoint):
        # The same for a vault that is not there: an endpoint tells nothing of any but its own.
        raise Misdirected("This private endpoint does not lead to the vault of this name.")
    if vault is None or vault.deleted is not None:
        raise NotFound("No vault is known by this name.", code="VaultNotFound")
    return vault


def _is_connected(world: World, vault: Vault | None, endpoint: str) -> bool:
    """Tell whether an endpoint asked for a vault, whatever its owner said to it."""
    return vault is not None and any(one.endpoint == endpoint for one in world.view.endpoint_connections(vault.id))


def find_route(world: World, surface: Surface, vault: Vault | None, request: Request) -> Route:
    """
    Find the operation, the api-version and the target.

    Raises:
        Invalid: the path, query, api-version or method override is malformed.
        NotFound, MethodNotAllowed: see `Router.find`; also an operation that the api-version does not know yet.
    """
    method, path, query = _method(request), request.path, request.query
    # What the journal may not have of a path, such as the secret of a run, is not kept in memory either.
    is_kept = len(path) + len(query) <= _MEMO_BYTES and surface.shown_path is None
    read = _read if is_kept else _read.__wrapped__
    asked = read(surface, method, path, query)
    return Route(asked.op, vault, asked.op.target(world, vault, asked.parameters), asked.api_version, asked.query)


@lru_cache(maxsize=_MEMO_ENTRIES)
def _read(surface: Surface, method: str, path: bytes, query: bytes) -> _Asked:
    """Read what is asked for. Refusals are not remembered."""
    tenant: str | None = None
    if surface.respelled is not None:
        path = surface.respelled(method, path)
    if surface.split_tenant is not None:
        path, tenant = surface.split_tenant(path)
    try:
        match = surface.router.find(method, path)
    except NotFound:
        if surface.unserved is None:
            raise
        raise surface.unserved(path) from None
    parameters = parse_query(query)
    op, version = match.rows[0], parameters.get("api-version", "")
    if surface.has_vaults and op.versioned:
        version = parse_data_plane(version)
        known = [row for row in match.rows if at_least(version, row.since)]
        if not known:
            raise NotFound("The path is not one of this service's in this api-version.")
        op = known[0]
    named = match.parameters if tenant is None else {**match.parameters, OWN_TENANT: tenant}
    return _Asked(op, named, version, parameters)


def has_override(request: Request) -> bool:
    """Tell whether a header says that another method is meant."""
    return not _OVERRIDES.isdisjoint(request.headers)


def _method(request: Request) -> str:
    """
    Find the method that is meant: a POST may say so in a header (reference section 1.7).

    It is applied before the operation is looked up, only on POST; two that differ are refused (security.md "The flow").
    """
    return _overridden(request) if has_override(request) else request.method


def _overridden(request: Request) -> str:
    wanted = {request.headers[name].decode("latin-1").strip().upper() for name in _OVERRIDES if name in request.headers}
    if len(wanted) > 1:
        raise Invalid("The request has method override headers that contradict each other.")
    method = wanted.pop()
    if request.method != "POST":
        raise Invalid("The method can only be overridden on POST.")
    if method not in _OVERRIDABLE:
        raise Invalid("The method override names no method of this service.")
    return method
