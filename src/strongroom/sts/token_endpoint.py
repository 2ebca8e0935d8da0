"""
The token endpoints, v1 and v2: the phases that every grant shares.

    tenant --> form --> grant --> bound tokens refused --> claims --> client --> resource --> issue --> answer

The order is Entra's where a client can see it: who a request is from is judged before what it asks for. Both endpoints
issue v1 tokens, because Key Vault, Resource Manager and Graph are resources that want those (reference clients.md
section 7); they differ in how the resource is named and in the form of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.identity import Tenant
from strongroom.core.oauth import Resource, parse_resource, refuse
from strongroom.directory.clients import Client, authenticate_by_secret, require_client
from strongroom.directory.tokens import AccessToken, Mint
from strongroom.directory.workload_assertions import authenticate_by_assertion, find_identity
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.sts.authorities import MULTI_TENANT, find_tenant
from strongroom.sts.forms import parse_basic, parse_form
from strongroom.sts.grants import GRANTS
from strongroom.sts.grants.grant import Grant, TokenRequest
from strongroom.sts.wire import TokenResponse, TokenResponseV1

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NO_STORE = (b"cache-control", b"no-store")
"""RFC 6749 section 5.1."""


async def issue_v1(call: Call) -> Response:
    """Answer POST /{tenant}/oauth2/token: the resource is `resource`, or `scope` as clients of AD FS name it."""
    return await _issue(call, version=1)


async def issue_v2(call: Call) -> Response:
    """Answer POST /{tenant}/oauth2/v2.0/token: the resource is in `scope`."""
    return await _issue(call, version=2)


async def _issue(call: Call, *, version: int) -> Response:
    tenant = _tenant(call)
    form = parse_form(call.request.header(b"content-type"), await call.raw_body())
    grant = _grant(form)
    _refuse_bound(form)
    _judge_claims(form)
    client = _client(call, tenant, form, grant)
    # From here on it is known who asks, so the journal says so whatever the outcome (security.md "The flow").
    call.proved = True
    call.properties.update(
        tenantId=tenant.id,
        appId=client.principal.app_id,
        objectId=client.principal.id,
        credentialId=client.credential.id,
        grantType=grant.name,
    )
    resource = _resource(call, tenant, form, grant, version)
    call.properties["resource"] = resource.audience
    world = call.world
    token = await grant.issue(
        Mint(world.keys, world.signers, world.view, world.entropy),
        TokenRequest(tenant, form, client, resource, call.now),
    )
    call.properties["tokenId"] = token.token_id
    return _answer(token, in_v1_form=version == 1 and "resource" in form)


def _tenant(call: Call) -> Tenant:
    name = call.params["tenant"]
    if name.lower() in MULTI_TENANT:
        raise refuse(50059)
    return find_tenant(call.world, name)


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


def _judge_claims(form: Mapping[str, str]) -> None:
    """
    Judge the `claims` parameter's form (OpenID Connect Core section 5.5). Clients that know continuous access send one.

    Raises:
        Invalid: AADSTS9000410.
    """
    text = form.get("claims")
    if text is None:
        return
    if len(text) > limits.CLAIMS_CHARS:
        raise refuse(9000410, parameter="claims", reason="claims too long")
    try:
        json.decode(text.encode("utf-8"), dict[str, dict[str, object] | None])
    except Invalid:
        raise refuse(9000410, parameter="claims") from None


def _client(call: Call, tenant: Tenant, form: Mapping[str, str], grant: Grant) -> Client:
    """Authenticate the client, by client_secret_post or client_secret_basic and never by both."""
    basic = parse_basic(call.request.header(b"authorization"))
    client_id, secret = form.get("client_id"), form.get("client_secret")
    if basic is not None:
        if secret is not None or client_id not in {None, basic[0]}:
            # RFC 6749 section 2.3: not more than one method in each request.
            raise refuse(9002313, reason="two ways of client authentication")
        client_id, secret = basic
    if not client_id:
        raise refuse(900144, parameter="client_id")
    world = call.world
    if secret:
        return authenticate_by_secret(
            world.keys, world.view, tenant=tenant.id, client_id=client_id, secret=secret, now=call.now
        )
    identity = find_identity(world.view, tenant.id, client_id)
    if identity is not None and "client_assertion" in form:
        # A managed identity has no secret and no certificate: it shows what was written into its program's token file.
        _require_jwt_bearer(form)
        return authenticate_by_assertion(world.keys, world.view, identity, form["client_assertion"], call.now)
    require_client(world.view, tenant=tenant.id, client_id=client_id)
    if "client_assertion" in form:
        # No certificate can be registered yet, so none is the one that signed this assertion.
        raise refuse(700027, client_id=client_id, reason="client assertion")
    raise refuse(7000216, grant_type=grant.name)


def _require_jwt_bearer(form: Mapping[str, str]) -> None:
    """
    Demand the one type of assertion that is known (RFC 7523 section 2.2).

    Raises:
        Invalid: AADSTS900144.
    """
    if form.get("client_assertion_type") != JWT_BEARER:
        raise refuse(900144, parameter="client_assertion_type")


def _resource(call: Call, tenant: Tenant, form: Mapping[str, str], grant: Grant, version: int) -> Resource:
    hosts = call.world.hosts
    if version == 1 and ("resource" in form or "scope" not in form):
        return parse_resource(form.get("resource"), hosts, tenant.id)
    if "resource" in form:
        raise refuse(901002)
    return grant.parse_scope(form.get("scope"), hosts, tenant.id)


def _answer(token: AccessToken, *, in_v1_form: bool) -> Response:
    lifetime = token.lifetime
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
    return json.response(answer, headers=[_NO_STORE])
