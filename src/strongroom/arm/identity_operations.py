"""The rows of `Microsoft.ManagedIdentity`, and of the machines of `Microsoft.HybridCompute` that have identities."""

from __future__ import annotations

from strongroom.arm import federated_credentials, identities, machines, wire
from strongroom.arm.rows import action, row
from strongroom.arm.targets import FEDERATION, GROUP, IDENTITY, MACHINE, at, at_scope
from strongroom.core.permissions import Authenticated

_ANYONE = Authenticated()
_SUBSCRIPTION = "/subscriptions/{subscription}"
_AT_SUBSCRIPTION, _AT_GROUP = at(_SUBSCRIPTION), at(GROUP)
_AT_IDENTITY, _AT_FEDERATION, _AT_MACHINE = at(IDENTITY), at(FEDERATION), at(MACHINE)

_IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
_IDENTITY_ROWS = (
    row("UserAssignedIdentityGet", "GET", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/read"), identities.get_identity, _AT_IDENTITY),
    row("UserAssignedIdentityPut", "PUT", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/write"), identities.put_identity, _AT_IDENTITY,
        success=201, body=wire.Identity),
    row("UserAssignedIdentityPatch", "PATCH", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/write"), identities.patch_identity, _AT_IDENTITY,
        body=wire.IdentityUpdate),
    row("UserAssignedIdentityDelete", "DELETE", IDENTITY,
        _IDENTITY_TYPE, action(f"{_IDENTITY_TYPE}/delete"), identities.delete_identity, _AT_IDENTITY),
    row("UserAssignedIdentityListByGroup", "GET", f"{GROUP}/providers/{_IDENTITY_TYPE}",
        _IDENTITY_TYPE, _ANYONE, identities.list_identities, _AT_GROUP),
    row("UserAssignedIdentityList", "GET", f"{_SUBSCRIPTION}/providers/{_IDENTITY_TYPE}",
        _IDENTITY_TYPE, _ANYONE, identities.list_identities, _AT_SUBSCRIPTION),
)  # fmt: skip

_FEDERATED_TYPE = f"{_IDENTITY_TYPE}/federatedIdentityCredentials"
_FEDERATION_ROWS = (
    row("FederatedIdentityCredentialList", "GET", f"{IDENTITY}/federatedIdentityCredentials",
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/read"), federated_credentials.list_credentials, _AT_IDENTITY),
    row("FederatedIdentityCredentialGet", "GET", FEDERATION,
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/read"), federated_credentials.get_credential, _AT_FEDERATION),
    row("FederatedIdentityCredentialPut", "PUT", FEDERATION,
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/write"), federated_credentials.put_credential, _AT_FEDERATION,
        success=201, body=wire.FederatedIdentityCredential),
    row("FederatedIdentityCredentialDelete", "DELETE", FEDERATION,
        _FEDERATED_TYPE, action(f"{_FEDERATED_TYPE}/delete"), federated_credentials.delete_credential,
        _AT_FEDERATION),
)  # fmt: skip

_MACHINE_TYPE, _OF_SYSTEM = "Microsoft.HybridCompute/machines", "Microsoft.ManagedIdentity/identities"
_MACHINE_ROWS = (
    row("MachineGet", "GET", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/read"), machines.get_machine, _AT_MACHINE),
    row("MachinePut", "PUT", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/write"), machines.put_machine, _AT_MACHINE, body=wire.Machine),
    row("MachinePatch", "PATCH", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/write"), machines.patch_machine, _AT_MACHINE,
        body=wire.MachineUpdate),
    row("MachineDelete", "DELETE", MACHINE,
        _MACHINE_TYPE, action(f"{_MACHINE_TYPE}/delete"), machines.delete_machine, _AT_MACHINE),
    row("MachineListByGroup", "GET", f"{GROUP}/providers/{_MACHINE_TYPE}",
        _MACHINE_TYPE, _ANYONE, machines.list_machines, _AT_GROUP),
    row("MachineList", "GET", f"{_SUBSCRIPTION}/providers/{_MACHINE_TYPE}",
        _MACHINE_TYPE, _ANYONE, machines.list_machines, _AT_SUBSCRIPTION),
    row("SystemAssignedIdentityGet", "GET", f"{{scope*}}/providers/{_OF_SYSTEM}/default",
        _OF_SYSTEM, action(f"{_OF_SYSTEM}/read"), machines.get_system_identity, at_scope),
)  # fmt: skip

IDENTITY_ROWS = (*_IDENTITY_ROWS, *_FEDERATION_ROWS, *_MACHINE_ROWS)

IDENTITY_TYPES: tuple[str, ...] = (
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    "Microsoft.ManagedIdentity/identities",
    "Microsoft.HybridCompute/machines",
)
"""The resource types that these rows serve."""
