"""Handlers of addPassword and removePassword, of applications and of service principals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.directory import client_secrets
from strongroom.directory.client_secrets import SecretOwner
from strongroom.flow.call import Call
from strongroom.flow.operation import Handler
from strongroom.graph import render
from strongroom.graph.odata import context
from strongroom.graph.times import LAST_SECOND, seconds_of
from strongroom.graph.wire import AddPasswordBody, PasswordCredentialBody, RemovePasswordBody, refuse_later
from strongroom.http import json
from strongroom.http.message import Response


def password_handlers(find: Callable[[Call], SecretOwner]) -> tuple[Handler, Handler]:
    """Make the handlers that add and remove secrets of what *find* finds."""

    async def add_password(call: Call) -> Response:
        return await _add(call, find(call))

    async def remove_password(call: Call) -> Response:
        return await _remove(call, find(call))

    return add_password, remove_password


async def _add(call: Call, found: SecretOwner) -> Response:
    """Make a secret. This answer is the only place where it is ever shown."""
    raw = await call.raw_body()
    asked = json.decode(raw, AddPasswordBody).password_credential if raw.strip() else None
    wanted = asked or PasswordCredentialBody()
    refuse_later(wanted, PasswordCredentialBody.LATER)
    begins = seconds_of(wanted.start_date_time)
    ends = seconds_of(wanted.end_date_time)
    if ends is None:
        ends = (call.now if begins is None else begins) + limits.CLIENT_SECRET_S
    if ends > LAST_SECOND:
        raise Invalid("A date and time is out of range.")
    made = client_secrets.make_client_secret(
        call.world.keys,
        found,
        display_name=wanted.display_name,
        not_before=begins,
        expires=ends,
        now=call.now,
        entropy=call.world.entropy,
    )
    call.properties.update(objectId=found.id, credentialId=made.credential.id)
    await call.commit(lambda tx: client_secrets.add_password(tx, made.credential))
    answer: dict[str, Any] = {
        "@odata.context": context(call, "microsoft.graph.passwordCredential"),
        **render.password_credential(made.credential),
        "secretText": made.text,
    }
    return json.response(answer)


async def _remove(call: Call, found: SecretOwner) -> Response:
    """Remove a secret: its tokens end, and no others."""
    body = await call.body(RemovePasswordBody)
    key_id = body.key_id.lower()
    call.properties.update(objectId=found.id, credentialId=key_id)
    await call.commit(lambda tx: client_secrets.remove_password(tx, found.tenant, found.id, key_id))
    return Response(204, content_type=None)
