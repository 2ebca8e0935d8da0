"""Handlers of /applications."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.identity import Application
from strongroom.core.records import tenant_partition
from strongroom.directory import applications as directory
from strongroom.directory.client_certificates import set_certificates
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.application_keys import wanted_certificates
from strongroom.graph.changes import read_change
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_application
from strongroom.graph.odata import collection, entity, selects
from strongroom.graph.owners import add_owners, owners_of_new
from strongroom.graph.registration import ApplicationBody, registered
from strongroom.graph.wire import refuse_later, require
from strongroom.http.message import Response
from strongroom.store import Transaction

_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[Application]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "appId": Filterable(lambda one: one.app_id, _EQ),
    "displayName": Filterable(lambda one: one.display_name, _EQ | {Operator.STARTS_WITH}),
    "identifierUris": Filterable(lambda one: one.identifier_uris, frozenset({Operator.ANY})),
    "signInAudience": Filterable(lambda one: one.sign_in_audience, _EQ),
}


async def list_applications(call: Call) -> Response:
    """List the tenant's applications."""
    view = call.world.view
    records = view.all(Application, tenant_partition(call.identity.tenant))
    return collection(call, "applications", records, FILTERS, "Application", lambda one: render.application(view, one))


async def get_application(call: Call) -> Response:
    """Get one application."""
    with_keys = selects(call, "keyCredentials")
    found = render.application(call.world.view, find_application(call), with_keys=with_keys)
    return entity(call, "applications", found)


async def create_application(call: Call) -> Response:
    """Register an application."""
    body = await call.body(ApplicationBody)
    details = registered(body)
    display_name = require(body.display_name, "displayName", "Application")
    owners = owners_of_new(call, body.owners)
    certificates = wanted_certificates(body.key_credentials or ())

    async def change(tx: Transaction) -> Application:
        made = await directory.create_application(
            tx,
            call.identity.tenant,
            display_name=display_name,
            details=details,
            now=call.now,
            entropy=call.world.entropy,
        )
        await set_certificates(tx, made, certificates, now=call.now, entropy=call.world.entropy)
        await add_owners(tx, made, owners)
        return made

    made = await call.commit(change, lambda one: {"applicationId": one.id, "appId": one.app_id})
    return entity(call, "applications", render.application(call.world.view, made), status=201)


async def update_application(call: Call) -> Response:
    """Change an application."""
    found = find_application(call)
    body = await read_change(call, ApplicationBody, render.application(call.world.view, found))
    refuse_later(body, ("owners",))
    wanted = registered(body)
    call.properties["applicationId"] = found.id
    certificates = None if body.key_credentials is None else wanted_certificates(body.key_credentials)

    async def change(tx: Transaction) -> None:
        changed = await directory.update_application(tx, found.tenant, found.id, wanted)
        if certificates is not None:
            await set_certificates(tx, changed, certificates, now=call.now, entropy=call.world.entropy)

    await call.commit(change)
    return Response(204, content_type=None)


async def delete_application(call: Call) -> Response:
    """Delete an application, its secrets and its principal."""
    found = find_application(call)
    call.properties["applicationId"] = found.id
    await call.commit(lambda tx: directory.delete_application(tx, found.tenant, found.id, now=call.now))
    return Response(204, content_type=None)
