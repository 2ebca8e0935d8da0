"""The operator's hold on signing keys: which there are, the next one now, and the end of one that is not only ours."""

from __future__ import annotations

from collections.abc import Sequence

from strongroom.control import wire
from strongroom.control.key_making import make_missing
from strongroom.control.link import optional_body, require_control
from strongroom.control.tenants import require_tenant
from strongroom.core.errors import NotFound
from strongroom.core.identity import SigningKey
from strongroom.directory import signing_keys
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.store import Transaction


async def list_signing_keys(call: Call) -> Response:
    """List every tenant's signing keys that tokens are trusted by, the earliest to sign first."""
    require_control(call)
    return _answer(call, [tenant.id for tenant in call.world.view.tenants()])


async def roll_signing_keys(call: Call) -> Response:
    """
    Let a tenant's next signing key sign from now on, and publish a new next one; list the tenant's keys.

    What the present key signed stays good: this is the roll-over that comes every month, ahead of its day.
    """
    require_control(call)
    body = await optional_body(call, wire.TenantBody)
    world, now = call.world, call.now
    tenant = require_tenant(world.view, body.tenant).id
    call.properties["tenantId"] = tenant
    made = await make_missing(call, tenant, signing_keys.handed_over(world.view.signing_keys(tenant), now))

    async def change(tx: Transaction) -> None:
        await signing_keys.hand_over(tx, tenant, now)
        await signing_keys.roll_over(tx, tenant, made, now)

    await call.commit(change)
    return _answer(call, [tenant])


async def revoke_signing_key(call: Call) -> Response:
    """
    End a signing key at once, with every token it signed, and publish a new next one.

    Without the new one a second revocation would leave the tenant without a key until the next roll-over.
    """
    require_control(call)
    world, kid, now = call.world, call.params["kid"], call.now
    key = world.view.signing_key(kid)
    if key is None or key.trusted_until <= now:
        raise NotFound("There is no such signing key.")
    tenant = key.tenant
    call.properties.update(signingKeyId=kid, tenantId=tenant)
    made = await make_missing(call, tenant, signing_keys.without(world.view.signing_keys(tenant), kid, now))

    async def change(tx: Transaction) -> None:
        await signing_keys.revoke(tx, tenant, kid, now)
        await signing_keys.roll_over(tx, tenant, made, now)

    await call.commit(change)
    return Response(204, content_type=None)


def _answer(call: Call, tenants: Sequence[str]) -> Response:
    view, now = call.world.view, call.now
    shown = [_show(key, now) for tenant in tenants for key in signing_keys.published(view.signing_keys(tenant), now)]
    return json.response(wire.SigningKeyList(shown))


def _show(key: SigningKey, now: int) -> wire.SigningKeyEntry:
    if key.signs_from > now:
        state = wire.SigningKeyState.NEXT
    else:
        state = wire.SigningKeyState.SIGNS if now < key.signs_until else wire.SigningKeyState.TRUSTED
    return wire.SigningKeyEntry(
        kid=key.id,
        tenant_id=key.tenant,
        state=state,
        created=key.created,
        signs_from=key.signs_from,
        signs_until=key.signs_until,
        trusted_until=key.trusted_until,
    )
