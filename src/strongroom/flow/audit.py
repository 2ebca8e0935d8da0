"""
The audit step: the trace of a request, folded into one entry. It fails closed: no record, no answer (ADR 0008).

A change's entry commits in the change's own transaction and is appended to the journal after; what a crash leaves
between the two, `drain` appends at the next start. A read's entry is with the kernel before the answer leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from strongroom.core.echo import REDACTED
from strongroom.core.errors import Denied, Failure, NotFound, Unavailable
from strongroom.core.firewall import reported, source_of
from strongroom.core.identity import Caller
from strongroom.core.limits import TEMPLATE_AGENT_BYTES
from strongroom.flow import log
from strongroom.flow.trace import Trace
from strongroom.flow.world import World
from strongroom.http.message import Response
from strongroom.journal import Entry, Identity, JournalUnavailable, Template, encode
from strongroom.store import StoreFault, Transaction

T = TypeVar("T")

ANONYMOUS = "Authentication"
"""The operation name of a request that ended before anyone was identified, as Azure records it."""
RETRY_SOON = (("Retry-After", "1"),)
"""What the service cannot do now, it may be able to do in a second."""
_OUTBOX_ENTRIES = 1_000_000
"""More than the outbox can hold: it is trimmed every second, and writes stop when the journal does."""
_UNRECORDED = "The request could not be recorded, so it was not answered. Try again later."


async def record(world: World, trace: Trace, response: Response, failure: Failure | None = None) -> Response:
    """
    Record an answer, and give it back.

    Raises:
        Unavailable: it cannot be recorded.
    """
    if trace.committed and failure is None and response.status < 500:
        return response
    # A function of its own has the lambda, which would cost every request a cell for each name in it.
    unproved = _is_unproved(trace)
    entry = (_quota_entry if unproved else _encoded)(world, trace, response.status, failure)
    if entry is None:
        if world.journal.failure is not None:
            # Counted, not listed, is a record only while the count can be written.
            raise Unavailable(_UNRECORDED, headers=RETRY_SOON)
        return response
    try:
        await world.recorder.record(world.journal, entry)
    except JournalUnavailable:
        raise Unavailable(_UNRECORDED, headers=RETRY_SOON) from None
    return response


async def commit(
    world: World,
    trace: Trace,
    change: Callable[[Transaction], Awaitable[T]],
    describe: Callable[[T], Mapping[str, object]] | None,
    status: Callable[[T], int] | None,
) -> T:
    """
    Commit a change together with its entry, and hand the entry to the journal.

    The entry is made before the answer is: *status* says what the answer will be where the row's own is not certain.

    Raises:
        Unavailable: the journal takes no entries, so nothing was changed.
        StoreFault: the store did not say that the change was made.
    """
    require_journal(world)
    trace.changing = True
    entries: list[bytes] = []

    def entry_of(result: T) -> list[bytes]:
        if describe is not None:
            trace.properties.update(describe(result))
        usual = trace.route.op.success if trace.route is not None else 200
        entries[:] = [encode(_entry(world, trace, usual if status is None else status(result), None))]
        return entries

    result = await _commit(world, change, entry_of, entries)
    trace.committed = True
    return result


async def commit_apart(
    world: World,
    change: Callable[[Transaction], Awaitable[T]],
    describe: Callable[[T], Entry | None],
    *,
    lease: str | None = None,
) -> T:
    """
    Commit a change that no request waits for, such as the end of a deployment, together with its entry, if it has one.

    Raises:
        Unavailable, StoreFault: see `commit`; of them `LeaseLost`, if *lease* is another node's by now.
    """
    require_journal(world)
    entries: list[bytes] = []

    def entry_of(result: T) -> list[bytes]:
        entry = describe(result)
        entries[:] = [encode(entry)] if entry is not None else []
        return entries

    return await _commit(world, change, entry_of, entries, lease)


async def note(world: World, entry: Entry) -> None:
    """
    Record what a request did besides what its own entry says, before its answer leaves.

    Raises:
        Unavailable: it cannot be recorded.
    """
    try:
        await world.recorder.record(world.journal, encode(entry))
    except JournalUnavailable:
        raise Unavailable(_UNRECORDED, headers=RETRY_SOON) from None


async def _commit(
    world: World,
    change: Callable[[Transaction], Awaitable[T]],
    entry_of: Callable[[T], list[bytes]],
    entries: list[bytes],
    lease: str | None = None,
) -> T:
    """Commit, and hand the journal the entries that *entry_of* puts into *entries*."""
    try:
        committed = await world.store.commit(change, audit=entry_of, lease=lease)
    except StoreFault:
        world.outcome_unknown = True
        raise
    world.outcome_unknown = False
    for number, entry in zip(committed.outbox, entries, strict=True):
        try:
            world.journal.append(entry, outbox=number)
        except JournalUnavailable as unavailable:
            # The entry is durable in the outbox: it will be appended, and the change has its record.
            log.journal_lags(unavailable)
            world.outbox_lags = True
            break
    return committed.result


def require_journal(world: World) -> None:
    """
    Refuse to begin what could not be recorded.

    Raises:
        Unavailable: the journal takes no entries, or one that it refused still waits in the outbox, which would
            otherwise grow without end on a full disk.
    """
    if world.journal.failure is not None or world.outbox_lags:
        raise Unavailable(_UNRECORDED, headers=RETRY_SOON)


async def drain(world: World) -> None:
    """
    Append what is in the outbox and not in the journal, and let the store forget what the journal has durably.

    Due at start, and whenever an append failed. An entry that is already in the journal is not written again.

    Raises:
        JournalUnavailable: the journal takes no entries.
    """
    through = 0
    for number, entry in await world.store.outbox(limit=_OUTBOX_ENTRIES):
        world.journal.append(entry, outbox=number)
        through = number
    world.journal.settle(through)
    world.outbox_lags = False
    await _forget(world)


async def trim(world: World) -> None:
    """Let the store forget the entries that the journal has durably, and drain again if one may be missing from it."""
    if world.journal.has_gap or world.outcome_unknown:
        await drain(world)
    else:
        await _forget(world)


async def _forget(world: World) -> None:
    if world.journal.durable_through:
        await world.store.audited(world.journal.durable_through)


def settle_anonymous(world: World) -> None:
    """
    Record how many anonymous attempts were only counted, if any.

    Raises:
        JournalUnavailable: the journal takes no entries; what was counted stays counted.
    """
    counted, since = world.quota.counted
    if counted:
        entry = Entry(
            time=world.clock(),
            operation=ANONYMOUS,
            status=401,
            description="Anonymous and blocked attempts beyond the quota, counted and not listed.",
            properties={"count": sum(counted.values()), "since": since, "beyond": counted},
        )
        world.journal.append(encode(entry))
        world.quota.settle()


def _is_unproved(trace: Trace) -> bool:
    """
    Tell whether an entry counts against the quota of anonymous and blocked attempts, and is brief.

    A caller behind a blocked address counts, however good its token; so does whoever reads a public document. Where
    the operation itself establishes who calls, as the token endpoint does, it says when it has.
    """
    return trace.admission is None if trace.caller is not None else not trace.proved


def _quota_entry(world: World, trace: Trace, status: int, failure: Failure | None) -> bytes | None:
    """Make the brief record of an attempt without proof, while its source has a share of the quota left."""
    return world.quota.take(
        source_of(trace.connection),
        trace.started,
        lambda: encode(_entry(world, trace, status, failure, is_brief=True)),
    )


def _encoded(world: World, trace: Trace, status: int, failure: Failure | None) -> bytes:
    """Make the record of an answer; of one that was decided before, out of the record of one like it."""
    decision, connection = trace.decision, trace.connection
    agent = trace.request.headers.get(b"user-agent", b"")
    if decision is None or failure is not None or len(agent) > TEMPLATE_AGENT_BYTES:
        return encode(_entry(world, trace, status, failure))
    told = _told(trace.properties)
    if told is None:
        return encode(_entry(world, trace, status, failure))
    alike = (status, agent, told)
    template = decision.template(alike)
    if template is None:
        template = Template(_entry(world, trace, status, None))
        decision.keep_template(alike, template)
    correlation_id = connection.client_request_id or connection.request_id
    return template.fill(trace.started, world.clock() - trace.started, correlation_id)


_TOLD_APART = frozenset({"id", "keyProperties", "certificateProperties"})
"""The properties that `_encoded` tells answers apart by; one with others is encoded by itself."""
_pack = msgspec.msgpack.Encoder().encode


def _told(properties: Mapping[str, object]) -> object | None:
    """Give the properties, and all members of them, as something to look up by; None if there are others among them."""
    if len(properties) == 1 and (object_uri := properties.get("id")) is not None:
        return object_uri
    return _pack(sorted(properties.items())) if properties.keys() <= _TOLD_APART else None


def _entry(world: World, trace: Trace, status: int, failure: Failure | None, *, is_brief: bool = False) -> Entry:
    request, connection, route, permit, vault = trace.request, trace.connection, trace.route, trace.permit, trace.vault
    host = trace.site.base_url if trace.site is not None else ""
    query = request.query.decode("latin-1")
    path = _shown_path(trace, failure)
    agent = request.headers.get(b"user-agent")
    properties = {name: value for name, value in trace.properties.items() if name != "id"} | _network_facts(trace)
    object_uri = trace.properties.get("id")
    if failure is not None and connection.client_request_id is not None:
        # The client's own id is the correlation id, and who asks why has been told ours as well.
        properties["requestId"] = connection.request_id
    return Entry(
        time=trace.started,
        operation=route.op.name if route is not None and (trace.caller or permit) else ANONYMOUS,
        status=status,
        duration_s=world.clock() - trace.started,
        resource_id=vault.scope if vault is not None else _resource_of(trace),
        operation_version=route.api_version if route is not None else "",
        description=failure.message if failure is not None else "",
        address=connection.address,
        correlation_id=connection.client_request_id or connection.request_id,
        identity=_identity_of(trace.caller) if trace.caller is not None else None,
        client_info=agent.decode("latin-1") if agent is not None else None,
        request_uri=f"{host}{path}?{query}" if query else host + path,
        object_uri=object_uri if isinstance(object_uri, str) else None,
        is_access_policy_match=_decided_by(trace, failure, "policy"),
        is_rbac_authorized=_decided_by(trace, failure, "rbac"),
        applied_assignment_id=permit.assignment if permit is not None and not isinstance(failure, Denied) else None,
        addr_auth_type=trace.admission.rule if trace.admission is not None else None,
        trusted_service=trace.admission.trusted_service if trace.admission is not None else None,
        error_code=(failure.inner or failure.code or None) if failure is not None else None,
        reason=_reason(trace, failure),
        properties=properties or None,
        is_brief=is_brief,
    )


def _network_facts(trace: Trace) -> dict[str, str]:
    """Say which subnet, private endpoint or perimeter a request had to do with, as far as the firewall got."""
    verdict = trace.verdict
    facts = {"privateEndpointId": trace.connection.endpoint}
    if verdict is not None:
        facts |= {
            "subnetId": verdict.subnet,
            "perimeterId": verdict.perimeter or (verdict.reported.perimeter if verdict.reported is not None else ""),
            "perimeterReport": reported(verdict, trace.caller) or "",
        }
    return {name: value for name, value in facts.items() if value}


def _shown_path(trace: Trace, failure: Failure | None) -> str:
    """
    Give the path as the journal may have it.

    It is made of names, except where the surface says otherwise; and one that leads nowhere may be a secret that was
    sent to the wrong place, so of that only the words that lead somewhere are told.
    """
    surface, path = trace.surface, trace.request.path
    if surface.shown_path is not None:
        return surface.shown_path(path)
    text = path.decode("latin-1")
    if trace.route is not None or not isinstance(failure, NotFound):
        return text
    return "/".join(part if not part or part.lower() in surface.words else REDACTED for part in text.split("/"))


_IDENTITIES_KEPT = 1024
_identities: dict[int, tuple[Caller, Identity]] = {}


def _identity_of(caller: Caller) -> Identity:
    """Say who a caller is; said once for each caller that the token cache holds."""
    kept = _identities.get(id(caller))
    if kept is not None and kept[0] is caller:
        return kept[1]
    if len(_identities) >= _IDENTITIES_KEPT:
        _identities.clear()
    identity = Identity.of(caller)
    _identities[id(caller)] = (caller, identity)
    return identity


def _resource_of(trace: Trace) -> str:
    route = trace.route
    return route.target.scope if route is not None and trace.caller is not None else ""


def _decided_by(trace: Trace, failure: Failure | None, model: str) -> bool | None:
    """Say whether a model allowed the request: None where it was not the one asked."""
    if isinstance(failure, Denied):
        # Asked for a second right, the row's own permit did not decide.
        return False if failure.model == model else None
    return True if trace.permit is not None and trace.permit.model == model else None


def _reason(trace: Trace, failure: Failure | None) -> str | None:
    if failure is not None and failure.reason is not None:
        return failure.reason
    return trace.unverified
