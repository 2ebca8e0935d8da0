"""
What a file may say of certificates, of who issues them, and of who is told of them.

A policy is checked by the rules of the service itself, as far as the file says it: what is left out is taken for what
lets the rest stand, since a certificate that is there may have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from strongroom.cli.seed.forms.sources import GIVEN
from strongroom.cli.seed.forms.texts import ANY_TEXT, LINE, OBJECT, TAGS, TEXT, TEXTS
from strongroom.cli.seed.schema import Choice, Entry, Flag, ListOf, Member, Shape, Text, Whole
from strongroom.core import certificate_limits
from strongroom.core.certificate_issuers import RESERVED, is_email, parse_certificate_name, parse_issuer_name
from strongroom.core.certificate_policies import KEY_TYPES, GivenPolicy, read_policy
from strongroom.core.certificates import (
    CONTENT_TYPES,
    SELF,
    AlternativeNames,
    CertificatePolicy,
    KeyUsage,
    LifetimeAction,
    LifetimeActionType,
)
from strongroom.core.errors import Invalid
from strongroom.core.keys import RSA_BITS, Curve

EMAIL = Text(r"[^\s,;<>()\"\\]{1,252}@[^\s,;<>()\"\\@]{1,252}", "an e-mail address", "e-mail address")
_ISSUER = Text(r"[A-Za-z0-9-]{1,127}", "Self, Unknown or the name of an issuer", "name of an issuer")
_GENEROUS = GivenPolicy(
    subject="CN=any", issuer=SELF, validity_months=certificate_limits.VALIDITY_MONTHS, lifetime_actions=()
)
"""What lets everything stand that a file may say besides."""


def names_of(entry: Mapping[str, Any]) -> AlternativeNames:
    """Give alternative names as the domain has them."""
    kinds = ("dnsNames", "emails", "upns", "uris", "ipAddresses")
    return AlternativeNames(*(tuple(entry.get(kind, ())) for kind in kinds))


def given_policy(entry: Mapping[str, Any]) -> GivenPolicy:
    """Give a policy as the domain takes it, of what a file says."""
    names, actions = entry.get("alternativeNames"), entry.get("lifetimeActions")
    return GivenPolicy(
        exportable=entry.get("exportable"),
        kty=entry.get("keyType"),
        key_size=entry.get("keySize"),
        reuse_key=entry.get("reuseKey"),
        crv=entry.get("curve"),
        content_type=entry.get("contentType"),
        subject=entry.get("subject"),
        sans=None if names is None else names_of(names),
        ekus=_all_of(entry, "extendedKeyUsage"),
        key_usage=_all_of(entry, "keyUsage"),
        validity_months=entry.get("validityMonths"),
        lifetime_actions=None if actions is None else tuple(map(_action_of, actions)),
        issuer=entry.get("issuer"),
        issuer_type=entry.get("certificateType"),
        transparency=entry.get("certificateTransparency"),
        enabled=entry.get("enabled"),
    )


def whole_policy(entry: Mapping[str, Any]) -> CertificatePolicy:
    """
    Read a policy by which a certificate is to be made.

    Raises:
        Invalid: it breaks a rule, or has no subject.
    """
    return read_policy(given_policy(entry), None, 0)


def _all_of(entry: Mapping[str, Any], member: str) -> tuple[str, ...] | None:
    return tuple(entry[member]) if member in entry else None


def _action_of(entry: Mapping[str, Any]) -> LifetimeAction:
    kind = LifetimeActionType(entry["action"])
    return LifetimeAction(kind, entry.get("atPercentage"), entry.get("daysBeforeExpiry"))


def _check_policy(entry: Entry) -> str | None:
    given = given_policy(entry)
    said = {name: value for name in GivenPolicy.__slots__ if (value := getattr(given, name)) is not None}
    if not given.subject:
        # That there is no name at all is for who makes one of it.
        said.pop("subject", None)
    if "curve" in entry and "keyType" not in entry:
        return "a curve is of an EC key: say its keyType with it"
    try:
        read_policy(replace(_GENEROUS, **said), None, 0)
    except Invalid as invalid:
        return str(invalid)
    return None


def _check_issuer(entry: Entry) -> str | None:
    if entry["name"].casefold() in RESERVED:
        return "it cannot be called so: the name means no issuer of a vault's"
    try:
        parse_issuer_name(entry["name"])
    except Invalid as invalid:
        return str(invalid)
    return None


def _check_certificate(entry: Entry) -> str | None:
    try:
        parse_certificate_name(entry["name"])
    except Invalid as invalid:
        return str(invalid)
    return None


def _check_contact(entry: Entry) -> str | None:
    return None if is_email(entry["email"]) else "email must be an e-mail address"


ALTERNATIVE_NAMES = Shape(
    "alternative names",
    {
        "dnsNames": Member(TEXTS, "DNS names."),
        "emails": Member(TEXTS, "E-mail addresses."),
        "upns": Member(TEXTS, "User principal names."),
        "uris": Member(TEXTS, "URIs."),
        "ipAddresses": Member(TEXTS, "Addresses of IPv4 or IPv6."),
    },
)
LIFETIME_ACTION = Shape(
    "lifetime action",
    {
        "action": Member(Choice(tuple(LifetimeActionType)), "What happens.", required=True),
        "atPercentage": Member(Whole(1, certificate_limits.LIFETIME_PERCENTAGE), "When so much of its life is over."),
        "daysBeforeExpiry": Member(
            Whole(1, certificate_limits.VALIDITY_MONTHS * certificate_limits.DAYS_OF_A_MONTH), "Or so long before."
        ),
    },
    choose=("atPercentage", "daysBeforeExpiry"),
)
POLICY = Shape(
    "certificate policy",
    {
        "issuer": Member(_ISSUER, "`Self`, `Unknown` (somebody else signs, and it is merged), or one of the vault's."),
        "certificateType": Member(LINE, "What the issuer is asked for, as the name of a profile."),
        "certificateTransparency": Member(Flag(), "Whether it is to be published in logs."),
        "subject": Member(ANY_TEXT, "Its X.500 name, as `CN=shop.example`."),
        "alternativeNames": Member(ALTERNATIVE_NAMES, "Its other names; they are said whole."),
        "keyType": Member(Choice(KEY_TYPES), "`RSA` if it is not said."),
        "keySize": Member(Whole(min(RSA_BITS), max(RSA_BITS)), "How many bits, of an RSA key."),
        "curve": Member(Choice(tuple(Curve)), "Of an EC key; with `keyType`."),
        "exportable": Member(Flag(), "Whether its secret has the private key."),
        "reuseKey": Member(Flag(), "Whether the next version keeps the key."),
        "contentType": Member(Choice(CONTENT_TYPES), "What its secret is."),
        "validityMonths": Member(Whole(1, certificate_limits.VALIDITY_MONTHS), "How long a version is good."),
        "keyUsage": Member(ListOf(Choice(tuple(KeyUsage))), "All that its key may be used for."),
        "extendedKeyUsage": Member(TEXTS, "All purposes, as object identifiers."),
        "lifetimeActions": Member(ListOf(LIFETIME_ACTION), "What happens by itself: at most one; `[]` is nothing."),
        "enabled": Member(Flag(), "Whether it is renewed by it."),
    },
    check=_check_policy,
)
IMPORT = Shape(
    "imported certificate",
    {
        "file": Member(LINE, "PKCS#12 or PEM, with its private key; the path begins at this file's folder.", True),
        "password": Member(GIVEN, "What opens it."),
    },
)
CERTIFICATE = Shape(
    "certificate",
    {
        "name": Member(OBJECT, "Its name.", required=True),
        "policy": Member(POLICY, "How its versions are made; what is not said of it stays."),
        "import": Member(IMPORT, "Where it is brought in from if there is none: otherwise it is made by its policy."),
        "enabled": Member(Flag(), "Whether it can be used."),
        "preserveOrder": Member(Flag(), "Whether the chain stays in the order in which it came; it cannot be changed."),
        "tags": TAGS,
    },
    check=_check_certificate,
)
ADMINISTRATOR = Shape(
    "administrator",
    {
        "firstName": Member(LINE, "First name."),
        "lastName": Member(LINE, "Last name."),
        "email": Member(EMAIL, "Address."),
        "phone": Member(LINE, "Telephone."),
    },
)
ISSUER = Shape(
    "certificate issuer",
    {
        "name": Member(OBJECT, "Its name, by which policies know it.", required=True),
        "provider": Member(TEXT, "Who issues, as `PrivateCA` or `ACME`.", required=True),
        "accountId": Member(ANY_TEXT, "Which of the provider's accounts, or which private CA."),
        "password": Member(GIVEN, "The account's password; only for a new one, since nobody can read it."),
        "organization": Member(ANY_TEXT, "The organization's id."),
        "administrators": Member(ListOf(ADMINISTRATOR), "Every administrator of the organization."),
        "enabled": Member(Flag(), "Whether it issues."),
    },
    check=_check_issuer,
)
CONTACT = Shape(
    "certificate contact",
    {
        "email": Member(EMAIL, "Address.", required=True),
        "name": Member(LINE, "Name."),
        "phone": Member(LINE, "Telephone."),
    },
    check=_check_contact,
)
