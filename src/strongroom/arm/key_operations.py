"""
The rows of a vault's keys, as resources.

Rights are looked up at the key for its versions too, as on the data plane: no right is given at a version.
"""

from __future__ import annotations

from strongroom.arm import key_wire as wire
from strongroom.arm import vault_keys
from strongroom.arm.rows import action, row
from strongroom.arm.targets import KEY, KEY_VERSION, VAULT, at

_TYPE, _VERSION_TYPE = vault_keys.KEY_TYPE, vault_keys.VERSION_TYPE
_AT_VAULT, _AT_KEY = at(VAULT), at(KEY)
_READ, _WRITE = action(f"{_TYPE}/read"), action(f"{_TYPE}/write")
_READ_VERSION = action(f"{_VERSION_TYPE}/read")

KEY_ROWS = (
    row("VaultKeyGet", "GET", KEY,
        _TYPE, _READ, vault_keys.get_key, _AT_KEY),
    row("VaultKeyPut", "PUT", KEY,
        _TYPE, _WRITE, vault_keys.put_key, _AT_KEY, body=wire.KeyCreateParameters),
    row("VaultKeyList", "GET", f"{VAULT}/keys",
        _TYPE, _READ, vault_keys.list_keys, _AT_VAULT),
    row("VaultKeyVersionGet", "GET", KEY_VERSION,
        _VERSION_TYPE, _READ_VERSION, vault_keys.get_key_version, _AT_KEY),
    row("VaultKeyVersionList", "GET", f"{KEY}/versions",
        _VERSION_TYPE, _READ_VERSION, vault_keys.list_key_versions, _AT_KEY),
)  # fmt: skip

KEY_TYPES: tuple[str, ...] = (_TYPE, _VERSION_TYPE)
"""The resource types that these rows serve."""
