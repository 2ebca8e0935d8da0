"""
What may be written into a certificate's policy, and what is there if nothing is said.

Rules and defaults from reference azure-key-vault.md section 4.5; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.certificates import (
    PKCS12,
    UNKNOWN,
    AlternativeNames,
    CertificateKey,
    CertificatePolicy,
    IssuerParameters,
    KeyUsage,
    LifetimeAction,
    LifetimeActionType,
    X509Properties,
)
from strongroom.core.keys import KeyKind, KeyOperation, KeyType, parse_key_type, spec_of_new

DEFAULT_EKUS = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2")
"""Servers and clients of TLS."""
DEFAULT_KEY_USAGE = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT)
DEFAULT_PERCENTAGE = 80

_SIGNS = (KeyOperation.SIGN, KeyOperation.VERIFY)
OPERATIONS: Mapping[KeyUsage, tuple[KeyOperation, ...]] = {
    KeyUsage.DIGITAL_SIGNATURE: _SIGNS,
    KeyUsage.NON_REPUDIATION: _SIGNS,
    KeyUsage.KEY_CERT_SIGN: _SIGNS,
    KeyUsage.CRL_SIGN: _SIGNS,
    KeyUsage.KEY_ENCIPHERMENT: (KeyOperation.WRAP_KEY, KeyOperation.UNWRAP_KEY),
    KeyUsage.DATA_ENCIPHERMENT: (KeyOperation.ENCRYPT, KeyOperation.DECRYPT),
    KeyUsage.ENCIPHER_ONLY: (KeyOperation.ENCRYPT,),
    KeyUsage.DECIPHER_ONLY: (KeyOperation.DECRYPT,),
}
"""What a usage lets the certificate's key be used for (section 4.5)."""


@dataclass(frozen=True, slots=True)
class GivenPolicy:
    """A policy as a request has it; None for what it leaves out."""

    exportable: bool | None = None
    kty: str | None = None
    key_size: int | None = None
    reuse_key: bool | None = None
    crv: str | None = None
    content_type: str | None = None
    subject: str | None = None
    sans: AlternativeNames | None = None
    ekus: tuple[str, ...] | None = None
    key_usage: tuple[str, ...] | None = None
    validity_months: int | None = None
    lifetime_actions: tuple[LifetimeAction, ...] | None = None
    issuer: str | None = None
    issuer_type: str | None = None
    transparency: bool | None = None
    is_ca: bool | None = None
    enabled: bool | None = None


def read_policy(given: GivenPolicy, old: CertificatePolicy | None, now: int) -> CertificatePolicy:
    """
    Read a policy that is to replace *old*: what it leaves out has its default.

    Raises:
        Invalid: it breaks a rule of section 4.5, or contradicts itself.
    """
    key_type = KeyType.RSA if given.kty is None else parse_key_type(given.kty)
    spec = spec_of_new(key_type.kind, bits=given.key_size, curve=given.crv, public_exponent=None)
    exportable = not key_type.in_token if given.exportable is None else given.exportable
    issuer = IssuerParameters(given.issuer or UNKNOWN, given.issuer_type, given.transparency)
    usages = DEFAULT_KEY_USAGE if given.key_usage is None else tuple(KeyUsage(one) for one in given.key_usage)
    return CertificatePolicy(
        CertificateKey(key_type, spec.bits, spec.curve, exportable, bool(given.reuse_key)),
        given.content_type or PKCS12,
        X509Properties(
            given.subject or "",
            given.sans or AlternativeNames(),
            DEFAULT_EKUS if given.ekus is None else given.ekus,
            usages,
            12 if given.validity_months is None else given.validity_months,
        ),
        default_actions(issuer.name) if given.lifetime_actions is None else given.lifetime_actions,
        issuer,
        now if old is None else old.created,
        now,
        True if given.enabled is None else given.enabled,
    )


def default_actions(issuer: str) -> tuple[LifetimeAction, ...]:
    """Say what happens by itself if nobody said: nothing can renew what an unknown issuer issues."""
    kind = LifetimeActionType.EMAIL_CONTACTS if issuer == UNKNOWN else LifetimeActionType.AUTO_RENEW
    return (LifetimeAction(kind, DEFAULT_PERCENTAGE),)


def operations_of(usages: tuple[KeyUsage, ...], kind: KeyKind) -> tuple[KeyOperation, ...]:
    """Say what a certificate's key may be used for, in the order of the usages."""
    found = [operation for usage in usages for operation in OPERATIONS.get(usage, ())]
    possible = _SIGNS if kind is KeyKind.EC else tuple(KeyOperation)
    return tuple(dict.fromkeys(one for one in found if one in possible)) or _SIGNS
