"""
Federated identity credentials of user-assigned identities: which subjects of outside issuers are the identity.

Whoever may write one can have any such subject be the identity, so this takes a right of its own and is recorded
(security.md "Tenants, outgoing requests, audit"). Whether the issuer is trusted at all is the operator's to say.
"""

from __future__ import annotations

from typing import Any

from strongroom.arm import wire
from strongroom.arm.containers import the_group
from strongroom.arm.documents import IDENTITY_TYPE
from strongroom.arm.paging import page
from strongroom.core.echo import RESOURCE_NAME, shown
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.federation import FederatedCredential
from strongroom.core.identity import ServicePrincipal
from strongroom.core.resources import UserAssignedIdentity
from strongroom.directory import federation
from strongroom.directory.principals import require_service_principal
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.resources import identities
from strongroom.resources.lookup import identity_of
from strongroom.store import Transaction

FEDERATED_TYPE = f"{IDENTITY_TYPE}/federatedIdentityCredentials"


async def list_credentials(call: Call) -> Response:
    """List an identity's federated credentials."""
    identity = _the_identity(call)
    found = call.world.view.federated_credentials_of(identity.principal_id)
    return page(call, found, key=lambda one: one.name.casefold(), show=lambda one: _show(identity, one))


async def get_credential(call: Call) -> Response:
    """Get one by its name."""
    identity = _the_identity(call)
    found = _find(call, identity)
    if found is None:
        raise _not_found(call.params["federation"])
    return json.response(_show(identity, found))


async def put_credential(call: Call) -> Response:
    """Let a subject of an outside issuer be the identity; again, to say another: the tokens of who was end."""
    identity, name = _the_identity(call), call.params["federation"]
    wanted = _wanted((await call.body(wire.FederatedIdentityCredential)).properties)
    world = call.world

    async def change(tx: Transaction) -> tuple[FederatedCredential, bool]:
        owner = await _require_owner(tx, identity)
        for existing in await federation.federated_credentials_of(tx, owner):
            if existing.name.casefold() == name.casefold():
                changed = await federation.update_federated_credential(
                    tx, owner, world.hosts, existing.credential_id, wanted, entropy=world.entropy
                )
                return changed, False
        made = await federation.create_federated_credential(
            tx,
            owner,
            world.hosts,
            name=name,
            issuer=wanted.issuer or "",
            subject=wanted.subject or "",
            audiences=wanted.audiences or (),
            description=None,
            now=call.now,
            entropy=world.entropy,
        )
        return made, True

    credential, made = await call.commit(change, lambda result: _describe(result[0]), status=_status)
    return json.response(_show(identity, credential), _status((credential, made)))


async def delete_credential(call: Call) -> Response:
    """Remove one: its tokens end, and no others. Absent is 204."""
    identity = _the_identity(call)
    found = _find(call, identity)
    if found is None:
        return Response(204, content_type=None)

    async def change(tx: Transaction) -> None:
        owner = await _require_owner(tx, identity)
        await federation.delete_federated_credential(tx, owner, found.credential_id)

    await call.commit(change, lambda _: _describe(found))
    return Response(200, content_type=None)


def _the_identity(call: Call) -> UserAssignedIdentity:
    return identity_of(call.world.view, the_group(call), call.params["identity"])


def _find(call: Call, identity: UserAssignedIdentity) -> FederatedCredential | None:
    name = call.params["federation"].casefold()
    held = call.world.view.federated_credentials_of(identity.principal_id)
    return next((one for one in held if one.name.casefold() == name), None)


async def _require_owner(tx: Transaction, identity: UserAssignedIdentity) -> ServicePrincipal:
    await identities.require_identity(tx, identity)
    return await require_service_principal(tx, identity.tenant, identity.principal_id)


def _wanted(properties: wire.FederatedIdentityCredentialProperties) -> federation.FederationChange:
    """
    Read what a credential is to say. Every member is needed, each time: a PUT says the whole of it.

    Raises:
        Invalid: one is missing, or an expression is to stand in the subject's place.
    """
    if properties.claims_matching_expression is not None:
        # To take the subject and pass over what narrows it would let more in than was meant.
        raise Invalid("A claimsMatchingExpression is not served: name the subject.", code="BadRequest")
    for member, value in (("issuer", properties.issuer), ("subject", properties.subject)):
        if not value:
            raise Invalid(f"The property '{member}' is required.", code="BadRequest")
    return federation.FederationChange(
        issuer=properties.issuer, subject=properties.subject, audiences=tuple(properties.audiences or ())
    )


def _not_found(name: str) -> NotFound:
    return NotFound(
        f"The Federated Identity Credential '{shown(name, RESOURCE_NAME)}' was not found under the managed identity.",
        code="NotFound",
    )


def _show(identity: UserAssignedIdentity, one: FederatedCredential) -> dict[str, Any]:
    return {
        "id": f"{identity.scope}/federatedIdentityCredentials/{one.name}",
        "name": one.name,
        "type": FEDERATED_TYPE,
        "properties": {"issuer": one.issuer, "subject": one.subject, "audiences": list(one.audiences)},
    }


def _describe(one: FederatedCredential) -> dict[str, object]:
    return {"principalId": one.owner, "credentialId": one.credential_id, "issuer": one.issuer}


def _status(result: tuple[FederatedCredential, bool]) -> int:
    return 201 if result[1] else 200
