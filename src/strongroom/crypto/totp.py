"""
Codes of authenticator apps (RFC 6238): SHA-1, six digits, thirty seconds, since many apps know nothing else.

SHA-1 is sound here: HMAC does not rest on it being free of collisions.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Callable

from strongroom.core.limits import CODE_DIGITS, CODE_STEP_S, CODE_STEPS_BESIDE

SECRET_BYTES = 20
"""160 bits, as RFC 4226 section 4 recommends; and no base32 of it needs padding."""


class WrongCode(Exception):
    """The code is not one of those that are taken now. It says nothing more."""


def new_secret(entropy: Callable[[int], bytes]) -> bytes:
    """Make the secret that an app and this instance share."""
    return entropy(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """Write a secret as people type it into an app, in base32."""
    return b32encode(secret).decode("ascii")


def provisioning_uri(secret: bytes, *, account: str, issuer: str) -> str:
    """Make the `otpauth` URI that an app reads from a QR code."""
    # Nothing here slows a start-up: the library is loaded when the first app is set up.
    import pyotp  # noqa: PLC0415  see above

    totp = pyotp.TOTP(secret_text(secret), digits=CODE_DIGITS, interval=CODE_STEP_S)
    return totp.provisioning_uri(name=account, issuer_name=issuer)


def step_of_code(secret: bytes, code: str, now: int) -> int:
    """
    Find the time step that a code belongs to: the present one, or one beside it.

    Raises:
        WrongCode: it belongs to none of them.
    """
    import pyotp  # noqa: PLC0415  see provisioning_uri
    from pyotp.exceptions import OTPVerificationError  # noqa: PLC0415

    totp = pyotp.TOTP(secret_text(secret), digits=CODE_DIGITS, interval=CODE_STEP_S)
    try:
        return totp.verify_and_get_timecode(code, for_time=now, valid_window=CODE_STEPS_BESIDE)
    except OTPVerificationError:
        raise WrongCode from None
