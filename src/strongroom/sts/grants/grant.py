"""What a grant is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from strongroom.core.identity import Tenant
from strongroom.core.names import Hosts
from strongroom.core.oauth import Resource
from strongroom.directory.clients import Client
from strongroom.directory.tokens import AccessToken, Mint


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request whose form, tenant and client are known to be good."""

    tenant: Tenant
    form: Mapping[str, str]
    client: Client
    resource: Resource
    now: int


@dataclass(frozen=True, slots=True)
class Grant:
    """
    One value of `grant_type`.

    `parse_scope` reads the v2 endpoint's `scope`; `issue` makes the token.
    """

    name: str
    parse_scope: Callable[[str | None, Hosts, str], Resource]
    issue: Callable[[Mint, TokenRequest], Awaitable[AccessToken]]
