"""Recovery: an administrator for a tenant that has lost its last one."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.control.link import optional_body, require_control
from strongroom.control.tenants import require_tenant
from strongroom.control.wire import RecoveredAdministrator, TenantBody
from strongroom.core.installation import Installation
from strongroom.core.names import Surface
from strongroom.core.records import INSTANCE, tenant_partition
from strongroom.core.resources import Subscription
from strongroom.directory.administrators import Administrator, recover_administrator
from strongroom.directory.conditional_access import exempt
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources.administrators import make_owner, make_root_owner
from strongroom.resources.deny_assignments import exclude_from_denials
from strongroom.store import Transaction

_REASON = "recovery"


@dataclass(frozen=True, slots=True)
class _Recovered:
    """An administrator, the subscriptions that it owns now, and the policies and denials that reach it no longer."""

    administrator: Administrator
    subscriptions: tuple[str, ...]
    exempted: tuple[str, ...]
    undenied: tuple[str, ...]


async def recover(call: Call) -> Response:
    """
    Make an administrator of a tenant: of its directory, its management groups, its subscriptions and their vaults.

    No denial hits it, whoever else it hits: only so can one be taken back that hits everybody.

    Its secret is in the answer and nowhere else, and ends as the first one does.
    """
    require_control(call)
    body = await optional_body(call, TenantBody)
    world, now = call.world, call.now
    tenant = require_tenant(world.view, body.tenant).id
    call.properties["tenantId"] = tenant

    async def change(tx: Transaction) -> _Recovered:
        (instance,) = await tx.records(Installation, INSTANCE)
        administrator = await recover_administrator(
            tx, world.keys, tenant, instance.application, reason=_REASON, now=now, entropy=world.entropy
        )
        subscriptions = await tx.records(Subscription, tenant_partition(tenant))
        for subscription in subscriptions:
            await make_owner(tx, subscription, administrator.principal.id, now=now, by=_REASON, entropy=world.entropy)
        await make_root_owner(tx, tenant, administrator.principal.id, now=now, by=_REASON, entropy=world.entropy)
        exempted = await exempt(tx, administrator.principal)
        undenied = await exclude_from_denials(
            tx,
            tenant=tenant,
            principal=administrator.principal.id,
            groups=world.view.groups_of(tenant, administrator.principal.id),
            now=now,
            by=_REASON,
        )
        return _Recovered(administrator, tuple(one.id for one in subscriptions), exempted, undenied)

    recovered = await call.commit(change, _describe)
    return json.response(_answer(call, recovered), headers=[(b"cache-control", b"no-store")])


def _describe(recovered: _Recovered) -> dict[str, object]:
    """Give what the journal says: who became an administrator, by which credential; never its secret."""
    administrator = recovered.administrator
    return {
        "appId": administrator.application.app_id,
        "applicationId": administrator.application.id,
        "objectId": administrator.principal.id,
        "credentialId": administrator.secret.credential.id,
        "conditionalAccessExemptions": recovered.exempted,
        "denyAssignmentIds": recovered.undenied,
    }


def _answer(call: Call, recovered: _Recovered) -> RecoveredAdministrator:
    administrator, hosts = recovered.administrator, call.world.hosts
    return RecoveredAdministrator(
        tenant_id=administrator.application.tenant,
        subscription_ids=list(recovered.subscriptions),
        authority=hosts.url(Surface.LOGIN),
        arm_uri=hosts.url(Surface.MANAGEMENT),
        graph_uri=hosts.url(Surface.GRAPH),
        client_id=administrator.application.app_id,
        client_secret=administrator.secret.text,
        object_id=administrator.principal.id,
        expires_on=administrator.secret.credential.expires or 0,
    )
