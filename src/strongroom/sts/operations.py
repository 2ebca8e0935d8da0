"""
The token service's operations. All are Public and this list is closed: a row more is a door more.

The `adfs` alias needs no rows of its own: it is a name for a tenant, and AD FS's paths are these paths. Literal
segments match in any case, as Entra's do (`make_surface(..., case_insensitive=True)`): Go's library asks for
`/common/UserRealm`.
"""

from __future__ import annotations

from strongroom.core import limits
from strongroom.core.echo import REDACTED, TENANT, USER_NAME, one_of, shown
from strongroom.core.permissions import Public
from strongroom.flow.operation import Op
from strongroom.sts import account_pages, authorize, cors, device, discovery, sign_out, token_endpoint, walking
from strongroom.sts.authorities import authority_target

_T = authority_target

#      audit name                    method  path                                        handler
OPERATIONS: tuple[Op, ...] = (
    Op("TokenIssue", "POST", "/{tenant}/oauth2/v2.0/token", Public(), token_endpoint.issue_v2, _T,
       body_limit=limits.FORM_BYTES, authenticates=True),
    Op("TokenIssueV1", "POST", "/{tenant}/oauth2/token", Public(), token_endpoint.issue_v1, _T,
       body_limit=limits.FORM_BYTES, authenticates=True),
    Op("TokenPreflight", "OPTIONS", "/{tenant}/oauth2/v2.0/token", Public(), cors.preflight, _T),
    Op("TokenPreflightV1", "OPTIONS", "/{tenant}/oauth2/token", Public(), cors.preflight, _T),
    Op("Authorize", "GET", "/{tenant}/oauth2/v2.0/authorize", Public(), authorize.authorize_v2, _T, authenticates=True),
    Op("AuthorizeV1", "GET", "/{tenant}/oauth2/authorize", Public(), authorize.authorize_v1, _T, authenticates=True),
    Op("SignIn", "POST", "/{tenant}/sign-in", Public(), walking.sign_in, _T,
       body_limit=limits.FORM_BYTES, authenticates=True),
    Op("SignInElsewhereReturn", "GET", "/{tenant}/oauth2/callback", Public(), walking.come_back, _T,
       authenticates=True),
    Op("SignOut", "GET", "/{tenant}/oauth2/v2.0/logout", Public(), sign_out.sign_out, _T, authenticates=True),
    Op("SignOutV1", "GET", "/{tenant}/oauth2/logout", Public(), sign_out.sign_out, _T, authenticates=True),
    Op("PasswordChangeBegin", "GET", "/{tenant}/password", Public(), account_pages.change_password, _T),
    Op("SecurityInfoBegin", "GET", "/{tenant}/security-info", Public(), account_pages.security_info, _T),
    Op("DeviceCodeIssue", "POST", "/{tenant}/oauth2/v2.0/devicecode", Public(), device.device_code_v2, _T,
       body_limit=limits.FORM_BYTES),
    Op("DeviceCodeIssueV1", "POST", "/{tenant}/oauth2/devicecode", Public(), device.device_code_v1, _T,
       body_limit=limits.FORM_BYTES),
    Op("DeviceCodeFormGet", "GET", "/{tenant}/oauth2/deviceauth", Public(), device.show_form, _T),
    Op("DeviceCodeFormTake", "POST", "/{tenant}/oauth2/deviceauth", Public(), device.take_form, _T,
       body_limit=limits.FORM_BYTES),
    Op("OpenIdConfigurationGet", "GET", "/{tenant}/v2.0/.well-known/openid-configuration", Public(),
       discovery.openid_configuration_v2, _T),
    Op("OpenIdConfigurationGetV1", "GET", "/{tenant}/.well-known/openid-configuration", Public(),
       discovery.openid_configuration_v1, _T),
    Op("SigningKeysGet", "GET", "/{tenant}/discovery/v2.0/keys", Public(), discovery.signing_keys, _T),
    Op("SigningKeysGetV1", "GET", "/{tenant}/discovery/keys", Public(), discovery.signing_keys, _T),
    Op("InstanceDiscovery", "GET", "/common/discovery/instance", Public(), discovery.instance_discovery, _T),
    Op("UserRealmGet", "GET", "/common/userrealm/{user}", Public(), discovery.user_realm, _T),
)  # fmt: skip

_SHOWN = (one_of({part for op in OPERATIONS for part in op.path.split("/") if "{" not in part}), TENANT, USER_NAME)


def shown_path(path: bytes) -> str:
    """
    Give a path as the journal may have it: the words of the table, names of tenants and of users, and nothing else.

    Every path here begins with what the client calls the tenant, and a mistake of its configuration can be a secret.
    """
    return "/".join(_shown_segment(segment) for segment in path.decode("latin-1").split("/"))


def _shown_segment(text: str) -> str:
    return next((text for form in _SHOWN if shown(text, form) == text), REDACTED)
