"""What the operator lets a tenant's users sign in by, or wants of them, and how long their passwords last."""

from __future__ import annotations

from dataclasses import replace

from strongroom.control import wire
from strongroom.control.link import optional_body, require_control
from strongroom.control.tenants import require_tenant
from strongroom.core.sessions import SignInSettings
from strongroom.directory.tenants import settings_of
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response


async def change_sign_in(call: Call) -> Response:
    """Change what a tenant's users may sign in by, where the body says something, and tell all of it."""
    require_control(call)
    body = await optional_body(call, wire.SignInBody)
    tenant = require_tenant(call.world.view, body.tenant).id
    call.properties["tenantId"] = tenant
    settings = settings_of(call.world.view, tenant)
    changed = _changed(settings, body)
    if changed != settings:
        await call.commit(lambda tx: tx.put(changed))
    return json.response(
        wire.SignInAnswer(
            tenant, changed.password_grant, changed.device_code, changed.password_days, changed.second_factor
        )
    )


def _changed(settings: SignInSettings, body: wire.SignInBody) -> SignInSettings:
    if body.password_grant is not None:
        settings = replace(settings, password_grant=body.password_grant)
    if body.device_code is not None:
        settings = replace(settings, device_code=body.device_code)
    if body.second_factor is not None:
        settings = replace(settings, second_factor=body.second_factor)
    if body.password_days is not None:
        settings = replace(settings, password_days=body.password_days or None)
    return settings
