"""Keys of outside issuers: those that the operator gave."""

from __future__ import annotations

from strongroom.core.federation import IssuerKey, TrustedIssuer


async def find_issuer_key(issuer: TrustedIssuer, kid: str) -> IssuerKey | None:
    """Find an issuer's key by its `kid`, or None."""
    return next((key for key in issuer.keys if key.kid == kid), None)
