"""client_credentials (RFC 6749 section 4.4): an application asks for itself; no user, no refresh token."""

from __future__ import annotations

from strongroom.core.identity import ServicePrincipalType
from strongroom.core.oauth import parse_client_credentials_scope
from strongroom.directory.tokens import AccessToken, Mint, issue_to_application, issue_to_identity
from strongroom.sts.grants.grant import Grant, TokenRequest


async def _issue(mint: Mint, request: TokenRequest) -> AccessToken:
    client = request.client
    if client.principal.type is ServicePrincipalType.MANAGED_IDENTITY:
        return await issue_to_identity(
            mint, client.principal, client.credential, resource=request.resource, now=request.now
        )
    return await issue_to_application(
        mint,
        client.principal,
        client.credential,
        appidacr=client.appidacr,
        resource=request.resource,
        now=request.now,
    )


CLIENT_CREDENTIALS = Grant("client_credentials", parse_client_credentials_scope, _issue)
