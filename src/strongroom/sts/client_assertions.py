"""
Client assertions at the token endpoint: whose an assertion is, and what it may name as its audience.

An assertion is the client's own if it names the client as its issuer, and is then checked by the client's certificates.
If its issuer is a URL, it is an outside issuer's token, and is good for what the client's federated credentials say. A
managed identity has no certificate: beside those tokens it shows what was written into its program's token file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from strongroom.core.aadsts import refuse
from strongroom.core.assertions import ASSERTION_TYPE
from strongroom.core.identity import Application, Tenant
from strongroom.core.names import AZURE_LOGIN_HOSTS
from strongroom.directory.clients import Client, authenticate_by_certificate, refuse_assertion, require_client
from strongroom.directory.federated_clients import authenticate_by_federation
from strongroom.directory.issuer_keys import find_issuer_key
from strongroom.directory.workload_assertions import authenticate_identity, find_identity
from strongroom.flow.call import Call

_PLACES = ("/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/", "")
"""What clients call the token service of a tenant: its endpoints, and its issuers."""


async def authenticate_by_assertion(call: Call, tenant: Tenant, client_id: str, form: Mapping[str, str]) -> Client:
    """
    Authenticate the client by `client_assertion`.

    Raises:
        Invalid: AADSTS900144, its type is not said; 9002313, it is of another type; 700016; 50027 and its like.
        Unauthenticated: see `authenticate_by_certificate`, `authenticate_by_federation` and `authenticate_identity`.
    """
    # The library takes a tenth of a second to import, which a start-up must not wait for.
    from strongroom.crypto.assertions import AssertionRefused, parse_assertion  # noqa: PLC0415

    kind = form.get("client_assertion_type")
    if kind is None:
        raise refuse(900144, parameter="client_assertion_type")
    if kind != ASSERTION_TYPE:
        raise refuse(9002313, reason="type of the client assertion")
    view = call.world.view
    application: Application | None = None
    principal = find_identity(view, tenant.id, client_id)
    if principal is None:
        application, principal = require_client(view, tenant=tenant.id, client_id=client_id)
    try:
        assertion = parse_assertion(form["client_assertion"])
    except AssertionRefused as refused:
        raise refuse_assertion(refused, client_id) from None
    if "://" in assertion.issuer:
        return await authenticate_by_federation(
            view,
            assertion,
            partial(find_issuer_key, call.world.documents),
            application,
            principal,
            hosts=call.world.hosts,
            now=call.now,
        )
    if application is None:
        return authenticate_identity(call.world.keys, view, principal, assertion.text, call.now)
    if assertion.issuer.lower() != application.app_id:
        raise refuse(700021, reason="assertion of another issuer")
    return authenticate_by_certificate(
        view,
        assertion,
        tenant=tenant.id,
        client_id=client_id,
        audiences=_audiences(call, tenant),
        now=call.now,
    )


def _audiences(call: Call, tenant: Tenant) -> frozenset[str]:
    """
    Give every audience that means this tenant's token service to whoever asked here, in lower case.

    Azure's names count where Azure's names were asked, and nowhere else.
    """
    site = call.the_site
    hosts = AZURE_LOGIN_HOSTS if site.azure else call.world.hosts.login_names(site)
    names = (tenant.id, *map(str.lower, tenant.domains), call.params["tenant"].lower())
    return frozenset(f"https://{host}/{name}{place}" for host in hosts for name in names for place in _PLACES)
