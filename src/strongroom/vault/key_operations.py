"""The rows of keys (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from strongroom.core.api_versions import RANDOM_BYTES_SINCE
from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.flow.operation import Op
from strongroom.vault import key_use
from strongroom.vault import key_use_wire as use_wire
from strongroom.vault import key_wire as wire
from strongroom.vault.keys import create_key, get_key
from strongroom.vault.targets import on_object, on_vault

on_key = on_object(Collection.KEYS)


def permission(word: str, action: str) -> DataPermission:
    """Name what an operation on keys requires, in both models."""
    return DataPermission("keys", word, f"Microsoft.KeyVault/vaults/keys/{action}")


_CREATE = permission("create", "create/action")
_GET = permission("get", "read")

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
        throttle="create", body=wire.KeyCreateParameters,
    ),
    Op("KeyGet", "GET", "/keys/{name}/{version?}", _GET, get_key, on_key, steady=True),
    Op(
        "KeyEncrypt", "POST", "/keys/{name}/{version?}/encrypt", _ENCRYPT, key_use.encrypt, on_key,
        body=_VALUE, steady=True,
    ),
    Op(
        "KeyDecrypt", "POST", "/keys/{name}/{version?}/decrypt", _DECRYPT, key_use.decrypt, on_key,
        body=_VALUE, steady=True,
    ),
    Op(
        "KeySign", "POST", "/keys/{name}/{version?}/sign", _SIGN, key_use.sign, on_key,
        body=use_wire.KeySignParameters, steady=True,
    ),
    Op(
        "KeyVerify", "POST", "/keys/{name}/{version?}/verify", _VERIFY, key_use.verify, on_key,
        body=use_wire.KeyVerifyParameters, steady=True,
    ),
    Op(
        "KeyWrap", "POST", "/keys/{name}/{version?}/wrapkey", _WRAP, key_use.wrap_key, on_key,
        body=_VALUE, steady=True,
    ),
    Op(
        "KeyUnwrap", "POST", "/keys/{name}/{version?}/unwrapkey", _UNWRAP, key_use.unwrap_key, on_key,
        body=_VALUE, steady=True,
    ),
    Op(
        "RandomBytesGet", "POST", "/rng", _GET, key_use.get_random_bytes, on_vault, RANDOM_BYTES_SINCE,
        body=use_wire.GetRandomBytesRequest, steady=True,
    ),
)  # fmt: skip
