"""
The resources that every tenant knows: Microsoft Graph, Azure Key Vault, its Managed HSM, and Azure Resource Manager.

Each tenant has a service principal for each, under Entra's own client ids, so that app roles of Graph can be assigned
and delegated permissions granted. There is no application behind one, so nothing can be added to it and nobody signs in
as it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from strongroom.core.delegated_permissions import DELEGATED_PERMISSIONS
from strongroom.core.directory_roles import APPLICATION_PERMISSIONS
from strongroom.core.names import Surface
from strongroom.core.registration import AppRole, PermissionScope

GRAPH = "00000003-0000-0000-c000-000000000000"
KEY_VAULT = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
RESOURCE_MANAGER = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
MANAGED_HSM = "589d5083-6f11-4d30-a62a-a4b316a14abf"
OWNER_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""Microsoft's own tenant, which `appOwnerOrganizationId` names."""


@dataclass(frozen=True, slots=True)
class FirstParty:
    """One of them: its name, what else it is called, and what it offers."""

    display_name: str
    names: tuple[str, ...]
    app_roles: tuple[AppRole, ...] = ()
    scopes: tuple[PermissionScope, ...] = ()


def _scope(id_: str, value: str, text: str, kind: str = "User") -> PermissionScope:
    return PermissionScope(id_, value, kind, admin_consent_display_name=text, admin_consent_description=text)


FIRST_PARTY: Mapping[str, FirstParty] = {
    GRAPH: FirstParty(
        "Microsoft Graph",
        ("https://graph.microsoft.com",),
        tuple(
            AppRole(id_, one.name, one.display_name, one.display_name, member_types=("Application",))
            for id_, one in APPLICATION_PERMISSIONS.items()
        ),
        tuple(
            _scope(id_, one.name, one.display_name, "Admin" if one.admin else "User")
            for id_, one in DELEGATED_PERMISSIONS.items()
        ),
    ),
    KEY_VAULT: FirstParty(
        "Azure Key Vault",
        ("https://vault.azure.net",),
        scopes=(_scope("f53da476-18e3-4152-8e01-aec403e6edc0", "user_impersonation", "Access Azure Key Vault"),),
    ),
    MANAGED_HSM: FirstParty(
        "Azure Key Vault Managed HSM",
        ("https://managedhsm.azure.net",),
        scopes=(
            # This id is our own: Entra's is not in any source of ours.
            _scope("c8d7acf3-0b5f-4a4c-9d8a-2f5a6d0f7a31", "user_impersonation", "Access Azure Key Vault Managed HSM"),
        ),
    ),
    RESOURCE_MANAGER: FirstParty(
        "Windows Azure Service Management API",
        ("https://management.azure.com/", "https://management.core.windows.net/"),
        scopes=(
            _scope("41094075-9dad-400e-a0bd-54e686782033", "user_impersonation", "Access Azure Service Management"),
        ),
    ),
}
"""By client id."""

RESOURCE_IDS: Mapping[Surface, str] = {
    Surface.GRAPH: GRAPH,
    Surface.VAULT: KEY_VAULT,
    Surface.MANAGEMENT: RESOURCE_MANAGER,
}
"""The client id of the resource that each surface is."""
