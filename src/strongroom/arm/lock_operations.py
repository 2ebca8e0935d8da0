"""
The rows of `Microsoft.Authorization/locks`.

No lock holds its own removal, nor that of another: whoever may take locks away gets past them all.
"""

from __future__ import annotations

from strongroom.arm import locks
from strongroom.arm import rights_wire as wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import at_scope
from strongroom.core.locks import Effect

_TYPE = "Microsoft.Authorization/locks"
_LOCKS = f"{{scope*}}/providers/{_TYPE}"
LOCK_ROWS = (
    row("ManagementLockList", "GET", _LOCKS,
        _TYPE, action(f"{_TYPE}/read"), locks.list_locks, at_scope),
    row("ManagementLockGet", "GET", f"{_LOCKS}/{{name}}",
        _TYPE, action(f"{_TYPE}/read"), locks.get_lock, at_scope),
    row("ManagementLockPut", "PUT", f"{_LOCKS}/{{name}}",
        _TYPE, action(f"{_TYPE}/write"), locks.put_lock, at_scope,
        success=201, body=wire.ManagementLock, effect=Effect.NOTHING),
    row("ManagementLockDelete", "DELETE", f"{_LOCKS}/{{name}}",
        _TYPE, action(f"{_TYPE}/delete"), locks.delete_lock, at_scope, effect=Effect.NOTHING),
)  # fmt: skip

LOCK_TYPES: tuple[str, ...] = (_TYPE,)
"""The resource types that these rows serve."""
