"""Management locks at any scope from subscriptions down (inventory of azure-mgmt-resource-locks 1.0.0)."""

from __future__ import annotations

from strongroom.arm import rights_wire as wire
from strongroom.arm.documents import Document, system_data
from strongroom.arm.filters import parse_filter
from strongroom.arm.paging import page
from strongroom.arm.rights import may_below
from strongroom.core.echo import RESOURCE_NAME, shown
from strongroom.core.locks import LockLevel, ManagementLock, lock_id
from strongroom.core.rbac import scope_key
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import locks
from strongroom.resources.locks import LockWish, check_lock_name, lock_not_found, require_lockable
from strongroom.resources.scopes import confirm, locate
from strongroom.resources.vault_settings import parse_word
from strongroom.store import Transaction
from strongroom.view import View

_FUNCTIONS = frozenset({"atscope"})


async def put_lock(call: Call) -> Response:
    """Lock the path's scope, or change a lock there."""
    body = await call.body(wire.ManagementLock)
    tenant, name = call.identity.tenant, check_lock_name(call.params["name"])
    scope = require_lockable(locate(call.world.view, tenant, call.params["scope"]))
    properties = body.properties
    wish = LockWish(
        level=parse_word(LockLevel, properties.level, "properties.level"),
        notes=properties.notes or "",
        owners=tuple(owner.application_id for owner in properties.owners or []),
    )

    async def change(tx: Transaction) -> tuple[ManagementLock, bool]:
        await confirm(tx, scope)
        return await locks.put_lock(
            tx, tenant=tenant, scope=scope, name=name, wish=wish, now=call.now, by=call.identity.oid
        )

    lock, made = await call.commit(
        change, lambda result: _describe(result[0]), lambda result: 201 if result[1] else 200
    )
    return json.response(show_lock(call.world.view, lock), 201 if made else 200)


async def get_lock(call: Call) -> Response:
    """Get a lock that is at the path's scope."""
    tenant, name = call.identity.tenant, call.params["name"]
    found = call.world.view.get(ManagementLock, tenant_partition(tenant), lock_id(call.params["scope"], name))
    if found is None:
        raise lock_not_found(shown(name, RESOURCE_NAME))
    return json.response(show_lock(call.world.view, found))


async def delete_lock(call: Call) -> Response:
    """Take a lock away: 200, or 204 if there was none at the path's scope."""
    tenant, name = call.identity.tenant, call.params["name"]

    async def change(tx: Transaction) -> ManagementLock | None:
        return await locks.remove_lock(tx, tenant=tenant, scope=call.params["scope"], name=name)

    gone = await call.commit(
        change, lambda one: {} if one is None else _describe(one), lambda one: 204 if one is None else 200
    )
    return Response(204 if gone is None else 200, content_type=None)


async def list_locks(call: Call) -> Response:
    """List the locks at, above and below a scope; with `atScope()`, only at and above it."""
    tenant = call.identity.tenant
    scope = require_lockable(locate(call.world.view, tenant, call.params["scope"]))
    wanted = parse_filter(call.query.get("$filter"), properties=frozenset(), functions=_FUNCTIONS)
    here, below = f"{scope_key(scope.path)}/", "atscope" not in wanted.calls
    found = (
        lock
        for lock in call.world.view.all(ManagementLock, tenant_partition(tenant))
        if here.startswith(f"{scope_key(lock.scope)}/")
        or (below and scope_key(lock.scope).startswith(here) and may_below(call, lock.scope))
    )
    return page(call, found, key=lambda lock: lock.id, show=lambda lock: show_lock(call.world.view, lock))


def show_lock(view: View, lock: ManagementLock) -> Document:
    """Write a lock."""
    properties: Document = {"level": lock.level.value}
    if lock.notes:
        properties["notes"] = lock.notes
    if lock.owners:
        properties["owners"] = [{"applicationId": owner} for owner in lock.owners]
    return {
        "id": lock.arm_id,
        "name": lock.name,
        "type": "Microsoft.Authorization/locks",
        "properties": properties,
        "systemData": system_data(view, lock),
    }


def _describe(lock: ManagementLock) -> dict[str, object]:
    """Say in the audit what was locked, and how."""
    return {"scope": lock.scope, "lockLevel": lock.level.value}
