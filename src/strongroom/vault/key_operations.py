"""The rows of keys (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from dataclasses import replace

from strongroom.core import limits
from strongroom.core.api_versions import ATTESTATION_SINCE, EXPORTABLE_SINCE, RANDOM_BYTES_SINCE, SOFT_DELETE_SINCE
from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.core.service_limits import BY_KEY
from strongroom.flow.operation import Op
from strongroom.vault import key_use
from strongroom.vault import key_use_wire as use_wire
from strongroom.vault import key_wire as wire
from strongroom.vault.key_import import back_up_key, import_key, restore_key
from strongroom.vault.key_release import get_key_attestation, release_key
from strongroom.vault.key_rotation import get_rotation_policy, rotate_key, set_rotation_policy
from strongroom.vault.keys import (
    UPDATE,
    create_key,
    delete_key,
    get_deleted_key,
    get_key,
    list_deleted_keys,
    list_key_versions,
    list_keys,
    purge_deleted_key,
    recover_deleted_key,
    update_key,
)
from strongroom.vault.targets import on_object, on_vault

on_key = on_object(Collection.KEYS)


def permission(word: str, action: str) -> DataPermission:
    """Name what an operation on keys requires, in both models."""
    return DataPermission("keys", word, f"Microsoft.KeyVault/vaults/keys/{action}")


_CREATE = permission("create", "create/action")
_IMPORT = permission("import", "import/action")
_GET = permission("get", "read")
_RELEASE = permission("release", "release/action")
_ROTATION_SINCE = "7.3"


def _policy_permission(word: str, action: str) -> DataPermission:
    return DataPermission("keys", word, f"Microsoft.KeyVault/vaults/keyrotationpolicies/{action}")


_LIST = permission("list", "read")
_DELETE = permission("delete", "delete")
_RECOVER = permission("recover", "recover/action")
_PURGE = permission("purge", "purge/action")
_BACKUP = permission("backup", "backup/action")
_RESTORE = replace(permission("restore", "restore/action"), by_handler=True)
"""Its name is within the backup."""

_S = SOFT_DELETE_SINCE

# A public part is enough for some of these, and `keys/read` gives it away; asked of the service, each takes its own
# right (security.md "Corrections").
_ENCRYPT = permission("encrypt", "encrypt/action")
_DECRYPT = permission("decrypt", "decrypt/action")
_SIGN = permission("sign", "sign/action")
_VERIFY = permission("verify", "verify/action")
_WRAP = permission("wrapKey", "wrap/action")
_UNWRAP = permission("unwrapKey", "unwrap/action")
_VALUE = use_wire.KeyOperationsParameters

KEY_ROWS: tuple[Op, ...] = (
    Op(
        "KeyCreate", "POST", "/keys/{name}/create", _CREATE, create_key, on_key,
        throttle=BY_KEY, body=wire.KeyCreateParameters,
    ),
    Op(
        "KeyRotate", "POST", "/keys/{name}/rotate", permission("rotate", "rotate/action"), rotate_key, on_key,
        since=_ROTATION_SINCE, throttle=BY_KEY,
    ),
    Op(
        "KeyRotationPolicyGet", "GET", "/keys/{name}/rotationpolicy",
        _policy_permission("getrotationpolicy", "read"), get_rotation_policy, on_key, since=_ROTATION_SINCE,
    ),
    Op(
        "KeyRotationPolicySet", "PUT", "/keys/{name}/rotationpolicy",
        _policy_permission("setrotationpolicy", "write"), set_rotation_policy, on_key, since=_ROTATION_SINCE,
        body=wire.KeyRotationPolicy,
    ),
    Op(
        "KeyImport", "PUT", "/keys/{name}", _IMPORT, import_key, on_key,
        throttle="create", body=wire.KeyImportParameters,
    ),
    Op("KeyGet", "GET", "/keys/{name}/{version?}", _GET, get_key, on_key, steady=True),
    Op(
        "KeyUpdate", "PATCH", "/keys/{name}/{version?}", UPDATE, update_key, on_key,
        body=wire.KeyUpdateParameters,
    ),
    Op("KeyDelete", "DELETE", "/keys/{name}", _DELETE, delete_key, on_key),
    Op("KeyList", "GET", "/keys", _LIST, list_keys, on_vault, steady=True),
    Op("KeyListVersions", "GET", "/keys/{name}/versions", _LIST, list_key_versions, on_key),
    Op("KeyListDeleted", "GET", "/deletedkeys", _LIST, list_deleted_keys, on_vault, _S),
    Op("KeyGetDeleted", "GET", "/deletedkeys/{name}", _GET, get_deleted_key, on_key, _S),
    Op("KeyRecover", "POST", "/deletedkeys/{name}/recover", _RECOVER, recover_deleted_key, on_key, _S),
    Op("KeyPurge", "DELETE", "/deletedkeys/{name}", _PURGE, purge_deleted_key, on_key, _S, success=204),
    Op("KeyBackup", "POST", "/keys/{name}/backup", _BACKUP, back_up_key, on_key, _S),
    Op(
        "KeyRestore", "POST", "/keys/restore", _RESTORE, restore_key, on_vault, _S,
        body=wire.KeyRestoreParameters, body_limit=limits.RESTORE_BODY_BYTES,
    ),
    Op(
        "KeyEncrypt", "POST", "/keys/{name}/{version?}/encrypt", _ENCRYPT, key_use.encrypt, on_key,
        body=_VALUE, throttle=BY_KEY, steady=True,
    ),
    Op(
        "KeyDecrypt", "POST", "/keys/{name}/{version?}/decrypt", _DECRYPT, key_use.decrypt, on_key,
        body=_VALUE, throttle=BY_KEY, steady=True,
    ),
    Op(
        "KeySign", "POST", "/keys/{name}/{version?}/sign", _SIGN, key_use.sign, on_key,
        body=use_wire.KeySignParameters, throttle=BY_KEY, steady=True,
    ),
    Op(
        "KeyVerify", "POST", "/keys/{name}/{version?}/verify", _VERIFY, key_use.verify, on_key,
        body=use_wire.KeyVerifyParameters, throttle=BY_KEY, steady=True,
    ),
    Op(
        "KeyWrap", "POST", "/keys/{name}/{version?}/wrapkey", _WRAP, key_use.wrap_key, on_key,
        body=_VALUE, throttle=BY_KEY, steady=True,
    ),
    Op(
        "KeyUnwrap", "POST", "/keys/{name}/{version?}/unwrapkey", _UNWRAP, key_use.unwrap_key, on_key,
        body=_VALUE, throttle=BY_KEY, steady=True,
    ),
    Op(
        "RandomBytesGet", "POST", "/rng", _GET, key_use.get_random_bytes, on_vault, RANDOM_BYTES_SINCE,
        body=use_wire.GetRandomBytesRequest, steady=True,
    ),
    Op(
        "KeyRelease", "POST", "/keys/{name}/{version?}/release", _RELEASE, release_key, on_key, EXPORTABLE_SINCE,
        throttle=BY_KEY, body=wire.KeyReleaseParameters,
    ),
    Op(
        "KeyAttestationGet", "GET", "/keys/{name}/{version?}/attestation", _GET, get_key_attestation, on_key,
        ATTESTATION_SINCE,
    ),
)  # fmt: skip
