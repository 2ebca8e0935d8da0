"""
What is said of a token that is missing or does not verify: one table, a column for each surface that takes tokens.

The vault's words are reference azure-key-vault.md section 1.5; the others' are ADR 0014. None repeats anything that an
unverified token says; the audience and issuer of the table are those of a token whose signature was right.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from strongroom.core.names import Surface


class Fault(StrEnum):
    """Why nobody was identified, as far as callers are told."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown key"
    WRONG_AUDIENCE = "wrong audience"
    WRONG_TENANT = "wrong tenant"
    EXPIRED = "expired"


Words = tuple[str, str]
"""The word for programs, empty for the dialect's default, and the sentence for people."""

_GRAPH = "InvalidAuthenticationToken"
_ARM_AUDIENCE = (
    "The access token has been obtained for wrong audience or resource '{found}'. It should exactly match with one of"
    " the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net',"
    "'https://management.azure.com/','https://management.azure.com'."
)

WORDS: Mapping[Surface, Mapping[Fault, Words]] = {
    Surface.VAULT: {
        Fault.MISSING: ("", "AKV10000: Request is missing a Bearer or PoP token."),
        Fault.MALFORMED: ("", "[AggregatedAuthenticationFailure] Error validating token: 'S2S17001'."),
        Fault.UNKNOWN_KEY: ("", "AKV10046: Unable to resolve the key used for signature validation."),
        Fault.WRONG_AUDIENCE: ("", "AKV10022: Invalid audience. Expected https://vault.azure.net, found: {found}."),
        Fault.WRONG_TENANT: ("", "AKV10032: Invalid issuer. Expected one of {expected}, found {found}."),
        Fault.EXPIRED: ("", "[TokenExpired] Error validating token: 'S2S12086'."),
    },
    Surface.MANAGEMENT: {
        Fault.MISSING: ("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."),
        Fault.MALFORMED: ("InvalidAuthenticationToken", "The access token is invalid."),
        Fault.UNKNOWN_KEY: ("InvalidAuthenticationToken", "The access token was signed by a key that is not known."),
        Fault.WRONG_AUDIENCE: (
            "InvalidAuthenticationTokenAudience",
            _ARM_AUDIENCE,
        ),
        Fault.WRONG_TENANT: ("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."),
        Fault.EXPIRED: ("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than the current."),
    },
    Surface.GRAPH: {
        Fault.MISSING: (_GRAPH, "Access token is empty."),
        Fault.MALFORMED: (_GRAPH, "Access token validation failure."),
        Fault.UNKNOWN_KEY: (_GRAPH, "Access token validation failure. Unknown signing key."),
        Fault.WRONG_AUDIENCE: (_GRAPH, "Access token validation failure. Invalid audience."),
        Fault.WRONG_TENANT: (_GRAPH, "Access token validation failure. Invalid issuer."),
        Fault.EXPIRED: (_GRAPH, "Lifetime validation failed, the token is expired."),
    },
}  # fmt: skip
