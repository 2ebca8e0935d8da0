"""The whole path of a request, in order. No middleware does a security step, and no step is anywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from strongroom.core import service_limits
from strongroom.core.errors import Conflict, Failure, Throttled, Unavailable
from strongroom.core.firewall import source_of
from strongroom.core.identity import Caller, Unidentified
from strongroom.core.names import Site
from strongroom.core.network import Link
from strongroom.core.permissions import Permit, Public
from strongroom.flow import audit, authentication, authorization, firewall, log, routes
from strongroom.flow.answers import complete, moment_of
from strongroom.flow.call import Call, Describe, Foretell
from strongroom.flow.connection import describe_connection
from strongroom.flow.decisions import OF_EACH
from strongroom.flow.routes import Route
from strongroom.flow.surface import Surface
from strongroom.flow.trace import Trace
from strongroom.flow.world import World
from strongroom.http import problems
from strongroom.http.message import Request, Response
from strongroom.store import StoreFault, Transaction

T = TypeVar("T")


async def serve(
    world: World,
    surface: Surface,
    site: Site | None,
    request: Request,
    *,
    fault: Failure | None = None,
    answers_end: bool = False,
) -> Response:
    """
    Answer a request.

    *fault* is what the listener already found wrong with the request's form; it is answered and recorded here like any
    other refusal. With *answers_end* so is that it is cancelled, as a listener does at the end of the grace of a stop.
    """
    connection, misled = describe_connection(world, request)
    fault = fault or misled
    if fault is None:
        trace = world.decisions.trace(world, surface, site, request, connection)
    else:
        trace = Trace(surface, site, request, connection, world.clock())
    if connection.proxy:
        trace.properties["proxyIpAddress"] = connection.proxy
    try:
        response = await _run(world, trace, fault)
        return await audit.record(world, trace, complete(world, trace, response))
    except Failure as failure:
        trace.properties.update(failure.known)
        return await _refuse(world, trace, failure)
    except StoreFault as broken:
        log.store_failed(trace, broken)
        message = "The service's store cannot be used now. Try again later."
        return await _refuse(world, trace, _unavailable(trace, message, f"{type(broken).__name__}: {broken}"))
    except asyncio.CancelledError:
        if not answers_end:
            raise
        message = "The service stopped before this was done. Try again later."
        return await _refuse(world, trace, _unavailable(trace, message, "stopped"))
    except Exception as error:  # noqa: BLE001  the one place: what is not understood says nothing outside
        log.unexpected(trace, error)
        response = problems.unexpected(surface.dialect, moment_of(trace))
        return await _record_refusal(world, trace, complete(world, trace, response), None)


async def _run(world: World, trace: Trace, fault: Failure | None) -> Response:
    """Take a request through the steps; the first that refuses, raises."""
    if fault is not None:
        raise fault
    route = trace.route
    if route is None:
        route = _decide(world, trace, authentication.bearer_token(trace.request))
        world.decisions.remember(world, trace)
    call = _make_call(world, trace, route)
    if isinstance(route.op.requires, Public):
        try:
            response = await route.op.handler(call)
        finally:
            trace.proved = call.proved
        if _counts(trace):
            # A page for somebody who has proved nothing is within the allowance too.
            if route.op.authenticates and not trace.committed:
                world.throttle.admit_source(source_of(trace.connection), trace.started)
            world.throttle.count_anonymous(source_of(trace.connection), trace.started)
        return response
    if world.throttle.service_limits and route.vault is not None and route.op.throttle != service_limits.BY_KEY:
        world.throttle.charge(route.vault.id, service_limits.REQUESTS[route.op.throttle], trace.started)
    response = await route.op.handler(call)
    _require_decided(trace, route)
    return response


def _decide(world: World, trace: Trace, token: bytes | None) -> Route:
    """Take a request through the steps from the vault to the permit."""
    surface, site, request, connection = trace.surface, trace.site, trace.request, trace.connection
    trace.vault = vault = routes.find_vault(world, surface, site, connection)
    trace.route = route = routes.find_route(world, surface, vault, request)
    is_public = isinstance(route.op.requires, Public)
    if (is_public or token is None) and not route.op.authenticates and _counts(trace):
        # Nobody judges the token of a public row, so having one exempts from nothing.
        world.throttle.admit_source(source_of(connection), trace.started)
    if is_public:
        trace.permit = authorization.permit(world, None, route.op, route.target, vault, None)
        return route
    authentication.challenge(surface, site, vault, token)
    trace.verdict = verdict = firewall.judge(world, vault, connection)
    identity = authentication.identify(world, surface, vault, token or b"", connection.address)
    _note_identity(trace, identity)
    trace.admission = firewall.admit(world, verdict, identity, vault, connection, route.op.name)
    caller = authentication.require_caller(site, vault, identity)
    trace.permit = authorization.permit(world, caller, route.op, route.target, vault, verdict)
    return route


def _note_identity(trace: Trace, identity: Caller | Unidentified) -> None:
    if isinstance(identity, Unidentified):
        trace.unverified = identity.reason
    else:
        trace.caller = identity


def _make_call(world: World, trace: Trace, route: Route) -> Call:
    """Make what the handler of a permitted request gets."""
    if trace.permit is None:
        msg = "a handler cannot run without a permit"
        raise RuntimeError(msg)
    decision = trace.decision
    if decision is None:
        return _new_call(world, trace, route, trace.permit)
    if decision.call is None:
        decision.call = _new_call(world, trace, route, trace.permit)
        # What is kept holds nothing of the request that came first: neither its token nor its body.
        decision.call.request = decision.call.connection = decision.call.steps = decision.call.properties = OF_EACH
    # To copy one costs a third of making one.
    return replace(
        decision.call,
        request=trace.request,
        connection=trace.connection,
        now=int(trace.started),
        steps=_Steps(world, trace, route, world.view.generation),
        properties=trace.properties,
    )


def _new_call(world: World, trace: Trace, route: Route, permit: Permit) -> Call:
    return Call(
        world=world,
        surface=trace.surface,
        op=route.op,
        request=trace.request,
        connection=trace.connection,
        target=route.target,
        vault=trace.vault,
        admission=trace.admission,
        verdict=trace.verdict,
        caller=trace.caller,
        permit=permit,
        api_version=route.api_version,
        site=trace.site,
        query=route.query,
        now=int(trace.started),
        steps=_Steps(world, trace, route, world.view.generation),
        properties=trace.properties,
    )


class _Steps(msgspec.Struct, eq=False):
    """
    What a request's handler may have done while it runs: `Steps`.

    It does not know the call: or only a collection of garbage would end that, and the body it read.
    """

    world: World
    trace: Trace
    route: Route
    judged_at: int
    """The view's generation when the request was last judged."""

    def judge_again(self, call: Call) -> None:
        """See `Steps`."""
        world, trace = self.world, self.trace
        if trace.caller is None or world.view.generation == self.judged_at:
            return
        _judge_again(world, trace)
        self.judged_at = world.view.generation
        if trace.permit is not None:
            call.caller, call.permit, call.admission = trace.caller, trace.permit, trace.admission
            call.verdict, call.vault = trace.verdict, trace.vault

    def settle(self, permit: Permit) -> None:
        """See `Steps`."""
        self.trace.permit = permit

    async def commit(
        self,
        call: Call,
        change: Callable[[Transaction], Awaitable[T]],
        describe: Describe | None,
        status: Foretell | None,
    ) -> T:
        """See `Steps`."""

        async def judged(tx: Transaction) -> T:
            self.judge_again(call)
            result = await change(tx)
            _require_decided(self.trace, self.route)
            return result

        return await audit.commit(self.world, self.trace, judged, describe, status)


def _require_decided(trace: Trace, route: Route) -> None:
    """
    Let nothing be written or told by a row that its handler decides before it has (`ControlAction.by_handler`).

    Raises:
        RuntimeError: the handler forgot.
    """
    if trace.permit is None or not trace.permit.settled:
        msg = f"{route.op.name} is decided by its handler, which did not"
        raise RuntimeError(msg)


def _judge_again(world: World, trace: Trace) -> None:
    """
    Ask every question once more, since a record changed after the request was permitted.

    Due once its body is there, and just before a change: whoever lost a right meanwhile must not use it (SEC-FLOW-7).

    Raises:
        Failure: what the steps say now; Conflict, if the vault's own settings were changed. That does not go for whom
            it lets in, which the steps have just asked: Azure's clients do not expect a conflict here, and Terraform
            adds the access policies of others while it sets secrets.
    """
    vault = trace.vault
    # What was decided before, and what answers and records say of it, is no longer how it is.
    trace.decision = trace.verdict = trace.admission = trace.permit = None
    _decide(world, trace, authentication.bearer_token(trace.request))
    if trace.vault is not vault and not (trace.vault and vault and trace.vault.is_but_for_admission(vault)):
        raise Conflict("The vault's settings were changed while the request was under way. Try again.")


def _counts(trace: Trace) -> bool:
    """Tell whether a request is one of those that its source has an allowance of: it has proved nobody."""
    # The owner's own socket shares nothing with the rest of this machine.
    return trace.caller is None and not trace.proved and trace.connection.link is not Link.CONTROL


def _unavailable(trace: Trace, message: str, reason: str) -> Unavailable:
    """Tell who asked to try again later, and of a change, that nobody here knows for certain whether it was made."""
    if trace.changing:
        message = (
            "The service's store did not confirm the change. Whether it was made is not known: read what it was to"
            " change before trying again."
        )
    return Unavailable(message, reason=reason, headers=audit.RETRY_SOON)


async def _refuse(world: World, trace: Trace, failure: Failure) -> Response:
    """Answer and record a refusal."""
    told = _within_allowance(world, trace, failure)
    response = problems.render(told, trace.surface.dialect, moment_of(trace))
    return await _record_refusal(world, trace, complete(world, trace, response), told)


def _within_allowance(world: World, trace: Trace, failure: Failure) -> Failure:
    """
    Give the refusal to answer with: 429 in its place for a source that has used up its allowance.

    Without any proof that was asked before the challenge. A token, and on rows that `authenticates` a client's or a
    header's secret, has to be judged first, since whoever has a good one is never refused for what others did from the
    same address. That costs no more than a request costs anyway: body and its time are limited, a secret is compared
    by a keyed hash with at most `CLIENT_SECRETS_PER_APPLICATION` others and is too long to be guessed, and passwords
    wait in a bounded queue of their own.
    """
    if _counts(trace):
        try:
            world.throttle.admit_source(source_of(trace.connection), trace.started)
        except Throttled as throttled:
            return throttled
    return failure


async def _record_refusal(world: World, trace: Trace, response: Response, failure: Failure | None) -> Response:
    """Record a refusal; if it cannot be recorded, that is the answer."""
    if _counts(trace):
        world.throttle.count_anonymous(source_of(trace.connection), trace.started)
    try:
        return await audit.record(world, trace, response, failure)
    except Failure as unrecorded:
        return complete(world, trace, problems.render(unrecorded, trace.surface.dialect, moment_of(trace)))
