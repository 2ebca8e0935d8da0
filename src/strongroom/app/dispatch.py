"""Which surface a request is for: by the listener it came through and the host it asked."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from ipaddress import ip_address
from typing import Any

from strongroom.core.errors import Failure, Invalid, Misdirected
from strongroom.core.limits import HOST_MEMO_ENTRIES
from strongroom.core.names import Site
from strongroom.core.names import Surface as SurfaceName
from strongroom.core.network import Link
from strongroom.flow.serve import serve
from strongroom.flow.surface import Surface, make_surface
from strongroom.flow.world import World
from strongroom.http import problems
from strongroom.http.message import Request, Response
from strongroom.http.problems import Dialect

CONTROL_HOST = "control"
_IDENTITY_LINKS = frozenset({Link.MANAGED_IDENTITY, Link.METADATA, Link.IDENTITY_SOCKET})
_NAMELESS = _IDENTITY_LINKS | {Link.PKI}
"""Listeners whose surface does not follow from a name: whoever wants an http-01 answer names the host it checks."""
_HEALTH = b"/healthstatus"
_METADATA = frozenset({b"metadata", b"mi", b"arc", b"oauth2", b"identity"})
"""How the paths begin of the managed identity endpoints that refuse as the metadata services do."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a surface's table is, and how the surface speaks."""

    table: str
    dialect: Dialect
    audience: SurfaceName | None = None
    case_insensitive: bool = False
    name: str = "OPERATIONS"
    shown_path: str = "shown_path"
    """What the table's module calls the function of that name, if it has one."""


_SURFACES: Mapping[str, _Entry] = {
    SurfaceName.VAULT: _Entry("strongroom.vault.operations", problems.KEY_VAULT, SurfaceName.VAULT),
    SurfaceName.LOGIN: _Entry("strongroom.sts.operations", problems.OAUTH, case_insensitive=True),
    SurfaceName.MANAGEMENT: _Entry("strongroom.arm.operations", problems.ARM, SurfaceName.MANAGEMENT, True),
    SurfaceName.GRAPH: _Entry("strongroom.graph.operations", problems.GRAPH, SurfaceName.GRAPH, True),
    "control": _Entry("strongroom.control.operations", problems.ARM),
    "identity": _Entry("strongroom.managed_identity.operations", problems.MANAGED_IDENTITY),
    "metadata": _Entry("strongroom.managed_identity.operations", problems.METADATA, name="METADATA_OPERATIONS"),
    "pki": _Entry("strongroom.pki.operations", problems.ARM),
    "bare": _Entry("strongroom.vault.operations", problems.KEY_VAULT, name="BARE_OPERATIONS", shown_path="bare_path"),
}  # fmt: skip

SURFACE_NAMES: tuple[str, ...] = tuple(_SURFACES)
"""Every surface there is."""


class Surfaces:
    """
    Every surface, compiled when it is first asked for: the time to the first answer counts.

    `compile_all` does the rest as soon as the service is ready, in a thread.
    """

    def __init__(self) -> None:
        self._compiled: dict[str, Surface] = {}

    def __getitem__(self, name: str) -> Surface:
        """Give a surface."""
        surface = self._compiled.get(name)
        if surface is None:
            entry = _SURFACES[name]
            module = import_module(entry.table)
            surface = self._compiled[name] = make_surface(
                str(name),
                entry.dialect,
                getattr(module, entry.name),
                audience=entry.audience,
                case_insensitive=entry.case_insensitive,
                unserved=getattr(module, "unserved", None),
                shown_path=getattr(module, entry.shown_path, None),
                split_tenant=getattr(module, "split_tenant", None),
                respelled=getattr(module, "respelled", None),
            )
        return surface

    def compile_all(self) -> None:
        """Compile every surface that nobody asked for yet."""
        for name in _SURFACES:
            self[name]


class Dispatcher:
    """Hands each request to its surface."""

    def __init__(self, world: World, surfaces: Surfaces) -> None:
        self._world = world
        self._surfaces = surfaces
        self._named = lru_cache(maxsize=HOST_MEMO_ENTRIES)(self._find_named)

    def handle(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer a request."""
        surface, site, fault = self._choose(request)
        return serve(self._world, surface, site, request, fault=fault, answers_end=True)

    def refuse(self, request: Request, fault: Failure) -> Coroutine[Any, Any, Response]:
        """Answer a request that the listener refuses, in the dialect of the host it asked."""
        surface, site, _ = self._choose(request)
        return serve(self._world, surface, site, request, fault=fault, answers_end=True)

    def _choose(self, request: Request) -> tuple[Surface, Site | None, Failure | None]:
        named = self._named(request.host, request.link)
        if named is not None:
            return named
        surfaces = self._surfaces
        if request.link in _IDENTITY_LINKS:
            is_metadata = request.path.lstrip(b"/").partition(b"/")[0] in _METADATA
            return surfaces["metadata" if is_metadata else "identity"], None, None
        if request.link is Link.PKI:
            return surfaces["pki"], None, None
        if request.link is Link.CONTROL and request.host == CONTROL_HOST:
            return surfaces["control"], None, None
        if not request.host:
            return surfaces["bare"], None, Invalid("The request has no Host header.")
        if _is_address(request.host) and (request.link is not Link.PRIVATE_ENDPOINT or request.path == _HEALTH):
            # The firewall's diagnostic works by address as well as by name; nothing else does.
            return surfaces["bare"], None, None
        return surfaces["bare"], None, Misdirected("This service does not answer to that host name.")

    def _find_named(self, host: str, link: Link) -> tuple[Surface, Site, None] | None:
        """Find what a Host header stands for, on the listeners that have names."""
        site = self._world.hosts.site_of(host, link) if link not in _NAMELESS else None
        if site is None or (link is Link.PRIVATE_ENDPOINT and site.surface is not SurfaceName.VAULT):
            # A private endpoint is a way to a vault and to nothing else; to which one, the vault's firewall says.
            return None
        return self._surfaces[site.surface], site, None


def _is_address(host: str) -> bool:
    name = host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
