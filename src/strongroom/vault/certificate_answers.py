"""What is answered about certificates: bundles, policies and operations, as the api-version asked for has them."""

from __future__ import annotations

from hashlib import sha1

from strongroom.core.api_versions import (
    CERTIFICATE_NAMES_SINCE,
    CERTIFICATE_ORDER_SINCE,
    SOFT_DELETE_SINCE,
    at_least,
)
from strongroom.core.certificates import (
    AlternativeNames,
    CertificatePolicy,
    CertificateVersionBody,
    Pending,
    PendingStatus,
)
from strongroom.core.keys import CURVE_BITS
from strongroom.core.lifecycle import recovery
from strongroom.core.objects import StoredObject
from strongroom.flow.call import Call
from strongroom.http import json
from strongroom.http.message import Response
from strongroom.objects.certificate_rows import Certificate
from strongroom.vault import certificate_wire as wire


def answer(
    call: Call, certificate: Certificate, status: int = 200, *, policy: bool = True, pending: bool = True
) -> Response:
    """Answer with a certificate's bundle, without its policy and operation where they are not told."""
    bundle = bundle_of(call, certificate)
    bundle.policy = bundle.policy if policy else None
    bundle.pending = bundle.pending if pending else None
    call.properties.update(describe(call, certificate))
    return json.response(bundle, status)


def bundle_of(call: Call, certificate: Certificate) -> wire.CertificateBundle:
    """Write a certificate's bundle."""
    stored, version, body, upkeep = certificate.stored, certificate.version, certificate.body, certificate.upkeep
    base = f"{call.base}/certificates/{stored.name}"
    bundle = wire.CertificateBundle(
        f"{base}/{version}",
        attributes_of(call, body),
        tags=body.tags,
        policy=policy_of(call, stored, upkeep.policy),
        preserveCertOrder=_order(call, preserves=body.preserve_order),
    )
    if body.cer is not None:
        bundle.kid = f"{call.base}/keys/{stored.name}/{version}"
        bundle.sid = f"{call.base}/secrets/{stored.name}/{version}"
        bundle.x5t = thumbprint_of(body.cer)
        bundle.cer = wire.octets(body.cer)
    if upkeep.pending is not None:
        bundle.pending = wire.PendingReference(f"{base}/pending")
    say_deleted(call, stored, bundle)
    return bundle


def item_of(call: Call, certificate: Certificate, *, versioned: bool) -> wire.CertificateItem:
    """Write a member of a list."""
    stored, body = certificate.stored, certificate.body
    base = f"{call.base}/certificates/{stored.name}"
    item = wire.CertificateItem(
        f"{base}/{certificate.version}" if versioned else base, attributes_of(call, body), body.tags
    )
    if body.cer is not None:
        item.x5t = thumbprint_of(body.cer)
    say_deleted(call, stored, item)
    return item


def thumbprint_of(cer: bytes) -> str:
    """Give `x5t`: SHA-1 of a certificate, which names it and protects nothing."""
    return wire.thumbprint(sha1(cer, usedforsecurity=False).digest())


def attributes_of(call: Call, body: CertificateVersionBody) -> wire.CertificateAttributes:
    """Write a version's attributes."""
    own, vault = body.attributes, call.the_vault
    level = recovery(
        retention_days=vault.retention_days, purge_protection=vault.purge_protection, version=call.api_version
    )
    return wire.CertificateAttributes(own.enabled, own.created, own.updated, own.nbf, own.exp, level.level, level.days)


def say_deleted(call: Call, stored: StoredObject, said: wire.CertificateBundle | wire.CertificateItem) -> None:
    """Say of what is deleted since when, and until when it can be recovered."""
    if stored.deleted is not None and at_least(call.api_version, SOFT_DELETE_SINCE):
        said.recoveryId = f"{call.base}/deletedcertificates/{stored.name}"
        said.deletedDate = stored.deleted
        said.scheduledPurgeDate = stored.purge_at


def policy_of(call: Call, stored: StoredObject, policy: CertificatePolicy) -> wire.CertificatePolicy:
    """Write a policy."""
    key, x509, issuer = policy.key, policy.x509, policy.issuer
    # Terraform's azurerm takes the size of every key for granted, and ends if an EC key has none.
    size = CURVE_BITS[key.curve] if key.curve is not None else key.bits
    return wire.CertificatePolicy(
        f"{call.base}/certificates/{stored.name}/policy",
        wire.KeyProperties(key.exportable, key.type, size, key.reuse, key.curve),
        wire.SecretProperties(policy.content_type),
        wire.X509CertificateProperties(
            x509.subject,
            _names_of(call, x509.sans),
            list(x509.ekus),
            # In this order whatever was given, as recorded by Azure's own client tests of 2021 and 2022.
            sorted(x509.key_usage),
            x509.validity_months,
            wire.BasicConstraints(ca=False),
        ),
        [
            wire.LifetimeAction(wire.Trigger(one.percentage, one.days_before_expiry), wire.Action(one.type))
            for one in policy.lifetime_actions
        ],
        wire.IssuerParameters(issuer.name, issuer.type, issuer.transparency),
        wire.PolicyAttributes(policy.enabled, policy.created, policy.updated),
    )


def _names_of(call: Call, sans: AlternativeNames) -> wire.SubjectAlternativeNames | None:
    """Write the names; without any, nothing, as the real service does where a policy was given none."""
    knows_more = at_least(call.api_version, CERTIFICATE_NAMES_SINCE)
    names = wire.SubjectAlternativeNames(
        list(sans.emails) or None,
        list(sans.dns_names) or None,
        list(sans.upns) or None,
        (list(sans.uris) or None) if knows_more else None,
        (list(sans.ip_addresses) or None) if knows_more else None,
    )
    return names if names != wire.SubjectAlternativeNames() else None


def _order(call: Call, *, preserves: bool | None) -> bool | None:
    return preserves if at_least(call.api_version, CERTIFICATE_ORDER_SINCE) else None


def operation_of(call: Call, stored: StoredObject, pending: Pending) -> wire.CertificateOperation:
    """Write the operation that makes a version."""
    base = f"{call.base}/certificates/{stored.name}"
    operation = wire.CertificateOperation(
        f"{base}/pending",
        # The policy alone says whether the certificate is to be published, as recorded by Azure's own client tests.
        wire.IssuerParameters(pending.issuer.name, pending.issuer.type),
        wire.octets(pending.csr),
        pending.cancellation_requested,
        pending.status,
        pending.request_id,
        pending.details,
        preserveCertOrder=_order(call, preserves=pending.preserve_order),
    )
    if pending.status is PendingStatus.COMPLETED:
        operation.target = base
    if pending.error_code is not None:
        operation.error = wire.OperationError(pending.error_code, pending.error_message or "")
    return operation


def pending_answer(call: Call, stored: StoredObject, pending: Pending, status: int = 200) -> Response:
    """Answer with an operation of a certificate."""
    place = _place_of_pending(call, stored)
    call.properties["id"] = place
    headers: list[tuple[bytes, bytes]] = []
    if status == 202:
        asked = f"api-version={call.api_version}&request_id={pending.request_id}"
        headers = [(b"location", f"{place}?{asked}".encode())]
    return json.response(operation_of(call, stored, pending), status, headers)


def describe(call: Call, certificate: Certificate) -> dict[str, object]:
    """Say in the audit entry which version of a certificate it is about, and what that is."""
    said: dict[str, object] = {"id": f"{call.base}/certificates/{certificate.stored.name}/{certificate.version}"}
    if certificate.body.cer is not None:
        from strongroom.crypto.certificates.facts import told_properties  # noqa: PLC0415  costly to import

        said["certificateProperties"] = told_properties(certificate.body.cer)
    return said


def describe_pending(call: Call, certificate: Certificate) -> dict[str, object]:
    """Say in the audit entry which certificate's operation it is about."""
    return {"id": _place_of_pending(call, certificate.stored)}


def _place_of_pending(call: Call, stored: StoredObject) -> str:
    return f"{call.base}/certificates/{stored.name}/pending"


def describe_policy(policy: CertificatePolicy) -> dict[str, object]:
    """Say in the audit entry what a policy is."""
    key, x509 = policy.key, policy.x509
    return {
        "certificatePolicyProperties": {
            "keyProperties": {"type": key.type, "size": key.bits, "curve": key.curve},
            "exportable": key.exportable,
            "reuseKey": key.reuse,
            "contentType": policy.content_type,
            "subject": x509.subject,
            "validityInMonths": x509.validity_months,
            "issuer": policy.issuer.name,
            "enabled": policy.enabled,
        }
    }
