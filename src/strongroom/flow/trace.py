"""The evidence of one request, gathered step by step: what the audit entry is folded from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from strongroom.core.identity import Caller
from strongroom.core.names import Site
from strongroom.core.network import Admission, Connection, Verdict
from strongroom.core.permissions import Permit
from strongroom.core.vaults import Vault
from strongroom.flow.routes import Route
from strongroom.flow.surface import Surface
from strongroom.http.message import Request

if TYPE_CHECKING:
    from strongroom.flow.decisions import Decision


Question = tuple[str, str, str, bytes, bytes, bytes, str, str, str]
"""Surface, host, method, path, query, the token's digest, address, link, private endpoint."""


class Trace(msgspec.Struct, eq=False):
    """
    What is known of a request so far; each field is set by its step and by no other.

    A msgspec struct, as whatever is made for every request, because making one in C costs a tenth.

    `unverified` says why a token was refused, in words of ours: no claim of it is kept. `proved` is True once the
    handler of a row that authenticates its caller itself knows who calls.
    """

    surface: Surface
    site: Site | None
    request: Request
    connection: Connection
    started: float
    vault: Vault | None = None
    route: Route | None = None
    verdict: Verdict | None = None
    caller: Caller | None = None
    unverified: str | None = None
    admission: Admission | None = None
    permit: Permit | None = None
    proved: bool = False
    properties: dict[str, Any] = {}
    question: Question | None = None
    """What is asked, if an answer to it can be remembered."""
    decision: Decision | None = None
    """What was decided before for the same question, if it was."""
    changing: bool = False
    """True once a change was handed to the store: whether it is made is not known before the store says so."""
    committed: bool = False
    """True once the audit entry went into the store with the change it tells of."""
