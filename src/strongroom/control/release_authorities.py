"""The operator's hold on attestation authorities: on whose word a tenant's keys may be released."""

from __future__ import annotations

import base64
from functools import partial

from strongroom.control import wire
from strongroom.control.link import optional_body, require_control
from strongroom.control.tenants import require_tenant
from strongroom.core.errors import Invalid
from strongroom.core.records import tenant_partition
from strongroom.core.release_authorities import ReleaseAuthority, ReleaseSigningKey, shown_keys, signs_now
from strongroom.crypto.pool import BoundedPool
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects import release_authorities


async def list_release_authorities(call: Call) -> Response:
    """List every tenant's authorities, with the ids of the keys that were given, and what releases are signed with."""
    require_control(call)
    shown = [_show(call, one) for one in call.world.view.all(ReleaseAuthority)]
    return json.response(wire.ReleaseAuthorityList(shown))


async def add_release_authority(call: Call) -> Response:
    """Let an authority count in a tenant, by the keys given here or else by those that it publishes."""
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.attestation import read_authority_keys  # noqa: PLC0415
    from strongroom.crypto.jwk import BadKeySet  # noqa: PLC0415

    require_control(call)
    body, world, now = await call.body(wire.ReleaseAuthorityBody), call.world, call.now
    tenant = require_tenant(world.view, body.tenant).id
    try:
        keys = () if body.keys is None else read_authority_keys(body.keys)
    except BadKeySet as bad:
        raise Invalid(str(bad)) from None
    signing = next(iter(world.view.all(ReleaseSigningKey, tenant_partition(tenant))), None)
    if signing is None:
        signing = await _make_signing_key(call, tenant)
    made, _ = await call.commit(
        lambda tx: release_authorities.add_authority(tx, tenant, body.authority, keys, signing, now),
        lambda result: {"issuer": result[0].id, "tenantId": tenant},
    )
    return json.response(_show(call, made))


async def remove_release_authority(call: Call) -> Response:
    """Let an authority count no longer: nothing is released on its word from now on."""
    require_control(call)
    body = await call.body(wire.ReleaseAuthorityBody)
    tenant = require_tenant(call.world.view, body.tenant).id
    await call.commit(
        lambda tx: release_authorities.remove_authority(tx, tenant, body.authority),
        lambda _: {"issuer": body.authority, "tenantId": tenant},
    )
    return Response(204, content_type=None)


async def revoke_release_signing_key(call: Call) -> Response:
    """End the key that a tenant's releases are signed with, and let another sign from now on."""
    require_control(call)
    body = await optional_body(call, wire.TenantBody)
    tenant = require_tenant(call.world.view, body.tenant).id
    made = await _make_signing_key(call, tenant)
    await call.commit(
        lambda tx: release_authorities.revoke_signing_key(tx, tenant, made, call.now),
        lambda signs: {"signingKeyId": signs.id, "tenantId": tenant},
    )
    return Response(204, content_type=None)


async def _make_signing_key(call: Call, tenant: str) -> ReleaseSigningKey:
    """Make a key to sign with, off the loop, which that would stop for a while."""
    pool = BoundedPool("signing key", threads=1, waiting=1)
    try:
        return await pool.run(partial(release_authorities.make_release_signing_key, call.world.keys, tenant, call.now))
    finally:
        pool.close()


def _show(call: Call, one: ReleaseAuthority) -> wire.ReleaseAuthorityEntry:
    keys = call.world.view.all(ReleaseSigningKey, tenant_partition(one.tenant))
    signing = signs_now(keys, call.now)
    return wire.ReleaseAuthorityEntry(
        one.id,
        one.tenant,
        [key.kid for key in one.keys],
        fetched=not one.keys,
        created=one.created,
        signing_certificate=_text(signing.certificate) if signing is not None else "",
        signing_certificates=[_text(key.certificate) for key in shown_keys(keys, call.now)],
    )


def _text(certificate: bytes) -> str:
    return base64.b64encode(certificate).decode("ascii")
