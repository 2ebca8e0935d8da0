"""X.500 names as the real service spells them."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

_AS_WINDOWS: Mapping[ObjectIdentifier, str] = {NameOID.STATE_OR_PROVINCE_NAME: "S", NameOID.EMAIL_ADDRESS: "E"}
"""How the real service calls what RFC 4514 calls otherwise, or has no name for."""


def subject_text(name: x509.Name) -> str:
    """Spell a name as a policy does, and Windows: the innermost part first (RFC 4514 section 2.1)."""
    return ", ".join(part.rfc4514_string(_AS_WINDOWS) for part in reversed(name.rdns))
