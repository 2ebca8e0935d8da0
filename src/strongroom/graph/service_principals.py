"""Handlers of /servicePrincipals."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core.directory_roles import OWNED_APPLICATIONS
from strongroom.core.first_party import FIRST_PARTY
from strongroom.core.identity import ServicePrincipal
from strongroom.core.records import tenant_partition
from strongroom.directory import applications as directory
from strongroom.directory.client_certificates import set_certificates
from strongroom.flow.authorization import require_directory
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.application_keys import wanted_certificates
from strongroom.graph.changes import read_change
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_service_principal
from strongroom.graph.odata import collection, entity, selects
from strongroom.graph.owners import add_owners, owners_of_new
from strongroom.graph.rights import WRITE_APPLICATIONS
from strongroom.graph.wire import ServicePrincipalBody, clearing, refuse_later, require
from strongroom.http.message import Response
from strongroom.store import Transaction
from strongroom.view import View

_EQ = frozenset({Operator.EQ})


def filters(view: View) -> Mapping[str, Filterable[ServicePrincipal]]:
    """Make the table of filterable properties; the names of a principal are also its application's."""
    return {
        "id": Filterable(lambda one: one.id, _EQ),
        "accountEnabled": Filterable(lambda one: one.enabled, _EQ),
        "appId": Filterable(lambda one: one.app_id, _EQ),
        "displayName": Filterable(lambda one: one.display_name, _EQ | {Operator.STARTS_WITH}),
        "servicePrincipalNames": Filterable(
            lambda one: render.service_principal_names(view, one), frozenset({Operator.ANY})
        ),
        "servicePrincipalType": Filterable(lambda one: one.type.value, _EQ),
        "tags": Filterable(lambda one: one.tags, frozenset({Operator.ANY})),
    }


async def list_service_principals(call: Call) -> Response:
    """List the tenant's service principals."""
    view = call.world.view
    records = view.all(ServicePrincipal, tenant_partition(call.identity.tenant))
    return collection(
        call,
        "servicePrincipals",
        records,
        filters(view),
        "ServicePrincipal",
        lambda one: render.service_principal(view, one),
    )


async def get_service_principal(call: Call) -> Response:
    """Get one service principal."""
    found = find_service_principal(call)
    with_keys = selects(call, "keyCredentials")
    return entity(call, "servicePrincipals", render.service_principal(call.world.view, found, with_keys=with_keys))


async def create_service_principal(call: Call) -> Response:
    """Give an application its principal."""
    body = await call.body(ServicePrincipalBody)
    refuse_later(body, ServicePrincipalBody.LATER)
    app_id = require(body.app_id, "appId", "ServicePrincipal").lower()
    application = call.world.view.application_by_app_id(app_id)
    if application is None and app_id not in FIRST_PARTY:
        raise directory.no_such_application(app_id)
    if application is not None and not application.may_be_in(call.identity.tenant):
        # Before any right over it is asked for: whether another tenant has it is told to nobody.
        raise directory.no_such_application(app_id)
    if application is not None and call.permit.assignment == OWNED_APPLICATIONS:
        require_directory(call.world, call.identity, WRITE_APPLICATIONS, application.id)
    owners = owners_of_new(call, body.owners)
    certificates = wanted_certificates(body.key_credentials or ())
    now, entropy, tenant = call.now, call.world.entropy, call.identity.tenant

    async def change(tx: Transaction) -> ServicePrincipal:
        if application is None:
            made = await directory.create_first_party_principal(tx, tenant, app_id, now=now, entropy=entropy)
            if certificates:
                await set_certificates(tx, made, certificates, now=now, entropy=entropy)
            return made
        made = await directory.create_service_principal(
            tx, tenant, application, details=_wanted(body), now=now, entropy=entropy
        )
        await set_certificates(tx, made, certificates, now=now, entropy=entropy)
        await add_owners(tx, made, owners)
        return made

    made = await call.commit(change, lambda one: {"servicePrincipalId": one.id, "appId": one.app_id})
    return entity(call, "servicePrincipals", render.service_principal(call.world.view, made), status=201)


async def update_service_principal(call: Call) -> Response:
    """Change a service principal; disabling it ends its tokens."""
    found = find_service_principal(call)
    body = await read_change(call, ServicePrincipalBody, render.service_principal(call.world.view, found), "app_id")
    refuse_later(body, (*ServicePrincipalBody.LATER, "app_id", "owners"))
    call.properties["servicePrincipalId"] = found.id
    wanted = _wanted(body)
    certificates = None if body.key_credentials is None else wanted_certificates(body.key_credentials)

    async def change(tx: Transaction) -> None:
        changed = await directory.update_service_principal(tx, found.tenant, found.id, wanted)
        if certificates is not None:
            await set_certificates(tx, changed, certificates, now=call.now, entropy=call.world.entropy)

    await call.commit(change)
    return Response(204, content_type=None)


async def delete_service_principal(call: Call) -> Response:
    """Delete a service principal; its application stays."""
    found = find_service_principal(call)
    call.properties["servicePrincipalId"] = found.id
    await call.commit(lambda tx: directory.delete_service_principal(tx, found.tenant, found.id, now=call.now))
    return Response(204, content_type=None)


def _wanted(body: ServicePrincipalBody) -> directory.ServicePrincipalChange:
    return directory.ServicePrincipalChange(
        enabled=body.account_enabled,
        display_name=body.display_name,
        tags=body.tags,
        app_role_assignment_required=body.app_role_assignment_required,
        description=clearing(body.description),
        notes=clearing(body.notes),
    )
