"""
Authorization: whether a caller may run an operation on a target. Only this module makes a `Permit`.

The vault's own setting chooses the model: role assignments or access policies, never both. Management operations go by
role assignments at their scope; directory operations by directory roles.
"""

from __future__ import annotations

from typing import assert_never

from strongroom.core.denials import policy_denial, rbac_denial
from strongroom.core.errors import Forbidden
from strongroom.core.identity import GLOBAL_ADMINISTRATOR, Caller
from strongroom.core.permissions import (
    AnyOf,
    Authenticated,
    ControlAction,
    DataPermission,
    DirectoryPermission,
    Permit,
    Public,
)
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Op, Target
from strongroom.flow.world import World


def permit(world: World, caller: Caller | None, operation: Op, target: Target, vault: Vault | None) -> Permit:
    """
    Decide whether *caller* may run *operation* on *target*.

    Raises:
        Forbidden: no assignment or policy allows it. It says what was asked, not what exists, so a refused caller
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
            return _permit_control(world, caller, action, target)
        case DirectoryPermission(name, write):
            return _permit_directory(caller, name, write=write)
        case Authenticated():
            return Permit("authenticated", "authenticated")
        case _:
            assert_never(requirement)


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
        raise Forbidden(
            rbac_denial(caller, options[0].action, target.scope, vault),
            inner="ForbiddenByRbac",
            reason="no role assignment",
        )
    policies = world.view.policies(vault)
    for option in options:
        match = policies.find(caller, option.category, option.word)
        if match is not None:
            place = f"{vault.scope}/accessPolicies/{match.place}"
            return Permit(f"{option.category}/{option.word}", "policy", place)
    raise Forbidden(policy_denial(caller, options[0], vault), inner="ForbiddenByPolicy", reason="no access policy")


def _permit_control(world: World, caller: Caller, action: str, target: Target) -> Permit:
    assignment = world.view.grants(caller.tenant).find(caller.principals, target.scope, action, data=False)
    if assignment is not None:
        return Permit(action, "rbac", assignment.arm_id)
    raise Forbidden(
        f"The client '{caller.name or caller.appid}' with object id '{caller.oid}' does not have authorization to"
        f" perform action '{action}' over scope '{target.scope}' or the scope is invalid. If access was recently"
        " granted, please refresh your credentials.",
        code="AuthorizationFailed",
        reason="no role assignment",
    )


def _permit_directory(caller: Caller, name: str, *, write: bool) -> Permit:
    if GLOBAL_ADMINISTRATOR in caller.directory_roles:
        return Permit(name, "directory", GLOBAL_ADMINISTRATOR)
    if not write:
        # Every member of a tenant may read its directory, as Entra's default user permissions have it.
        return Permit(name, "directory")
    raise Forbidden(
        "Insufficient privileges to complete the operation.",
        code="Authorization_RequestDenied",
        reason=f"no directory role gives {name}",
    )
