"""The rows of `Microsoft.Resources/deployments`, at every scope that can be deployed at."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.arm import deployment_what_if, deployments
from strongroom.arm import deployment_wire as wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import GROUP, at, at_scope
from strongroom.core.locks import Effect
from strongroom.core.vaults import Vault
from strongroom.flow.operation import Target
from strongroom.flow.world import World

_TYPE = "Microsoft.Resources/deployments"
_DEPLOYMENTS = f"{{scope*}}/providers/{_TYPE}"
_DEPLOYMENT = f"{_DEPLOYMENTS}/{{deployment}}"
_OPERATIONS_TYPE, _STATUSES_TYPE = f"{_TYPE}/operations", f"{_TYPE}/operationStatuses"

# The official clients ask for the operations of a deployment in a group without the provider's name.
_SHORT_OPERATIONS = f"{GROUP}/deployments/{{deployment}}/operations"


def _at_group(world: World, vault: Vault | None, params: Mapping[str, str]) -> Target:
    """Resolve such a path as the longer one that means the same."""
    target = at(GROUP)(world, vault, params)
    return Target(target.scope, {**target.params, "scope": target.scope})


DEPLOYMENT_ROWS = (
    row("DeploymentList", "GET", _DEPLOYMENTS,
        _TYPE, action(f"{_TYPE}/read"), deployments.list_deployments, at_scope),
    row("DeploymentGet", "GET", _DEPLOYMENT,
        _TYPE, action(f"{_TYPE}/read"), deployments.get_deployment, at_scope),
    row("DeploymentExists", "HEAD", _DEPLOYMENT,
        _TYPE, action(f"{_TYPE}/read"), deployments.check_deployment, at_scope, success=204),
    # Each resource of the template takes its own right besides, when its turn comes.
    row("DeploymentPut", "PUT", _DEPLOYMENT,
        _TYPE, action(f"{_TYPE}/write"), deployments.put_deployment, at_scope, success=201, body=wire.Deployment),
    row("DeploymentDelete", "DELETE", _DEPLOYMENT,
        _TYPE, action(f"{_TYPE}/delete"), deployments.delete_deployment, at_scope, success=204),
    row("DeploymentValidate", "POST", f"{_DEPLOYMENT}/validate",
        _TYPE, action(f"{_TYPE}/validate/action"), deployments.validate_deployment, at_scope, body=wire.Deployment,
        effect=Effect.NOTHING),
    row("DeploymentWhatIf", "POST", f"{_DEPLOYMENT}/whatIf",
        _TYPE, action(f"{_TYPE}/whatIf/action"), deployment_what_if.foresee, at_scope, body=wire.Deployment,
        effect=Effect.NOTHING),
    row("DeploymentCancel", "POST", f"{_DEPLOYMENT}/cancel",
        _TYPE, action(f"{_TYPE}/cancel/action"), deployments.cancel_deployment, at_scope, success=204,
        effect=Effect.NOTHING),
    row("DeploymentExportTemplate", "POST", f"{_DEPLOYMENT}/exportTemplate",
        _TYPE, action(f"{_TYPE}/exportTemplate/action"), deployments.export_template, at_scope,
        effect=Effect.NOTHING),
    row("DeploymentOperationList", "GET", f"{_DEPLOYMENT}/operations",
        _OPERATIONS_TYPE, action(f"{_OPERATIONS_TYPE}/read"), deployments.list_operations, at_scope),
    row("DeploymentOperationGet", "GET", f"{_DEPLOYMENT}/operations/{{operation}}",
        _OPERATIONS_TYPE, action(f"{_OPERATIONS_TYPE}/read"), deployments.get_operation, at_scope),
    row("DeploymentOperationListInGroup", "GET", _SHORT_OPERATIONS,
        _OPERATIONS_TYPE, action(f"{_OPERATIONS_TYPE}/read"), deployments.list_operations, _at_group),
    row("DeploymentOperationGetInGroup", "GET", f"{_SHORT_OPERATIONS}/{{operation}}",
        _OPERATIONS_TYPE, action(f"{_OPERATIONS_TYPE}/read"), deployments.get_operation, _at_group),
    row("DeploymentStatusGet", "GET", f"{_DEPLOYMENT}/operationStatuses/{{status}}",
        _STATUSES_TYPE, action(f"{_TYPE}/operationstatuses/read"), deployments.get_status, at_scope),
)  # fmt: skip

DEPLOYMENT_TYPES: tuple[str, ...] = (_TYPE, _OPERATIONS_TYPE, _STATUSES_TYPE)
"""The resource types that these rows serve."""
