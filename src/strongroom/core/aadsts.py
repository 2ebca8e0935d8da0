"""
The token service's ways of saying no: every AADSTS number that it gives, with its word, class and sentence.

Sources: reference clients.md section 7 and section 1.2; choices where they are silent are in ADR 0014. The number,
trace id and time of a refusal are added to its sentence by whoever renders it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.echo import GUID, RESOURCE, SCOPE, TENANT, Form, one_of, shown
from strongroom.core.errors import Failure, Invalid, Unauthenticated, Unavailable


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    One AADSTS number: the word for programs, the class of failure, and the sentence with places for its details.

    `suberror` is what MSAL's libraries tell their callers by: `basic_action`, somebody has to sign in again;
    `message_only`, nothing helps; `bad_token`, the refresh token is to be forgotten, and somebody has to sign in again.
    """

    number: int
    error: str
    kind: type[Failure]
    sentence: str
    suberror: str | None = None
    """A second word for programs, of what they can do about it."""


_CLIENT, _REQUEST = ("invalid_client", Unauthenticated), ("invalid_request", Invalid)
_SCOPE, _RESOURCE = ("invalid_scope", Invalid), ("invalid_resource", Invalid)
_UNAUTHORIZED, _GRANT = ("unauthorized_client", Invalid), ("invalid_grant", Invalid)
_INTERACTION = ("interaction_required", Invalid)
BASIC_ACTION, MESSAGE_ONLY, BAD_TOKEN = "basic_action", "message_only", "bad_token"
_NOT_INSTALLED = (
    " This can happen if the application has not been installed by the administrator of the tenant or consented to by"
    " any user in the tenant. You may have sent your authentication request to the wrong tenant."
)
_ASSERTION_HELP = (
    " Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials."
)
_FEDERATION_HELP = (
    " Check your federated identity credential Subject, Audience and Issuer against the presented assertion."
    " https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)
_MOVED = "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
KEY_NOT_FOUND = "The key was not found."
KEY_EXPIRED = "The key used is expired."
KEY_DID_NOT_SIGN = "Key was found, but use of the key to verify the signature failed."
"""What AADSTS700027 gives as its reason."""
NOT_OF_THIS_AUTHORITY = "The token was not issued by this authority."
NOT_OF_A_USER = "The token is not an access token for a user."
CHAIN_TOO_LONG = "Too many applications act on behalf of each other."
"""What AADSTS50013 gives beside those."""

_TABLE = (
    # The client.
    Refusal(
        7000215,
        *_CLIENT,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret"
        " value, not the client secret ID, for a secret added to app '{client_id}'.",
    ),
    Refusal(
        7000222,
        *_CLIENT,
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to"
        " create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for"
        " added security: https://aka.ms/certCreds.",
    ),
    Refusal(
        7000216,
        *_CLIENT,
        "'client_assertion', 'client_secret' or 'request' is required for the '{grant_type}' grant type.",
    ),
    Refusal(
        7000218,
        *_CLIENT,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    Refusal(
        700025,
        *_REQUEST,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    Refusal(
        9002326,
        *_REQUEST,
        "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.",
    ),
    Refusal(
        9002327,
        *_REQUEST,
        "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
    ),
    Refusal(
        700016,
        *_UNAUTHORIZED,
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'." + _NOT_INSTALLED,
    ),
    Refusal(7000112, *_UNAUTHORIZED, "Application '{client_id}' is disabled."),
    # The tenant.
    Refusal(
        90002,
        *_REQUEST,
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into"
        " the correct cloud. Check with your subscription administrator, this may happen if there are no active"
        " subscriptions for the tenant.",
    ),
    Refusal(
        900023,
        *_REQUEST,
        "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
    ),
    Refusal(50049, "invalid_instance", Invalid, "Unknown or invalid instance."),
    # The request.
    Refusal(900144, *_REQUEST, "The request body must contain the following parameter: '{parameter}'."),
    Refusal(
        90014,
        *_REQUEST,
        "The required field '{parameter}' is missing from the credential. Ensure that you have all the"
        " necessary parameters for the login request.",
    ),
    Refusal(70003, "unsupported_grant_type", Invalid, "The app requested an unsupported grant type '{grant_type}'."),
    Refusal(
        70011,
        *_SCOPE,
        "The provided request must include a 'scope' input parameter. The provided value for the input"
        " parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    Refusal(
        1002012,
        *_SCOPE,
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value"
        " with /.default suffixed to the resource identifier (application ID URI).",
    ),
    Refusal(
        500011,
        *_RESOURCE,
        "The resource principal named {resource} was not found in the tenant named {tenant}." + _NOT_INSTALLED,
    ),
    Refusal(
        650057,
        *_RESOURCE,
        "Invalid resource. The client has requested access to a resource which is not listed in the requested"
        " permissions in the client's application registration. Client app ID: {client_id}.",
    ),
    Refusal(500014, *_RESOURCE, "The service principal for resource '{resource}' is disabled."),
    Refusal(
        501051,
        *_GRANT,
        "Application '{client_id}' is not assigned to a role for the application '{resource}'.",
    ),
    Refusal(
        50059,
        *_REQUEST,
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    ),
    Refusal(9000411, *_REQUEST, "The request is not properly formatted. The parameter '{parameter}' is duplicated."),
    Refusal(901002, *_REQUEST, "The 'resource' request parameter is not supported."),
    Refusal(9002313, *_REQUEST, "Invalid request. Request is malformed or invalid."),
    Refusal(9000410, *_REQUEST, "Malformed JSON in the parameter '{parameter}'."),
    # Assertions.
    Refusal(50027, *_REQUEST, "JWT token is invalid or malformed."),
    Refusal(5002710, *_REQUEST, "Invalid JWT token: header is malformed."),
    Refusal(5002723, *_CLIENT, "Invalid JWT token. No certificate thumbprint nor keyId specified in token header."),
    Refusal(5002730, *_CLIENT, "Invalid JWT token. Unsupported key for the signing algorithm."),
    Refusal(
        700021,
        *_CLIENT,
        "Client assertion application identifier doesn't match 'client_id' parameter." + _ASSERTION_HELP,
    ),
    Refusal(
        700023,
        *_CLIENT,
        "Client assertion audience claim does not match Realm issuer." + _ASSERTION_HELP,
    ),
    Refusal(700024, *_CLIENT, "Client assertion is not within its valid time range." + _ASSERTION_HELP),
    Refusal(
        700027,
        *_CLIENT,
        "Client assertion of application '{client_id}' contains an invalid signature. [Reason - {cause}]",
    ),
    # What an application shows to act on behalf of a user.
    Refusal(50013, *_GRANT, "Assertion failed signature validation. [Reason - {cause}]"),
    Refusal(
        500131,
        *_GRANT,
        "Assertion audience does not match the Client app presenting the assertion. The downstream client must request"
        " a token for the expected audience (the application that made the OBO request) and this application should use"
        " that token as the assertion.",
    ),
    Refusal(
        500133,
        *_GRANT,
        "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for"
        " user assertion, or request a new token.",
    ),
    # The user.
    Refusal(50126, *_GRANT, "Error validating credentials due to invalid username or password."),
    Refusal(50055, *_GRANT, "The password is expired."),
    Refusal(50057, *_GRANT, "The user account is disabled."),
    Refusal(500121, *_GRANT, "Authentication failed during strong authentication request."),
    Refusal(
        53003,
        *_GRANT,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        MESSAGE_ONLY,
    ),
    Refusal(
        50076,
        *_INTERACTION,
        _MOVED + "use multi-factor authentication to access '{resource}'.",
        BASIC_ACTION,
    ),
    Refusal(
        50079,
        *_INTERACTION,
        _MOVED + "enroll in multi-factor authentication to access '{resource}'.",
        BASIC_ACTION,
    ),
    Refusal(
        50078,
        *_INTERACTION,
        "Presented multi-factor authentication has expired due to policies configured by your administrator, you must"
        " refresh your multi-factor authentication to access '{resource}'.",
        BASIC_ACTION,
    ),
    Refusal(
        70043,
        *_INTERACTION,
        "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional Access.",
        BASIC_ACTION,
    ),
    Refusal(
        50105,
        *_GRANT,
        "Your administrator has configured the application '{client_id}' to block users unless they are specifically"
        " granted ('assigned') access to the application. The signed in user is blocked because they are not a direct"
        " member of a group with access, nor had access directly assigned by an administrator.",
    ),
    Refusal(
        65001,
        *_GRANT,
        "The user or administrator has not consented to use the application with ID '{client_id}'. Send an interactive"
        " authorization request for this user and resource.",
        suberror="consent_required",
    ),
    Refusal(
        65004,
        "access_denied",
        Invalid,
        "The resource owner or authorization server denied the request.",
    ),
    Refusal(
        90094,
        "access_denied",
        Invalid,
        "The grant requires administrator permission. Ask an administrator to grant permission to the application"
        " '{client_id}' before you can use it.",
    ),
    # Identity providers.
    Refusal(
        50020,
        *_GRANT,
        "User account from the external identity provider does not exist in tenant '{tenant}' and cannot access the"
        " application. The account needs to be added as an external user in the tenant first.",
    ),
    Refusal(50107, *_REQUEST, "The requested federation realm object does not exist."),
    Refusal(
        40008,
        "server_error",
        Invalid,
        "There's an issue with your federated Identity Provider. Contact your IDP to resolve this issue.",
    ),
    Refusal(
        40010,
        "temporarily_unavailable",
        Unavailable,
        "There's an issue with your federated Identity Provider: it does not answer now. Please try again.",
    ),
    Refusal(
        40015,
        *_GRANT,
        "There's an issue with your federated Identity Provider: it did not sign you in. Contact your IDP to resolve"
        " this issue.",
    ),
    # Device codes.
    Refusal(
        70016,
        "authorization_pending",
        Invalid,
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    Refusal(
        70018,
        "bad_verification_code",
        Invalid,
        "Invalid verification code due to User typing in wrong user code for device code flow. Authorization isn't"
        " approved.",
    ),
    Refusal(
        70020,
        "expired_token",
        Invalid,
        "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
    ),
    # Authorization codes.
    Refusal(
        50011,
        *_REQUEST,
        "The redirect URI specified in the request does not match the redirect URIs configured for the application"
        " '{client_id}'.",
    ),
    Refusal(700054, "unsupported_response_type", Invalid, "The response_type is not enabled for the application."),
    Refusal(9002325, *_REQUEST, "Proof Key for Code Exchange (PKCE) with S256 is required for this application."),
    Refusal(50058, "login_required", Invalid, "A silent sign-in request was sent but no user is signed in."),
    Refusal(
        54005,
        *_GRANT,
        "OAuth2 Authorization code was already redeemed. Please retry with a new valid code or use an existing refresh"
        " token.",
    ),
    Refusal(
        70008, *_GRANT, "The provided authorization code has expired. Send a new interactive authorization request."
    ),
    Refusal(
        501481, *_GRANT, "The Code_Verifier does not match the code_challenge supplied in the authorization request."
    ),
    # Refresh tokens.
    Refusal(
        70000,
        *_GRANT,
        "The provided value for the input parameter '{parameter}' is not valid.",
        BAD_TOKEN,
    ),
    Refusal(
        50173,
        *_GRANT,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have"
        " changed or reset their password.",
        BAD_TOKEN,
    ),
    Refusal(
        700084,
        *_GRANT,
        "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime, which"
        " cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page.",
        BAD_TOKEN,
    ),
    Refusal(700082, *_GRANT, "The refresh token has expired due to inactivity.", BAD_TOKEN),
    Refusal(
        700211,
        *_CLIENT,
        "No matching federated identity record found for presented assertion issuer." + _FEDERATION_HELP,
    ),
    Refusal(
        700212,
        *_CLIENT,
        "No matching federated identity record found for presented assertion audience." + _FEDERATION_HELP,
    ),
    Refusal(
        700213,
        *_CLIENT,
        "No matching federated identity record found for presented assertion subject." + _FEDERATION_HELP,
    ),
    Refusal(90033, "temporarily_unavailable", Unavailable, "A transient error has occurred. Please try again."),
    Refusal(392196, *_REQUEST, "The resource application '{resource}' does not support certificate-bound tokens."),
)

REFUSALS: Mapping[int, Refusal] = {row.number: row for row in _TABLE}
"""Every AADSTS number that is given."""

_GRANT_TYPES = (
    "client_credentials", "authorization_code", "password", "refresh_token", "device_code", "implicit",
    *(f"urn:ietf:params:oauth:grant-type:{name}" for name in ("device_code", "jwt-bearer", "saml2-bearer",
    "saml1_1-bearer", "token-exchange")),
)  # fmt: skip
_PARAMETERS = (
    "assertion", "authorization_endpoint", "claims", "client_assertion", "client_assertion_type", "client_id",
    "client_info", "client_secret", "code", "code_verifier", "device_code", "grant_type", "password", "redirect_uri",
    "refresh_token", "requested_token_use", "resource", "scope", "token_type", "username",
)  # fmt: skip
_DETAILS: Mapping[str, Form] = {
    "cause": one_of(
        (KEY_NOT_FOUND, KEY_EXPIRED, KEY_DID_NOT_SIGN, NOT_OF_THIS_AUTHORITY, NOT_OF_A_USER, CHAIN_TOO_LONG)
    ),
    "client_id": GUID,
    "grant_type": one_of(_GRANT_TYPES),
    "parameter": one_of(_PARAMETERS),
    "resource": RESOURCE,
    "scope": SCOPE,
    "tenant": TENANT,
}
"""What a sentence repeats, and the form that it must have for that."""


def refuse(
    number: int, *, reason: str | None = None, error: str | None = None, claims: str | None = None, **details: str
) -> Failure:
    """
    Make the failure of an AADSTS number, with *details* in their places as far as they have their form (`core.echo`).

    *error* replaces the word for programs where one number has two: discovery says `invalid_tenant` for 90002.
    *claims* is what a client is to ask for when it asks again. *reason* is for the audit alone.
    """
    row = REFUSALS[number]
    repeated = {name: shown(text, _DETAILS[name]) for name, text in details.items()}
    failure = row.kind(
        row.sentence.format(**repeated), code=error or row.error, inner=row.suberror, number=number, reason=reason
    )
    failure.claims = claims
    return failure
