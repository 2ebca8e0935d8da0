"""Trusted services: which service principals may pass the firewalls whose bypass says `AzureServices`."""

from __future__ import annotations

from strongroom.control.link import require_control
from strongroom.control.tenants import require_tenant
from strongroom.control.trusted_services_wire import TrustedServiceBody, TrustedServiceEntry, TrustedServiceList
from strongroom.core.errors import NotFound
from strongroom.core.identity import ServicePrincipal
from strongroom.core.networks import TrustedService
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.directory import trusted_services
from strongroom.flow.call import Call
from strongroom.flow.world import World
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.store import Transaction


async def list_trusted_services(call: Call) -> Response:
    """List every trusted service. By default there is none."""
    require_control(call)
    found = call.world.view.all(TrustedService, INSTANCE)
    return json.response(TrustedServiceList([_show(call.world, one) for one in found]))


async def add_trusted_service(call: Call) -> Response:
    """Make a service principal one of Azure's trusted services, for the operations that are named."""
    require_control(call)
    body = await call.body(TrustedServiceBody)
    world = call.world
    made = trusted_services.make_trusted_service(
        _require_principal(world, require_tenant(world.view, body.tenant).id, body.principal),
        body.service,
        body.operations,
        known=frozenset(op.name for op in world.vault_operations()),
        now=call.now,
        entropy=world.entropy,
    )
    _note(call, made)
    await call.commit(lambda tx: trusted_services.add_trusted_service(tx, made))
    return json.response(_show(world, made), status=201)


async def remove_trusted_service(call: Call) -> Response:
    """Let a service principal be as any other, from its next request on."""
    require_control(call)
    record_id = call.params["service"]
    found = call.world.view.get(TrustedService, INSTANCE, record_id)
    if found is not None:
        _note(call, found)

    async def change(tx: Transaction) -> None:
        await trusted_services.remove_trusted_service(tx, record_id)

    await call.commit(change)
    return Response(204, content_type=None)


def _require_principal(world: World, tenant: str, name: str) -> ServicePrincipal:
    """
    Find a service principal by its object id, its app id, or the ARM id of the managed identity that it is.

    Raises:
        NotFound: the tenant has none.
    """
    wanted = name.casefold()
    for one in world.view.all(ServicePrincipal, tenant_partition(tenant)):
        if wanted in {one.id, one.app_id, (one.resource_id or "").casefold() or None}:
            return one
    raise NotFound("The tenant has no service principal of this object id, app id or ARM id.")


def _note(call: Call, one: TrustedService) -> None:
    call.properties.update(
        tenantId=one.tenant,
        objectId=one.principal,
        trustedService=one.service,
        trustedServiceOperations=list(one.operations),
    )


def _show(world: World, one: TrustedService) -> TrustedServiceEntry:
    principal = world.view.principal(one.tenant, one.principal)
    return TrustedServiceEntry(
        id=one.id,
        tenant_id=one.tenant,
        object_id=one.principal,
        display_name=principal.display_name if isinstance(principal, ServicePrincipal) else None,
        service=one.service,
        operations=list(one.operations),
        flag=one.flag.value if one.flag is not None else None,
        created=one.created,
    )
