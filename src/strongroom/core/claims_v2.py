"""
Access tokens of version 2, for resources that ask for them (reference clients.md section 7).

They say the same as those of version 1, under OpenID Connect's names, and leave out what Entra leaves out of them. The
issuer is another one, so no surface takes such a token: Key Vault, Resource Manager and Graph want version 1.
"""

from __future__ import annotations

from collections.abc import Mapping

_RENAMED: Mapping[str, str] = {"appid": "azp", "appidacr": "azpacr", "upn": "preferred_username"}
_LEFT_OUT = frozenset(
    {
        "acr",
        "amr",
        "auth_time",
        "family_name",
        "given_name",
        "idp",
        "ipaddr",
        "puid",
        "unique_name",
        "wids",
        "xms_mirid",
    }
)


def version_2(claims: Mapping[str, object], *, audience: str, issuer: str) -> dict[str, object]:
    """Make the claims of version 2 out of those of version 1. *audience* is the resource's application id."""
    kept = {_RENAMED.get(name, name): value for name, value in claims.items() if name not in _LEFT_OUT}
    return {**kept, "aud": audience, "iss": issuer, "ver": "2.0"}
