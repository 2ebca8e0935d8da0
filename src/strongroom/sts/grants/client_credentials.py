"""client_credentials (RFC 6749 section 4.4): an application asks for itself; no user, no refresh token."""

from __future__ import annotations

from strongroom.core.identity import Credential, ServicePrincipalType
from strongroom.core.oauth import parse_client_credentials_scope
from strongroom.directory.apis import require_application_assigned
from strongroom.directory.tokens import issue_to_application, issue_to_identity
from strongroom.sts.grants.grant import Grant, Issued, TokenRequest


async def _issue(request: TokenRequest) -> Issued:
    """
    Issue a token to an application, or to a managed identity that proved itself by an assertion.

    Raises:
        Invalid: AADSTS53003, a policy blocks it.
    """
    client = request.proved_client
    require_application_assigned(request.mint.view, client.principal, request.resource)
    request.admit(client.principal)
    if client.principal.type is ServicePrincipalType.MANAGED_IDENTITY:
        proof = client.credential
        token = await issue_to_identity(
            request.mint,
            client.principal,
            proof,
            # A token of an outside issuer has proved who asks; how long that is so, the federated credential says.
            until=proof.expires if isinstance(proof, Credential) else None,
            resource=request.resource,
            now=request.call.now,
        )
        return Issued(token)
    token = await issue_to_application(
        request.mint,
        client.principal,
        client.credential,
        appidacr=client.appidacr,
        resource=request.resource,
        now=request.call.now,
        claims=request.claims,
    )
    return Issued(token)


CLIENT_CREDENTIALS = Grant("client_credentials", _issue, parse_scope=parse_client_credentials_scope)
