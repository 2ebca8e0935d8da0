"""
Authorization: whether a caller may run an operation on a target. Only this module makes a `Permit`.

The vault's own setting chooses the model: role assignments or access policies, never both. Management operations go by
role assignments at their scope; directory operations by directory roles,
application permissions and ownership, and never over somebody with more power than the caller. What a client does
there in a user's name is narrowed by the token's `scp`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from strongroom.core.delegated_permissions import delegation_that_allows
from strongroom.core.denials import control_denial, control_deny_denial, policy_denial, rbac_denial
from strongroom.core.directory_roles import OWNED_APPLICATIONS, permission_that_gives, power_of, role_that_gives
from strongroom.core.errors import Denied
from strongroom.core.facts import NO_FACTS, Facts
from strongroom.core.grants import GrantIndex
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Application, Caller, PrincipalType, ServicePrincipal, User
from strongroom.core.limits import SECOND_FACTOR_FRESH_S
from strongroom.core.network import Verdict
from strongroom.core.permissions import (
    AnyOf,
    Authenticated,
    ControlAction,
    DataPermission,
    DirectoryPermission,
    Permit,
    Public,
    Requirement,
)
from strongroom.core.records import tenant_partition
from strongroom.core.rulings import Ruling
from strongroom.core.sessions import TokenFamily
from strongroom.core.vaults import Vault
from strongroom.flow.facts import data_facts, environment_of
from strongroom.flow.operation import OWN_TENANT, Op, Target
from strongroom.flow.world import World

Ask = Callable[[], Facts]
"""Gathers the facts for conditions, when one asks."""


def _nothing() -> Facts:
    return NO_FACTS


def permit(
    world: World, caller: Caller | None, operation: Op, target: Target, vault: Vault | None, verdict: Verdict | None
) -> Permit:
    """
    Decide whether *caller* may run *operation* on *target*; *verdict* says how the request came, for conditions.

    Raises:
        Denied: no assignment or policy allows it. It says what was asked, not what exists, so a refused caller
            learns nothing about what is there.
    """
    requirement = operation.requires
    if isinstance(requirement, Public):
        return Permit("public", "public")
    if caller is None:
        msg = f"{operation.name} requires a caller and none was identified"
        raise RuntimeError(msg)
    if target.params.get(OWN_TENANT, caller.tenant) != caller.tenant:
        raise _denied("the path names another tenant")
    match requirement:
        case DataPermission() | AnyOf():
            if vault is None:
                msg = f"{operation.name} requires a data permission and has no vault"
                raise RuntimeError(msg)
            return _permit_data(world, caller, requirement, target.scope, vault, verdict)
        case ControlAction(action, by_handler):
            return _permit_control(
                world,
                caller,
                action,
                target.scope,
                lambda: Facts(environment=environment_of(world, verdict)),
                ahead=by_handler,
            )
        case DirectoryPermission():
            return _permit_directory(world, caller, requirement, target)
        case Authenticated(delegated):
            if delegated is not None:
                _require_delegated(caller, delegated)
            return Permit("authenticated", "authenticated")
        case _:
            assert_never(requirement)


def holds(world: World, caller: Caller, action: str, scope: str, facts: Ask = _nothing) -> bool:
    """Tell whether a caller may do a management action at a scope that is not its target: what a list may show."""
    return _rule_control(world, caller, action, scope, facts).is_allowed


def require_control(
    world: World, caller: Caller, action: str, scope: str, *, facts: Facts = NO_FACTS, unconditional: bool = False
) -> Permit:
    """
    Ask for a right besides the one that the operation's row requires, or for that one with what the body says.

    With *unconditional* only a right without a condition is enough.

    Raises:
        Denied: no assignment allows it, or a deny assignment forbids it. The audit entry then says so, whatever allowed
            the row.
    """
    return _permit_control(world, caller, action, scope, lambda: facts, unconditional=unconditional)


def require_data(
    world: World, caller: Caller, requirement: Requirement, vault: Vault, scope: str, facts: Facts
) -> Permit:
    """
    Decide a row that leaves it to its handler (`DataPermission.by_handler`), with what the body says.

    The row asked at the vault; *scope* is that of the object, which the body names. Both have to allow it, since a
    denial may be about either alone.

    Raises:
        Denied: nothing allows it.
    """
    if not isinstance(requirement, DataPermission):
        msg = "only a row with one permission is decided by its handler"
        raise TypeError(msg)
    if not vault.rbac:
        return _permit_by_policy(world, caller, (requirement,), vault)
    decided = replace(requirement, by_handler=False)
    permit = _permit_by_role(world, caller, (decided,), vault.scope, vault, lambda: facts)
    _permit_by_role(world, caller, (decided,), scope, vault, lambda: facts)
    return permit


def require_data_besides(
    world: World, caller: Caller, requirement: DataPermission, vault: Vault, scope: str, verdict: Verdict | None
) -> None:
    """
    Ask for a right on data besides the one that the operation's row requires.

    Raises:
        Denied: nothing allows it.
    """
    _permit_data(world, caller, requirement, scope, vault, verdict)


def what_shows(
    world: World, caller: Caller, requirement: Requirement, vault: Vault, verdict: Verdict | None
) -> Callable[[str], bool] | None:
    """
    Give the test of what a list in a vault shows to a caller who may list, by the scope of the item; None for all.

    The right to list is looked up at the vault. A denial, or a condition, may be about one object in it, and a list
    must not tell of that what asking for it would not (pitfalls "List that bypasses a narrower denial").
    """
    options = requirement.options if isinstance(requirement, AnyOf) else (requirement,)
    actions = [one.action for one in options if isinstance(one, DataPermission)]
    grants, who = world.view.grants(vault.tenant), caller.principals
    if not vault.rbac or all(grants.is_uniform(who, vault.scope, action, data=True) for action in actions):
        return None

    def shows(scope: str) -> bool:
        # Asked anew for each: a list may take a while, and what is taken away meanwhile counts.
        grants = world.view.grants(vault.tenant)
        return any(
            _rule(grants, caller, action, scope, lambda: data_facts(world, vault, scope, verdict), data=True).is_allowed
            for action in actions
        )

    return shows


def _permit_data(
    world: World,
    caller: Caller,
    requirement: DataPermission | AnyOf,
    scope: str,
    vault: Vault,
    verdict: Verdict | None,
) -> Permit:
    options = requirement.options if isinstance(requirement, AnyOf) else (requirement,)
    if vault.rbac:
        return _permit_by_role(world, caller, options, scope, vault, lambda: data_facts(world, vault, scope, verdict))
    return _permit_by_policy(world, caller, options, vault)


def _permit_by_role(
    world: World, caller: Caller, options: tuple[DataPermission, ...], scope: str, vault: Vault, facts: Ask
) -> Permit:
    grants = world.view.grants(vault.tenant)
    rulings: list[Ruling] = []
    for option in options:
        ruling = _rule(grants, caller, option.action, scope, facts, data=True, ahead=option.by_handler)
        if ruling.assignment is not None and ruling.denial is None:
            return Permit(option.action, "rbac", ruling.assignment.arm_id, ruling.steady, ruling.settled)
        rulings.append(ruling)
    first = rulings[0]
    raise Denied(
        rbac_denial(caller, options[0].action, scope, vault, first.denial),
        model="rbac",
        inner="ForbiddenByRbac",
        reason=first.reason,
    )


def _permit_by_policy(world: World, caller: Caller, options: tuple[DataPermission, ...], vault: Vault) -> Permit:
    policies = world.view.policies(vault)
    for option in options:
        match = policies.find(caller, option.category, option.word)
        if match is not None:
            place = f"{vault.scope}/accessPolicies/{match.place}"
            return Permit(f"{option.category}/{option.word}", "policy", place)
    raise Denied(
        policy_denial(caller, options[0], vault), model="policy", inner="ForbiddenByPolicy", reason="no access policy"
    )


def _permit_control(
    world: World,
    caller: Caller,
    action: str,
    scope: str,
    facts: Ask,
    *,
    ahead: bool = False,
    unconditional: bool = False,
) -> Permit:
    ruling = _rule_control(world, caller, action, scope, facts, ahead=ahead, unconditional=unconditional)
    if ruling.assignment is None:
        raise Denied(
            control_denial(caller, action, scope), model="rbac", code="AuthorizationFailed", reason=ruling.reason
        )
    if ruling.denial is not None:
        raise Denied(
            control_deny_denial(caller, action, scope, ruling.denial),
            model="rbac",
            code="DenyAssignmentAuthorizationFailed",
            reason=ruling.reason,
        )
    return Permit(action, "rbac", ruling.assignment.arm_id, ruling.steady, ruling.settled)


def _rule_control(
    world: World,
    caller: Caller,
    action: str,
    scope: str,
    facts: Ask,
    *,
    ahead: bool = False,
    unconditional: bool = False,
) -> Ruling:
    grants = world.view.grants(caller.tenant)
    return _rule(grants, caller, action, scope, facts, data=False, ahead=ahead, unconditional=unconditional)


def _rule(
    grants: GrantIndex,
    caller: Caller,
    action: str,
    scope: str,
    facts: Ask,
    *,
    data: bool,
    ahead: bool = False,
    unconditional: bool = False,
) -> Ruling:
    """Ask the assignments, and gather facts only if a condition wants them."""
    settled = grants.settled(caller.principals, scope, action, data=data)
    if settled is not None:
        return settled
    if ahead:
        return grants.rule_ahead(caller.principals, scope, action, data=data, facts=facts())
    return grants.rule(caller.principals, scope, action, data=data, facts=facts(), unconditional=unconditional)


def require_directory(world: World, caller: Caller, requirement: DirectoryPermission, object_id: str) -> None:
    """
    Ask for a right over an object of the directory besides the one that the operation's row requires.

    Raises:
        Denied: nothing gives it.
    """
    _permit_directory(world, caller, requirement, Target("/", {"id": object_id}))


def may_in_directory(world: World, caller: Caller, requirement: DirectoryPermission) -> bool:
    """Tell whether a caller has a right over the directory, of no object in particular: how much an answer shows."""
    try:
        _permit_directory(world, caller, requirement, Target("/"))
    except Denied:
        return False
    return True


def require_power(world: World, caller: Caller, power: frozenset[str], name: str) -> None:
    """
    Require that a caller could do itself what it is about to let somebody do (`directory_roles.power_of`).

    Raises:
        Denied: it could not: what it gives would raise whoever has it above the caller.
    """
    view = world.view
    user = caller.kind is PrincipalType.USER
    # Read now and not when the token was looked at: what is given away counts at the moment of giving.
    own = power_of(
        view.directory_roles_of(caller.tenant, caller.oid),
        view.app_permissions_of(caller.tenant, caller.oid),
        user=user,
    )
    if not power <= own:
        raise _denied(f"{name} over more power than the caller's own")


def require_power_over(world: World, caller: Caller, found: object, name: str) -> None:
    """
    Require that a caller has as much power as an object that is to have a way in again.

    Raises:
        Denied: it has not.
    """
    if isinstance(found, User | ServicePrincipal | Application):
        require_power(world, caller, _power_over(world, caller.tenant, found), name)


def _permit_directory(world: World, caller: Caller, requirement: DirectoryPermission, target: Target) -> Permit:
    name = requirement.name
    _require_delegated(caller, name)
    found = _named(world, caller.tenant, target) if requirement.write else ()
    by = (
        role_that_gives(caller.directory_roles, name)
        or permission_that_gives(caller.app_permissions, name)
        or _by_ownership(world, caller, requirement, target, found)
    )
    if requirement.personal and (by is None or (requirement.write and _is_about_itself(world, caller, target))):
        # Whatever else the caller may do: of its own a token alone is not enough.
        _require_own(world, caller, requirement, target)
        return Permit(name, "directory")
    if by is None:
        reads_as_user = not requirement.write and not requirement.confidential and caller.kind is PrincipalType.USER
        if not (reads_as_user or (requirement.itself and _is_itself(world, caller, target))):
            raise _denied(f"nothing gives {name}")
        return Permit(name, "directory")
    if requirement.write:
        for one in found:
            require_power_over(world, caller, one, name)
    return Permit(name, "directory", by)


def _require_delegated(caller: Caller, right: str) -> None:
    """Require that the client of a user's token may use a right in the user's name, whatever the user may do."""
    if caller.kind is PrincipalType.USER and delegation_that_allows(caller.delegated, right) is None:
        raise _denied(f"the token's scp does not allow {right}")


def _by_ownership(
    world: World, caller: Caller, requirement: DirectoryPermission, target: Target, found: tuple[_Object, ...]
) -> str | None:
    """Say by what a caller may do something to its own: as owner, or as one that may manage what it owns."""
    owned = next((one for one in found if caller.oid in world.view.owners_of(caller.tenant, one.id)), None)
    if requirement.owner and owned is not None:
        return f"owner/{owned.id}"
    is_new = _NAMES.isdisjoint(target.params)
    if requirement.owned and (owned is not None or is_new):
        return permission_that_gives(caller.app_permissions, OWNED_APPLICATIONS)
    return None


def _is_about_itself(world: World, caller: Caller, target: Target) -> bool:
    if caller.kind is not PrincipalType.USER:
        return False
    return target.params.get("id") is None or caller.oid in {one.id for one in _named(world, caller.tenant, target)}


def _require_own(world: World, caller: Caller, requirement: DirectoryPermission, target: Target) -> None:
    """Require that a user asks about himself, and to change something that it is himself beyond what a token shows."""
    own = target.params.get("id")
    found = _named(world, caller.tenant, target)
    if caller.kind is not PrincipalType.USER or (own is not None and caller.oid not in {one.id for one in found}):
        raise _denied(f"nothing gives {requirement.name}")
    if not requirement.write:
        return
    family = world.view.get(TokenFamily, tenant_partition(caller.tenant), caller.session or "")
    if family is None or family.factor is None or world.now() - family.authenticated >= SECOND_FACTOR_FRESH_S:
        # Whoever has got hold of a token must not take the second factor from its user.
        raise _denied("the user did not show a second factor a moment ago")


_NAMES = frozenset({"id", "app_id", "client_id"})
"""How paths name an object: by its own id, an application by its client id, a service principal by its."""
_Object = User | ServicePrincipal | Application


def _named(world: World, tenant: str, target: Target) -> tuple[_Object, ...]:
    """Find the user, service principal or application of the tenant that a path names, in whichever way it does."""
    view = world.view
    params = target.params
    if "app_id" in params:
        application = view.application_by_app_id(params["app_id"].lower())
        return (application,) if application is not None and application.tenant == tenant else ()
    if "client_id" in params:
        principal = view.service_principal_by_app_id(tenant, params["client_id"].lower())
        return (principal,) if principal is not None else ()
    key = params.get("id", "")
    object_id = parse_guid(key)
    if object_id is None:
        user = view.user_by_upn(key)
        return (user,) if user is not None and user.tenant == tenant else ()
    found = view.principal(tenant, object_id) or view.get(Application, tenant_partition(tenant), object_id)
    return (found,) if isinstance(found, User | ServicePrincipal | Application) else ()


def _power_over(world: World, tenant: str, found: _Object) -> frozenset[str]:
    """Tell what power a user or service principal has, or the principal that an application's credentials prove."""
    view = world.view
    principal: _Object | None = found
    if isinstance(found, Application):
        principal = view.service_principal_by_app_id(tenant, found.app_id)
    if principal is None:
        return frozenset()
    return power_of(
        view.directory_roles_of(tenant, principal.id),
        view.app_permissions_of(tenant, principal.id),
        user=False,
    )


def _denied(reason: str) -> Denied:
    return Denied(
        "Insufficient privileges to complete the operation.",
        model="directory",
        code="Authorization_RequestDenied",
        reason=reason,
    )


def _is_itself(world: World, caller: Caller, target: Target) -> bool:
    """Tell whether a target is the caller's own service principal or application, by whichever id it is named."""
    if caller.kind is not PrincipalType.SERVICE_PRINCIPAL:
        # A user's token names the program that the user signed in with, which is not the user.
        return False
    asked = parse_guid(next((target.params[name] for name in _NAMES if name in target.params), ""))
    application = world.view.application_by_app_id(caller.appid)
    own = {caller.oid, caller.appid}
    # An application of another tenant is no object of this directory, although its principal here is.
    return asked in (own if application is None or application.tenant != caller.tenant else own | {application.id})
