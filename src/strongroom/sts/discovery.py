"""What clients find out before they ask for a token: metadata, key sets, instance discovery, user realm."""

from __future__ import annotations

from urllib.parse import urlsplit

from strongroom.core.aadsts import refuse
from strongroom.core.identity import SigningKey
from strongroom.core.names import AZURE_LOGIN_HOSTS, Site, Surface
from strongroom.core.oauth import issuer_v1, issuer_v2
from strongroom.crypto.signing_keys import public_jwk
from strongroom.directory.signing_keys import published
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.sts.authorities import ADFS, MULTI_TENANT, find_tenant, is_tenant_name
from strongroom.sts.wire import CloudMetadata, InstanceDiscovery, KeySet, OpenIdConfiguration, UserRealm

_TENANT_PLACE = "{tenantid}"
"""What `common` and `organizations` say for the tenant that they do not know: literally this."""
_AZURE_PREFERRED_NETWORK = "login.microsoftonline.com"
_AZURE_PREFERRED_CACHE = "login.windows.net"
_CLAIMS = [
    "sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "preferred_username", "name", "email", "tid",
    "ver", "upn", "given_name", "family_name", "oid", "sid",
]  # fmt: skip


async def openid_configuration_v1(call: Call) -> Response:
    """Answer GET /{tenant}/.well-known/openid-configuration, which is also AD FS's place for it."""
    name, tenant = _authority(call)
    endpoints = f"{call.base}/{name}"
    return _configuration(
        call,
        issuer=issuer_v1(tenant),
        authorize=f"{endpoints}/oauth2/authorize",
        token=f"{endpoints}/oauth2/token",
        device=f"{endpoints}/oauth2/devicecode",
        keys=f"{endpoints}/discovery/keys",
        logout=f"{endpoints}/oauth2/logout",
    )


async def openid_configuration_v2(call: Call) -> Response:
    """Answer GET /{tenant}/v2.0/.well-known/openid-configuration."""
    name, tenant = _authority(call)
    endpoints = f"{call.base}/{name}"
    return _configuration(
        call,
        issuer=issuer_v2(call.base, tenant),
        authorize=f"{endpoints}/oauth2/v2.0/authorize",
        token=f"{endpoints}/oauth2/v2.0/token",
        device=f"{endpoints}/oauth2/v2.0/devicecode",
        keys=f"{endpoints}/discovery/v2.0/keys",
        logout=f"{endpoints}/oauth2/v2.0/logout",
    )


async def signing_keys(call: Call) -> Response:
    """Answer GET /{tenant}/discovery/keys and its v2 twin: every key that is trusted now, the next one included."""
    view, name = call.world.view, call.params["tenant"].lower()
    if name in MULTI_TENANT:
        # Each key says which issuer it is for, because keys are never shared between tenants.
        tenants = [tenant.id for tenant in view.tenants()]
    else:
        tenants = [find_tenant(call.world, name, error="invalid_tenant").id]
    keys: list[SigningKey] = [key for tenant in tenants for key in published(view.signing_keys(tenant), call.now)]
    return json.response(KeySet([public_jwk(key.certificate, issuer_v2(call.base, key.tenant)) for key in keys]))


async def instance_discovery(call: Call) -> Response:
    """
    Answer GET /common/discovery/instance: vouch for authorities that are this instance's, and for no other.

    Clients ask for an authority without its port, so the answer puts the configured one back (reference clients.md
    section 1.1). Azure's names are ours only where they lead here: on the control link.

    Raises:
        Invalid: AADSTS50049, `invalid_instance`.
    """
    asked = call.query.get("authorization_endpoint")
    if asked is None:
        raise refuse(90014, parameter="authorization_endpoint")
    site, tenant = _authority_asked(call, asked)
    aliases = AZURE_LOGIN_HOSTS if site.azure else tuple(dict.fromkeys((site.netloc, site.netloc.partition(":")[0])))
    answer = InstanceDiscovery(
        tenant_discovery_endpoint=f"{site.base_url}/{tenant}/v2.0/.well-known/openid-configuration",
        api_version="1.1",
        metadata=[
            CloudMetadata(
                preferred_network=_AZURE_PREFERRED_NETWORK if site.azure else site.netloc,
                preferred_cache=_AZURE_PREFERRED_CACHE if site.azure else site.netloc,
                aliases=list(aliases),
            )
        ],
    )
    return json.response(answer)


async def user_realm(call: Call) -> Response:
    """Answer GET /common/userrealm/{user}: users of our domains sign in here, others are unknown."""
    domain = call.params["user"].rpartition("@")[2].lower()
    known = is_tenant_name(domain) and "." in domain and call.world.view.tenant(domain) is not None
    answer = UserRealm(
        ver="1.0",
        account_type="Managed" if known else "Unknown",
        domain_name=domain if is_tenant_name(domain) else "",
        cloud_instance_name=_cloud_name(call.the_site),
        cloud_audience_urn="urn:federation:MicrosoftOnline",
    )
    return json.response(answer)


def _authority(call: Call) -> tuple[str, str]:
    """Find what the document's endpoints call the tenant, and what its issuer does."""
    name = call.params["tenant"].lower()
    if name in MULTI_TENANT:
        return name, _TENANT_PLACE
    tenant = find_tenant(call.world, name, error="invalid_tenant").id
    # An alias stays itself, so that its clients keep to its paths; a domain becomes the GUID, as in Entra.
    return (name if name == ADFS else tenant), tenant


def _configuration(
    call: Call, *, issuer: str, authorize: str, token: str, device: str, keys: str, logout: str
) -> Response:
    document = OpenIdConfiguration(
        token_endpoint=token,
        token_endpoint_auth_methods_supported=["client_secret_post", "private_key_jwt", "client_secret_basic"],
        jwks_uri=keys,
        response_modes_supported=["query", "fragment", "form_post"],
        subject_types_supported=["pairwise"],
        id_token_signing_alg_values_supported=["RS256"],
        response_types_supported=["code"],
        scopes_supported=["openid", "profile", "email", "offline_access"],
        issuer=issuer,
        request_uri_parameter_supported=False,
        userinfo_endpoint=f"https://{call.the_site.netloc_beside(Surface.GRAPH)}/oidc/userinfo",
        authorization_endpoint=authorize,
        device_authorization_endpoint=device,
        http_logout_supported=True,
        frontchannel_logout_supported=False,
        end_session_endpoint=logout,
        claims_supported=_CLAIMS,
        cloud_instance_name=_cloud_name(call.the_site),
        msgraph_host=call.the_site.netloc_beside(Surface.GRAPH),
    )
    return json.response(document)


def _authority_asked(call: Call, url: str) -> tuple[Site, str]:
    hosts, link = call.world.hosts, call.connection.link
    try:
        parts = urlsplit(url)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        raise refuse(50049) from None
    tenant = parts.path.lstrip("/").partition("/")[0]
    if parts.scheme.lower() != "https" or parts.username is not None or not is_tenant_name(tenant):
        raise refuse(50049)
    asked = [f"{name}:{port}"] if port is not None else [f"{name}:{hosts.port}", name]
    for host in asked:
        site = hosts.site_of(host, link)
        if site is not None and site.surface is Surface.LOGIN:
            return site, tenant
    raise refuse(50049, reason="authority is not served")


def _cloud_name(site: Site) -> str:
    """Name the cloud as Entra does: the authority's domain."""
    return site.netloc_beside(Surface.LOGIN).removeprefix(f"{Surface.LOGIN.value}.")
