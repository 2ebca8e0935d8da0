"""
The policy of a certificate that is imported: what the certificate says of itself, and what is given besides.

Rules from reference azure-key-vault.md section 4.5; choices where it is silent are in ADR 0014.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from strongroom.core.certificate_policies import (
    GivenPolicy,
    default_actions,
    not_a_subject,
    parse_usages,
    patched_policy,
)
from strongroom.core.certificates import (
    UNKNOWN,
    AlternativeNames,
    CertificateKey,
    CertificatePolicy,
    IssuerParameters,
    X509Properties,
)
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeySpec, KeyType, parse_curve, parse_key_type
from strongroom.core.x500 import NotAName, parse_name


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

    Key and names are the certificate's. Who issues the next one, and what happens by itself, stays as in the policy
    before, and so does that the key lives in a token or never leaves; without one nobody is asked for the next.

    Raises:
        Invalid: what is given breaks a rule, or says otherwise than the certificate.
    """
    given = given or GivenPolicy()
    _require_agreement(given, said, key)
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
    # What agrees with the certificate is in it, as the certificate spells it.
    besides = replace(given, key_size=None, crv=None, subject=None, sans=None, ekus=None, key_usage=None)
    return patched_policy(besides, base, now)


def patched_issuer(name: str) -> str:
    """Spell an issuer's name as policies do, as far as what happens by itself depends on it."""
    return UNKNOWN if not name or name.lower() == UNKNOWN.lower() else name


def _require_agreement(given: GivenPolicy, said: X509Properties, key: KeySpec) -> None:
    """Refuse a policy that says otherwise than the certificate."""
    if given.kty is not None and parse_key_type(given.kty).kind is not key.kind:
        raise _contradicts("kty")
    if given.key_size is not None and key.bits is not None and given.key_size != key.bits:
        raise _contradicts("key_size")
    if given.crv is not None and (key.curve is None or parse_curve(given.crv) is not key.curve):
        raise _contradicts("crv")
    if given.subject and not _same_name(given.subject, said.subject):
        raise _contradicts("subject")
    if given.sans is not None:
        _require_same_names(given.sans, said.sans)
    if given.ekus is not None and set(given.ekus) != set(said.ekus):
        raise _contradicts("ekus")
    if given.key_usage is not None and set(parse_usages(given.key_usage)) != set(said.key_usage):
        raise _contradicts("key_usage")


def _same_name(given: str, said: str) -> bool:
    try:
        wanted = parse_name(given)
    except NotAName as fault:
        raise not_a_subject(fault.fault) from None
    try:
        return wanted == parse_name(said)
    except NotAName:
        return False


def _require_same_names(given: AlternativeNames, said: AlternativeNames) -> None:
    """Compare the kinds of names that are given: a client need not know all."""
    for member in ("dns_names", "emails", "upns", "uris", "ip_addresses"):
        wanted, found = (frozenset(_folded(member, one) for one in getattr(names, member)) for names in (given, said))
        if wanted and wanted != found:
            raise _contradicts(f"sans.{member}")


def _folded(member: str, name: str) -> str:
    """Give a name in one spelling: an address has several."""
    if member == "ip_addresses":
        try:
            return str(ip_address(name))
        except ValueError:
            # It is the same as no other.
            return name
    return name.lower()


def _contradicts(member: str) -> Invalid:
    return Invalid(
        f"Property {member} of the policy is not what the certificate says.",
        code="BadParameter",
        reason=f"policy contradicts certificate: {member}",
    )
