"""What the operator lets a tenant's users sign in by, or wants of them, where that is off by default."""

from __future__ import annotations

from dataclasses import replace

from strongroom.control import wire
from strongroom.control.link import optional_body, require_control
from strongroom.control.tenants import require_tenant
from strongroom.core.records import tenant_partition
from strongroom.core.sessions import SignInSettings
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response


async def change_sign_in(call: Call) -> Response:
    """Change what a tenant's users may sign in by, where the body says something, and tell all of it."""
    require_control(call)
    body = await optional_body(call, wire.SignInBody)
    tenant = require_tenant(call.world.view, body.tenant).id
    call.properties["tenantId"] = tenant
    settings = call.world.view.get(SignInSettings, tenant_partition(tenant), tenant) or SignInSettings(tenant, tenant)
    wanted = replace(
        settings,
        password_grant=settings.password_grant if body.password_grant is None else body.password_grant,
        device_code=settings.device_code if body.device_code is None else body.device_code,
        second_factor=settings.second_factor if body.second_factor is None else body.second_factor,
    )
    if wanted != settings:
        await call.commit(lambda tx: tx.put(wanted))
    return json.response(wire.SignInAnswer(tenant, wanted.password_grant, wanted.device_code, wanted.second_factor))
