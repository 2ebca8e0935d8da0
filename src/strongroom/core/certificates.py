"""
Certificates: their policies, what a version of one consists of, and the operation that makes the next one.

A certificate is three objects of one name: itself, the key whose public part it certifies, and the secret that hands
both out. All three have a version for each version of it, of the same id. Owns no private part and builds no X.509:
that is `crypto.certificates`. What may be written into a policy is `core.certificate_policies`. Rules from reference
azure-key-vault.md sections 4.2, 4.5 and 4.6; choices where it is silent are in ADR 0014.

    create ──> inProgress ──issued, merged──> completed
                   ├─ cancellation asked for ──> cancelled
                   └─ refused ──> failed            DELETE forgets the operation in any state
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from strongroom.core.key_rotation import Noted
from strongroom.core.keys import Curve, KeyType, PublicParts

SELF = "Self"
"""The issuer that signs a certificate with its own key."""
UNKNOWN = "Unknown"
"""No issuer that this service knows: its holder has the request signed and merges the result."""

PKCS12 = "application/x-pkcs12"
PEM = "application/x-pem-file"
CONTENT_TYPES = (PKCS12, PEM)
"""What a certificate's secret can be."""
FORM_NAMES = {PKCS12: "PFX", PEM: "PEM"}
"""What refusals call the two."""


class KeyUsage(StrEnum):
    """What a certified key may be used for, by the names that policies have (RFC 5280 section 4.2.1.3)."""

    DIGITAL_SIGNATURE = "digitalSignature"
    NON_REPUDIATION = "nonRepudiation"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"
    KEY_CERT_SIGN = "keyCertSign"
    CRL_SIGN = "cRLSign"
    ENCIPHER_ONLY = "encipherOnly"
    DECIPHER_ONLY = "decipherOnly"


class LifetimeActionType(StrEnum):
    """What can happen by itself at some time of a certificate's life."""

    AUTO_RENEW = "AutoRenew"
    EMAIL_CONTACTS = "EmailContacts"


class PendingStatus(StrEnum):
    """Where an operation is that makes a version."""

    IN_PROGRESS = "inProgress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


# ---- policies -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CertificateKey:
    """The key of the next version: `key_props`."""

    type: KeyType = KeyType.RSA
    bits: int | None = 2048
    """Of RSA keys."""
    curve: Curve | None = None
    """Of EC keys."""
    exportable: bool = True
    reuse: bool = False
    """True if the next version keeps the key of the version before it."""


@dataclass(frozen=True, slots=True)
class AlternativeNames:
    """Subject alternative names (RFC 5280 section 4.2.1.6): `sans`."""

    dns_names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    upns: tuple[str, ...] = ()
    """User principal names, which stand as Microsoft's `otherName`."""
    uris: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class X509Properties:
    """What the certificate says: `x509_props`."""

    subject: str = ""
    sans: AlternativeNames = AlternativeNames()
    ekus: tuple[str, ...] = ()
    """Object identifiers, in dotted form."""
    key_usage: tuple[KeyUsage, ...] = ()
    validity_months: int = 12


@dataclass(frozen=True, slots=True)
class LifetimeAction:
    """What happens by itself, at a percentage of the life or so many days before its end: one of both."""

    type: LifetimeActionType
    percentage: int | None = None
    days_before_expiry: int | None = None


@dataclass(frozen=True, slots=True)
class IssuerParameters:
    """Who issues: `Self`, `Unknown` or the name of one of the vault's issuers; and what else a CA is told."""

    name: str = UNKNOWN
    type: str | None = None
    """`cty`: `OV-SSL`, `EV-SSL`, or the name of a profile."""
    transparency: bool | None = None
    """`cert_transparency`: whether the certificate is to be published in logs (RFC 6962)."""


@dataclass(frozen=True, slots=True)
class CertificatePolicy:
    """How a certificate's versions are made. One policy stands for all versions."""

    key: CertificateKey
    content_type: str
    x509: X509Properties
    lifetime_actions: tuple[LifetimeAction, ...]
    issuer: IssuerParameters
    created: int
    updated: int
    enabled: bool = True


# ---- versions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CertificateAttributes:
    """The attributes that are stored; `nbf` and `exp` are the certificate's own."""

    created: int
    updated: int
    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None


@dataclass(frozen=True, slots=True)
class CertificateVersionBody:
    """
    A version of a certificate.

    The first version stands before it is issued, so that the name is taken: it then has no `cer`, and is disabled.
    """

    attributes: CertificateAttributes
    cer: bytes | None = None
    """The certificate, in DER; None until it is issued."""
    chain: tuple[bytes, ...] = ()
    """The certificates above it, in DER, in the order in which they are handed out."""
    content_type: str | None = None
    """What its secret is."""
    tags: dict[str, str] | None = None
    preserve_order: bool | None = None
    """`preserveCertOrder`: whether an imported chain is handed out in the order in which it came."""


# ---- the operation that makes the next version ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """
    The operation that makes a certificate's next version, or made its last one, or failed to.

    Its key is not yet one of the vault's keys. `material` is that key's, sealed for this operation alone
    (`objects.certificate_rows`); it is empty once the version is there. An operation that failed or was cancelled keeps
    it, since what was issued all the same can still be merged, until the operation is forgotten.
    """

    version: str
    """The version that it makes."""
    request_id: str
    """32 hexadecimal digits that clients may ask for it by."""
    issuer: IssuerParameters
    csr: bytes
    """The certificate request, in DER (RFC 2986)."""
    began: int
    key_type: KeyType
    parts: PublicParts
    bits: int | None = None
    curve: Curve | None = None
    material: bytes = field(default=b"", repr=False)
    reused: bool = False
    """True if its key is that of the version before: it then goes with that one alone."""
    x509: X509Properties = X509Properties()
    """What the policy said when it began, which the request was made of."""
    content_type: str = PKCS12
    exportable: bool = True
    status: PendingStatus = PendingStatus.IN_PROGRESS
    details: str | None = None
    """`status_details`."""
    cancellation_requested: bool = False
    error_code: str | None = None
    error_message: str | None = None
    enabled: bool = True
    """What the attributes of the version that it makes will say."""
    tags: dict[str, str] | None = None
    preserve_order: bool | None = None
    is_renewal: bool = False
    """True if a lifetime action began it and nobody asked."""
    state: bytes = field(default=b"", repr=False)
    """What the issuer has to remember from one step to the next, in its own form."""
    failures: int = 0
    """How many steps in a row could not be made, because somebody could not be reached."""
    step_at: int | None = None
    """When the next step is due; None while it waits for its holder, or has ended."""


@dataclass(frozen=True, slots=True)
class CertificateUpkeep:
    """What a certificate's object keeps besides its versions: its policy, its operation, what was done."""

    policy: CertificatePolicy
    pending: Pending | None = None
    near_expiry: Noted | None = None
    """The last version that was found near its expiry."""
    expired: Noted | None = None
    acted: Noted | None = None
    """The last version whose contacts were written to, with its expiry."""
    retry_at: int | None = None
    """When a renewal that could not begin, or that failed, is tried again."""
    failures: int = 0
    """How often it failed since it last succeeded."""
