"""
What a user's access token has to claim before the application it was for may act on behalf of that user.

Judges claims whose signature was checked, for the on-behalf-of grant (reference clients.md sections 1.2 and 7). Both
versions of access tokens are read; everything else that this service signs is none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from strongroom.core.aadsts import NOT_OF_A_USER, NOT_OF_THIS_AUTHORITY, refuse
from strongroom.core.limits import ASSERTION_LEEWAY_S


@dataclass(frozen=True, slots=True)
class UserAssertion:
    """What was read of an assertion: who it speaks for, through which client, and what it was obtained with."""

    oid: str
    app_id: str
    family: str
    token_id: str


def read_user_assertion(
    claims: Mapping[str, object], *, tenant: str, issuers: Collection[str], audiences: Collection[str], now: int
) -> UserAssertion:
    """
    Judge what an assertion claims. *issuers* are the tenant's; *audiences* are the client's names, in lower case.

    Raises:
        Invalid: AADSTS50013, it is another issuer's or not an access token for a user; 500131, it is for another
            application; 500133, it is not in its time.
    """
    if claims.get("tid") != tenant or claims.get("iss") not in issuers:
        raise refuse(50013, cause=NOT_OF_THIS_AUTHORITY, reason="assertion of another issuer")
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience.lower() not in audiences:
        raise refuse(500131, reason="assertion for another application")
    begins, ends = claims.get("nbf"), claims.get("exp")
    if not (isinstance(begins, int) and isinstance(ends, int)) or not begins - ASSERTION_LEEWAY_S <= now < ends:
        raise refuse(500133, reason="assertion is not in its time")
    client = claims.get("azp") if claims.get("ver") == "2.0" else claims.get("appid")
    said = (claims.get("oid"), client, claims.get("sid"), claims.get("uti"))
    # An id token has no `scp`, and an application's own token no `sid`. One with `cnf` is nothing without its key.
    if claims.get("idtyp") != "user" or "scp" not in claims or "cnf" in claims:
        raise refuse(50013, cause=NOT_OF_A_USER, reason="assertion is not an access token for a user")
    texts = [one for one in said if isinstance(one, str)]
    if len(texts) != len(said):
        raise refuse(50013, cause=NOT_OF_A_USER, reason="oid, client, sid or uti missing")
    return UserAssertion(*texts)
