"""
Questions about the caller's rights that a row cannot ask, because they are about something else than its target.

What a row requires has been decided when a handler runs. These are for what a list may show, and for changes that need
a second right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from strongroom.core import limits
from strongroom.core.denials import linked_denial
from strongroom.core.errors import Denied, Invalid
from strongroom.core.facts import Facts, Value
from strongroom.core.resources import Subscription
from strongroom.flow import authorization
from strongroom.flow.call import Call
from strongroom.flow.facts import environment_of

_NOTHING: Mapping[str, Value] = MappingProxyType({})

ASSIGN_ROLES = "Microsoft.Authorization/roleAssignments/write"


def can(call: Call, action: str, scope: str) -> bool:
    """Tell whether the caller may do a control action at a scope: what a list shows and what it leaves out."""
    _require_short(scope)
    return authorization.holds(call.world, call.identity, action, scope, lambda: _facts(call, {}, {}))


def may_below(call: Call, scope: str) -> bool:
    """
    Tell whether the caller may do below the scope that it asks at what the row required there.

    It may unless a denial or a condition is about less: a list must not tell of what is there (pitfalls "List that
    bypasses a narrower denial").
    """
    return can(call, call.permit.permission, scope)


def require_right(
    call: Call,
    action: str,
    scope: str,
    *,
    resource: Mapping[str, Value] = _NOTHING,
    request: Mapping[str, Value] = _NOTHING,
    unconditional: bool = False,
) -> None:
    """
    Refuse a caller who may not do a control action at a scope.

    *resource* and *request* are what conditions may ask about: see `core.condition_attributes`. With *unconditional*
    only a right without a condition is enough. Asked for the right of a row that its handler decides, this decides it.

    Raises:
        Denied: `AuthorizationFailed`, or `DenyAssignmentAuthorizationFailed`.
        Invalid: the scope is too long to be any.
    """
    _require_short(scope)
    permit = authorization.require_control(
        call.world,
        call.identity,
        action,
        scope,
        facts=_facts(call, resource, request),
        unconditional=unconditional,
    )
    if not call.permit.settled and action == call.permit.permission:
        call.settle(permit)


def require_linked_right(call: Call, action: str, scope: str) -> None:
    """
    Refuse a caller who may not do a control action at the scope of another resource, which the call's own touches.

    It is asked before anybody looks whether that resource exists, so a refusal tells nothing of it.

    Raises:
        Denied: `LinkedAuthorizationFailed`.
        Invalid: the scope is too long to be any.
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
    model chooses who gets in (security.md "Tenants, outgoing requests, audit"). A right under a condition, such as a
    Key Vault Data Access Administrator's, is not unrestricted.
    """

    def gate() -> None:
        require_right(call, ASSIGN_ROLES, scope, unconditional=True)

    return gate


def sees(call: Call, subscription: Subscription) -> bool:
    """Tell whether the caller has any role in, above or below a subscription: only then is it listed."""
    caller = call.identity
    return call.world.view.grants(caller.tenant).touches(caller.principals, subscription.scope)


def _require_short(scope: str) -> None:
    # Rights are looked up at each level: of an id as long as a body, with a level at every other character, for hours.
    if len(scope) > limits.RESOURCE_ID_CHARS:
        raise Invalid(
            f"A resource ID has at most {limits.RESOURCE_ID_CHARS} characters; one in the request has more.",
            code="InvalidResourceId",
        )


def _facts(call: Call, resource: Mapping[str, Value], request: Mapping[str, Value]) -> Facts:
    return Facts(resource, request, environment_of(call.world, call.verdict))
