"""
Identity maps: who may ask for a managed identity's tokens without a secret, by the operator's word.

A map names a Unix user of this machine, a network whose addresses are not this machine's, or a Unix socket that is its
owner's alone. Nothing is mapped unless the operator says so, and a map belongs to the instance: no tenant can make one
(security.md "Bootstrap, keys, data").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import ClassVar

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.records import INSTANCE, Record, record

_LOOPBACK = IPv4Network("127.0.0.0/8")
_SOCKET = re.compile(r"(?:/[A-Za-z0-9._@+-]+)+", re.ASCII)
USER_MAX = 2**32 - 2
"""The largest user id: the one above it means none (credentials(7))."""


@record
@dataclass(frozen=True, slots=True)
class IdentityMap(Record):
    """
    A user, a network or a socket, and the identity that it may be.

    `id` is also the id of the credential that its tokens are bound to, so that they end with the map. Exactly one of
    `user`, `network` and `socket` is set.
    """

    KIND: ClassVar[str] = "identity_map"
    id: str
    tenant: str
    principal: str
    created: int
    user: int | None = None
    network: str | None = None
    """An IPv4 network in canonical form, `10.0.0.0/8`."""
    socket: str | None = None
    """The path of a Unix socket."""
    owner: int | None = None
    """The user whose the socket's file is, if it is not the service's own."""

    @property
    def partition(self) -> str:
        """The instance's own."""
        return INSTANCE

    @property
    def names(self) -> tuple[str, ...]:
        """What no other record may be called: one map for each source and identity, and one for each socket."""
        if self.socket is not None:
            return (f"identity_map:{self.source}",)
        return (f"identity_map:{self.source}:{self.tenant}:{self.principal}",)

    @property
    def source(self) -> str:
        """Who it is about, in a few words."""
        if self.socket is not None:
            return f"socket {self.socket}"
        return f"user {self.user}" if self.user is not None else f"network {self.network}"


def parse_network(text: str) -> str:
    """
    Read a network that may be mapped.

    Raises:
        Invalid: it is no IPv4 network, or one by whose mere reach anybody, or any user of this machine, would be meant.
    """
    try:
        network = IPv4Network(text)
    except ValueError:
        raise Invalid(
            "A network is an IPv4 address or a range such as 10.1.0.0/16, with no bits after its mask."
        ) from None
    if network.prefixlen == 0 or network.overlaps(_LOOPBACK):
        raise Invalid("This network is everybody, or this machine itself, whose users are mapped one by one.")
    return str(network)


def parse_socket(text: str) -> str:
    """
    Read the path of a socket that is to be made.

    Raises:
        Invalid: it is not absolute, is too long for a socket, or has a character that no harmless path needs.
    """
    if len(text) > limits.SOCKET_PATH_CHARS or not _SOCKET.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise Invalid(
            f"A socket's path is absolute, has at most {limits.SOCKET_PATH_CHARS} characters, each a letter, digit or"
            " one of / . _ @ + -, and does not go through '.' or '..'."
        )
    return text
