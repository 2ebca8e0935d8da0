"""
The policy of a certificate that is imported: what the certificate says of itself, and what is given besides.

Rules from reference azure-key-vault.md section 4.5; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from dataclasses import replace

from strongroom.core.certificate_policies import GivenPolicy, default_actions, patched_policy
from strongroom.core.certificates import (
    UNKNOWN,
    CertificateKey,
    CertificatePolicy,
    IssuerParameters,
    X509Properties,
)
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeySpec, KeyType, parse_curve, parse_key_type


def imported_policy(
    given: GivenPolicy | None,
    said: X509Properties,
    key: KeySpec,
    content_type: str,
    old: CertificatePolicy | None,
    now: int,
) -> CertificatePolicy:
    """
    Say what policy a certificate has from its import on.

    What the certificate says is the policy, whatever is given of `x509_props`: Azure's own clients import certificates
    with another subject. Who issues the next one, and what happens by itself, stays as in the policy before, and so
    does that the key lives in a token or never leaves; without one nobody is asked for the next.

    Raises:
        Invalid: what is given breaks a rule, or asks for another key than the certificate's.
    """
    given = given or GivenPolicy()
    _require_own_key(given, key)
    issuer = old.issuer if old is not None else IssuerParameters(UNKNOWN)
    actions = old.lifetime_actions if old is not None else default_actions(UNKNOWN)
    if given.issuer is not None and given.lifetime_actions is None:
        actions = default_actions(patched_issuer(given.issuer))
    in_token = old is not None and old.key.type.in_token
    base = CertificatePolicy(
        CertificateKey(
            KeyType(f"{key.kind}-HSM") if in_token and given.kty is None else KeyType(key.kind),
            key.bits,
            key.curve,
            exportable=old.key.exportable if old is not None and not in_token else True,
            reuse=old is not None and old.key.reuse,
        ),
        old.content_type if old is not None else content_type,
        said,
        actions,
        issuer,
        now if old is None else old.created,
        now,
        True if old is None else old.enabled,
    )
    besides = replace(
        given,
        key_size=None,
        crv=None,
        subject=None,
        sans=None,
        ekus=None,
        key_usage=None,
        validity_months=None,
        is_ca=None,
    )
    return patched_policy(besides, base, now)


def patched_issuer(name: str) -> str:
    """Spell an issuer's name as policies do, as far as what happens by itself depends on it."""
    return UNKNOWN if not name or name.lower() == UNKNOWN.lower() else name


def _require_own_key(given: GivenPolicy, key: KeySpec) -> None:
    """Refuse a policy that asks for another key than the one that came."""
    if given.kty is not None and parse_key_type(given.kty).kind is not key.kind:
        raise _contradicts("kty")
    if given.key_size is not None and key.bits is not None and given.key_size != key.bits:
        raise _contradicts("key_size")
    if given.crv is not None and (key.curve is None or parse_curve(given.crv) is not key.curve):
        raise _contradicts("crv")


def _contradicts(member: str) -> Invalid:
    return Invalid(
        f"Property {member} of the policy is not what the certificate says.",
        code="BadParameter",
        reason=f"policy contradicts certificate: {member}",
    )
