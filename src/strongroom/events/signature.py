"""
The signature of a delivery: what a receiver knows us by.

    x-strongroom-signature: t=1790000000,v1=<HMAC-SHA-256 of "1790000000." and the body, in hexadecimal>

The time is signed so that a delivery that somebody recorded does not pass for ever. It is the form that the sinks of
the audit have. Event Grid itself has a secret in the URL and a token, and no signature.
"""

from __future__ import annotations

import hashlib
import hmac

HEADER = "x-strongroom-signature"


def sign(secret: str, body: bytes, now: int) -> tuple[str, str]:
    """Make the header of a delivery's signature."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (now, body), hashlib.sha256).hexdigest()
    return HEADER, f"t={now},v1={digest}"
