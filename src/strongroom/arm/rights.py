"""
Questions about the caller's rights that a row cannot ask, because they are about something else than its target.

What a row requires has been decided when a handler runs. These are for what a list may show, and for changes that need
a second right.
"""

from __future__ import annotations

from collections.abc import Callable

from strongroom.core.denials import linked_denial
from strongroom.core.errors import Denied
from strongroom.core.rbac import RoleAssignment, scope_key
from strongroom.core.records import tenant_partition
from strongroom.core.resources import Subscription
from strongroom.flow import authorization
from strongroom.flow.call import Call

ASSIGN_ROLES = "Microsoft.Authorization/roleAssignments/write"


def can(call: Call, action: str, scope: str) -> bool:
    """Tell whether the caller may do a control action at a scope: what a list shows and what it leaves out."""
    return authorization.holds(call.world, call.identity, action, scope)


def require_right(call: Call, action: str, scope: str) -> None:
    """
    Refuse a caller who may not do a control action at a scope.

    Raises:
        Denied: `AuthorizationFailed`.
    """
    authorization.require_control(call.world, call.identity, action, scope)


def require_linked_right(call: Call, action: str, scope: str) -> None:
    """
    Refuse a caller who may not do a control action at the scope of another resource, which the call's own touches.

    It is asked before anybody looks whether that resource exists, so a refusal tells nothing of it.

    Raises:
        Denied: `LinkedAuthorizationFailed`.
    """
    if can(call, action, scope):
        return
    raise Denied(
        linked_denial(
            call.identity, call.permit.permission, call.target.scope, linked_action=action, linked_scope=scope
        ),
        model="rbac",
        code="LinkedAuthorizationFailed",
        reason="no role assignment at a linked scope",
    )


def model_switch_gate(call: Call, scope: str) -> Callable[[], None]:
    """
    Make the gate that a change between role assignments and access policies passes through, either way.

    It needs the unrestricted right to assign roles, besides `vaults/write` which the row asked for: whoever chooses the
    model chooses who gets in (security.md "Tenants, outgoing requests, audit"). A right under a condition is not
    unrestricted, and the index of rights holds no such right.
    """

    def gate() -> None:
        require_right(call, ASSIGN_ROLES, scope)

    return gate


def sees(call: Call, subscription: Subscription) -> bool:
    """Tell whether the caller has any role in, above or below a subscription: only then is it listed."""
    caller, here = call.identity, scope_key(subscription.scope)
    return any(
        _touches(scope_key(assignment.scope), here)
        for assignment in call.world.view.all(RoleAssignment, tenant_partition(caller.tenant))
        if assignment.principal in caller.principals
    )


def _touches(scope: str, subscription: str) -> bool:
    return not scope or scope == subscription or scope.startswith(f"{subscription}/")
