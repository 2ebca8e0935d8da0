"""Audit sinks: what stands behind the ARM ids that diagnostic settings may name, and how that is doing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from strongroom.control.audit_sinks_wire import (
    AuditSinkBody,
    AuditSinkEntry,
    AuditSinkList,
    AuditSinkStatus,
    AuditSinkStatusList,
)
from strongroom.control.link import require_control
from strongroom.control.tenants import require_tenant
from strongroom.core.diagnostics import AuditSink, SinkProof, SinkState, parse_sink_id
from strongroom.core.errors import Invalid
from strongroom.core.guids import new_guid
from strongroom.core.outgoing import parse_destination
from strongroom.core.records import INSTANCE
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.journal.blobs import FolderFault, check_folder
from strongroom.resources import audit_sinks
from strongroom.store import Transaction


async def list_audit_sinks(call: Call) -> Response:
    """List every audit sink. By default there is none, and no diagnostic setting can be made."""
    require_control(call)
    return json.response(AuditSinkList([_show(one) for one in call.world.view.all(AuditSink, INSTANCE)]))


async def add_audit_sink(call: Call) -> Response:
    """Let a tenant's diagnostic settings name an ARM id, and say what stands behind it."""
    require_control(call)
    body = await call.body(AuditSinkBody)
    world = call.world
    tenant = require_tenant(world.view, body.tenant).id
    place = parse_sink_id(body.resource)
    folder = await _folder_of(world, body)
    made = AuditSink(
        id=new_guid(world.entropy),
        tenant=tenant,
        resource=place.resource,
        kind=place.kind,
        created=call.now,
        folder=folder,
        url=_url_of(body),
        proof=body.proof,
        credential_file=_credential_of(body),
    )
    _note(call, made)
    await call.commit(lambda tx: audit_sinks.add_sink(tx, made))
    return json.response(_show(made), status=201)


async def remove_audit_sink(call: Call) -> Response:
    """Remove an audit sink: nothing more goes there, and how far it came is forgotten. What it has it keeps."""
    require_control(call)
    found = call.world.view.get(AuditSink, INSTANCE, call.params["sink"])
    if found is not None:
        _note(call, found)

    async def change(tx: Transaction) -> None:
        await audit_sinks.remove_sink(tx, call.params["sink"])

    await call.commit(change)
    return Response(204, content_type=None)


async def get_audit_sink_status(call: Call) -> Response:
    """Tell how every audit sink is doing: how far behind the journal it is, and why it last failed."""
    require_control(call)
    found = call.world.view.all(AuditSink, INSTANCE)
    return json.response(AuditSinkStatusList([_show_status(call.world, one) for one in found]))


async def _folder_of(world: World, body: AuditSinkBody) -> str:
    if (body.folder is None) == (body.url is None):
        raise Invalid("An audit sink is a folder or a URL: name one of them.")
    if body.folder is None:
        return ""
    folder = Path(body.folder)
    if not folder.is_absolute() or ".." in folder.parts or not body.folder.isprintable():
        raise Invalid("The folder must be an absolute path without '..'.")
    own = world.journal.directory.parent.resolve()

    def check() -> str:
        real = folder.resolve()
        if real == own or own in real.parents or real in own.parents:
            raise Invalid("The folder must not be the instance's own data directory, in it, or around it.")
        try:
            check_folder(real)
        except FolderFault as fault:
            raise Invalid(f"The folder cannot be used: {fault}.") from None
        return str(real)

    return await asyncio.to_thread(check)


def _url_of(body: AuditSinkBody) -> str:
    if body.url is None:
        return ""
    try:
        parse_destination(body.url)
    except ValueError as error:
        raise Invalid(f"The URL cannot be used: it is {error}.") from None
    return body.url


def _credential_of(body: AuditSinkBody) -> str:
    """
    Read where the operator's token or key is. What is in the file is looked at when it is used.

    Raises:
        Invalid: one is named where none is used, or none where one is.
    """
    if body.proof is SinkProof.NONE or body.url is None:
        if body.credential_file is not None or body.proof is not SinkProof.NONE:
            raise Invalid("A credential file goes with a URL and with a proof, bearer or hmac.")
        return ""
    path = body.credential_file or ""
    if not Path(path).is_absolute() or not path.isprintable():
        raise Invalid("The proof needs a credential file, named by an absolute path.")
    return path


def _note(call: Call, one: AuditSink) -> None:
    call.properties.update(tenantId=one.tenant, auditSinkId=one.id, destinations=[one.resource])


def _show(one: AuditSink) -> AuditSinkEntry:
    return AuditSinkEntry(
        id=one.id,
        tenant_id=one.tenant,
        resource=one.resource,
        folder=one.folder or None,
        url=one.url or None,
        proof=one.proof.value,
        credential_file=one.credential_file or None,
        created=one.created,
    )


def _show_status(world: World, one: AuditSink) -> AuditSinkStatus:
    state = world.audit_sinks.state_of(one.id) if world.audit_sinks is not None else SinkState()
    return AuditSinkStatus(
        id=one.id,
        resource=one.resource,
        settings=len(list(audit_sinks.settings_for(world.view, one))),
        is_following=state.is_following,
        lines_behind=state.lines_behind,
        records=state.records,
        delivered=state.delivered,
        failures=state.failures,
        fault=state.fault,
        waiting_since=state.waiting_since,
    )
