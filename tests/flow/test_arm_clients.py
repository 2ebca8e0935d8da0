"""
Every request that Azure's management packages can make, by their own code, is served or refused for a known reason.

The packages build each request in a function of its own, so what they can ask is read from them, and an operation that
a new version of a package has is found here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.flow.arm import Arm
from tests.world import Simulation

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "azure.mgmt.keyvault": ("operations._operations",),
    "azure.mgmt.authorization": tuple(
        f"v2022_04_01.operations._{name}_operations"
        for name in (
            "deny_assignments",
            "permissions",
            "provider_operations_metadata",
            "role_assignments",
            "role_definitions",
        )
    ),
    "azure.mgmt.msi": tuple(
        f"v2024_11_30.operations._{name}operations"
        for name in ("", "federated_identity_credentials_", "system_assigned_identities_", "user_assigned_identities_")
    ),
    "azure.mgmt.managementgroups": ("operations._operations",),
    "azure.mgmt.resource.deployments": ("operations._operations",),
    "azure.mgmt.resource.locks": ("operations._operations",),
    "azure.mgmt.resource.resources": ("operations._operations",),
    "azure.mgmt.resource.subscriptions": ("operations._operations",),
    # Of the last one, what this service has of it: the activity log.
    "azure.mgmt.monitor": tuple(
        f"operations._{name}_operations" for name in ("activity_logs", "event_categories", "tenant_activity_logs")
    ),
}

NOT_SERVED: Mapping[str, str] = {
    "keyvault.managed_hsm_keys_": "there are no HSM pools yet",
    **{
        f"keyvault.managed_hsms_{name}": "there are no HSM pools yet, and lists are empty"
        for name in (
            "check_mhsm_name_availability",
            "create_or_update",
            "delete",
            "get",
            "purge_deleted",
            "update",
        )
    },
    "keyvault.mhsm_": "there are no HSM pools yet",
    "managementgroups.entities_": "Azure's portal draws its tree of them; `descendants` and `$expand` say the same",
    "managementgroups.hierarchy_settings_": "new subscriptions go below the root, and roles say who makes groups",
    "managementgroups.management_groups_mgmt_": "a name is tried by making the group; and no tenant needs a backfill",
    "deployments.deployments_calculate_template_hash": "Azure does not say how its hash is made",
    "resources.providers_register_at_management_group": "providers are registered in subscriptions alone",
    "resources.providers_provider_permissions": "no provider is run by anybody else",
    "resources.resource_groups_export_template": "a template of what is in a group is not made",
    "subscriptions.subscription_check_resource_name": "no word is reserved",
    "subscriptions.subscriptions_check_zone_peers": "there are no zones",
}
"""What begins so is not served, and why; nothing else may be refused as unknown."""

UNKNOWN = frozenset({"InvalidResourceType", "InvalidResourceNamespace", "NotFound", "MethodNotAllowed"})
"""What is said of a path that no row has."""
UNVERSIONED = frozenset({"NoRegisteredProviderFound", "InvalidApiVersionParameter", "MissingApiVersionParameter"})

GUID = "6d1c6f0e-9c3b-4c1f-9a35-0d1f1b7f7a01"
GROUP = "absent"
IDENTITY = f"resourceGroups/{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/absent"


def operations() -> Iterator[tuple[str, Any]]:
    """Give every function that builds a request, by its package and name."""
    for package, modules in PACKAGES.items():
        for name in modules:
            module = import_module(f"{package}.{name}")
            for builder, function in inspect.getmembers(module, inspect.isfunction):
                if builder.startswith("build_"):
                    group = name.split(".")[-1].strip("_").removesuffix("_operations").removesuffix("operations")
                    prefix = "" if not group else f"{group}_" if len(modules) > 1 else ""
                    short = builder.removeprefix("build_").removesuffix("_request")
                    yield f"{package.rpartition('.')[2]}.{prefix}{short}", function


def values(arm: Arm, operation: str) -> dict[str, Any]:
    """Say what the parameters of an operation are: names that nothing has, so nothing is changed by asking."""
    at = arm.subscription.strip("/")
    named = {
        "subscription_id": at.partition("/")[2],
        "scope": at,
        "resource_scope": f"{at}/resourceGroups/{GROUP}",
        "resource_uri": arm.vault.strip("/"),
        "resource_group_name": GROUP,
        "source_resource_group_name": GROUP,
        "resource_provider_namespace": "Microsoft.ManagedIdentity",
        "parent_resource_path": "",
        "resource_type": "userAssignedIdentities",
        "resource_id": f"{at}/{IDENTITY}",
        "role_assignment_id": f"{at}/providers/Microsoft.Authorization/roleAssignments/{GUID}",
        "role_id": f"{at}/providers/Microsoft.Authorization/roleDefinitions/{GUID}",
        "operation_kind": "add",
        "api_version": "2024-11-30",
    }
    if operation.endswith("deny_assignments_get_by_id"):
        named["deny_assignment_id"] = f"{at}/providers/Microsoft.Authorization/denyAssignments/{GUID}"
    if operation.startswith("msi.system_assigned"):
        named["scope"] = f"{at}/resourceGroups/{GROUP}/providers/Microsoft.HybridCompute/machines/absent"
    return named


def built(arm: Arm, operation: str, function: Any) -> Any:
    """Build the request of an operation as its package does."""
    known = values(arm, operation)
    given = {}
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.VAR_KEYWORD or one.default is not one.empty:
            continue
        fallback = GUID if one.name.endswith(("_id", "role_assignment_name")) else "absent"
        given[one.name] = known.get(one.name, fallback)
    return function(**given)


def refusal(arm: Arm, method: str, url: str) -> str:
    """Ask, and give the code of the refusal, or nothing."""
    path, _, query = url.partition("?")
    version = parse_qs(query).get("api-version", [""])[0]
    body: object = {} if method in {"PUT", "PATCH", "POST"} else None
    answer = arm.ask(method, path, body, version=version)
    return "" if answer.status < 400 or not answer.body else str(answer.error["code"])


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, who may do everything."""
    return Arm(world, world.administrator)


def test_every_request(arm: Arm) -> None:
    """Each request of each package finds its row, in the api-version that the package sends."""
    asked, unknown = 0, {}
    for operation, function in operations():
        if operation.startswith(tuple(NOT_SERVED)):
            continue
        request = built(arm, operation, function)
        code = refusal(arm, request.method, request.url)
        asked += 1
        if code in UNKNOWN | UNVERSIONED:
            unknown[operation] = (code, request.method, request.url)
    assert unknown == {}
    assert asked > 150


def test_what_is_not_served(arm: Arm) -> None:
    """What is not served is refused as unknown, and stands in the list only as long as a package has it."""
    found, served = set(), {}
    for operation, function in operations():
        reasons = [prefix for prefix in NOT_SERVED if operation.startswith(prefix)]
        found.update(reasons)
        if not reasons or operation == "deployments.deployments_calculate_template_hash":  # Its body is a parameter.
            continue
        request = built(arm, operation, function)
        code = refusal(arm, request.method, request.url)
        if code not in (UNKNOWN if not operation.startswith("keyvault.") else {"InvalidResourceType"}):
            served[operation] = (code, request.method, request.url)
    assert served == {}
    assert found == set(NOT_SERVED)


def test_versions_count(arm: Arm) -> None:
    """The first test can fail: of a vault's requests, each in a version that nobody has is refused for that."""
    for operation, function in operations():
        if operation.startswith("keyvault.vaults_") and operation != "keyvault.vaults_list":
            request = built(arm, operation, function)
            path = request.url.partition("?")[0]
            assert refusal(arm, request.method, f"{path}?api-version=2014-01-01") in UNVERSIONED, operation
