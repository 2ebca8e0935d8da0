"""Handlers of /directory/deletedItems: what was deleted and can be restored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.core.guids import parse_guid
from strongroom.core.identity import Application, Group, ServicePrincipal, User
from strongroom.core.records import tenant_partition
from strongroom.core.relations import DeletedObject
from strongroom.directory.deletion import DirectoryObject, delete_for_good, is_restorable, restore
from strongroom.directory.principals import no_such_object
from strongroom.flow.authorization import require_power_over
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler
from strongroom.graph import render
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.odata import collection, entity
from strongroom.http.message import Response
from strongroom.store import Transaction
from strongroom.view import View

_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[DeletedObject]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "appId": Filterable(lambda one: getattr(one.inner, "app_id", None), _EQ),
    "displayName": Filterable(lambda one: one.inner.display_name, _EQ | {Operator.STARTS_WITH}),
    "userPrincipalName": Filterable(lambda one: getattr(one.inner, "user_principal_name", None), _EQ),
}


def listing(kind: type[User | Group | Application | ServicePrincipal]) -> Handler:
    """Make the handler that lists the deleted objects of a kind."""

    async def list_deleted(call: Call) -> Response:
        view = call.world.view
        every = view.all(DeletedObject, tenant_partition(call.identity.tenant))
        return collection(
            call,
            "directoryObjects",
            [one for one in every if isinstance(one.inner, kind) and is_restorable(one, call.now)],
            FILTERS,
            "DirectoryObject",
            lambda one: _render(view, one),
        )

    return list_deleted


async def get_deleted(call: Call) -> Response:
    """Get one deleted object."""
    return entity(call, "directoryObjects", _render(call.world.view, _find(call)))


async def restore_deleted(call: Call) -> Response:
    """Bring an object back, as it was but for the roles it had."""
    found = _find(call)
    call.properties["objectId"] = found.id

    async def change(tx: Transaction) -> DirectoryObject:
        # An application's secrets count again, whatever its principal was given meanwhile.
        require_power_over(call.world, call.identity, found.inner, "restore")
        return await restore(tx, found.tenant, found.id, call.now)

    back = await call.commit(change)
    return entity(call, "directoryObjects", render.directory_object(call.world.view, back))


async def delete_deleted(call: Call) -> Response:
    """Remove a deleted object for good."""
    found = _find(call)
    call.properties["objectId"] = found.id
    await call.commit(lambda tx: delete_for_good(tx, found.tenant, found.id, call.now))
    return Response(204, content_type=None)


def _find(call: Call) -> DeletedObject:
    key = call.params["deleted"]
    object_id = parse_guid(key)
    partition = tenant_partition(call.identity.tenant)
    found = call.world.view.get(DeletedObject, partition, object_id) if object_id is not None else None
    if found is None or not is_restorable(found, call.now):
        raise no_such_object(key)
    return found


def _render(view: View, record: DeletedObject) -> dict[str, Any]:
    return {**render.directory_object(view, record.inner), "deletedDateTime": render.instant(record.deleted)}
