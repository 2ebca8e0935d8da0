"""Handlers of /applications/{id}/federatedIdentityCredentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strongroom.core.federation import FederatedCredential
from strongroom.core.guids import parse_guid
from strongroom.directory import federation
from strongroom.flow.call import Call
from strongroom.graph.filters import Filterable, Operator
from strongroom.graph.objects import find_application
from strongroom.graph.odata import collection, entity
from strongroom.graph.wire import FederatedCredentialBody, clearing, require
from strongroom.http.message import Response
from strongroom.store import Transaction

_EQ = frozenset({Operator.EQ})
FILTERS: Mapping[str, Filterable[FederatedCredential]] = {
    "id": Filterable(lambda one: one.credential_id, _EQ),
    "name": Filterable(lambda one: one.name, _EQ),
    "issuer": Filterable(lambda one: one.issuer, _EQ),
    "subject": Filterable(lambda one: one.subject, _EQ),
}
_RESOURCE = "FederatedIdentityCredential"


async def list_credentials(call: Call) -> Response:
    """List an application's federated credentials."""
    found = find_application(call)
    records = call.world.view.federated_credentials_of(found.id)
    return collection(call, _collection(found.id), records, FILTERS, _RESOURCE, _render)


async def get_credential(call: Call) -> Response:
    """Get one, by its id or its name."""
    found = find_application(call)
    return entity(call, _collection(found.id), _render(_find(call, found.id)))


async def create_credential(call: Call) -> Response:
    """Let a subject of an outside issuer be the application."""
    found = find_application(call)
    body = await call.body(FederatedCredentialBody)
    name = require(body.name, "name", _RESOURCE)
    issuer = require(body.issuer, "issuer", _RESOURCE)
    subject = require(body.subject, "subject", _RESOURCE)
    call.properties["applicationId"] = found.id

    async def change(tx: Transaction) -> FederatedCredential:
        return await federation.create_federated_credential(
            tx,
            found,
            call.world.hosts,
            name=name,
            issuer=issuer,
            subject=subject,
            audiences=body.audiences or (),
            description=clearing(body.description),
            now=call.now,
            entropy=call.world.entropy,
        )

    made = await call.commit(change, lambda one: {"credentialId": one.credential_id})
    return entity(call, _collection(found.id), _render(made), status=201)


async def update_credential(call: Call) -> Response:
    """Change who is meant: the tokens of who was end."""
    found = find_application(call)
    credential = _find(call, found.id)
    body = await call.body(FederatedCredentialBody)
    if body.name not in {None, credential.name}:
        raise federation.name_is_fixed()
    call.properties.update(applicationId=found.id, credentialId=credential.credential_id)
    wanted = federation.FederationChange(body.issuer, body.subject, body.audiences, clearing(body.description))
    await call.commit(
        lambda tx: federation.update_federated_credential(
            tx, found, call.world.hosts, credential.credential_id, wanted, entropy=call.world.entropy
        )
    )
    return Response(204, content_type=None)


async def delete_credential(call: Call) -> Response:
    """Remove one: its tokens end, and no others."""
    found = find_application(call)
    credential = _find(call, found.id)
    call.properties.update(applicationId=found.id, credentialId=credential.credential_id)
    await call.commit(lambda tx: federation.delete_federated_credential(tx, found, credential.credential_id))
    return Response(204, content_type=None)


def _find(call: Call, application: str) -> FederatedCredential:
    key = call.params["credential"]
    credential_id = parse_guid(key)
    for one in call.world.view.federated_credentials_of(application):
        if one.credential_id == credential_id or one.name.casefold() == key.casefold():
            return one
    raise federation.no_such_credential(key)


def _collection(application: str) -> str:
    return f"applications/{application}/federatedIdentityCredentials"


def _render(record: FederatedCredential) -> dict[str, Any]:
    return {
        "id": record.credential_id,
        "name": record.name,
        "issuer": record.issuer,
        "subject": record.subject,
        "description": record.description,
        "audiences": list(record.audiences),
    }
