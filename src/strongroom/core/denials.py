"""
What a refused caller is told: the texts of a 403, character by character.

Sources: reference azure-key-vault.md sections 2, 3.2 and 3.5. Lines are joined by a carriage return and a line feed.
A caller is named only from a verified token; for a caller who is not known there is no line at all.
"""

from __future__ import annotations

from strongroom.core.echo import RESOURCE_ID, shown
from strongroom.core.identity import Caller
from strongroom.core.network import Bypass, Verdict
from strongroom.core.permissions import DataPermission
from strongroom.core.rbac import DenyAssignment
from strongroom.core.vaults import Vault

_LINE = "\r\n"

_PROPAGATION = (
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time."
)
_DISABLED = (
    "Public network access is disabled and request is not from a trusted service nor via an approved private link."
)
_DISABLED_AND_IGNORED = (
    "Connection is not an approved private link and caller was ignored because bypass is not set to 'AzureServices' and"
    " PublicNetworkAccess is set to 'Disabled'."
)
_NO_RULE = "Client address is not authorized and caller is not a trusted service."
_NO_RULE_AND_IGNORED = "Client address is not authorized and caller was ignored because bypass is set to None"
_NO_PERIMETER_RULE = (
    "Request was not allowed by NSP rules and the client address is not authorized and caller was ignored because"
    " bypass is set to None"
)


_USER_ASSIGNED = "/providers/microsoft.managedidentity/"


def caller_text(caller: Caller, *, with_groups: bool = False, first_party: str | None = None) -> str:
    """
    Name a caller: `[name=…;tid=…;]appid=…;oid=…[;numgroups=N];iss=…[;xms_mirid=…[;xms_az_rid=…]]`.

    The number of groups is told where access policies were asked, and only if there are any; the tenant only with the
    name of a first-party service. The resource that uses an identity is known where the identity is the resource's own.
    """
    name = f"name={first_party};tid={caller.tenant};" if first_party is not None else ""
    groups = f";numgroups={len(caller.groups)}" if with_groups and caller.groups else ""
    identity = f";xms_mirid={caller.mirid}" if caller.mirid else ""
    if caller.mirid and _USER_ASSIGNED not in caller.mirid.lower():
        identity += f";xms_az_rid={caller.mirid}"
    return f"{name}appid={caller.appid};oid={caller.oid}{groups};iss={caller.issuer}{identity}"


def vault_text(vault: Vault) -> str:
    """Name a vault: `name;location=region`."""
    return f"{vault.name};location={vault.location}"


def rbac_denial(caller: Caller, action: str, resource: str, vault: Vault, denial: DenyAssignment | None = None) -> str:
    """
    Say that no role assignment allows a data action, or that a deny assignment takes it (`ForbiddenByRbac`).

    The resource is told in lower case.
    """
    denied_by, why = (
        ("null", "DeniedWithNoValidRBAC") if denial is None else (f"'{denial.id}'", "DeniedByDenyAssignment")
    )
    return _LINE.join((
        "Caller is not authorized to perform action on resource.",
        _PROPAGATION,
        f"Caller: {caller_text(caller)}",
        f"Action: '{action}'",
        f"Resource: '{resource.lower()}'",
        "Assignment: (not found)",
        f"DenyAssignmentId: {denied_by}",
        # The space before the end of this line is the real service's.
        f"DecisionReason: '{why}' ",
        f"Vault: {vault_text(vault)}",
        "",
    ))  # fmt: skip


def control_denial(caller: Caller, action: str, scope: str) -> str:
    """Say that no role assignment allows a management action (`AuthorizationFailed`)."""
    return (
        f"The client '{caller.name or caller.appid}' with object id '{caller.oid}' does not have authorization to"
        f" perform action '{action}' over scope '{shown(scope, RESOURCE_ID)}' or the scope is invalid. If access was"
        " recently granted, please refresh your credentials."
    )


def control_deny_denial(caller: Caller, action: str, scope: str, denial: DenyAssignment) -> str:
    """Say that a deny assignment takes a management action which a role gives (`DenyAssignmentAuthorizationFailed`)."""
    return (
        f"The client '{caller.name or caller.appid}' with object id '{caller.oid}' has permission to perform action"
        f" '{action}' on scope '{shown(scope, RESOURCE_ID)}'; however, the access is denied because of the deny"
        f" assignment with name '{denial.name}' and Id '{denial.id.replace('-', '')}' at scope '{denial.scope}'."
    )


def policy_denial(caller: Caller, permission: DataPermission, vault: Vault) -> str:
    """Say that no access policy gives a permission (`ForbiddenByPolicy`)."""
    return (
        f"The user, group or application '{caller_text(caller, with_groups=True)}' does not have"
        f" {permission.category} {permission.word} permission on key vault '{vault_text(vault)}'. For help resolving"
        " this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
    )


def firewall_denial(verdict: Verdict, vault: Vault, address: str, caller: Caller | None) -> str:
    """Say that the firewall refuses a request: `ForbiddenByConnection` if *verdict* is for that, else `…ByFirewall`."""
    bypass = Bypass.AZURE_SERVICES if vault.network_acls is None else vault.network_acls.bypass
    ignored = bypass is Bypass.NONE
    who = () if caller is None else (f"Caller: {caller_text(caller)}",)
    where = f"Vault: {vault_text(vault)}"
    if verdict.by_connection:
        lines = (_DISABLED_AND_IGNORED, where) if ignored else (_DISABLED, *who, where)
        return _LINE.join(lines)
    why = _NO_RULE_AND_IGNORED if ignored else _NO_RULE
    if verdict.by_perimeter:
        why = _NO_PERIMETER_RULE
    return _LINE.join((why, f"Client address: {address}", *who, where))


def first_party_denial(caller: Caller, name: str, vault: Vault) -> str:
    """Say that a trusted service is let past the firewall by a setting that this vault has not (`AccessDenied`)."""
    return _LINE.join((
        "Access denied to first party service.",
        f"Caller: {caller_text(caller, first_party=name)}",
        f"Vault: {vault_text(vault)}",
    ))  # fmt: skip
