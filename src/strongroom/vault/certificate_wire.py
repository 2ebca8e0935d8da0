"""
The wire structs of certificates (reference operations.md section 7, certificates).

Absent and null are the same in a request. In an answer, what has no value is left out. `cer`, `csr` and `x5c` are
base64, thumbprints base64url without padding.
"""

from __future__ import annotations

import base64

import msgspec

from strongroom.http import json


class GivenCertificateAttributes(msgspec.Struct):
    """`CertificateAttributes` as a request gives them; what is read-only is not read."""

    enabled: bool | None = None
    nbf: int | None = None
    exp: int | None = None


class KeyProperties(msgspec.Struct, omit_defaults=True):
    """`KeyProperties`, of a request or an answer."""

    exportable: bool | None = None
    kty: str | None = None
    key_size: int | None = None
    reuse_key: bool | None = None
    crv: str | None = None


class SecretProperties(msgspec.Struct, omit_defaults=True):
    """`SecretProperties`, of a request or an answer."""

    contentType: str | None = None  # noqa: N815  the wire's name


class SubjectAlternativeNames(msgspec.Struct, omit_defaults=True):
    """`SubjectAlternativeNames`, of a request or an answer."""

    emails: list[str] | None = None
    dns_names: list[str] | None = None
    upns: list[str] | None = None
    uris: list[str] | None = None
    ipAddresses: list[str] | None = None  # noqa: N815  the wire's name


class BasicConstraints(msgspec.Struct, omit_defaults=True):
    """Whether it is a CA's."""

    ca: bool | None = None


class X509CertificateProperties(msgspec.Struct, omit_defaults=True):
    """`X509CertificateProperties`, of a request or an answer."""

    subject: str | None = None
    sans: SubjectAlternativeNames | None = None
    ekus: list[str] | None = None
    key_usage: list[str] | None = None
    validity_months: int | None = None
    basic_constraints: BasicConstraints | None = None


class Trigger(msgspec.Struct, omit_defaults=True):
    """`Trigger`: one of both."""

    lifetime_percentage: int | None = None
    days_before_expiry: int | None = None


class Action(msgspec.Struct, omit_defaults=True):
    """`Action`."""

    action_type: str | None = None


class LifetimeAction(msgspec.Struct, omit_defaults=True):
    """`LifetimeAction`."""

    trigger: Trigger | None = None
    action: Action | None = None


class IssuerParameters(msgspec.Struct, omit_defaults=True):
    """`IssuerParameters`, of a request or an answer."""

    name: str | None = None
    cty: str | None = None
    cert_transparency: bool | None = None


class PolicyAttributes(msgspec.Struct, omit_defaults=True):
    """The attributes of a policy."""

    enabled: bool | None = None
    created: int | None = None
    updated: int | None = None


class PlatformManaged(msgspec.Struct):
    """`PlatformManaged`: what Azure's own services ask for. It is read so that it can be refused."""

    certificateUsage: str | None = None  # noqa: N815  the wire's name


class CertificatePolicy(msgspec.Struct, omit_defaults=True):
    """`CertificatePolicy`, of a request or an answer."""

    id: str | None = None
    key_props: KeyProperties | None = None
    secret_props: SecretProperties | None = None
    x509_props: X509CertificateProperties | None = None
    lifetime_actions: list[LifetimeAction] | None = None
    issuer: IssuerParameters | None = None
    attributes: PolicyAttributes | None = None
    platformManaged: PlatformManaged | None = None  # noqa: N815  the wire's name


class CertificateCreateParameters(msgspec.Struct):
    """The body of CertificateCreate."""

    policy: CertificatePolicy | None = None
    attributes: GivenCertificateAttributes | None = None
    tags: dict[str, str] | None = None
    preserveCertOrder: bool | None = None  # noqa: N815  the wire's name


class CertificateImportParameters(json.Secretive):
    """The body of CertificateImport."""

    value: str | None = None
    pwd: str | None = None
    policy: CertificatePolicy | None = None
    attributes: GivenCertificateAttributes | None = None
    tags: dict[str, str] | None = None
    preserveCertOrder: bool | None = None  # noqa: N815  the wire's name


class CertificateUpdateParameters(msgspec.Struct):
    """The body of CertificateUpdate."""

    policy: CertificatePolicy | None = None
    attributes: GivenCertificateAttributes | None = None
    tags: dict[str, str] | None = None


class CertificateOperationUpdateParameter(msgspec.Struct):
    """The body of CertificatePendingUpdate."""

    cancellation_requested: bool | None = None


class CertificateMergeParameters(msgspec.Struct):
    """The body of CertificatePendingMerge."""

    x5c: list[str] | None = None
    attributes: GivenCertificateAttributes | None = None
    tags: dict[str, str] | None = None


class CertificateRestoreParameters(msgspec.Struct):
    """The body of CertificateRestore."""

    value: str | None = None


class BackupCertificateResult(msgspec.Struct):
    """The answer of CertificateBackup; `value` is base64url without padding."""

    value: str


class OperationError(msgspec.Struct, omit_defaults=True):
    """Why an operation failed."""

    code: str
    message: str


class CertificateOperation(msgspec.Struct, omit_defaults=True):
    """`CertificateOperation`."""

    id: str
    issuer: IssuerParameters
    csr: str
    cancellation_requested: bool | None
    status: str
    request_id: str
    status_details: str | None = None
    error: OperationError | None = None
    target: str | None = None
    preserveCertOrder: bool | None = None  # noqa: N815  the wire's name


class CertificateAttributes(msgspec.Struct, omit_defaults=True):
    """`CertificateAttributes` as an answer has them."""

    enabled: bool
    created: int
    updated: int
    nbf: int | None = None
    exp: int | None = None
    recoveryLevel: str | None = None  # noqa: N815  the wire's name
    recoverableDays: int | None = None  # noqa: N815  the wire's name


class PendingReference(msgspec.Struct):
    """Where a bundle says that its operation is."""

    id: str


class CertificateBundle(msgspec.Struct, omit_defaults=True):
    """`CertificateBundle` and its deleted form."""

    id: str
    attributes: CertificateAttributes
    kid: str | None = None
    sid: str | None = None
    x5t: str | None = None
    cer: str | None = None
    tags: dict[str, str] | None = None
    policy: CertificatePolicy | None = None
    pending: PendingReference | None = None
    preserveCertOrder: bool | None = None  # noqa: N815  the wire's name
    recoveryId: str | None = None  # noqa: N815  the wire's name
    deletedDate: int | None = None  # noqa: N815  the wire's name
    scheduledPurgeDate: int | None = None  # noqa: N815  the wire's name


class CertificateItem(msgspec.Struct, omit_defaults=True):
    """`CertificateItem` and its deleted form."""

    id: str
    attributes: CertificateAttributes
    tags: dict[str, str] | None = None
    x5t: str | None = None
    recoveryId: str | None = None  # noqa: N815  the wire's name
    deletedDate: int | None = None  # noqa: N815  the wire's name
    scheduledPurgeDate: int | None = None  # noqa: N815  the wire's name


class CertificateListResult(msgspec.Struct):
    """One page."""

    value: list[CertificateItem]
    nextLink: str | None  # noqa: N815  the wire's name


def octets(value: bytes) -> str:
    """Spell bytes as base64."""
    return base64.b64encode(value).decode("ascii")


def thumbprint(value: bytes) -> str:
    """Spell a thumbprint as base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
