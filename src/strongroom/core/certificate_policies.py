"""
What may be written into a certificate's policy, and what is there if nothing is said.

Rules and defaults from reference azure-key-vault.md section 4.5; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from strongroom.core import certificate_limits
from strongroom.core.alternative_names import check_names
from strongroom.core.certificates import (
    CONTENT_TYPES,
    PKCS12,
    SELF,
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
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyKind, KeyOperation, KeySpec, KeyType, parse_key_type, spec_of_new
from strongroom.core.names import parse_object_name
from strongroom.core.x500 import NotAName, parse_name

DEFAULT_EKUS = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2")
"""Servers and clients of TLS."""
DEFAULT_KEY_USAGE = (KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT)
DEFAULT_MONTHS = 12
DEFAULT_PERCENTAGE = 80
KEY_TYPES = (KeyType.RSA, KeyType.RSA_HSM, KeyType.EC, KeyType.EC_HSM)
"""What a certificate's key can be: what signs, and has a public part."""

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

_OID = re.compile(r"(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))+", re.ASCII)


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
    issuer = IssuerParameters(_issuer(given.issuer), _certificate_type(given.issuer_type), given.transparency)
    fresh = CertificatePolicy(
        _key(given, None),
        PKCS12,
        X509Properties(ekus=DEFAULT_EKUS, key_usage=DEFAULT_KEY_USAGE, validity_months=DEFAULT_MONTHS),
        default_actions(issuer.name),
        issuer,
        now if old is None else old.created,
        now,
    )
    return _merged(given, fresh, now)


def patched_policy(given: GivenPolicy, old: CertificatePolicy, now: int) -> CertificatePolicy:
    """
    Change a policy as an update asks: what it leaves out stays.

    Raises:
        Invalid: what comes of it breaks a rule of section 4.5, or contradicts itself.
    """
    was = old.issuer
    issuer = IssuerParameters(
        was.name if given.issuer is None else _issuer(given.issuer),
        was.type if given.issuer_type is None else _certificate_type(given.issuer_type),
        was.transparency if given.transparency is None else given.transparency,
    )
    return _merged(given, replace(old, key=_key(given, old.key), issuer=issuer), now)


def _merged(given: GivenPolicy, base: CertificatePolicy, now: int) -> CertificatePolicy:
    """Write over *base* what is given besides the key and the issuer, and check what comes of it."""
    if given.is_ca:
        raise _refused("basic_constraints.ca", "cannot be true: a vault's certificate is no authority's")
    x509, actions = base.x509, given.lifetime_actions
    policy = replace(
        base,
        content_type=base.content_type if given.content_type is None else _content_type(given.content_type),
        x509=X509Properties(
            x509.subject if given.subject is None else _subject(given.subject),
            x509.sans if given.sans is None else check_names(given.sans),
            x509.ekus if given.ekus is None else _purposes(given.ekus),
            x509.key_usage if given.key_usage is None else parse_usages(given.key_usage),
            x509.validity_months if given.validity_months is None else _months(given.validity_months),
        ),
        lifetime_actions=base.lifetime_actions if actions is None else actions,
        updated=now,
        enabled=base.enabled if given.enabled is None else given.enabled,
    )
    if not policy.x509.subject and policy.x509.sans == AlternativeNames():
        raise Invalid(
            "A certificate must have a subject or a subject alternative name.",
            code="BadParameter",
            reason="no subject",
        )
    _check_actions(policy)
    return policy


def default_actions(issuer: str) -> tuple[LifetimeAction, ...]:
    """Say what happens by itself if nobody said: nothing can renew what an unknown issuer issues."""
    kind = LifetimeActionType.EMAIL_CONTACTS if issuer == UNKNOWN else LifetimeActionType.AUTO_RENEW
    return (LifetimeAction(kind, DEFAULT_PERCENTAGE),)


def operations_of(usages: tuple[KeyUsage, ...], kind: KeyKind) -> tuple[KeyOperation, ...]:
    """Say what a certificate's key may be used for, in the order of the usages."""
    found = [operation for usage in usages for operation in OPERATIONS.get(usage, ())]
    possible = _SIGNS if kind is KeyKind.EC else tuple(KeyOperation)
    return tuple(dict.fromkeys(one for one in found if one in possible)) or _SIGNS


def spec_of(key: CertificateKey) -> KeySpec:
    """Say what key a policy asks for."""
    return KeySpec(key.type.kind, key.bits, key.curve)


# ---- the key --------------------------------------------------------------------------------------------------------


def _key(given: GivenPolicy, old: CertificateKey | None) -> CertificateKey:
    """Read `key_props`. Size and curve of the policy before stay with its kind of key alone."""
    default = KeyType.RSA if old is None else old.type
    key_type = default if given.kty is None else parse_key_type(given.kty)
    if key_type not in KEY_TYPES:
        raise _refused("kty", f"of a certificate must be one of: {', '.join(KEY_TYPES)}")
    bits, curve = given.key_size, given.crv
    if old is not None and old.type.kind is key_type.kind:
        bits = old.bits if bits is None and curve is None else bits
        # A size is a curve's own, so one that is given without the curve is compared with the one that stays.
        curve = old.curve if curve is None else curve
    spec = spec_of_new(key_type.kind, bits=bits, curve=curve, public_exponent=None)
    if key_type.in_token and given.exportable:
        raise _refused("exportable", f"cannot be true of a key of type {key_type}, which never leaves its token")
    stays = True if old is None else old.exportable
    exportable = (stays if given.exportable is None else given.exportable) and not key_type.in_token
    reuse = (old is not None and old.reuse) if given.reuse_key is None else given.reuse_key
    return CertificateKey(key_type, spec.bits, spec.curve, exportable, reuse)


# ---- what the certificate says --------------------------------------------------------------------------------------


def _content_type(text: str) -> str:
    if text not in CONTENT_TYPES:
        raise _refused("contentType", f"must be one of: {', '.join(CONTENT_TYPES)}")
    return text


def _subject(text: str) -> str:
    if len(text) > certificate_limits.SUBJECT_NAME_CHARS:
        raise _refused("subject", f"can have at most {certificate_limits.SUBJECT_NAME_CHARS} characters")
    try:
        parts = parse_name(text)
    except NotAName as fault:
        raise not_a_subject(fault.fault) from None
    return text if parts else ""


def not_a_subject(fault: str) -> Invalid:
    """Refuse a subject in the real service's words; *fault* is for the journal."""
    return Invalid("The subject name provided is not a valid X500 name.", code="BadParameter", reason=fault)


def _purposes(oids: tuple[str, ...]) -> tuple[str, ...]:
    if len(oids) > certificate_limits.KEY_PURPOSES:
        raise _refused("ekus", f"can have at most {certificate_limits.KEY_PURPOSES} object identifiers")
    if not all(len(oid) <= certificate_limits.KEY_PURPOSE_CHARS and _OID.fullmatch(oid) for oid in oids):
        raise _refused("ekus", "must be object identifiers, such as 1.3.6.1.5.5.7.3.1")
    return tuple(dict.fromkeys(oids))


_USAGES = {usage.lower(): usage for usage in KeyUsage}


def parse_usages(words: Iterable[str]) -> tuple[KeyUsage, ...]:
    """
    Read `key_usage`, in the order given, each once; case does not count.

    Raises:
        Invalid: one is no usage.
    """
    try:
        return tuple(dict.fromkeys(_USAGES[word.lower()] for word in words))
    except KeyError:
        raise _refused("key_usage", f"must be of: {', '.join(KeyUsage)}") from None


def _months(months: int) -> int:
    if not 1 <= months <= certificate_limits.VALIDITY_MONTHS:
        raise _refused("validity_months", f"must be from 1 to {certificate_limits.VALIDITY_MONTHS}")
    return months


# ---- who issues, and what happens by itself -------------------------------------------------------------------------


def _issuer(name: str | None) -> str:
    if not name:
        return UNKNOWN
    for own in (SELF, UNKNOWN):
        if name.lower() == own.lower():
            return own
    return parse_object_name(name)


def _certificate_type(text: str | None) -> str | None:
    if text is not None and (len(text) > certificate_limits.CERTIFICATE_TYPE_CHARS or not text.isprintable()):
        raise _refused("cty", f"can have at most {certificate_limits.CERTIFICATE_TYPE_CHARS} characters")
    return text or None


def parse_action_type(word: str | None) -> LifetimeActionType:
    """
    Read what is to happen by itself; case does not count.

    Raises:
        Invalid: it is neither of both.
    """
    for kind in LifetimeActionType:
        if word is not None and word.lower() == kind.lower():
            return kind
    raise _refused("action_type", f"must be one of: {', '.join(LifetimeActionType)}")


def _check_actions(policy: CertificatePolicy) -> None:
    """Check lifetime actions against the rest of their policy: its issuer, and how long its certificates live."""
    if len(policy.lifetime_actions) > certificate_limits.LIFETIME_ACTIONS:
        raise Invalid("At most one action is allowed", code="BadParameter", reason="lifetime actions")
    for action in policy.lifetime_actions:
        percentage, days = action.percentage, action.days_before_expiry
        if (percentage is None) is (days is None):
            raise _refused("trigger", "must have one of lifetime_percentage and days_before_expiry")
        if percentage is not None and not 1 <= percentage <= certificate_limits.LIFETIME_PERCENTAGE:
            raise _refused("lifetime_percentage", f"must be from 1 to {certificate_limits.LIFETIME_PERCENTAGE}")
        most = policy.x509.validity_months * certificate_limits.DAYS_OF_A_MONTH
        if days is not None and not 1 <= days <= most:
            months = policy.x509.validity_months
            raise _refused("days_before_expiry", f"must be from 1 to {most} where validity_months is {months}")
        if action.type is LifetimeActionType.AUTO_RENEW and policy.issuer.name == UNKNOWN:
            raise _refused("action_type", "cannot be AutoRenew where the issuer is Unknown: nobody can be asked")


def _refused(member: str, fault: str) -> Invalid:
    """Refuse a member of a policy by its name, without its value."""
    return Invalid(f"Property {member} {fault}.", code="BadParameter", reason=f"invalid {member}")
