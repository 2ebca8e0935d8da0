"""The rows of secrets (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from dataclasses import replace

from strongroom.core import limits
from strongroom.core.api_versions import SOFT_DELETE_SINCE
from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.flow.operation import Op
from strongroom.vault import wire
from strongroom.vault.secrets import (
    back_up_secret,
    delete_secret,
    get_deleted_secret,
    get_secret,
    list_deleted_secrets,
    list_secret_versions,
    list_secrets,
    purge_deleted_secret,
    recover_deleted_secret,
    restore_secret,
    set_secret,
    update_secret,
)
from strongroom.vault.targets import on_object, on_vault

on_secret = on_object(Collection.SECRETS)

_PREFIX = "Microsoft.KeyVault/vaults/"


def _secrets(word: str, action: str) -> DataPermission:
    return DataPermission("secrets", word, f"{_PREFIX}secrets/{action}")


_GET = _secrets("get", "getSecret/action")
_SET = _secrets("set", "setSecret/action")
_UPDATE = _secrets("set", "update/action")
_LIST = _secrets("list", "readMetadata/action")
_GET_DELETED = _secrets("get", "readMetadata/action")
_DELETE = _secrets("delete", "delete")
_RECOVER = _secrets("recover", "recover/action")
_PURGE = _secrets("purge", "purge/action")
_BACKUP = _secrets("backup", "backup/action")
_RESTORE = replace(_secrets("restore", "restore/action"), by_handler=True)
"""Its name is within the backup."""


_S = SOFT_DELETE_SINCE

_SET_BODY, _UPDATE_BODY, _RESTORE_BODY = (
    wire.SecretSetParameters,
    wire.SecretUpdateParameters,
    wire.SecretRestoreParameters,
)

SECRET_ROWS: tuple[Op, ...] = (
    Op(
        "SecretSet", "PUT", "/secrets/{name}", _SET, set_secret, on_secret,
        throttle="create", body=_SET_BODY, steady=True,
    ),
    Op("SecretGet", "GET", "/secrets/{name}/{version?}", _GET, get_secret, on_secret, steady=True),
    Op("SecretUpdate", "PATCH", "/secrets/{name}/{version?}", _UPDATE, update_secret, on_secret, body=_UPDATE_BODY),
    Op("SecretDelete", "DELETE", "/secrets/{name}", _DELETE, delete_secret, on_secret),
    Op("SecretList", "GET", "/secrets", _LIST, list_secrets, on_vault, steady=True),
    Op("SecretListVersions", "GET", "/secrets/{name}/versions", _LIST, list_secret_versions, on_secret),
    Op("SecretListDeleted", "GET", "/deletedsecrets", _LIST, list_deleted_secrets, on_vault, _S),
    Op("SecretGetDeleted", "GET", "/deletedsecrets/{name}", _GET_DELETED, get_deleted_secret, on_secret, _S),
    Op("SecretRecover", "POST", "/deletedsecrets/{name}/recover", _RECOVER, recover_deleted_secret, on_secret, _S),
    Op("SecretPurge", "DELETE", "/deletedsecrets/{name}", _PURGE, purge_deleted_secret, on_secret, _S, success=204),
    Op("SecretBackup", "POST", "/secrets/{name}/backup", _BACKUP, back_up_secret, on_secret, _S),
    Op(
        "SecretRestore", "POST", "/secrets/restore", _RESTORE, restore_secret, on_vault, _S,
        body=_RESTORE_BODY, body_limit=limits.RESTORE_BODY_BYTES,
    ),
)  # fmt: skip
