"""
Operations are rows (architecture section 2).

From a surface's table of `Op` come its router, the authorization question, the audit name, the throttle class, the
metric label, the reference page, and the generated test suite.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from strongroom.core import limits
from strongroom.core.permissions import Requirement
from strongroom.http.message import Response

if TYPE_CHECKING:
    from strongroom.core.vaults import Vault
    from strongroom.flow.call import Call
    from strongroom.flow.world import World


@dataclass(frozen=True, slots=True)
class Target:
    """
    What an operation is about, found before anyone knows who asks.

    `scope` is the ARM id that rights are looked up at; `params` are the decoded path parameters.
    """

    scope: str
    params: Mapping[str, str] = field(default_factory=dict)


OWN_TENANT = "own_tenant"
"""The parameter for the tenant that a path names besides its template: the caller's, or nothing is done."""

Handler = Callable[["Call"], Awaitable[Response]]
Resolver = Callable[["World", "Vault | None", Mapping[str, str]], Target]
"""`(world, vault, path parameters) -> Target`. Parses bounded input, may read the view, leaks nothing."""


@dataclass(frozen=True, slots=True)
class Op:
    """
    One operation.

    `path` is a template: `{name}` takes one segment, `{name?}` takes one that may be empty or absent, `{name*}` takes
    the rest. `since` is the first data-plane api-version that knows the operation.
    """

    name: str
    """The audit's `operationName`."""
    method: str
    path: str
    requires: Requirement
    handler: Handler
    target: Resolver
    since: str = "2015-06-01"
    versioned: bool = True
    """False for the few data-plane operations that take no api-version."""
    throttle: str = "other"
    """A name in `core.service_limits.REQUESTS`, or `BY_KEY`."""
    success: int = 200
    body_limit: int = limits.BODY_BYTES
    body: type | None = None
    """The wire struct of the body; for the reference page and the generated suite."""
    steady: bool = False
    """True if the target follows from the vault and the path alone, so that a permit may be remembered: `decisions`."""
    authenticates: bool = False
    """True if the handler itself establishes who calls, as the token endpoint does, and says so by `Call.proved`. Only
    Public rows may have it."""
