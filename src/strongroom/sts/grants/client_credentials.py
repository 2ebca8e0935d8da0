"""client_credentials (RFC 6749 section 4.4): an application asks for itself; no user, no refresh token."""

from __future__ import annotations

from strongroom.core.identity import Credential, ServicePrincipalType
from strongroom.core.oauth import parse_client_credentials_scope
from strongroom.directory.apis import require_application_assigned
from strongroom.directory.tokens import issue_to_application, issue_to_identity
from strongroom.sts.grants.grant import Grant, Issued, TokenRequest


async def _issue(request: TokenRequest) -> Issued:
    client = request.proved_client
    proof = client.credential
    require_application_assigned(request.mint.view, client.principal, request.resource)
    if client.principal.type is ServicePrincipalType.MANAGED_IDENTITY and isinstance(proof, Credential):
        return Issued(
            await issue_to_identity(
                request.mint, client.principal, proof, resource=request.resource, now=request.call.now
            )
        )
    token = await issue_to_application(
        request.mint,
        client.principal,
        client.credential,
        appidacr=client.appidacr,
        resource=request.resource,
        now=request.call.now,
    )
    return Issued(token)


CLIENT_CREDENTIALS = Grant("client_credentials", _issue, parse_scope=parse_client_credentials_scope)
