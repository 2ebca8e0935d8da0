"""
How resources are written down: the bodies of answers.

Ids have the casing that Azure's tools compare with; a vault's URI has the host scheme that was asked (ADR 0010):
Azure's names for who asked through Azure's name, and our own otherwise. Shapes from the inventory of
azure-mgmt-keyvault 14.1.0. Rights have `rights_documents`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from strongroom.arm.network_documents import show_connection_item
from strongroom.core.access_policy import permissions_of, spell_permissions
from strongroom.core.identity import ServicePrincipal, ServicePrincipalType, Tenant, User
from strongroom.core.locks import ManagementLock
from strongroom.core.names import Site, Surface
from strongroom.core.network import NetworkAcls
from strongroom.core.networks import EndpointConnection, Perimeter, PrivateEndpoint, VirtualNetwork
from strongroom.core.resources import Machine, ResourceGroup, Subscription, UserAssignedIdentity
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.view import View

Document = dict[str, Any]

VAULT_TYPE = "Microsoft.KeyVault/vaults"
IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
MACHINE_TYPE = "Microsoft.HybridCompute/machines"
Resource = Vault | UserAssignedIdentity | Machine | VirtualNetwork | PrivateEndpoint | Perimeter
"""What generic lists have in them."""
TYPES: Mapping[type[Resource], str] = {
    Vault: VAULT_TYPE,
    UserAssignedIdentity: IDENTITY_TYPE,
    Machine: MACHINE_TYPE,
    VirtualNetwork: "Microsoft.Network/virtualNetworks",
    PrivateEndpoint: "Microsoft.Network/privateEndpoints",
    Perimeter: "Microsoft.Network/networkSecurityPerimeters",
}


def timestamp(seconds: int) -> str:
    """Write a time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def vault_uri(site: Site, name: str) -> str:
    """Give a vault's URI for a client that asked at *site*, with the slash that Azure puts at the end."""
    return f"{site.beside(Surface.VAULT, name)}/"


# ---- containers -----------------------------------------------------------------------------------------------------


def show_tenant(tenant: Tenant) -> Document:
    """Write a tenant."""
    return {
        "id": f"/tenants/{tenant.id}",
        "tenantId": tenant.id,
        "displayName": tenant.display_name,
        "defaultDomain": tenant.domains[0] if tenant.domains else "",
        "domains": list(tenant.domains),
        "tenantCategory": "Home",
        "tenantType": "AAD",
    }


def show_subscription(subscription: Subscription) -> Document:
    """Write a subscription."""
    return {
        "id": subscription.scope,
        "subscriptionId": subscription.id,
        "tenantId": subscription.tenant,
        "displayName": subscription.display_name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        **({"tags": subscription.tags} if subscription.tags else {}),
    }


def show_group(group: ResourceGroup) -> Document:
    """Write a resource group; one without tags has no such member, nor has a subscription."""
    return {
        "id": group.scope,
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        **({"tags": group.tags} if group.tags else {}),
        "properties": {"provisioningState": "Succeeded"},
    }


def show_resource(resource: Resource) -> Document:
    """Write what generic lists say about any resource."""
    return {
        "id": resource.scope,
        "name": resource.name,
        "type": TYPES[type(resource)],
        "location": resource.location,
        "tags": resource.tags,
    }


def show_identity(identity: UserAssignedIdentity) -> Document:
    """Write a user-assigned identity, with the ids of its principal."""
    return {
        **show_resource(identity),
        "properties": {
            "tenantId": identity.tenant,
            "principalId": identity.principal_id,
            "clientId": identity.client_id,
        },
    }


# ---- vaults ---------------------------------------------------------------------------------------------------------


def show_vault(view: View, site: Site, vault: Vault) -> Document:
    """Write a vault with all its properties."""
    properties: Document = {
        "sku": {"family": "A", "name": vault.sku},
        "tenantId": vault.tenant,
        "accessPolicies": [show_policy(policy) for policy in vault.access_policies],
        "enabledForDeployment": vault.enabled_for_deployment,
        "enableSoftDelete": True,
        "vaultUri": vault_uri(site, vault.name),
        "provisioningState": "Succeeded",
        "publicNetworkAccess": vault.public_network_access.value,
    }
    # Azure leaves out what nobody said, and a firewall that is the default one; clients tell these states apart.
    said = {
        "enabledForDiskEncryption": vault.enabled_for_disk_encryption,
        "enabledForTemplateDeployment": vault.enabled_for_template_deployment,
        "softDeleteRetentionInDays": vault.retention_days if vault.retention_said else None,
        "enableRbacAuthorization": vault.rbac,
        "enablePurgeProtection": vault.purge_protection or None,
    }
    properties |= {name: value for name, value in said.items() if value is not None}
    if vault.network_acls is not None and vault.network_acls != NetworkAcls():
        properties["networkAcls"] = show_network(vault.network_acls)
    connections = view.all(EndpointConnection, vault.partition)
    if connections:
        properties["privateEndpointConnections"] = [show_connection_item(view, vault, one) for one in connections]
    return {
        "id": vault.scope,
        "name": vault.name,
        "type": VAULT_TYPE,
        "location": vault.location,
        "tags": vault.tags,
        "systemData": system_data(view, vault),
        "properties": properties,
    }


def show_policy(policy: AccessPolicy) -> Document:
    """
    Write an access policy, its words in ARM's spelling and the order in which they were given.

    A kind of object that it says nothing of is left out, as Azure leaves it out.
    """
    document: Document = {"tenantId": policy.tenant_id, "objectId": policy.object_id}
    if policy.application_id is not None:
        document["applicationId"] = policy.application_id
    document["permissions"] = {
        category: spell_permissions(category, words)
        for category in ("keys", "secrets", "certificates", "storage")
        if (words := permissions_of(policy, category))
    }
    return document


def show_network(acls: NetworkAcls) -> Document:
    """Write a vault's firewall; the ids of subnets in lower case, as Azure's vaults do."""
    return {
        "bypass": acls.bypass.value,
        "defaultAction": acls.default_action.value,
        "ipRules": [{"value": rule} for rule in acls.ip_rules],
        "virtualNetworkRules": [
            {
                "id": rule.id.lower(),
                **({"ignoreMissingVnetServiceEndpoint": True} if rule.ignore_missing_vnet_service_endpoint else {}),
            }
            for rule in acls.virtual_network_rules
        ],
    }


def show_policies(vault: Vault) -> Document:
    """Write a vault's access policies as the resource that PUT accessPolicies answers with."""
    return {
        "id": f"{vault.scope}/accessPolicies/",
        "type": f"{VAULT_TYPE}/accessPolicies",
        "properties": {"accessPolicies": [show_policy(policy) for policy in vault.access_policies]},
    }


def show_deleted_vault(vault: Vault) -> Document:
    """Write a soft-deleted vault."""
    properties: Document = {
        "vaultId": vault.scope,
        "location": vault.location,
        "tags": vault.tags,
        "deletionDate": timestamp(vault.deleted or 0),
        "scheduledPurgeDate": timestamp(vault.purge_at or 0),
    }
    if vault.purge_protection:
        properties["purgeProtectionEnabled"] = True
    return {
        "id": (
            f"/subscriptions/{vault.subscription}/providers/Microsoft.KeyVault/locations/{vault.location}"
            f"/deletedVaults/{vault.name}"
        ),
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": properties,
    }


def system_data(view: View, record: Vault | ManagementLock) -> Document:
    """Write who made something and who changed it last, and when."""
    return {
        **_who(view, record.tenant, record.created_by, "createdBy"),
        "createdAt": timestamp(record.created),
        **_who(view, record.tenant, record.updated_by or record.created_by, "lastModifiedBy"),
        "lastModifiedAt": timestamp(record.updated or record.created),
    }


def _who(view: View, tenant: str, object_id: str, member: str) -> Document:
    """Write who did something, as ARM names them: users by name, applications by application id."""
    principal = view.principal(tenant, object_id) if object_id else None
    if isinstance(principal, User):
        return {member: principal.user_principal_name, f"{member}Type": "User"}
    if isinstance(principal, ServicePrincipal):
        managed = principal.type is ServicePrincipalType.MANAGED_IDENTITY
        return {member: principal.app_id, f"{member}Type": "ManagedIdentity" if managed else "Application"}
    return {member: object_id, f"{member}Type": "Application"} if object_id else {}
