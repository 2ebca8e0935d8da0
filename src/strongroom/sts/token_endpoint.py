"""
The token endpoints, v1 and v2: the phases that every grant shares.

    tenant --> form --> grant --> bound tokens refused --> claims --> client --> resource
           --> grant: its own proof --> conditional access --> consent --> token --> answer

The order is Entra's where a client can see it: who a request is from is judged before what it asks for. The version of
a token is its resource's, whichever endpoint was asked: Key Vault, Resource Manager and Graph want v1 (reference
clients.md section 7). The endpoints differ in how the resource is named and in the form of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core import limits
from strongroom.core.aadsts import refuse
from strongroom.core.claims_request import NOTHING, ClaimsRequest, read_claims_request
from strongroom.core.errors import Failure, Invalid
from strongroom.core.identity import Tenant
from strongroom.core.oauth import Resource, parse_resource
from strongroom.core.user_tokens import UserScope, whole_resource
from strongroom.directory.apis import finder
from strongroom.directory.clients import (
    Client,
    PublicClient,
    authenticate_by_secret,
    find_public_client,
    find_registered_public_client,
    require_client,
)
from strongroom.directory.consent import offered_to
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.sts import cors
from strongroom.sts.authorities import MULTI_TENANT, find_tenant
from strongroom.sts.client_assertions import authenticate_by_assertion
from strongroom.sts.forms import parse_basic, parse_form
from strongroom.sts.grants import GRANTS
from strongroom.sts.grants.grant import Grant, Issued, TokenRequest
from strongroom.sts.named import note_client, note_named
from strongroom.sts.scopes import read_user_scope
from strongroom.sts.wire import TokenResponse, TokenResponseV1

_NO_STORE = (b"cache-control", b"no-store")
"""RFC 6749 section 5.1."""


async def issue_v1(call: Call) -> Response:
    """Answer POST /{tenant}/oauth2/token: the resource is `resource`, or `scope` as clients of AD FS name it."""
    return await _issue(call, version=1)


async def issue_v2(call: Call) -> Response:
    """Answer POST /{tenant}/oauth2/v2.0/token: the resource is in `scope`."""
    return await _issue(call, version=2)


async def _issue(call: Call, *, version: int) -> Response:
    note_named(call, None)
    named = _named_tenant(call)
    form = parse_form(call.request.header(b"content-type"), await call.raw_body())
    try:
        return await _issue_for(call, named, form, version)
    except Failure as failure:
        failure.headers += cors.refused(call, form)
        # One may have been made before the change that was to go with it was refused: nobody got it.
        call.properties.pop("tokenId", None)
        raise


async def _issue_for(call: Call, named: Tenant | None, form: Mapping[str, str], version: int) -> Response:
    note_client(call, named, form.get("client_id"))
    grant = _grant(form)
    call.properties["grantType"] = grant.name
    _refuse_bound(form)
    claims = _claims(call, form)
    tenant = named if named is not None else _implied_tenant(call, form, grant)
    call.properties["tenantId"] = tenant.id
    client = await _client(call, tenant, form, grant)
    call.properties["appId"] = client.app_id
    if isinstance(client, Client):
        # From here on it is known who asks, so the journal says by what, whatever the outcome (security.md "The flow").
        call.proved = True
        call.properties.update(objectId=client.principal.id, credentialId=client.credential_id)
    scope = _user_scope(call, tenant, client.app_id, form, grant, version) if grant.parse_scope is None else None
    resource = scope.resource if scope is not None else _resource(call, tenant, form, grant, version)
    call.properties["resource"] = resource.audience
    issued = await grant.issue(TokenRequest(call, tenant, form, client, resource, scope, claims))
    call.properties["tokenId"] = issued.access.token_id
    return _answer(issued, in_v1_form=version == 1 and "resource" in form)


def _named_tenant(call: Call) -> Tenant | None:
    """Find the tenant that the path names; None if it names none in particular."""
    name = call.params["tenant"]
    return None if name.lower() in MULTI_TENANT else find_tenant(call.world, name)


def _implied_tenant(call: Call, form: Mapping[str, str], grant: Grant) -> Tenant:
    """
    Find the tenant of the user that a request to `common` or `organizations` is about.

    Raises:
        Invalid: AADSTS50059, the grant has no user, or says nothing of whose tenant.
    """
    if grant.find_tenant is None:
        raise refuse(50059)
    return grant.find_tenant(call.world, form)


def _grant(form: Mapping[str, str]) -> Grant:
    name = form.get("grant_type")
    if name is None:
        raise refuse(900144, parameter="grant_type")
    grant = GRANTS.get(name)
    if grant is None:
        raise refuse(70003, grant_type=name)
    return grant


def _refuse_bound(form: Mapping[str, str]) -> None:
    """
    Refuse requests for a token that is bound to a key or certificate: never answer them with a bearer token.

    Raises:
        Invalid: AADSTS392196.
    """
    kind = form.get("token_type", "bearer").lower()
    if kind != "bearer" or "cnf" in form or "req_cnf" in form:
        raise refuse(392196, resource=form.get("resource") or form.get("scope") or "", reason="bound token requested")


def _claims(call: Call, form: Mapping[str, str]) -> ClaimsRequest:
    """
    Read the `claims` parameter (OpenID Connect Core section 5.5). Clients that know continuous access send one.

    Raises:
        Invalid: AADSTS9000410, it is malformed or too long, or demands a token of the future.
    """
    text = form.get("claims")
    if text is None:
        return NOTHING
    if len(text) > limits.CLAIMS_CHARS:
        raise refuse(9000410, parameter="claims", reason="claims too long")
    try:
        asked = read_claims_request(json.decode(text.encode("utf-8"), dict[str, dict[str, object] | None]))
    except Invalid:
        raise refuse(9000410, parameter="claims") from None
    if asked.not_before is not None and asked.not_before > call.now:
        raise refuse(9000410, parameter="claims", reason="claims demand a token of the future")
    return asked


async def _client(call: Call, tenant: Tenant, form: Mapping[str, str], grant: Grant) -> Client | PublicClient:
    """Authenticate the client, by client_secret_post, client_secret_basic or an assertion, and never by two of them."""
    basic = parse_basic(call.request.header(b"authorization"))
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if basic is not None:
        if secret is not None or client_id not in {None, basic[0]}:
            # RFC 6749 section 2.3: not more than one method in each request.
            raise refuse(9002313, reason="two ways of client authentication")
        client_id, secret = basic
    if not client_id:
        raise refuse(900144, parameter="client_id")
    note_client(call, tenant, client_id)
    world = call.world
    if "client_assertion" in form:
        if secret:
            raise refuse(9002313, reason="two ways of client authentication")
        return await authenticate_by_assertion(call, tenant, client_id, form)
    if secret:
        return authenticate_by_secret(
            world.keys, world.view, tenant=tenant.id, client_id=client_id, secret=secret, now=call.now
        )
    if grant.takes_public_clients:
        public = find_public_client(client_id) or find_registered_public_client(
            world.view, tenant=tenant.id, client_id=client_id, has_redirect_uri=grant.has_redirect_uri
        )
        if public is not None:
            return public
    require_client(world.view, tenant=tenant.id, client_id=client_id)
    raise refuse(7000218) if grant.takes_public_clients else refuse(7000216, grant_type=grant.name)


def _resource(call: Call, tenant: Tenant, form: Mapping[str, str], grant: Grant, version: int) -> Resource:
    hosts, find = call.world.hosts, finder(call.world.view, tenant.id)
    if version == 1 and ("resource" in form or "scope" not in form):
        return parse_resource(form.get("resource"), hosts, tenant.id, find)
    if "resource" in form:
        raise refuse(901002)
    if grant.parse_scope is None:
        msg = f"{grant.name} asks for users"
        raise RuntimeError(msg)
    return grant.parse_scope(form.get("scope"), hosts, tenant.id, find)


def _user_scope(
    call: Call, tenant: Tenant, app_id: str, form: Mapping[str, str], grant: Grant, version: int
) -> UserScope:
    scope, resource = form.get("scope"), form.get("resource")
    if version == 2 and resource is not None:
        raise refuse(901002)
    if scope is None and resource is None and grant.find_scope is not None:
        scope = grant.find_scope(call.world, form)
    if version == 2 or (resource is None and scope is not None):
        return read_user_scope(call, tenant.id, app_id, scope)
    world = call.world
    named = parse_resource(resource, world.hosts, tenant.id, finder(world.view, tenant.id))
    return whole_resource(named, offered_to(world.view, app_id))


def _answer(issued: Issued, *, in_v1_form: bool) -> Response:
    token, lifetime = issued.access, issued.access.lifetime
    answer: TokenResponse | TokenResponseV1
    if in_v1_form:
        answer = TokenResponseV1(
            token_type="Bearer",  # noqa: S106  the kind of token, not one
            expires_in=str(lifetime.expires_in),
            ext_expires_in=str(lifetime.expires_in),
            expires_on=str(lifetime.expires),
            not_before=str(lifetime.issued),
            resource=token.resource.audience,
            access_token=token.text,
        )
    else:
        answer = TokenResponse("Bearer", lifetime.expires_in, lifetime.expires_in, token.text)
    answer.scope, answer.refresh_token = issued.scope, issued.refresh_token
    answer.id_token, answer.client_info = issued.id_token, issued.client_info
    allowed = cors.answered(issued.origin) if issued.origin is not None else []
    return json.response(answer, headers=[_NO_STORE, *allowed])
