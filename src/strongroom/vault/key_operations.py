"""The rows of keys (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from strongroom.core.api_versions import ATTESTATION_SINCE, EXPORTABLE_SINCE
from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.flow.operation import Op
from strongroom.vault import key_wire as wire
from strongroom.vault.key_release import get_key_attestation, release_key
from strongroom.vault.keys import create_key, get_key
from strongroom.vault.targets import on_object

on_key = on_object(Collection.KEYS)


def permission(word: str, action: str) -> DataPermission:
    """Name what an operation on keys requires, in both models."""
    return DataPermission("keys", word, f"Microsoft.KeyVault/vaults/keys/{action}")


_CREATE = permission("create", "create/action")
_GET = permission("get", "read")
_RELEASE = permission("release", "release/action")

KEY_ROWS: tuple[Op, ...] = (
    Op(
        "KeyCreate", "POST", "/keys/{name}/create", _CREATE, create_key, on_key,
        throttle="create", body=wire.KeyCreateParameters,
    ),
    Op("KeyGet", "GET", "/keys/{name}/{version?}", _GET, get_key, on_key, steady=True),
    Op(
        "KeyRelease", "POST", "/keys/{name}/{version?}/release", _RELEASE, release_key, on_key, EXPORTABLE_SINCE,
        throttle="create", body=wire.KeyReleaseParameters,
    ),
    Op(
        "KeyAttestationGet", "GET", "/keys/{name}/{version?}/attestation", _GET, get_key_attestation, on_key,
        ATTESTATION_SINCE,
    ),
)  # fmt: skip
