"""
What a token's refusals (CKR_*, PKCS#11 v3.1 section 5.1) mean here: one table.

A caller never sees the token's own words: they differ from vendor to vendor, and may say what a caller must not learn.
"""

from __future__ import annotations

from collections.abc import Mapping

UNDECRYPTABLE = "undecryptable"
INVALID = "invalid"
UNAVAILABLE = "unavailable"
"""The token did not do it; it may do the next."""
GONE = "gone"
"""The token, or the login to it, is lost: the worker ends, and another begins anew."""
PIN = "pin"
"""The login was refused. It is not tried again: a token locks itself after a few."""
NEEDS_REMOVER = "remover"
"""An RSA decryption wants the key that paddings are taken off under (`paddings`): ask again with it."""

NO_OBJECT, NO_WRAP_KEY = "no such object", "no wrap key"
ABSENT = frozenset({NO_OBJECT, NO_WRAP_KEY})
"""Names of refusals that are about what this process does not see; another one may (`workers`)."""

UNREACHABLE_TEXT = "The key's token (HSM) cannot be reached now."
FAILED_TEXT = "The key's token (HSM) could not do this now."
UNSUPPORTED_TEXT = "The key's token (HSM) does not support this."
KEY_GONE_TEXT = "The key is not in the token (HSM) any more."
ANOTHER_TEXT = "The key is in another token (HSM) than the one that this service has."
FULL_TEXT = "The token (HSM) has no room for another key."


class TokenRefusal(Exception):
    """The token, or what stands before it, refused: `kind` is one of the words above."""

    def __init__(self, kind: str, text: str, name: str = "") -> None:
        super().__init__(f"{kind}: {name or text}")
        self.kind = kind
        self.text = text
        self.name = name


_MEANING: Mapping[str, tuple[str, str]] = {
    # The token or the login is lost.
    "CKR_CRYPTOKI_NOT_INITIALIZED": (GONE, UNREACHABLE_TEXT),
    "CKR_DEVICE_ERROR": (GONE, UNREACHABLE_TEXT),
    "CKR_DEVICE_REMOVED": (GONE, UNREACHABLE_TEXT),
    "CKR_HOST_MEMORY": (GONE, UNREACHABLE_TEXT),
    "CKR_SESSION_CLOSED": (GONE, UNREACHABLE_TEXT),
    "CKR_SESSION_HANDLE_INVALID": (GONE, UNREACHABLE_TEXT),
    "CKR_SLOT_ID_INVALID": (GONE, UNREACHABLE_TEXT),
    "CKR_TOKEN_NOT_PRESENT": (GONE, UNREACHABLE_TEXT),
    "CKR_TOKEN_NOT_RECOGNIZED": (GONE, UNREACHABLE_TEXT),
    "CKR_USER_NOT_LOGGED_IN": (GONE, UNREACHABLE_TEXT),
    # The login.
    "CKR_PIN_EXPIRED": (PIN, UNREACHABLE_TEXT),
    "CKR_PIN_INCORRECT": (PIN, UNREACHABLE_TEXT),
    "CKR_PIN_INVALID": (PIN, UNREACHABLE_TEXT),
    "CKR_PIN_LEN_RANGE": (PIN, UNREACHABLE_TEXT),
    "CKR_PIN_LOCKED": (PIN, UNREACHABLE_TEXT),
    "CKR_USER_PIN_NOT_INITIALIZED": (PIN, UNREACHABLE_TEXT),
    # What this token is not able to do, or not allowed to.
    "CKR_ATTRIBUTE_TYPE_INVALID": (INVALID, UNSUPPORTED_TEXT),
    "CKR_ATTRIBUTE_VALUE_INVALID": (INVALID, UNSUPPORTED_TEXT),
    "CKR_CURVE_NOT_SUPPORTED": (INVALID, UNSUPPORTED_TEXT),
    "CKR_DOMAIN_PARAMS_INVALID": (INVALID, UNSUPPORTED_TEXT),
    "CKR_FUNCTION_NOT_SUPPORTED": (INVALID, UNSUPPORTED_TEXT),
    "CKR_KEY_FUNCTION_NOT_PERMITTED": (INVALID, UNSUPPORTED_TEXT),
    "CKR_KEY_NOT_WRAPPABLE": (INVALID, UNSUPPORTED_TEXT),
    "CKR_KEY_SIZE_RANGE": (INVALID, UNSUPPORTED_TEXT),
    "CKR_KEY_TYPE_INCONSISTENT": (INVALID, UNSUPPORTED_TEXT),
    "CKR_KEY_UNEXTRACTABLE": (INVALID, UNSUPPORTED_TEXT),
    "CKR_MECHANISM_INVALID": (INVALID, UNSUPPORTED_TEXT),
    "CKR_MECHANISM_PARAM_INVALID": (INVALID, UNSUPPORTED_TEXT),
    "CKR_TEMPLATE_INCOMPLETE": (INVALID, UNSUPPORTED_TEXT),
    "CKR_TEMPLATE_INCONSISTENT": (INVALID, UNSUPPORTED_TEXT),
    # It is full, or read-only.
    "CKR_DEVICE_MEMORY": (UNAVAILABLE, FULL_TEXT),
    "CKR_TOKEN_WRITE_PROTECTED": (UNAVAILABLE, FAILED_TEXT),
}


def meaning(name: str) -> tuple[str, str]:
    """Say of what kind a refusal is, and the sentence for it. One that nobody expects is of kind `UNAVAILABLE`."""
    return _MEANING.get(name, (UNAVAILABLE, FAILED_TEXT))


UNSUPPORTED_BY_TOKEN = frozenset(
    {"CKR_ARGUMENTS_BAD", "CKR_FUNCTION_NOT_SUPPORTED", "CKR_MECHANISM_INVALID", "CKR_MECHANISM_PARAM_INVALID"}
)
"""How tokens say, when an operation is begun, that they have not its mechanism or its parameters."""
