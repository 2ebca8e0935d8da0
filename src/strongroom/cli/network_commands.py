"""The grammar of `strongroom network-maps` and `strongroom endpoint-listeners`: see `commands`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from strongroom.cli.options import Data, Json

network_maps = App(
    name="network-maps",
    help="Which real addresses are in a virtual network; by default none is in any.",
)
endpoint_listeners = App(
    name="endpoint-listeners",
    help="Which address of this machine a private endpoint is; by default none has one.",
)
VirtualNetwork = Annotated[str, Parameter(help="The virtual network's ARM id.")]
PrivateEndpoint = Annotated[str, Parameter(help="The private endpoint's ARM id.")]


@network_maps.command(name="list")
def network_maps_list(*, data: Data = None, json: Json = False) -> int:
    """Print every virtual network that is mapped, and its ranges."""
    from strongroom.cli import networks as command  # noqa: PLC0415  each command loads what it needs

    return command.show_maps(data, as_json=json)


@network_maps.command(name="set")
def network_maps_set(
    virtual_network: VirtualNetwork,
    range_: Annotated[str, Parameter(name="RANGE", help="An IPv4 or IPv6 address or range; several may be given.")],
    *more: str,
    data: Data = None,
    json: Json = False,
) -> int:
    """Say which addresses are in a virtual network, in the place of what was said before."""
    from strongroom.cli import networks as command  # noqa: PLC0415  each command loads what it needs

    return command.set_map(data, virtual_network, (range_, *more), as_json=json)


@network_maps.command(name="remove")
def network_maps_remove(virtual_network: VirtualNetwork, *, data: Data = None, json: Json = False) -> int:
    """Let no address be in a virtual network."""
    from strongroom.cli import networks as command  # noqa: PLC0415  each command loads what it needs

    return command.remove_map(data, virtual_network, as_json=json)


@endpoint_listeners.command(name="list")
def endpoint_listeners_list(*, data: Data = None, json: Json = False) -> int:
    """Print every private endpoint that is an address of this machine."""
    from strongroom.cli import networks as command  # noqa: PLC0415  each command loads what it needs

    return command.show_listeners(data, as_json=json)


@endpoint_listeners.command(name="add")
def endpoint_listeners_add(
    private_endpoint: PrivateEndpoint,
    *,
    address: Annotated[str, Parameter(help="The address, IPv4 or IPv6, which this machine must have.")],
    port: Annotated[int | None, Parameter(help="The port (default: that of the URLs).")] = None,
    data: Data = None,
    json: Json = False,
) -> int:
    """Make an address of this machine a private endpoint, and listen there."""
    from strongroom.cli import networks as command  # noqa: PLC0415  each command loads what it needs

    return command.add_listener(data, private_endpoint, address, port, as_json=json)


@endpoint_listeners.command(name="remove")
def endpoint_listeners_remove(private_endpoint: PrivateEndpoint, *, data: Data = None, json: Json = False) -> int:
    """Listen no longer for a private endpoint."""
    from strongroom.cli import networks as command  # noqa: PLC0415  each command loads what it needs

    return command.remove_listener(data, private_endpoint, as_json=json)
