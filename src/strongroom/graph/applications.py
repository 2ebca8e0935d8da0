"""Handlers of /applications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.identity import Application
from strongroom.core.records import tenant_partition
from strongroom.directory import applications as directory
from strongroom.directory import client_secrets
from strongroom.flow.call import Call
from strongroom.graph import render
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_application
from strongroom.graph.odata import collection, context, entity
from strongroom.graph.owners import add_owners, owners_of_new
from strongroom.graph.registration import ApplicationBody, registered
from strongroom.graph.wire import (
    AddPasswordBody,
    PasswordCredentialBody,
    RemovePasswordBody,
    refuse_later,
    require,
)
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.store import Transaction

_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[Application]] = {
    "id": Filterable(lambda one: one.id, _EQ),
    "appId": Filterable(lambda one: one.app_id, _EQ),
    "displayName": Filterable(lambda one: one.display_name, _EQ | {Operator.STARTS_WITH}),
    "identifierUris": Filterable(lambda one: one.identifier_uris, frozenset({Operator.ANY})),
    "signInAudience": Filterable(lambda one: one.sign_in_audience, _EQ),
}


async def list_applications(call: Call) -> Response:
    """List the tenant's applications."""
    view = call.world.view
    records = view.all(Application, tenant_partition(call.identity.tenant))
    return collection(call, "applications", records, FILTERS, "Application", lambda one: render.application(view, one))


async def get_application(call: Call) -> Response:
    """Get one application."""
    return entity(call, "applications", render.application(call.world.view, find_application(call)))


async def create_application(call: Call) -> Response:
    """Register an application."""
    body = await call.body(ApplicationBody)
    details = registered(body)
    display_name = require(body.display_name, "displayName", "Application")
    owners = owners_of_new(call, body.owners)

    async def change(tx: Transaction) -> Application:
        made = await directory.create_application(
            tx,
            call.identity.tenant,
            display_name=display_name,
            details=details,
            now=call.now,
            entropy=call.world.entropy,
        )
        await add_owners(tx, made, owners)
        return made

    made = await call.commit(change, lambda one: {"applicationId": one.id, "appId": one.app_id})
    return entity(call, "applications", render.application(call.world.view, made), status=201)


async def update_application(call: Call) -> Response:
    """Change an application."""
    found = find_application(call)
    body = await call.body(ApplicationBody)
    refuse_later(body, ("owners",))
    wanted = registered(body)
    call.properties["applicationId"] = found.id
    await call.commit(lambda tx: directory.update_application(tx, found.tenant, found.id, wanted))
    return Response(204, content_type=None)


async def delete_application(call: Call) -> Response:
    """Delete an application, its secrets and its principal."""
    found = find_application(call)
    call.properties["applicationId"] = found.id
    await call.commit(lambda tx: directory.delete_application(tx, found.tenant, found.id, now=call.now))
    return Response(204, content_type=None)


async def add_password(call: Call) -> Response:
    """Make a secret. This answer is the only place where it is ever shown."""
    found = find_application(call)
    raw = await call.raw_body()
    asked = json.decode(raw, AddPasswordBody).password_credential if raw.strip() else None
    wanted = asked or PasswordCredentialBody()
    refuse_later(wanted, PasswordCredentialBody.LATER)
    begins = _seconds(wanted.start_date_time)
    ends = _seconds(wanted.end_date_time)
    made = client_secrets.make_client_secret(
        call.world.keys,
        found,
        display_name=wanted.display_name,
        not_before=begins,
        expires=(call.now if begins is None else begins) + limits.CLIENT_SECRET_S if ends is None else ends,
        now=call.now,
        entropy=call.world.entropy,
    )
    call.properties.update(applicationId=found.id, credentialId=made.credential.id)
    await call.commit(lambda tx: client_secrets.add_password(tx, made.credential))
    answer: dict[str, Any] = {
        "@odata.context": context(call, "microsoft.graph.passwordCredential"),
        **render.password_credential(made.credential),
        "secretText": made.text,
    }
    return json.response(answer)


async def remove_password(call: Call) -> Response:
    """Remove a secret: its tokens end, and no others."""
    found = find_application(call)
    body = await call.body(RemovePasswordBody)
    key_id = body.key_id.lower()
    call.properties.update(applicationId=found.id, credentialId=key_id)
    await call.commit(lambda tx: client_secrets.remove_password(tx, found.tenant, found.id, key_id))
    return Response(204, content_type=None)


def _seconds(moment: datetime | None) -> int | None:
    """Read a time; one without a zone is in UTC, as Graph's are."""
    if moment is None:
        return None
    try:
        return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())
    except (OverflowError, ValueError):
        raise Invalid("A date and time is out of range.") from None
