"""
What locks hold, in one place for every row (`arm.rows`).

A row says what it does to the scope in its path, or its method does. It is asked once the caller's right is known, so
that a refusal tells nobody of locks who could not do it anyway, and once more inside the commit, where a lock counts
that was made meanwhile.
"""

from __future__ import annotations

from strongroom.core.locks import Effect, ManagementLock
from strongroom.core.permissions import ControlAction
from strongroom.core.records import tenant_partition
from strongroom.flow.call import Call, Change
from strongroom.resources.locks import judge_locks, require_unlocked
from strongroom.store import Transaction


def hold(call: Call, effect: Effect) -> None:
    """
    Let locks hold a call: refuse it now, or when it commits.

    Where conditions ask about the body, the right is decided inside the commit, and the locks are asked after that.

    Raises:
        Conflict: `ScopeLocked`.
    """
    if effect is Effect.NOTHING:
        return
    tenant, scope, whole = call.identity.tenant, call.target.scope, _is_whole(call)
    requires = call.op.requires
    late = isinstance(requires, ControlAction) and requires.by_handler
    if not late:
        judge_locks(call.world.view.all(ManagementLock, tenant_partition(tenant)), scope, effect, whole=whole)

    def held(change: Change) -> Change:
        async def judged(tx: Transaction) -> object:
            if not late:
                await require_unlocked(tx, tenant, scope, effect, whole=whole)
            result: object = await change(tx)
            if late:
                await require_unlocked(tx, tenant, scope, effect, whole=whole)
            return result

        return judged

    call.around = (*call.around, held)


def _is_whole(call: Call) -> bool:
    """Tell whether a call is about what is at its scope itself, and not about something that belongs to it."""
    path = call.op.path
    return "{scope*}" not in path and path.format_map(call.params).lower() == call.target.scope.lower()
