"""
What a client asks to stand in its tokens: the `claims` parameter (OpenID Connect Core section 5.5).

Two things are honoured, both Entra's. `xms_cc` with `cp1` says that the client understands that a token may end at any
moment, and asks for another when it is told so. An essential `nbf`, which comes out of such an answer, wants a token
that is not older. Whatever else is asked for is passed over, as section 5.5.1 demands: `acrs` and `capolids` too, since
every policy is judged anyway.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

CONTINUOUS = "cp1"
"""The client capability: continuous access evaluation."""
_NBF_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ClaimsRequest:
    """
    What is honoured of a `claims` parameter.

    Attributes:
        continuous: the client understands that its token may be refused before it ends.
        not_before: the token must not be dated earlier than this; Unix seconds.
    """

    continuous: bool = False
    not_before: int | None = None


NOTHING = ClaimsRequest()


def read_claims_request(asked: Mapping[str, Mapping[str, object] | None]) -> ClaimsRequest:
    """Read what is asked of the access token; what has not the form that it should have asks for nothing."""
    access = asked.get("access_token") or {}
    return ClaimsRequest(_is_continuous(access.get("xms_cc")), _not_before(access.get("nbf")))


def _is_continuous(asked: object) -> bool:
    if not isinstance(asked, Mapping):
        return False
    values = asked.get("values")
    texts = [*(values if isinstance(values, list) else ()), asked.get("value")]
    # The Python client writes it in upper case, the JavaScript one in lower.
    return any(isinstance(text, str) and text.lower() == CONTINUOUS for text in texts)


def _not_before(asked: object) -> int | None:
    if not isinstance(asked, Mapping) or asked.get("essential") is not True:
        return None
    value = asked.get("value")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _NBF_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_NBF_DIGITS else None


def newer_token(not_before: int) -> str:
    """
    Make the `claims` that send a client for a token that is not older: what a refused token is answered with.

    In base64 with spaces at its end, so that no padding is needed: some clients read the padded alphabet, others the
    one for URLs, and some split at every sign of equality (reference clients.md section 3).
    """
    text = json.dumps({"access_token": {"nbf": {"essential": True, "value": str(not_before)}}}, separators=(",", ":"))
    return b64encode((text + " " * (-len(text) % 3)).encode("ascii")).decode("ascii")
