"""The operator's hold on tenants: which there are and which is meant, a new one, what one is called, and its end."""

from __future__ import annotations

from dataclasses import dataclass

from strongroom.control import wire
from strongroom.control.key_making import make_missing
from strongroom.control.link import require_control
from strongroom.core.errors import Conflict, Invalid, NotFound
from strongroom.core.guids import new_guid
from strongroom.core.identity import Tenant, User
from strongroom.core.names import Surface
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Subscription
from strongroom.crypto.secret_texts import new_password
from strongroom.directory import tenants
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import audit_sinks
from strongroom.resources.administrators import make_owner
from strongroom.resources.containers import create_subscription
from strongroom.store import Transaction
from strongroom.view import View

_BY = "tenant"


@dataclass(frozen=True, slots=True)
class _Made:
    """What belongs to a new tenant."""

    tenant: Tenant
    user: User
    subscription: Subscription | None


async def list_tenants(call: Call) -> Response:
    """List every tenant, the oldest first."""
    require_control(call)
    view = call.world.view
    found = sorted(view.tenants(), key=lambda one: (one.created, one.id))
    return json.response(wire.TenantList([_show(view, one) for one in found]))


async def create_tenant(call: Call) -> Response:
    """
    Make a tenant with a domain, keys of its own, and a first administrator; with a subscription, if asked for.

    The administrator's password is in the answer and nowhere else.

    Raises:
        Conflict: another tenant has the domain.
        Invalid: the domain or the user's name is malformed.
    """
    require_control(call)
    body = await call.body(wire.NewTenantBody)
    world, now, tenant = call.world, call.now, new_guid(call.world.entropy)
    password = new_password(world.entropy)
    first = tenants.FirstUser(body.user_name, await world.passwords.hash(password))
    keys = await make_missing(call, tenant, ())

    async def change(tx: Transaction) -> _Made:
        made, user = await tenants.open_tenant(
            tx,
            tenant=tenant,
            display_name=body.display_name,
            domain=body.domain,
            keys=keys,
            first=first,
            now=now,
            entropy=world.entropy,
        )
        if not body.subscription:
            return _Made(made, user, None)
        subscription = await create_subscription(
            tx, subscription=new_guid(world.entropy), tenant=made.id, display_name=made.display_name, now=now
        )
        await make_owner(tx, subscription, user.id, now=now, by=_BY, entropy=world.entropy)
        return _Made(made, user, subscription)

    made = await call.commit(change, _describe)
    answer = wire.NewTenant(
        tenant_id=made.tenant.id,
        display_name=made.tenant.display_name,
        domain=made.tenant.domains[0],
        authority=world.hosts.url(Surface.LOGIN),
        user_name=made.user.user_principal_name,
        user_password=password,
        object_id=made.user.id,
        subscription_id=None if made.subscription is None else made.subscription.id,
    )
    return json.response(answer, 201, [(b"cache-control", b"no-store")])


async def change_tenant(call: Call) -> Response:
    """
    Change a tenant's name, or give it a domain or take one.

    Raises:
        Conflict: the domain is another tenant's, the last, or in use.
        Invalid: not one change is asked for, or the domain is malformed.
        NotFound: there is no such tenant, or it has no such domain.
    """
    require_control(call)
    body = await call.body(wire.TenantChangeBody)
    tenant = require_tenant(call.world.view, call.params["tenant"]).id
    call.properties["tenantId"] = tenant

    async def change(tx: Transaction) -> Tenant:
        match body:
            case wire.TenantChangeBody(display_name=str(name), add_domain=None, remove_domain=None):
                return await tenants.rename_tenant(tx, tenant, name)
            case wire.TenantChangeBody(display_name=None, add_domain=str(domain), remove_domain=None):
                return await tenants.add_domain(tx, tenant, domain)
            case wire.TenantChangeBody(display_name=None, add_domain=None, remove_domain=str(domain)):
                return await tenants.remove_domain(tx, tenant, domain)
            case _:
                raise Invalid("One change of a tenant is made at a time: its name, a domain more, or a domain less.")

    changed = await call.commit(change)
    return json.response(_show(call.world.view, changed))


async def remove_tenant(call: Call) -> Response:
    """
    Remove a tenant that is empty but for its last user.

    Raises:
        Conflict: it is the first tenant, or it has something.
        NotFound: there is no such tenant.
    """
    require_control(call)
    tenant = require_tenant(call.world.view, call.params["tenant"]).id
    call.properties["tenantId"] = tenant

    async def change(tx: Transaction) -> None:
        await tenants.remove_tenant(tx, tenant)
        await audit_sinks.remove_sinks_of(tx, tenant)

    await call.commit(change)
    return Response(204, content_type=None)


def _describe(made: _Made) -> dict[str, object]:
    """Give what the journal says: what was made and who administers it; never the password."""
    subscription = {} if made.subscription is None else {"scope": made.subscription.scope}
    return {"tenantId": made.tenant.id, "userId": made.user.id, **subscription}


def _show(view: View, tenant: Tenant) -> wire.TenantEntry:
    subscriptions = view.all(Subscription, tenant_partition(tenant.id))
    return wire.TenantEntry(
        tenant_id=tenant.id,
        display_name=tenant.display_name,
        domains=list(tenant.domains),
        subscription_ids=sorted(one.id for one in subscriptions),
        created=tenant.created,
    )


def require_tenant(view: View, named: str | None) -> Tenant:
    """
    Find the tenant with this id or domain; where there is only one it need not be named.

    Raises:
        Conflict: none is named and there are several.
        NotFound: there is no such tenant.
    """
    tenants = view.tenants()
    known = ", ".join(sorted(f"{tenant.id} ({tenant.domains[0]})" for tenant in tenants))
    if named is None:
        if len(tenants) != 1:
            raise Conflict(f"There are several tenants; name one: {known}.")
        return tenants[0]
    found = view.tenant(named)
    if found is None:
        raise NotFound(f"There is no such tenant. There is: {known}.")
    return found
