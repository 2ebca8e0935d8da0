"""The texts of a refusal, character by character."""

from dataclasses import replace

import pytest

from strongroom.core.denials import (
    caller_text,
    control_deny_denial,
    firewall_denial,
    first_party_denial,
    policy_denial,
    rbac_denial,
)
from strongroom.core.firewall import judge
from strongroom.core.identity import Caller, PrincipalType
from strongroom.core.network import Bypass, Connection, DefaultAction, Link, NetworkAcls, PublicNetworkAccess
from strongroom.core.networks import PerimeterMode, PerimeterRules, Surroundings
from strongroom.core.permissions import DataPermission
from strongroom.core.rbac import DenyAssignment
from strongroom.core.vaults import Vault

CALLER = Caller(
    tenant="t-1",
    oid="o-1",
    appid="a-1",
    kind=PrincipalType.SERVICE_PRINCIPAL,
    issuer="https://sts.windows.net/t-1/",
    groups=frozenset({"g-1", "g-2"}),
    credential="c",
    token_id="u",
)
MACHINE = replace(CALLER, mirid="/subscriptions/s/mi", groups=frozenset())
VAULT = Vault(
    id="v",
    tenant="t-1",
    subscription="S-1",
    resource_group="RG",
    name="Kv1",
    location="westeurope",
    created=0,
    wrapped_key=b"",
)
FENCED = replace(VAULT, network_acls=NetworkAcls(DefaultAction.DENY, Bypass.AZURE_SERVICES))
FENCED_FROM_ALL = replace(VAULT, network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE))


def denial(vault: Vault, caller: Caller | None = CALLER) -> str:
    """Give the firewall's text for an address that no rule names."""
    return firewall_denial(judge(vault, Connection("192.0.2.1", Link.PUBLIC, "r")), vault, "192.0.2.1", caller)


def test_a_caller_is_named_by_its_ids() -> None:
    """Groups are counted only where asked for and only if there are any; a managed identity tells its resource."""
    assert caller_text(CALLER) == "appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/"
    assert caller_text(CALLER, with_groups=True) == "appid=a-1;oid=o-1;numgroups=2;iss=https://sts.windows.net/t-1/"
    assert caller_text(MACHINE, with_groups=True) == (
        "appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/;xms_mirid=/subscriptions/s/mi;"
        "xms_az_rid=/subscriptions/s/mi"
    )
    shared = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"
    assert caller_text(replace(MACHINE, mirid=shared)).endswith(f";xms_mirid={shared}")
    assert caller_text(CALLER, first_party="ARM") == (
        "name=ARM;tid=t-1;appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/"
    )


def test_a_trusted_service_whose_scenario_is_not_on() -> None:
    """`AccessDenied`: the first-party service is named, with the tenant, and no address."""
    assert first_party_denial(CALLER, "ARM", FENCED) == (
        "Access denied to first party service.\r\n"
        "Caller: name=ARM;tid=t-1;appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/\r\n"
        "Vault: Kv1;location=westeurope"
    )


def test_no_role_assignment() -> None:
    """The body of `ForbiddenByRbac`: the resource in lower case, an empty last line."""
    action = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    assert rbac_denial(CALLER, action, f"{VAULT.scope}/secrets/MySecret", VAULT) == (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, please observe propagation "
        "time.\r\n"
        "Caller: appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/\r\n"
        "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
        "Resource: '/subscriptions/s-1/resourcegroups/rg/providers/microsoft.keyvault/vaults/kv1/secrets/mysecret'\r\n"
        "Assignment: (not found)\r\n"
        "DenyAssignmentId: null\r\n"
        "DecisionReason: 'DeniedWithNoValidRBAC' \r\n"
        "Vault: Kv1;location=westeurope\r\n"
    )


def test_no_access_policy() -> None:
    """The body of `ForbiddenByPolicy`."""
    permission = DataPermission("secrets", "get", "Microsoft.KeyVault/vaults/secrets/getSecret/action")
    assert policy_denial(CALLER, permission, VAULT) == (
        "The user, group or application 'appid=a-1;oid=o-1;numgroups=2;iss=https://sts.windows.net/t-1/' does not have "
        "secrets get permission on key vault 'Kv1;location=westeurope'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287"
    )


def test_no_rule_and_not_trusted() -> None:
    """`ForbiddenByFirewall` where trusted services could pass."""
    assert denial(FENCED) == (
        "Client address is not authorized and caller is not a trusted service.\r\n"
        "Client address: 192.0.2.1\r\n"
        "Caller: appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/\r\n"
        "Vault: Kv1;location=westeurope"
    )


def test_no_rule_and_nobody_trusted() -> None:
    """`ForbiddenByFirewall` where nobody is let past the rules."""
    assert denial(FENCED_FROM_ALL).split("\r\n")[:2] == [
        "Client address is not authorized and caller was ignored because bypass is set to None",
        "Client address: 192.0.2.1",
    ]


def test_in_a_perimeter() -> None:
    """`ForbiddenByFirewall` where only perimeter rules could admit."""
    assert denial(replace(FENCED, public_network_access=PublicNetworkAccess.SECURED_BY_PERIMETER)) == (
        "Request was not allowed by NSP rules and the client address is not authorized and caller was ignored because "
        "bypass is set to None\r\n"
        "Client address: 192.0.2.1\r\n"
        "Caller: appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/\r\n"
        "Vault: Kv1;location=westeurope"
    )


def test_no_public_access() -> None:
    """`ForbiddenByConnection` tells no address; without a bypass it tells no caller either."""
    assert denial(replace(FENCED, public_network_access=PublicNetworkAccess.DISABLED)) == (
        "Public network access is disabled and request is not from a trusted service nor via an approved private "
        "link.\r\n"
        "Caller: appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/\r\n"
        "Vault: Kv1;location=westeurope"
    )
    assert denial(replace(FENCED_FROM_ALL, public_network_access=PublicNetworkAccess.DISABLED)) == (
        "Connection is not an approved private link and caller was ignored because bypass is not set to 'AzureServices'"
        " and PublicNetworkAccess is set to 'Disabled'.\r\n"
        "Vault: Kv1;location=westeurope"
    )


@pytest.mark.parametrize("access", list(PublicNetworkAccess))
@pytest.mark.parametrize("vault", [FENCED, FENCED_FROM_ALL])
def test_in_an_enforced_perimeter(vault: Vault, access: PublicNetworkAccess) -> None:
    """Whatever the vault says of its bypass and its public access: the perimeter's text."""
    around = Surroundings(perimeter=PerimeterRules("/p", PerimeterMode.ENFORCED))
    verdict = judge(vault, Connection("192.0.2.1", Link.PUBLIC, "r"), around)
    assert firewall_denial(verdict, replace(vault, public_network_access=access), "192.0.2.1", CALLER) == (
        "Request was not allowed by NSP rules and the client address is not authorized and caller was ignored because "
        "bypass is set to None\r\n"
        "Client address: 192.0.2.1\r\n"
        "Caller: appid=a-1;oid=o-1;iss=https://sts.windows.net/t-1/\r\n"
        "Vault: Kv1;location=westeurope"
    )


def test_through_an_endpoint_that_is_not_approved() -> None:
    """`ForbiddenByConnection`, in the words for public access that is off: through an endpoint there is none."""
    for vault in (VAULT, FENCED, FENCED_FROM_ALL):
        off = replace(vault, public_network_access=PublicNetworkAccess.DISABLED)
        verdict = judge(vault, Connection("192.0.2.1", Link.PRIVATE_ENDPOINT, "r", endpoint="/e"))
        assert firewall_denial(verdict, vault, "192.0.2.1", CALLER) == denial(off)


def test_a_caller_who_is_not_known_is_not_named() -> None:
    """SEC-FLOW-2: "A firewall refusal names the caller ... only if its token then verifies"."""
    for vault in (FENCED, FENCED_FROM_ALL, replace(FENCED, public_network_access=PublicNetworkAccess.DISABLED)):
        assert "Caller:" not in denial(vault, None)


DENIAL = DenyAssignment("0d00000d-0000-4000-8000-00000000000d", "t-1", "/subscriptions/S-1", "Nobody reads", 0)


def test_a_deny_assignment() -> None:
    """Of `ForbiddenByRbac` two lines are other ones: which denial it was, and that it was one."""
    action = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    text = rbac_denial(CALLER, action, VAULT.scope, VAULT, DENIAL)
    assert text.split("\r\n")[5:] == [
        "Assignment: (not found)",
        "DenyAssignmentId: '0d00000d-0000-4000-8000-00000000000d'",
        "DecisionReason: 'DeniedByDenyAssignment' ",
        "Vault: Kv1;location=westeurope",
        "",
    ]


def test_a_deny_assignment_on_the_management_plane() -> None:
    """ARM's own words: there is permission, and it is taken; the denial's id has no hyphens there."""
    assert control_deny_denial(CALLER, "Microsoft.KeyVault/vaults/read", VAULT.scope, DENIAL) == (
        "The client 'a-1' with object id 'o-1' has permission to perform action 'Microsoft.KeyVault/vaults/read' on"
        " scope '/subscriptions/S-1/resourceGroups/RG/providers/Microsoft.KeyVault/vaults/Kv1'; however, the access is"
        " denied because of the deny assignment with name 'Nobody reads' and Id '0d00000d00004000800000000000000d' at"
        " scope '/subscriptions/S-1'."
    )
