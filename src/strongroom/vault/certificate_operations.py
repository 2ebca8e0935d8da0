"""The rows of certificates (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.flow.operation import Op
from strongroom.vault import certificate_wire as wire
from strongroom.vault.certificate_pending import delete_pending, get_pending, merge_pending, update_pending
from strongroom.vault.certificates import create_certificate, get_certificate, get_policy, update_policy
from strongroom.vault.targets import on_object

on_certificate = on_object(Collection.CERTIFICATES)


def permission(word: str, action: str) -> DataPermission:
    """Name what an operation on certificates requires, in both models."""
    return DataPermission("certificates", word, f"Microsoft.KeyVault/vaults/certificates/{action}")


_CREATE = permission("create", "create/action")
_GET = permission("get", "read")
_UPDATE = permission("update", "update/action")

CERTIFICATE_ROWS: tuple[Op, ...] = (
    Op(
        "CertificateCreate", "POST", "/certificates/{name}/create", _CREATE, create_certificate, on_certificate,
        throttle="create", body=wire.CertificateCreateParameters, success=202,
    ),
    Op("CertificatePendingGet", "GET", "/certificates/{name}/pending", _GET, get_pending, on_certificate),
    Op(
        "CertificatePendingUpdate", "PATCH", "/certificates/{name}/pending", _UPDATE, update_pending, on_certificate,
        body=wire.CertificateOperationUpdateParameter,
    ),
    Op("CertificatePendingDelete", "DELETE", "/certificates/{name}/pending", _UPDATE, delete_pending, on_certificate),
    Op(
        "CertificatePendingMerge", "POST", "/certificates/{name}/pending/merge", _CREATE, merge_pending, on_certificate,
        throttle="create", body=wire.CertificateMergeParameters, success=201,
    ),
    Op("CertificatePolicyGet", "GET", "/certificates/{name}/policy", _GET, get_policy, on_certificate),
    Op(
        "CertificatePolicyUpdate", "PATCH", "/certificates/{name}/policy", _UPDATE, update_policy, on_certificate,
        body=wire.CertificatePolicy,
    ),
    Op(
        "CertificateGet", "GET", "/certificates/{name}/{version?}", _GET, get_certificate, on_certificate,
        steady=True,
    ),
)  # fmt: skip
