"""The whole path of a request, in order. No middleware does a security step, and no step is anywhere else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from strongroom.core.errors import Conflict, Failure, Throttled, Unavailable
from strongroom.core.identity import Caller, Unidentified
from strongroom.core.names import Site
from strongroom.core.network import Link
from strongroom.core.permissions import Public
from strongroom.flow import audit, authentication, authorization, firewall, log, routes
from strongroom.flow.answers import complete, moment_of
from strongroom.flow.call import Call, Describe, Foretell
from strongroom.flow.connection import describe_connection
from strongroom.flow.decisions import question_of
from strongroom.flow.routes import Route
from strongroom.flow.surface import Surface
from strongroom.flow.trace import Trace
from strongroom.flow.world import World
from strongroom.http import problems
from strongroom.http.message import Request, Response
from strongroom.store import StoreFault, Transaction

T = TypeVar("T")


async def serve(
    world: World, surface: Surface, site: Site | None, request: Request, *, fault: Failure | None = None
) -> Response:
    """
    Answer a request.

    *fault* is what the listener already found wrong with the request's form; it is answered and recorded here like any
    other refusal.
    """
    trace = Trace(surface, site, request, describe_connection(world, request), world.clock())
    try:
        response = await _run(world, trace, fault)
        return await audit.record(world, trace, complete(world, trace, response))
    except Failure as failure:
        return await _refuse(world, trace, failure)
    except StoreFault as broken:
        log.store_failed(trace, broken)
        return await _refuse(world, trace, _unavailable(trace, broken))
    except Exception as error:  # noqa: BLE001  the one place: what is not understood says nothing outside
        log.unexpected(trace, error)
        response = problems.unexpected(surface.dialect, moment_of(trace))
        return await _record_refusal(world, trace, complete(world, trace, response), None)


async def _run(world: World, trace: Trace, fault: Failure | None) -> Response:
    """Take a request through the steps; the first that refuses, raises."""
    if fault is not None:
        raise fault
    connection, token = trace.connection, authentication.bearer_token(trace.request)
    if token is None and connection.link is not Link.CONTROL:
        # The owner's own socket shares nothing with the rest of this machine.
        world.throttle.admit_source(connection.address, trace.started)
    question = question_of(trace, token)
    route = world.decisions.recall(world, question, trace) if question is not None else None
    if route is None:
        route = _decide(world, trace, token)
        if question is not None:
            world.decisions.remember(world, question, trace)
    if isinstance(route.op.requires, Public):
        response = await _handle(world, trace, route)
        if not route.op.authenticates and connection.link is not Link.CONTROL:
            world.throttle.count_anonymous(connection.address, trace.started)
        return response
    if route.vault is not None:
        world.throttle.admit_operation(route.vault.id, route.op.throttle, trace.started)
    return await _handle(world, trace, route)


def _decide(world: World, trace: Trace, token: str | None) -> Route:
    """Take a request through the steps from the vault to the permit."""
    surface, site, request, connection = trace.surface, trace.site, trace.request, trace.connection
    trace.vault = vault = routes.find_vault(world, surface, site)
    trace.route = route = routes.find_route(world, surface, vault, request)
    if isinstance(route.op.requires, Public):
        if connection.link is not Link.CONTROL:
            # Nobody judges a token here, so having one exempts from nothing.
            world.throttle.admit_source(connection.address, trace.started)
        trace.permit = authorization.permit(world, None, route.op, route.target, vault)
        return route
    authentication.challenge(surface, site, vault, token)
    trace.verdict = verdict = firewall.judge(world, vault, connection)
    identity = authentication.identify(world, surface, vault, token or "")
    _note_identity(trace, identity)
    trace.admission = firewall.admit(verdict, identity, vault, connection)
    caller = authentication.require_caller(site, vault, identity)
    trace.permit = authorization.permit(world, caller, route.op, route.target, vault)
    return route


def _note_identity(trace: Trace, identity: Caller | Unidentified) -> None:
    if isinstance(identity, Unidentified):
        trace.unverified = identity.reason
    else:
        trace.caller = identity


async def _handle(world: World, trace: Trace, route: Route) -> Response:
    if trace.permit is None:
        msg = "a handler cannot run without a permit"
        raise RuntimeError(msg)
    generation = world.view.generation

    async def commit(
        change: Callable[[Transaction], Awaitable[T]], describe: Describe | None, status: Foretell | None
    ) -> T:
        async def judged(tx: Transaction) -> T:
            _judge_again(world, trace, generation)
            return await change(tx)

        return await audit.commit(world, trace, judged, describe, status)

    call = Call(
        world=world,
        op=route.op,
        request=trace.request,
        connection=trace.connection,
        target=route.target,
        vault=trace.vault,
        admission=trace.admission,
        caller=trace.caller,
        permit=trace.permit,
        api_version=route.api_version,
        site=trace.site,
        query=route.query,
        now=int(trace.started),
        commit_with=commit,
        properties=trace.properties,
    )
    return await route.op.handler(call)


def _judge_again(world: World, trace: Trace, generation: int) -> None:
    """
    Ask every question once more just before a change, if any record changed since it was permitted.

    The body may have taken its time, and whoever lost a right meanwhile must not use it (SEC-FLOW: per request).

    Raises:
        Failure: what the steps say now; Conflict, if the vault's own settings were changed.
    """
    if trace.caller is None or world.view.generation == generation:
        return
    vault = trace.vault
    _decide(world, trace, authentication.bearer_token(trace.request))
    if trace.vault is not vault:
        raise Conflict("The vault's settings were changed while the request was under way. Try again.")


def _unavailable(trace: Trace, fault: StoreFault) -> Unavailable:
    """Say what a fault of the store means to who asked: whether a change was made, nobody here knows for certain."""
    message = "The service's store cannot be used now. Try again later."
    if trace.changing:
        message = (
            "The service's store did not confirm the change. Whether it was made is not known: read what it was to"
            " change before trying again."
        )
    reason = f"{type(fault).__name__}: {fault}"
    return Unavailable(message, reason=reason, headers=audit.RETRY_SOON)


async def _refuse(world: World, trace: Trace, failure: Failure) -> Response:
    """Answer and record a refusal."""
    told = _within_allowance(world, trace, failure)
    response = problems.render(told, trace.surface.dialect, moment_of(trace))
    return await _record_refusal(world, trace, complete(world, trace, response), told)


def _within_allowance(world: World, trace: Trace, failure: Failure) -> Failure:
    """
    Give the refusal to answer with: 429 in its place for a source that has used up its allowance.

    Without a token that was asked at once; a token had to be judged first, since whoever has a good one is never
    refused for what others did from the same address.
    """
    if trace.caller is None and trace.connection.link is not Link.CONTROL:
        try:
            world.throttle.admit_source(trace.connection.address, trace.started)
        except Throttled as throttled:
            return throttled
    return failure


async def _record_refusal(world: World, trace: Trace, response: Response, failure: Failure | None) -> Response:
    """Record a refusal; if it cannot be recorded, that is the answer."""
    if trace.caller is None and trace.connection.link is not Link.CONTROL:
        world.throttle.count_anonymous(trace.connection.address, trace.started)
    try:
        return await audit.record(world, trace, response, failure)
    except Failure as unrecorded:
        return complete(world, trace, problems.render(unrecorded, trace.surface.dialect, moment_of(trace)))
