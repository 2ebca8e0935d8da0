"""The rows of keys (reference azure-key-vault.md section 3.3, operations.md section 7)."""

from __future__ import annotations

from strongroom.core.objects import Collection
from strongroom.core.permissions import DataPermission
from strongroom.flow.operation import Op
from strongroom.vault import key_wire as wire
from strongroom.vault.key_rotation import get_rotation_policy, rotate_key, set_rotation_policy
from strongroom.vault.keys import create_key, get_key
from strongroom.vault.targets import on_object

on_key = on_object(Collection.KEYS)


def permission(word: str, action: str) -> DataPermission:
    """Name what an operation on keys requires, in both models."""
    return DataPermission("keys", word, f"Microsoft.KeyVault/vaults/keys/{action}")


_CREATE = permission("create", "create/action")
_GET = permission("get", "read")
_ROTATION_SINCE = "7.3"


def _policy_permission(word: str, action: str) -> DataPermission:
    return DataPermission("keys", word, f"Microsoft.KeyVault/vaults/keyrotationpolicies/{action}")


KEY_ROWS: tuple[Op, ...] = (
    Op(
        "KeyCreate", "POST", "/keys/{name}/create", _CREATE, create_key, on_key,
        throttle="create", body=wire.KeyCreateParameters,
    ),
    Op(
        "KeyRotate", "POST", "/keys/{name}/rotate", permission("rotate", "rotate/action"), rotate_key, on_key,
        since=_ROTATION_SINCE, throttle="create",
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
    Op("KeyGet", "GET", "/keys/{name}/{version?}", _GET, get_key, on_key, steady=True),
)  # fmt: skip
