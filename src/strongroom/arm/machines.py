"""
Machines outside Azure (`Microsoft.HybridCompute/machines`), and the identity that one has by itself.

A system-assigned identity comes and goes with its machine. It has no rights when it is made, and whoever makes one
cannot be it: who may be, the operator says (`control`). Members that Arc's agent reports and nobody here knows are left
out of the answers.
"""

from __future__ import annotations

from typing import Any

from strongroom.arm import wire
from strongroom.arm.containers import listed_group, the_group, the_subscription
from strongroom.arm.documents import MACHINE_TYPE, show_resource
from strongroom.arm.paging import page
from strongroom.arm.rights import can
from strongroom.core.echo import RESOURCE_ID, one_of, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Machine
from strongroom.directory.applications import create_identity_principal, delete_identity_principal
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import machines
from strongroom.resources.lookup import machine_of
from strongroom.resources.scopes import locate
from strongroom.store import Transaction

READ_MACHINE = f"{MACHINE_TYPE}/read"
_SYSTEM_ASSIGNED, _NONE = "SystemAssigned", "None"
_IDENTITY_TYPES = one_of((_SYSTEM_ASSIGNED, _NONE, "UserAssigned", "SystemAssigned,UserAssigned"))


async def get_machine(call: Call) -> Response:
    """Get a machine."""
    return json.response(_show(_the_machine(call)))


async def put_machine(call: Call) -> Response:
    """Make a machine, or replace its tags; with an identity, if it is to have one."""
    group, name = the_group(call), call.params["machine"]
    body = await call.body(wire.Machine)
    wanted = _wanted(body.identity)
    vm_id = body.properties.vm_id if body.properties is not None else None

    async def change(tx: Transaction) -> Machine:
        machine = await machines.read_machine(tx, group, name)
        if machine is None:
            machine = await machines.create_machine(
                tx,
                group=group,
                name=name,
                location=body.location,
                vm_id=vm_id,
                tags=body.tags or {},
                now=call.now,
                entropy=call.world.entropy,
            )
        else:
            machine = await machines.update_machine(
                tx, machine, tags=body.tags or {}, location=body.location, vm_id=vm_id
            )
        return await _give_identity(call, tx, machine, wanted=wanted)

    return json.response(_show(await call.commit(change, _describe)))


async def patch_machine(call: Call) -> Response:
    """Replace a machine's tags, and give it an identity or take it away, where the request says so."""
    machine = _the_machine(call)
    body = await call.body(wire.MachineUpdate)
    wanted = _wanted(body.identity)

    async def change(tx: Transaction) -> Machine:
        changed = await machines.update_machine(tx, machine, tags=body.tags)
        return await _give_identity(call, tx, changed, wanted=wanted)

    return json.response(_show(await call.commit(change, _describe)))


async def delete_machine(call: Call) -> Response:
    """Remove a machine with its identity: every token of it is refused from now on. Absent is 204."""
    group, name = the_group(call), call.params["machine"]
    machine = call.world.view.machine(group.subscription, group.name, name)
    if machine is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> Machine:
        removed = await machines.remove_machine(tx, machine)
        if removed.principal_id is not None:
            await delete_identity_principal(tx, removed.tenant, removed.principal_id)
        return removed

    await call.commit(change, _describe)
    return Response(200, content_type=None)


async def list_machines(call: Call) -> Response:
    """List the machines of a subscription, or of a group in it, that the caller may read."""
    parent, group = the_subscription(call), listed_group(call)
    found = (
        machine
        for machine in call.world.view.all(Machine, tenant_partition(parent.tenant))
        if machine.subscription == parent.id
        and (group is None or machine.resource_group.lower() == group)
        and can(call, READ_MACHINE, machine.scope)
    )
    return page(call, found, key=lambda machine: machine.id, show=_show)


async def get_system_identity(call: Call) -> Response:
    """Get the identity that a resource has by itself, with its client id."""
    scope = locate(call.world.view, call.identity.tenant, call.params["scope"])
    machine = scope.resource
    if not isinstance(machine, Machine) or machine.principal_id is None:
        raise NotFound(
            f"The resource '{shown(scope.path, RESOURCE_ID)}' has no system-assigned identity.", code="NotFound"
        )
    return json.response(
        {
            "id": f"{machine.scope}/providers/Microsoft.ManagedIdentity/identities/default",
            "name": "default",
            "type": "Microsoft.ManagedIdentity/identities",
            "location": machine.location,
            "tags": machine.tags,
            "properties": {
                "tenantId": machine.tenant,
                "principalId": machine.principal_id,
                "clientId": machine.client_id,
            },
        }
    )


def _the_machine(call: Call) -> Machine:
    return machine_of(call.world.view, the_group(call), call.params["machine"])


def _wanted(identity: wire.ResourceIdentity | None) -> bool | None:
    """
    Read whether a machine is to have an identity; None where the request does not say, and it stays as it is.

    Raises:
        Invalid: it is no type, or one that a machine cannot have.
    """
    if identity is None:
        return None
    kind = identity.type.casefold()
    if kind not in {_SYSTEM_ASSIGNED.casefold(), _NONE.casefold()}:
        raise Invalid(
            f"The identity type '{shown(identity.type, _IDENTITY_TYPES)}' is not supported for the resource type"
            f" '{MACHINE_TYPE}'. The supported types are '{_SYSTEM_ASSIGNED}' and '{_NONE}'.",
            code="InvalidIdentityType",
        )
    return kind == _SYSTEM_ASSIGNED.casefold()


async def _give_identity(call: Call, tx: Transaction, machine: Machine, *, wanted: bool | None) -> Machine:
    """Give a machine the identity that it is to have, or take away the one that it has, with all its tokens."""
    if wanted is None or wanted == (machine.principal_id is not None):
        return machine
    if machine.principal_id is not None:
        await delete_identity_principal(tx, machine.tenant, machine.principal_id)
        return await machines.set_principal(tx, machine, None)
    principal = await create_identity_principal(
        tx,
        machine.tenant,
        display_name=machine.name,
        resource_id=machine.scope,
        now=call.now,
        entropy=call.world.entropy,
    )
    return await machines.set_principal(tx, machine, principal)


def _describe(machine: Machine) -> dict[str, object]:
    return {"principalId": machine.principal_id} if machine.principal_id is not None else {}


def _show(machine: Machine) -> dict[str, Any]:
    document: dict[str, Any] = {
        **show_resource(machine),
        "properties": {"vmId": machine.vm_id, "displayName": machine.name, "provisioningState": "Succeeded"},
    }
    if machine.principal_id is not None:
        document["identity"] = {
            "type": _SYSTEM_ASSIGNED,
            "principalId": machine.principal_id,
            "tenantId": machine.tenant,
        }
    return document
