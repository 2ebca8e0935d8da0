"""The `Call`: what a handler gets. It holds a `Permit`, so no handler can run without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from strongroom.core.identity import Caller
from strongroom.core.names import Site
from strongroom.core.network import Admission, Connection, Verdict
from strongroom.core.permissions import Permit
from strongroom.core.service_limits import Charge
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.surface import Surface
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Request
from strongroom.store import Transaction

T = TypeVar("T")
Describe = Callable[[Any], Mapping[str, object]]
Foretell = Callable[[Any], int]
Change = Callable[[Transaction], Awaitable[Any]]
Around = Callable[[Change], Change]
"""Makes a change out of a change, such as one that asks something first."""


class Steps(Protocol):
    """What the flow does for a handler while it runs: `flow.serve`. It does not know the call, which knows it."""

    def judge_again(self, call: Call) -> None:
        """
        Ask every question once more if any record changed since; *call* is then what it says now.

        Raises:
            Failure: what the steps say now.
        """
        ...

    def settle(self, permit: Permit) -> None:
        """Take the permit of a row that its handler decides (`ControlAction.by_handler`), once that is done."""
        ...

    async def commit(
        self,
        call: Call,
        change: Callable[[Transaction], Awaitable[T]],
        describe: Describe | None,
        status: Foretell | None,
    ) -> T:
        """Make a change durable with the audit entry: `flow.audit.commit`."""
        ...


class Call(msgspec.Struct, eq=False):
    """
    One admitted, authenticated, permitted request.

    Attributes:
        site: what the host stands for and how it was asked for; None on the surfaces without names.
        query: decoded query parameters, api-version included.
        properties: what the handler adds to the audit entry's `properties`; never a value.
        proved: set by the handler of a row that `authenticates`, once it knows who calls: from there on a refusal is
            the caller's own, and counts against nobody else at the same address.
    """

    world: World
    surface: Surface
    op: Op
    request: Request
    connection: Connection
    target: Target
    vault: Vault | None
    admission: Admission | None
    verdict: Verdict | None
    """How the request came, as the firewall judged it."""
    caller: Caller | None
    permit: Permit
    api_version: str
    site: Site | None
    query: Mapping[str, str]
    now: int
    steps: Steps
    properties: dict[str, Any] = {}
    committed: bool = False
    proved: bool = False
    around: tuple[Around, ...] = ()
    """What a surface adds around this call's change, the outermost first."""
    kept: dict[str, Any] = {}
    """
    What a handler keeps for the next call about the same question, where that is remembered (`flow.decisions`): only
    what follows from the question and from records, such as how a path reads. Never a value.
    """

    @property
    def params(self) -> dict[str, str]:
        """The decoded path parameters."""
        return dict(self.target.params)

    @property
    def base(self) -> str:
        """Scheme, host and port as the client asked: what ids in the answer start with (ADR 0010)."""
        return self.site.base_url if self.site is not None else ""

    @property
    def the_site(self) -> Site:
        """
        The site, for operations that are asked by a name.

        Raises:
            RuntimeError: the surface has no names.
        """
        if self.site is None:
            msg = f"{self.op.name} is not asked by a name"
            raise RuntimeError(msg)
        return self.site

    @property
    def identity(self) -> Caller:
        """
        The caller, for operations that require one.

        Raises:
            RuntimeError: the row is Public, so the handler must not ask.
        """
        if self.caller is None:
            msg = f"{self.op.name} is public and has no caller"
            raise RuntimeError(msg)
        return self.caller

    @property
    def the_vault(self) -> Vault:
        """
        The vault, for operations on one.

        Raises:
            RuntimeError: the surface has no vaults.
        """
        if self.vault is None:
            msg = f"{self.op.name} is not about a vault"
            raise RuntimeError(msg)
        return self.vault

    def judge_again(self) -> None:
        """
        Ask every question once more if any record changed since the request was permitted.

        Raises:
            Failure: what the steps say now.
        """
        self.steps.judge_again(self)

    def settle(self, permit: Permit) -> None:
        """Take the permit of a row that its handler decides (`ControlAction.by_handler`), once that is done."""
        self.permit = permit
        self.steps.settle(permit)

    def charge(self, charge: Charge) -> None:
        """
        Take what a use of a key costs of its vault's service limit: for rows of the throttle class `BY_KEY`.

        Raises:
            Throttled: beyond the limit, where the operator has turned those on.
        """
        self.world.throttle.charge(self.the_vault.id, charge, self.now)

    async def body(self, kind: type[T]) -> T:
        """
        Read and decode the JSON body.

        Raises:
            Invalid: not JSON, too deep, or not of the form of *kind*.
            TooLarge, TimedOut: see `Request.receive_body`.
        """
        return json.decode(await self.raw_body(), kind)

    async def raw_body(self) -> bytes:
        """
        Read the body as it came, within the operation's limits.

        It may take its time: from then on it is later, and whoever lost a right meanwhile is refused.

        Raises:
            TooLarge, TimedOut: see `Request.receive_body`.
            Failure: what the steps say now.
        """
        body = await self.request.receive_body(self.op.body_limit, self.world.settings.body_time_s)
        self.now = self.world.now()
        self.judge_again()
        return body

    async def commit(
        self,
        change: Callable[[Transaction], Awaitable[T]],
        describe: Callable[[T], Mapping[str, object]] | None = None,
        status: Callable[[T], int] | None = None,
    ) -> T:
        """
        Make a change durable together with this call's audit entry: the only way to write.

        A handler computes first and commits once, last. *describe* gives what the entry says of the result (`id` is the
        object's URI), and *status* the answer's status where it is not always the row's `success`.
        """
        if self.committed:
            msg = f"{self.op.name} commits twice"
            raise RuntimeError(msg)
        self.committed = True
        for around in reversed(self.around):
            change = around(change)
        return await self.steps.commit(self, change, describe, status)
