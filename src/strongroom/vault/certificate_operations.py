"""The rows of certificates (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from dataclasses import replace

from strongroom.core import limits
from strongroom.core.api_versions import SOFT_DELETE_SINCE
from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.core.service_limits import BY_KEY
from strongroom.flow.operation import Op
from strongroom.vault import certificate_life as life
from strongroom.vault import certificate_wire as wire
from strongroom.vault.certificate_import import import_certificate
from strongroom.vault.certificate_pending import delete_pending, get_pending, merge_pending, update_pending
from strongroom.vault.certificates import create_certificate, get_certificate, get_policy, update_policy
from strongroom.vault.targets import on_object, on_vault

on_certificate = on_object(Collection.CERTIFICATES)


def permission(word: str, action: str) -> DataPermission:
    """Name what an operation on certificates requires, in both models."""
    return DataPermission("certificates", word, f"Microsoft.KeyVault/vaults/certificates/{action}")


_CREATE = permission("create", "create/action")
_IMPORT = permission("import", "import/action")
_GET = permission("get", "read")
_LIST = permission("list", "read")
_UPDATE = permission("update", "update/action")
_DELETE = permission("delete", "delete")
_RECOVER = permission("recover", "recover/action")
_PURGE = permission("purge", "purge/action")
_BACKUP = permission("backup", "backup/action")
_RESTORE = replace(permission("restore", "restore/action"), by_handler=True)
"""Its name is within the backup."""

_S = SOFT_DELETE_SINCE

CERTIFICATE_ROWS: tuple[Op, ...] = (
    Op(
        "CertificateCreate", "POST", "/certificates/{name}/create", _CREATE, create_certificate, on_certificate,
        throttle=BY_KEY, body=wire.CertificateCreateParameters, success=202,
    ),
    Op(
        "CertificateImport", "POST", "/certificates/{name}/import", _IMPORT, import_certificate, on_certificate,
        throttle="create", body=wire.CertificateImportParameters,
    ),
    Op(
        "CertificateUpdate", "PATCH", "/certificates/{name}/{version?}", _UPDATE, life.update_certificate,
        on_certificate, body=wire.CertificateUpdateParameters,
    ),
    Op("CertificateDelete", "DELETE", "/certificates/{name}", _DELETE, life.delete_certificate, on_certificate),
    Op("CertificateList", "GET", "/certificates", _LIST, life.list_certificates, on_vault, steady=True),
    Op(
        "CertificateListVersions", "GET", "/certificates/{name}/versions", _LIST, life.list_certificate_versions,
        on_certificate,
    ),
    Op("CertificateListDeleted", "GET", "/deletedcertificates", _LIST, life.list_deleted_certificates, on_vault, _S),
    Op(
        "CertificateGetDeleted", "GET", "/deletedcertificates/{name}", _GET, life.get_deleted_certificate,
        on_certificate, _S,
    ),
    Op(
        "CertificateRecover", "POST", "/deletedcertificates/{name}/recover", _RECOVER,
        life.recover_deleted_certificate, on_certificate, _S,
    ),
    Op(
        "CertificatePurge", "DELETE", "/deletedcertificates/{name}", _PURGE, life.purge_deleted_certificate,
        on_certificate, _S, success=204,
    ),
    Op(
        "CertificateBackup", "POST", "/certificates/{name}/backup", _BACKUP, life.back_up_certificate, on_certificate,
        _S,
    ),
    Op(
        "CertificateRestore", "POST", "/certificates/restore", _RESTORE, life.restore_certificate, on_vault, _S,
        body=wire.CertificateRestoreParameters, body_limit=limits.RESTORE_BODY_BYTES,
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
