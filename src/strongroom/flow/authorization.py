"""
Authorization: whether a caller may run an operation on a target. Only this module makes a `Permit`.

The vault's own setting chooses the model: role assignments or access policies, never both. Management operations go by
role assignments at their scope; directory operations by directory roles.
"""

from __future__ import annotations

from typing import assert_never

from strongroom.core.denials import control_denial, policy_denial, rbac_denial
from strongroom.core.directory_roles import role_that_gives
from strongroom.core.errors import Denied
from strongroom.core.guids import parse_guid
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.permissions import (
    AnyOf,
    Authenticated,
    ControlAction,
    DataPermission,
    DirectoryPermission,
    Permit,
    Public,
)
from strongroom.core.rbac import RoleAssignment
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World


def permit(world: World, caller: Caller | None, operation: Op, target: Target, vault: Vault | None) -> Permit:
    """
    Decide whether *caller* may run *operation* on *target*.

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
    match requirement:
        case DataPermission() | AnyOf():
            if vault is None:
                msg = f"{operation.name} requires a data permission and has no vault"
                raise RuntimeError(msg)
            return _permit_data(world, caller, requirement, target, vault)
        case ControlAction(action):
            return _permit_control(world, caller, action, target.scope)
        case DirectoryPermission():
            return _permit_directory(world, caller, requirement, target)
        case Authenticated():
            return Permit("authenticated", "authenticated")
        case _:
            assert_never(requirement)


def holds(world: World, caller: Caller, action: str, scope: str) -> bool:
    """Tell whether a caller may do a management action at a scope that is not its target: what a list may show."""
    return _find_control(world, caller, action, scope) is not None


def require_control(world: World, caller: Caller, action: str, scope: str) -> None:
    """
    Ask for a right besides the one that the operation's row requires.

    Raises:
        Denied: no assignment allows it. The audit entry then says so, whatever allowed the row.
    """
    _permit_control(world, caller, action, scope)


def _permit_data(
    world: World, caller: Caller, requirement: DataPermission | AnyOf, target: Target, vault: Vault
) -> Permit:
    options = requirement.options if isinstance(requirement, AnyOf) else (requirement,)
    if vault.rbac:
        grants = world.view.grants(vault.tenant)
        for option in options:
            assignment = grants.find(caller.principals, target.scope, option.action, data=True)
            if assignment is not None:
                return Permit(option.action, "rbac", assignment.arm_id)
        raise Denied(
            rbac_denial(caller, options[0].action, target.scope, vault),
            model="rbac",
            inner="ForbiddenByRbac",
            reason="no role assignment",
        )
    policies = world.view.policies(vault)
    for option in options:
        match = policies.find(caller, option.category, option.word)
        if match is not None:
            place = f"{vault.scope}/accessPolicies/{match.place}"
            return Permit(f"{option.category}/{option.word}", "policy", place)
    raise Denied(
        policy_denial(caller, options[0], vault), model="policy", inner="ForbiddenByPolicy", reason="no access policy"
    )


def _permit_control(world: World, caller: Caller, action: str, scope: str) -> Permit:
    assignment = _find_control(world, caller, action, scope)
    if assignment is None:
        raise Denied(
            control_denial(caller, action, scope),
            model="rbac",
            code="AuthorizationFailed",
            reason="no role assignment",
        )
    return Permit(action, "rbac", assignment.arm_id)


def _find_control(world: World, caller: Caller, action: str, scope: str) -> RoleAssignment | None:
    return world.view.grants(caller.tenant).find(caller.principals, scope, action, data=False)


def _permit_directory(world: World, caller: Caller, requirement: DirectoryPermission, target: Target) -> Permit:
    name = requirement.name
    role = role_that_gives(caller.directory_roles, write=requirement.write)
    if role is not None:
        return Permit(name, "directory", role)
    reads_as_user = not requirement.write and caller.kind is PrincipalType.USER
    if reads_as_user or (requirement.itself and _is_itself(world, caller, target)):
        return Permit(name, "directory")
    raise Denied(
        "Insufficient privileges to complete the operation.",
        model="directory",
        code="Authorization_RequestDenied",
        reason=f"no directory role gives {name}",
    )


def _is_itself(world: World, caller: Caller, target: Target) -> bool:
    """Tell whether a target is the caller's own service principal or application, by whichever id it is named."""
    asked = parse_guid(target.params.get("id") or target.params.get("app_id", ""))
    application = world.view.application_by_app_id(caller.appid)
    own = {caller.oid, caller.appid}
    # An application of another tenant is no object of this directory, although its principal here is.
    return asked in (own if application is None or application.tenant != caller.tenant else own | {application.id})
