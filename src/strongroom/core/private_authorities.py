"""
The instance's private CAs: what one consists of, what it may certify, and what it keeps of what it issued.

    root ──signs──> issuing CA ──signs──> vaults' certificates, its list of revoked ones, OCSP answers
      └─ signs its own list of revoked issuing CAs, and nothing else

An operator makes a CA, for one tenant; a vault of that tenant uses it by an issuer whose provider is `PrivateCA` and
whose `account_id` is the CA's name. Owns the rules of profiles and names. Builds no X.509: `crypto.certificates`.
Decisions: ADR 0020.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import ClassVar

from strongroom.core import certificate_limits as limits
from strongroom.core.certificates import AlternativeNames, KeyUsage, X509Properties
from strongroom.core.errors import Invalid
from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.core.records import Record, record, tenant_partition

PROVIDER = "PrivateCA"
"""What a vault's issuer names as its provider to have a private CA issue."""
DAY_S = 86_400
YEAR_S = 31_557_600
"""A Julian year: what an operator means by so many years of a CA's life."""
ISSUING_S = 5 * YEAR_S
"""How long an issuing CA lives, unless its root ends before."""
LIST_S = 7 * DAY_S
"""How long a list of revoked certificates is good. The next is made when half of that is over."""
ANSWER_S = DAY_S
"""How long an OCSP answer is good."""


class Reason(StrEnum):
    """Why a certificate is revoked (RFC 5280 section 5.3.1): those that an operator may give."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    CA_COMPROMISE = "cACompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


# ---- records --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """A key of a CA with its certificate."""

    id: str
    """The subject key identifier, in hexadecimal: what it is called in the URLs of certificates."""
    certificate: bytes
    """DER."""
    not_before: int
    not_after: int
    kind: KeyKind
    parts: PublicParts
    bits: int | None = None
    curve: Curve | None = None
    in_token: bool = False
    material: bytes = field(default=b"", repr=False)
    """What the key's place needs to use it, sealed under the root key for this CA alone."""
    revoked_at: int | None = None
    """Of issuing CAs: since when nothing that it signed counts."""

    @property
    def spec(self) -> KeySpec:
        """What the key is."""
        return KeySpec(self.kind, self.bits, self.curve)

    @property
    def renew_at(self) -> int:
        """When two thirds of its life are over."""
        return self.not_before + (self.not_after - self.not_before) * 2 // 3


@record
@dataclass(frozen=True, slots=True)
class PrivateAuthority(Record):
    """A private CA of a tenant."""

    KIND: ClassVar[str] = "private_authority"
    id: str
    """Its name, folded."""
    tenant: str
    name: str
    created: int
    root: AuthorityKey
    issuing: tuple[AuthorityKey, ...]
    """The one that issues, last, and those before it, until they end."""
    domains: tuple[str, ...] = ()
    """DNS domains that it may certify names in; every name, if it has neither these nor networks."""
    networks: tuple[str, ...] = ()
    """IP networks that it may certify addresses in."""
    profiles: tuple[str, ...] = ()
    """The profiles that it issues by."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def current(self) -> AuthorityKey:
        """The issuing CA that issues."""
        return self.issuing[-1]

    @property
    def is_constrained(self) -> bool:
        """Whether it may certify some names alone."""
        return bool(self.domains or self.networks)


@record
@dataclass(frozen=True, slots=True)
class IssuedCertificate(Record):
    """A certificate that a private CA issued: kept until it can be of no interest to anybody any more."""

    KIND: ClassVar[str] = "issued_certificate"
    id: str
    """`issued_id`: whose it is, and its serial number."""
    tenant: str
    authority: str
    """The id of the CA."""
    issuer: str
    """The id of the issuing CA's key."""
    vault: str
    name: str
    """What the certificate is called in the vault that it was issued for."""
    certificate: bytes
    """DER: what a step that is made again gives."""
    created: int
    expires: int
    revoked_at: int | None = None
    reason: Reason | None = None

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def serial(self) -> int:
        """Its serial number."""
        return int(self.id.rpartition("-")[2], 16)

    @property
    def forget_at(self) -> int:
        """When nobody needs to know of it: a list was made after its end (RFC 5280 section 3.3), and is over."""
        return self.expires + LIST_S


@record
@dataclass(frozen=True, slots=True)
class RevocationList(Record):
    """The list of certificates that a key of a CA has revoked, as it is served."""

    KIND: ClassVar[str] = "revocation_list"
    id: str
    """The id of the key that signed it."""
    tenant: str
    authority: str
    number: int
    this_update: int
    next_update: int
    crl: bytes = field(repr=False)
    """DER."""

    @property
    def partition(self) -> str:
        """Its tenant's."""
        return tenant_partition(self.tenant)

    @property
    def renew_at(self) -> int:
        """When the next one is due."""
        return self.this_update + (self.next_update - self.this_update) // 2


def issued_id(key: str, serial: int) -> str:
    """Give the id of a certificate that the key of that id issued."""
    return f"{key}-{serial:x}"


# ---- profiles -------------------------------------------------------------------------------------------------------

SERVER_AUTH, CLIENT_AUTH, CODE_SIGNING = (f"1.3.6.1.5.5.7.3.{number}" for number in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Profile:
    """What certificates of one sort may say."""

    ekus: frozenset[str]
    max_months: int
    key_usage: frozenset[KeyUsage]


_HANDSHAKE = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT, KeyUsage.KEY_AGREEMENT})
PROFILES: Mapping[str, Profile] = {
    "tls": Profile(frozenset({SERVER_AUTH, CLIENT_AUTH}), 13, _HANDSHAKE),
    "server": Profile(frozenset({SERVER_AUTH}), 13, _HANDSHAKE),
    "client": Profile(frozenset({CLIENT_AUTH}), 24, _HANDSHAKE | {KeyUsage.DATA_ENCIPHERMENT}),
    "code-signing": Profile(
        frozenset({CODE_SIGNING}), 36, frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION})
    ),
}
"""The sorts there are, by the names that policies have in `cty`. The first is that of a policy without one."""
DEFAULT_PROFILE = next(iter(PROFILES))
_OF_EC = frozenset({KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION, KeyUsage.KEY_AGREEMENT})
"""What a key on a curve can be used for (RFC 5480 section 3)."""


@dataclass(frozen=True, slots=True)
class SubjectNames:
    """What in a subject some clients read as the name of a host or of somebody's mail."""

    common: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


def certified(
    authority: PrivateAuthority, asked: X509Properties, subject: SubjectNames, cty: str | None, kind: KeyKind
) -> X509Properties:
    """
    Say what a certificate will say, of what a policy asks for: nothing else goes into it.

    A server's name that stands in the *subject* alone is written among the alternative names as well, since clients
    look nowhere else.

    Raises:
        Invalid: the profile is none, or is not for that; or a name is not one that this CA certifies.
    """
    name, profile = _profile(authority, cty)
    ekus = asked.ekus or tuple(sorted(profile.ekus))
    if not profile.ekus.issuperset(ekus):
        raise _refused(f"The profile {name} does not allow every use (EKU) that the policy asks for.")
    if not profile.key_usage.issuperset(asked.key_usage):
        words = ", ".join(sorted(set(asked.key_usage) - profile.key_usage))
        raise _refused(f"The profile {name} does not allow the key usage {words}.")
    if not 0 < asked.validity_months <= profile.max_months:
        raise _refused(f"The profile {name} allows at most {profile.max_months} months of validity.")
    usages = tuple(one for one in asked.key_usage if kind is not KeyKind.EC or one in _OF_EC)
    sans = _names(asked.sans, subject.common, is_server=SERVER_AUTH in ekus)
    require_permitted(authority, sans, subject)
    return X509Properties(asked.subject, sans, ekus, usages or (KeyUsage.DIGITAL_SIGNATURE,), asked.validity_months)


def _profile(authority: PrivateAuthority, cty: str | None) -> tuple[str, Profile]:
    name = cty or (authority.profiles[0] if authority.profiles else DEFAULT_PROFILE)
    profile = PROFILES.get(name) if not authority.profiles or name in authority.profiles else None
    if profile is None:
        has = ", ".join(authority.profiles or PROFILES)
        raise _refused(f"The CA {authority.name} has no profile of the name in `cty`. It has: {has}.")
    return name, profile


def _names(sans: AlternativeNames, common_names: tuple[str, ...], *, is_server: bool) -> AlternativeNames:
    """Give the alternative names: those asked for, and a server's own if it stands in the subject alone."""
    for one in sans.dns_names:
        if not is_dns_name(one):
            raise _refused("A DNS name in the policy is none, or has a wildcard elsewhere than in its first label.")
    if not is_server or sans.dns_names or sans.ip_addresses:
        return sans
    found = tuple(one for one in common_names if is_dns_name(one))
    if not found:
        raise _refused("A server's certificate names a host: a DNS name or an IP address among the alternative names.")
    return AlternativeNames(found, sans.emails, sans.upns, sans.uris, sans.ip_addresses)


# ---- names ----------------------------------------------------------------------------------------------------------

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:@\[\]]+)(?::[0-9]+)?(?:[/?#].*)?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?", re.ASCII)


def is_dns_name(text: str) -> bool:
    """Tell whether a text can be a DNS name, whose first label may be a wildcard; an address is none."""
    return (
        len(text) <= limits.DNS_NAME_CHARS
        and _DNS_NAME.fullmatch(text) is not None
        and not text.rpartition(".")[2].isdigit()
    )


def require_permitted(authority: PrivateAuthority, sans: AlternativeNames, subject: SubjectNames) -> None:
    """
    Refuse names that a CA for some names does not certify.

    Its certificate says the same in its name constraints, for the forms of names that those are for. Principal names
    are held to the domains here alone, and so is what looks like a host in a subject.

    Raises:
        Invalid: one is outside.
    """
    if not authority.is_constrained:
        return
    # OpenSSL takes what has a dot for a host's name, be it an address, and holds it to the domains.
    hosts = [*sans.dns_names, *(one for one in subject.common if "." in one and _is_host(one))]
    hosts += [one.rpartition("@")[2] for one in (*sans.emails, *sans.upns, *subject.emails)]
    for uri in sans.uris:
        match = _HOST.fullmatch(uri.lower())
        if match is None or not _is_host(match[1]):
            # Some read a backslash as the end of the host, and others as a part of it.
            raise _refused("A URI that names no host is not one that this CA certifies.")
        hosts.append(match[1])
    for host in hosts:
        if not any(_is_within(host, domain) for domain in authority.domains):
            raise _refused(f"The CA {authority.name} certifies no names outside {_list(authority)}.")
    networks = [ip_network(one) for one in authority.networks]
    for address in sans.ip_addresses:
        if not any(ip_address(address) in network for network in networks):
            raise _refused(f"The CA {authority.name} certifies no addresses outside {_list(authority)}.")


def _is_host(text: str) -> bool:
    return is_dns_name(text) or _network(text) is not None


def _is_within(host: str, domain: str) -> bool:
    name = host.lower().removeprefix("*.")
    return name == domain or name.endswith(f".{domain}")


def _list(authority: PrivateAuthority) -> str:
    return ", ".join((*authority.domains, *authority.networks))


def parse_constraints(texts: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Read what a CA may certify: DNS domains and IP networks.

    Raises:
        Invalid: one is neither, or there are too many.
    """
    if len(texts) > limits.AUTHORITY_CONSTRAINTS:
        raise Invalid(f"A CA is constrained to at most {limits.AUTHORITY_CONSTRAINTS} domains and networks.")
    domains, networks = [], []
    for text in texts:
        network = _network(text)
        if network is not None:
            networks.append(str(network))
        elif is_dns_name(text) and not text.startswith("*"):
            domains.append(text.lower())
        else:
            raise Invalid("What a CA may certify is a DNS domain, such as example.org, or an IP network.")
    return tuple(dict.fromkeys(domains)), tuple(dict.fromkeys(networks))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def parse_authority_name(text: str) -> str:
    """
    Check a CA's name; its case is kept.

    Raises:
        Invalid: it is not 1 to 64 letters, digits and hyphens, beginning and ending with no hyphen.
    """
    if _NAME.fullmatch(text) is None:
        raise Invalid("A CA's name is 1 to 64 letters, digits and hyphens, and begins and ends with none of those.")
    return text


def parse_profiles(texts: tuple[str, ...]) -> tuple[str, ...]:
    """
    Read the profiles that a CA issues by; none means all.

    Raises:
        Invalid: one is none.
    """
    for text in texts:
        if text not in PROFILES:
            raise Invalid(f"There is no such profile. There are: {', '.join(PROFILES)}.")
    return tuple(dict.fromkeys(texts))


_SPECS: Mapping[str, KeySpec] = {
    "P-256": KeySpec(KeyKind.EC, curve=Curve.P256),
    "P-384": KeySpec(KeyKind.EC, curve=Curve.P384),
    "P-521": KeySpec(KeyKind.EC, curve=Curve.P521),
    "RSA-2048": KeySpec(KeyKind.RSA, 2048),
    "RSA-3072": KeySpec(KeyKind.RSA, 3072),
    "RSA-4096": KeySpec(KeyKind.RSA, 4096),
}
KEY_TYPES = tuple(_SPECS)
"""What the keys of a CA can be. The first is what they are if nobody says."""


def parse_key(text: str | None) -> KeySpec:
    """
    Read what the keys of a CA are to be.

    Raises:
        Invalid: no CA has such keys.
    """
    spec = _SPECS.get(text or KEY_TYPES[0])
    if spec is None:
        raise Invalid(f"The keys of a CA are one of: {', '.join(KEY_TYPES)}.")
    return spec


def certifiable(spec: KeySpec) -> bool:
    """Tell whether a public key is strong enough to be certified: RSA of 2048 bits and more, or a NIST curve."""
    if spec.kind is KeyKind.RSA:
        return (spec.bits or 0) >= _RSA_BITS_MIN
    return spec.curve in {Curve.P256, Curve.P384, Curve.P521}


_RSA_BITS_MIN = 2048


def parse_years(years: int | None) -> int:
    """
    Read how many years the root of a CA lives.

    Raises:
        Invalid: it is less than one or too many.
    """
    found = limits.AUTHORITY_YEARS_DEFAULT if years is None else years
    if not 1 <= found <= limits.AUTHORITY_YEARS:
        raise Invalid(f"The root of a CA lives 1 to {limits.AUTHORITY_YEARS} years.")
    return found


def parse_reason(text: str | None) -> Reason:
    """
    Read why a certificate is revoked.

    Raises:
        Invalid: it is no reason.
    """
    try:
        return Reason(text or Reason.UNSPECIFIED)
    except ValueError:
        raise Invalid(f"A reason is one of: {', '.join(Reason)}.") from None


def _refused(message: str) -> Invalid:
    return Invalid(message, code="Request rejected")
