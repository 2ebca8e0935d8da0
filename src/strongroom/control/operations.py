"""The operations of the control socket. Public, because reaching the socket is the proof: see the package."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.control.acme import (
    add_acme_account,
    change_acme_account,
    check_acme_account,
    get_acme_account,
    list_acme_accounts,
    remove_acme_account,
)
from strongroom.control.acme_wire import AcmeAccountBody, AcmeAccountChangeBody
from strongroom.control.assertions import issue_assertion
from strongroom.control.audit_sinks import (
    add_audit_sink,
    get_audit_sink_status,
    list_audit_sinks,
    remove_audit_sink,
)
from strongroom.control.audit_sinks_wire import AuditSinkBody
from strongroom.control.explain import explain_request, who_can_request
from strongroom.control.explain_wire import ExplainBody, WhoCanBody
from strongroom.control.guardrails import check_guardrails, get_guardrails, put_guardrails, remove_guardrails
from strongroom.control.guardrails_wire import GuardrailsBody
from strongroom.control.identity_maps import add_identity_map, list_identity_maps, remove_identity_map
from strongroom.control.identity_providers import (
    add_identity_link,
    add_identity_provider,
    change_identity_provider,
    list_identity_links,
    list_identity_providers,
    remove_identity_link,
    remove_identity_provider,
)
from strongroom.control.issuers import add_issuer, list_issuers, remove_issuer
from strongroom.control.jobs import list_jobs, run_job
from strongroom.control.networks import (
    add_endpoint_listener,
    list_endpoint_listeners,
    list_network_maps,
    remove_endpoint_listener,
    remove_network_map,
    set_network_map,
)
from strongroom.control.networks_wire import (
    EndpointListenerBody,
    NetworkMapBody,
    PrivateEndpointBody,
    VirtualNetworkBody,
)
from strongroom.control.private_authorities import (
    create_private_authority,
    list_issued_certificates,
    list_private_authorities,
    remove_private_authority,
    renew_private_authority,
    revoke_certificate,
)
from strongroom.control.private_authorities_wire import (
    NamedAuthorityBody,
    PrivateAuthorityBody,
    RemoveAuthorityBody,
    RenewAuthorityBody,
    RevokeBody,
)
from strongroom.control.recovery import recover
from strongroom.control.release_authorities import (
    add_release_authority,
    list_release_authorities,
    remove_release_authority,
    revoke_release_signing_key,
)
from strongroom.control.runs import finish_run, start_run
from strongroom.control.sign_in import change_sign_in
from strongroom.control.signing_keys import list_signing_keys, revoke_signing_key, roll_signing_keys
from strongroom.control.status import status
from strongroom.control.tenants import change_tenant, create_tenant, list_tenants, remove_tenant
from strongroom.control.trusted_services import (
    add_trusted_service,
    list_trusted_services,
    remove_trusted_service,
)
from strongroom.control.trusted_services_wire import TrustedServiceBody
from strongroom.control.wire import (
    AssertionBody,
    IdentityLinkBody,
    IdentityMapBody,
    IdentityProviderBody,
    IdentityProviderChangeBody,
    IssuerBody,
    NewTenantBody,
    ReleaseAuthorityBody,
    RunBody,
    SignInBody,
    TenantBody,
    TenantChangeBody,
)
from strongroom.core.permissions import Public
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World


def control_target(_world: World, _vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve a path: the instance itself is no resource of any tenant."""
    return Target("", params)


OPERATIONS: tuple[Op, ...] = (
    Op("AcmeAccountList", "GET", "/acme-accounts", Public(), list_acme_accounts, control_target, authenticates=True),
    Op("AcmeAccountAdd", "POST", "/acme-accounts", Public(), add_acme_account, control_target, success=201,
       body=AcmeAccountBody, authenticates=True),
    Op("AcmeAccountGet", "GET", "/acme-accounts/{account}", Public(), get_acme_account, control_target,
       authenticates=True),
    Op("AcmeAccountChange", "PATCH", "/acme-accounts/{account}", Public(), change_acme_account, control_target,
       body=AcmeAccountChangeBody, authenticates=True),
    Op("AcmeAccountCheck", "POST", "/acme-accounts/{account}/check", Public(), check_acme_account, control_target,
       authenticates=True),
    Op("AcmeAccountRemove", "DELETE", "/acme-accounts/{account}", Public(), remove_acme_account, control_target,
       authenticates=True),
    Op("AdministratorRecover", "POST", "/recover", Public(), recover, control_target, body=TenantBody,
       authenticates=True),
    Op("AuditSinkList", "GET", "/audit-sinks", Public(), list_audit_sinks, control_target, authenticates=True),
    Op("AuditSinkAdd", "POST", "/audit-sinks", Public(), add_audit_sink, control_target, success=201,
       body=AuditSinkBody, authenticates=True),
    Op("AuditSinkStatusGet", "GET", "/audit-sinks/status", Public(), get_audit_sink_status, control_target,
       authenticates=True),
    Op("AuditSinkRemove", "DELETE", "/audit-sinks/{sink}", Public(), remove_audit_sink, control_target, success=204,
       authenticates=True),
    Op("EndpointListenerList", "GET", "/endpoint-listeners", Public(), list_endpoint_listeners, control_target,
       authenticates=True),
    Op("EndpointListenerAdd", "POST", "/endpoint-listeners", Public(), add_endpoint_listener, control_target,
       success=201, body=EndpointListenerBody, authenticates=True),
    Op("EndpointListenerRemove", "POST", "/endpoint-listeners/remove", Public(), remove_endpoint_listener,
       control_target, success=204, body=PrivateEndpointBody, authenticates=True),
    Op("Explain", "POST", "/explain", Public(), explain_request, control_target, body=ExplainBody, authenticates=True),
    Op("WhoCan", "POST", "/who-can", Public(), who_can_request, control_target, body=WhoCanBody, authenticates=True),
    Op("IdentityMapList", "GET", "/identity-maps", Public(), list_identity_maps, control_target, authenticates=True),
    Op("IdentityMapAdd", "POST", "/identity-maps", Public(), add_identity_map, control_target, success=201,
       body=IdentityMapBody, authenticates=True),
    Op("IdentityMapRemove", "DELETE", "/identity-maps/{map}", Public(), remove_identity_map, control_target,
       success=204, authenticates=True),
    Op("IdentityProviderList", "GET", "/identity-providers", Public(), list_identity_providers, control_target,
       authenticates=True),
    Op("IdentityProviderAdd", "POST", "/identity-providers", Public(), add_identity_provider, control_target,
       success=201, body=IdentityProviderBody, authenticates=True),
    Op("IdentityProviderChange", "PATCH", "/identity-providers/{provider}", Public(), change_identity_provider,
       control_target, body=IdentityProviderChangeBody, authenticates=True),
    Op("IdentityProviderRemove", "DELETE", "/identity-providers/{provider}", Public(), remove_identity_provider,
       control_target, success=204, authenticates=True),
    Op("IdentityLinkList", "GET", "/identity-providers/{provider}/links", Public(), list_identity_links,
       control_target, authenticates=True),
    Op("IdentityLinkAdd", "POST", "/identity-providers/{provider}/links", Public(), add_identity_link, control_target,
       success=201, body=IdentityLinkBody, authenticates=True),
    Op("IdentityLinkRemove", "DELETE", "/identity-providers/{provider}/links/{link}", Public(), remove_identity_link,
       control_target, success=204, authenticates=True),
    Op("IssuerList", "GET", "/issuers", Public(), list_issuers, control_target, authenticates=True),
    Op("IssuerTrust", "POST", "/issuers", Public(), add_issuer, control_target, body=IssuerBody, authenticates=True),
    Op("IssuerDistrust", "POST", "/issuers/remove", Public(), remove_issuer, control_target, success=204,
       body=IssuerBody, authenticates=True),
    Op("NetworkMapList", "GET", "/network-maps", Public(), list_network_maps, control_target, authenticates=True),
    Op("NetworkMapSet", "POST", "/network-maps", Public(), set_network_map, control_target, body=NetworkMapBody,
       authenticates=True),
    Op("NetworkMapRemove", "POST", "/network-maps/remove", Public(), remove_network_map, control_target, success=204,
       body=VirtualNetworkBody, authenticates=True),
    Op("PolicyGet", "GET", "/policy", Public(), get_guardrails, control_target, authenticates=True),
    Op("PolicySet", "POST", "/policy", Public(), put_guardrails, control_target, body=GuardrailsBody,
       authenticates=True),
    Op("PolicyRemove", "DELETE", "/policy", Public(), remove_guardrails, control_target, success=204,
       authenticates=True),
    Op("PolicyCheck", "POST", "/policy/check", Public(), check_guardrails, control_target, body=GuardrailsBody,
       authenticates=True),
    Op("PrivateAuthorityList", "GET", "/certificate-authorities", Public(), list_private_authorities, control_target,
       authenticates=True),
    Op("PrivateAuthorityCreate", "POST", "/certificate-authorities", Public(), create_private_authority,
       control_target, success=201, body=PrivateAuthorityBody, authenticates=True),
    Op("PrivateAuthorityRenew", "POST", "/certificate-authorities/renew", Public(), renew_private_authority,
       control_target, body=RenewAuthorityBody, authenticates=True),
    Op("PrivateAuthorityRemove", "POST", "/certificate-authorities/remove", Public(), remove_private_authority,
       control_target, success=204, body=RemoveAuthorityBody, authenticates=True),
    Op("IssuedCertificateList", "POST", "/certificate-authorities/issued", Public(), list_issued_certificates,
       control_target, body=NamedAuthorityBody, authenticates=True),
    Op("IssuedCertificateRevoke", "POST", "/certificate-authorities/revoke", Public(), revoke_certificate,
       control_target, body=RevokeBody, authenticates=True),
    Op("ReleaseAuthorityList", "GET", "/release-authorities", Public(), list_release_authorities, control_target,
       authenticates=True),
    Op("ReleaseAuthorityAdd", "POST", "/release-authorities", Public(), add_release_authority, control_target,
       body=ReleaseAuthorityBody, authenticates=True),
    Op("ReleaseAuthorityRemove", "POST", "/release-authorities/remove", Public(), remove_release_authority,
       control_target, success=204, body=ReleaseAuthorityBody, authenticates=True),
    Op("ReleaseSigningKeyRevoke", "POST", "/release-authorities/revoke-key", Public(), revoke_release_signing_key,
       control_target, success=204, body=TenantBody, authenticates=True),
    Op("RunStart", "POST", "/run", Public(), start_run, control_target, body=RunBody, authenticates=True),
    Op("RunAssertionIssue", "POST", "/run/{run}/assertion", Public(), issue_assertion, control_target,
       body=AssertionBody, authenticates=True),
    Op("RunEnd", "DELETE", "/run/{run}", Public(), finish_run, control_target, success=204, authenticates=True),
    Op("SignInChange", "POST", "/sign-in", Public(), change_sign_in, control_target, body=SignInBody,
       authenticates=True),
    Op("SigningKeyList", "GET", "/signing-keys", Public(), list_signing_keys, control_target, authenticates=True),
    Op("SigningKeyRoll", "POST", "/signing-keys/roll", Public(), roll_signing_keys, control_target, body=TenantBody,
       authenticates=True),
    Op("SigningKeyRevoke", "POST", "/signing-keys/{kid}/revoke", Public(), revoke_signing_key, control_target,
       success=204, authenticates=True),
    Op("TenantList", "GET", "/tenants", Public(), list_tenants, control_target, authenticates=True),
    Op("TenantCreate", "POST", "/tenants", Public(), create_tenant, control_target, success=201, body=NewTenantBody,
       authenticates=True),
    Op("TenantChange", "PATCH", "/tenants/{tenant}", Public(), change_tenant, control_target, body=TenantChangeBody,
       authenticates=True),
    Op("TenantRemove", "DELETE", "/tenants/{tenant}", Public(), remove_tenant, control_target, success=204,
       authenticates=True),
    Op("TrustedServiceList", "GET", "/trusted-services", Public(), list_trusted_services, control_target,
       authenticates=True),
    Op("TrustedServiceAdd", "POST", "/trusted-services", Public(), add_trusted_service, control_target, success=201,
       body=TrustedServiceBody, authenticates=True),
    Op("TrustedServiceRemove", "DELETE", "/trusted-services/{service}", Public(), remove_trusted_service,
       control_target, success=204, authenticates=True),
    Op("JobList", "GET", "/jobs", Public(), list_jobs, control_target, authenticates=True),
    Op("JobRun", "POST", "/jobs/{job}/run", Public(), run_job, control_target, authenticates=True),
    Op("StatusGet", "GET", "/status", Public(), status, control_target, authenticates=True),
)  # fmt: skip
