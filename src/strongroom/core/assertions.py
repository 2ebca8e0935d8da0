"""
What an assertion has to claim before it proves a client (RFC 7523 section 3; reference clients.md sections 1.2 and 7).

Judges claims whose signature was checked. Times may be floats, as msal for Python writes them, or texts of digits, as
MSAL.NET does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from strongroom.core.aadsts import refuse
from strongroom.core.limits import ASSERTION_LEEWAY_S, ASSERTION_LIFE_S

_NUMBER = re.compile(r"[0-9]{1,12}")

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def require_own_claims(claims: Mapping[str, object], *, client_id: str, audiences: AbstractSet[str], now: int) -> None:
    """
    Judge what a client says of itself: it is from and about the client, for this token endpoint, and for now.

    *audiences* are in lower case. *client_id* is the application's.

    Raises:
        Unauthenticated: AADSTS700021, 700023 or 700024.
        Invalid: AADSTS50027, a claim is missing or of another kind.
    """
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not (isinstance(issuer, str) and isinstance(subject, str)):
        raise refuse(50027, reason="iss or sub missing")
    if issuer.lower() != client_id or subject.lower() != client_id:
        raise refuse(700021, reason="iss or sub is not the client")
    if audience_of(claims).lower() not in audiences:
        raise refuse(700023, reason="assertion for another audience")
    require_in_time(claims, now)
    if end_of(claims) > now + ASSERTION_LIFE_S + ASSERTION_LEEWAY_S:
        raise refuse(700024, reason="assertion lives too long")


def require_in_time(claims: Mapping[str, object], now: int) -> None:
    """
    Demand that an assertion has begun and has not ended, give or take `ASSERTION_LEEWAY_S`.

    Raises:
        Unauthenticated: AADSTS700024.
        Invalid: AADSTS50027, it has no end, or a time is no number.
    """
    if "exp" not in claims:
        raise refuse(50027, reason="exp missing")
    begins = max(_time(claims, "nbf", 0.0), _time(claims, "iat", 0.0))
    if now + ASSERTION_LEEWAY_S < begins or now - ASSERTION_LEEWAY_S >= _time(claims, "exp", 0.0):
        raise refuse(700024, reason="assertion is not in its time")


def audience_of(claims: Mapping[str, object]) -> str:
    """
    Read `aud`: one text, or a list of one. An assertion for several could be sent on by any of them.

    Raises:
        Invalid: AADSTS50027, it is anything else.
    """
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str):
        raise refuse(50027, reason="aud is not one text")
    return audience


def end_of(claims: Mapping[str, object]) -> float:
    """
    Read `exp`; what has none never ends.

    Raises:
        Invalid: AADSTS50027, it is no number.
    """
    return _time(claims, "exp", math.inf)


def _time(claims: Mapping[str, object], name: str, absent: float) -> float:
    value = claims.get(name, absent)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(50027, reason=f"{name} is no number")
    return value
