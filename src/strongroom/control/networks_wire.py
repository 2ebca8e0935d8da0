"""What the control surface reads and answers about networks."""

from __future__ import annotations

from typing import Annotated

import msgspec

from strongroom.core import limits

ArmId = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.PATH_BYTES)]
Range = Annotated[str, msgspec.Meta(max_length=64)]


class VirtualNetworkBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which virtual network something is about."""

    virtual_network: ArmId


class NetworkMapBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The ranges that a virtual network's addresses really come from."""

    virtual_network: ArmId
    ranges: list[Range]
    """IPv4 and IPv6 addresses, or ranges in CIDR notation."""


class NetworkMapEntry(msgspec.Struct, rename="camel"):
    """A network map."""

    virtual_network: str
    """The ARM id, in lower case."""
    tenant_id: str
    ranges: list[str]
    created: int


class NetworkMapList(msgspec.Struct):
    """Every network map."""

    value: list[NetworkMapEntry]


class PrivateEndpointBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which private endpoint something is about."""

    private_endpoint: ArmId


class EndpointListenerBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which address of this machine a private endpoint is to be."""

    private_endpoint: ArmId
    address: Annotated[str, msgspec.Meta(max_length=64)]
    port: int | None = None
    """None means that of the URLs."""


class EndpointListenerEntry(msgspec.Struct, rename="camel"):
    """A private endpoint's listener."""

    private_endpoint: str
    """The ARM id, in lower case."""
    tenant_id: str
    address: str
    port: int
    fault: str | None
    """Why it does not listen, if it does not."""
    created: int


class EndpointListenerList(msgspec.Struct):
    """Every private endpoint's listener."""

    value: list[EndpointListenerEntry]
