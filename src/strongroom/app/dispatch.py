"""Which surface a request is for: by the listener it came through and the host it asked."""

from __future__ import annotations

from ipaddress import ip_address

from strongroom.core.errors import Failure, Invalid, Misdirected
from strongroom.core.names import Site
from strongroom.core.names import Surface as SurfaceName
from strongroom.core.network import Link
from strongroom.flow.serve import serve
from strongroom.flow.surface import Surface, make_surface
from strongroom.flow.world import World
from strongroom.http import problems
from strongroom.http.message import Request, Response

CONTROL_HOST = "control"


def make_surfaces() -> dict[str, Surface]:
    """Compile every surface's table."""
    from strongroom.arm.operations import OPERATIONS as arm  # noqa: N811, PLC0415  tables are read once, at start
    from strongroom.arm.operations import unserved  # noqa: PLC0415
    from strongroom.graph.operations import OPERATIONS as graph  # noqa: N811, PLC0415
    from strongroom.managed_identity.control import OPERATIONS as control  # noqa: N811, PLC0415
    from strongroom.managed_identity.operations import OPERATIONS as identity  # noqa: N811, PLC0415
    from strongroom.sts.operations import OPERATIONS as sts  # noqa: N811, PLC0415
    from strongroom.vault.operations import BARE_OPERATIONS as bare  # noqa: N811, PLC0415
    from strongroom.vault.operations import OPERATIONS as vault  # noqa: N811, PLC0415

    return {
        SurfaceName.VAULT: make_surface("vault", problems.KEY_VAULT, vault, audience=SurfaceName.VAULT),
        SurfaceName.LOGIN: make_surface("login", problems.OAUTH, sts),
        SurfaceName.MANAGEMENT: make_surface(
            "management", problems.ARM, arm, audience=SurfaceName.MANAGEMENT, case_insensitive=True, unserved=unserved
        ),
        SurfaceName.GRAPH: make_surface(
            "graph", problems.GRAPH, graph, audience=SurfaceName.GRAPH, case_insensitive=True
        ),
        "control": make_surface("control", problems.ARM, control),
        "identity": make_surface("identity", problems.MANAGED_IDENTITY, identity),
        "bare": make_surface("bare", problems.KEY_VAULT, bare),
    }


class Dispatcher:
    """Hands each request to its surface."""

    def __init__(self, world: World, surfaces: dict[str, Surface]) -> None:
        self._world = world
        self._surfaces = surfaces

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        surface, site, fault = self._choose(request)
        return await serve(self._world, surface, site, request, fault=fault)

    async def refuse(self, request: Request, fault: Failure) -> Response:
        """Answer a request that the listener refuses, in the dialect of the host it asked."""
        surface, site, _ = self._choose(request)
        return await serve(self._world, surface, site, request, fault=fault)

    def _choose(self, request: Request) -> tuple[Surface, Site | None, Failure | None]:
        surfaces = self._surfaces
        if request.link is Link.MANAGED_IDENTITY:
            return surfaces["identity"], None, None
        if request.link is Link.CONTROL and request.host == CONTROL_HOST:
            return surfaces["control"], None, None
        site = self._world.hosts.site_of(request.host, request.link)
        if site is not None:
            return surfaces[site.surface], site, None
        if not request.host:
            return surfaces["bare"], None, Invalid("The request has no Host header.")
        if _is_address(request.host):
            # The firewall's diagnostic works by address as well as by name; nothing else does.
            return surfaces["bare"], None, None
        return surfaces["bare"], None, Misdirected("This service does not answer to that host name.")


def _is_address(host: str) -> bool:
    name = host[1 : host.index("]")] if host.startswith("[") and "]" in host else host.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
