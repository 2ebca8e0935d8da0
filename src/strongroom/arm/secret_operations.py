"""The rows of a vault's secrets, as resources."""

from __future__ import annotations

from strongroom.arm import secret_wire as wire
from strongroom.arm import vault_secrets
from strongroom.arm.rows import action, row
from strongroom.arm.targets import SECRET, VAULT, at

_TYPE = vault_secrets.SECRET_TYPE
_AT_VAULT, _AT_SECRET = at(VAULT), at(SECRET)
_READ, _WRITE = action(f"{_TYPE}/read"), action(f"{_TYPE}/write")

SECRET_ROWS = (
    row("VaultSecretGet", "GET", SECRET,
        _TYPE, _READ, vault_secrets.get_secret, _AT_SECRET),
    row("VaultSecretPut", "PUT", SECRET,
        _TYPE, _WRITE, vault_secrets.put_secret, _AT_SECRET,
        body=wire.SecretCreateOrUpdateParameters),
    row("VaultSecretPatch", "PATCH", SECRET,
        _TYPE, _WRITE, vault_secrets.patch_secret, _AT_SECRET, body=wire.SecretPatchParameters),
    row("VaultSecretList", "GET", f"{VAULT}/secrets",
        _TYPE, _READ, vault_secrets.list_secrets, _AT_VAULT),
)  # fmt: skip

SECRET_TYPES: tuple[str, ...] = (_TYPE,)
"""The resource types that these rows serve."""
