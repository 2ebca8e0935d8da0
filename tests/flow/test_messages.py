"""
What a refused caller is told, character by character: every message of the reference, asked for by real requests.

Reference azure-key-vault.md sections 2 (the table of refusals, and how a caller is named), 3.2 and 3.5. The texts are
written out here as the reference has them, with names and numbers put in; nothing of the product makes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.builtin_roles import KEY_VAULT_SECRETS_USER
from strongroom.core.guids import new_guid
from strongroom.core.identity import Group, Membership
from strongroom.core.network import Bypass, DefaultAction, Link, NetworkAcls, PublicNetworkAccess
from strongroom.core.networks import (
    ConnectionState,
    DeploymentFlag,
    EndpointConnection,
    Perimeter,
    PerimeterAssociation,
    PerimeterMode,
    PerimeterProfile,
    TrustedService,
)
from strongroom.core.rbac import DenyAssignment
from strongroom.core.records import Record
from strongroom.directory.groups import membership_id
from tests.world import Answer, Principal, Simulation

ADDRESS = "203.0.113.7"
SECRET = "MySecret"

NOT_TRUSTED = "Client address is not authorized and caller is not a trusted service."
IGNORED = "Client address is not authorized and caller was ignored because bypass is set to None"
NO_PERIMETER_RULE = (
    "Request was not allowed by NSP rules and the client address is not authorized and caller was ignored because "
    "bypass is set to None"
)
DISABLED = (
    "Public network access is disabled and request is not from a trusted service nor via an approved private link."
)
DISABLED_AND_IGNORED = (
    "Connection is not an approved private link and caller was ignored because bypass is not set to 'AzureServices' and"
    " PublicNetworkAccess is set to 'Disabled'."
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Have one instance for all texts; what a test sets of the vault is set back."""
    made = Simulation(tmp_path_factory.mktemp("messages"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _same_vault(world: Simulation) -> Iterator[None]:
    before = world.vault
    yield
    world.commit(lambda tx: tx.put(before))


def put(world: Simulation, *records: Record) -> None:
    """Have records in the store."""

    async def write(tx: Any) -> None:
        for record in records:
            await tx.put(record)

    world.commit(write)


def fence(world: Simulation, bypass: Bypass, access: PublicNetworkAccess = PublicNetworkAccess.ENABLED) -> None:
    """Have a vault that admits no address."""
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, bypass), public_network_access=access)


def get_secret(world: Simulation, token: str | None, **how: Any) -> Answer:
    """Ask for a secret's value."""
    return world.ask("GET", f"{world.vault_url}/secrets/{SECRET}?api-version=7.4", token=token, **how)


def refused(answer: Answer) -> tuple[str, str, str]:
    """Read the three parts of a refusal, which has no others."""
    assert answer.status == 403
    error = answer.json["error"]
    assert set(answer.json) == {"error"}
    assert set(error) == {"code", "message", "innererror"}
    assert set(error["innererror"]) == {"code"}
    return error["code"], error["innererror"]["code"], error["message"]


def caller(world: Simulation, who: Principal) -> str:
    """Name a service principal in no group."""
    return f"appid={who.appid};oid={who.oid};iss=https://sts.windows.net/{world.first.tenant_id}/"


def vault(world: Simulation) -> str:
    """Name the vault."""
    return f"{world.vault.name};location=local"


# ---- section 2: the table


def test_no_rule_names_the_address(world: Simulation) -> None:
    """Row 1: trusted services may pass, and the caller is none."""
    who = world.principal()
    token = world.token(who)
    fence(world, Bypass.AZURE_SERVICES)

    assert refused(get_secret(world, token)) == (
        "Forbidden",
        "ForbiddenByFirewall",
        f"{NOT_TRUSTED}\r\nClient address: {ADDRESS}\r\nCaller: {caller(world, who)}\r\nVault: {vault(world)}",
    )


def test_no_rule_names_the_address_and_there_is_no_bypass(world: Simulation) -> None:
    """Row 2."""
    who = world.principal()
    token = world.token(who)
    fence(world, Bypass.NONE)

    assert refused(get_secret(world, token)) == (
        "Forbidden",
        "ForbiddenByFirewall",
        f"{IGNORED}\r\nClient address: {ADDRESS}\r\nCaller: {caller(world, who)}\r\nVault: {vault(world)}",
    )


@pytest.mark.parametrize("access", [PublicNetworkAccess.ENABLED, PublicNetworkAccess.DISABLED])
def test_a_perimeter_has_no_rule(world: Simulation, access: PublicNetworkAccess) -> None:
    """Row 3: an enforced perimeter without a rule for the caller; `publicNetworkAccess` and the bypass do not count."""
    who = world.principal()
    token = world.token(who)
    fence(world, Bypass.AZURE_SERVICES, access)
    first = world.first
    perimeter = Perimeter(
        id=f"{first.subscription_id}/rg/nsp", tenant=first.tenant_id, subscription=first.subscription_id,
        resource_group="rg", name="nsp", location="local", created=0, guid="9e410000-0000-4000-8000-000000000001",
        profiles=(PerimeterProfile("p"),),
    )  # fmt: skip
    association = PerimeterAssociation(
        f"{perimeter.id}/a", first.tenant_id, perimeter.id, "a", "p", world.vault.id, PerimeterMode.ENFORCED, 0
    )
    put(world, perimeter, association)
    try:
        answer = get_secret(world, token)
    finally:
        world.commit(lambda tx: tx.remove(association))

    assert refused(answer) == (
        "Forbidden",
        "ForbiddenByFirewall",
        f"{NO_PERIMETER_RULE}\r\nClient address: {ADDRESS}\r\nCaller: {caller(world, who)}\r\nVault: {vault(world)}",
    )


def test_a_vault_that_is_its_perimeters_and_is_in_none(world: Simulation) -> None:
    """Row 3 again: `SecuredByPerimeter` without a perimeter admits nobody."""
    who = world.principal()
    token = world.token(who)
    fence(world, Bypass.AZURE_SERVICES, PublicNetworkAccess.SECURED_BY_PERIMETER)

    assert refused(get_secret(world, token)) == (
        "Forbidden",
        "ForbiddenByFirewall",
        f"{NO_PERIMETER_RULE}\r\nClient address: {ADDRESS}\r\nCaller: {caller(world, who)}\r\nVault: {vault(world)}",
    )


def test_public_access_is_disabled(world: Simulation) -> None:
    """Row 4: the caller is named and the address is not."""
    who = world.principal()
    token = world.token(who)
    fence(world, Bypass.AZURE_SERVICES, PublicNetworkAccess.DISABLED)

    assert refused(get_secret(world, token)) == (
        "Forbidden",
        "ForbiddenByConnection",
        f"{DISABLED}\r\nCaller: {caller(world, who)}\r\nVault: {vault(world)}",
    )


def test_public_access_is_disabled_and_there_is_no_bypass(world: Simulation) -> None:
    """Row 5: the vault alone."""
    token = world.token(world.principal())
    fence(world, Bypass.NONE, PublicNetworkAccess.DISABLED)

    assert refused(get_secret(world, token)) == (
        "Forbidden",
        "ForbiddenByConnection",
        f"{DISABLED_AND_IGNORED}\r\nVault: {vault(world)}",
    )


def test_a_private_endpoint_that_is_not_approved(world: Simulation) -> None:
    """Rows 4 and 5 are also for who comes through a private endpoint that the vault's owner has not approved."""
    token = world.token(world.principal())
    endpoint = "/subscriptions/s/resourcegroups/rg/providers/microsoft.network/privateendpoints/door"
    fence(world, Bypass.NONE, PublicNetworkAccess.DISABLED)
    put(
        world, EndpointConnection("door.1", world.first.tenant_id, world.vault.id, endpoint, ConnectionState.PENDING, 0)
    )

    assert refused(get_secret(world, token, link=Link.PRIVATE_ENDPOINT, listener=endpoint)) == (
        "Forbidden",
        "ForbiddenByConnection",
        f"{DISABLED_AND_IGNORED}\r\nVault: {vault(world)}",
    )


@pytest.mark.parametrize(
    ("service", "flag", "name"),
    [
        ("Azure Resource Manager template deployment", DeploymentFlag.TEMPLATE_DEPLOYMENT, "ARM"),
        ("Azure Disk Encryption", DeploymentFlag.DISK_ENCRYPTION, "Azure Disk Encryption"),
    ],
)
def test_a_trusted_service_without_the_vaults_flag(
    world: Simulation, service: str, flag: DeploymentFlag, name: str
) -> None:
    """Row 6: the caller by its service's name, then the tenant, then as all are."""
    who = world.principal()
    token = world.token(who)
    fence(world, Bypass.AZURE_SERVICES)
    put(world, TrustedService(f"t-{who.oid}", world.first.tenant_id, who.oid, service, ("SecretGet",), 0, flag))

    assert refused(get_secret(world, token)) == (
        "Forbidden",
        "AccessDenied",
        (
            "Access denied to first party service.\r\n"
            f"Caller: name={name};tid={world.first.tenant_id};{caller(world, who)}\r\n"
            f"Vault: {vault(world)}"
        ),
    )


# ---- section 2: how a caller is named


def test_nobody_who_is_not_known_is_named(world: Simulation) -> None:
    """Of a token that does not verify nothing is repeated: there is no line about a caller, whatever it says."""
    fence(world, Bypass.AZURE_SERVICES)
    unsigned = f"{world.token(world.principal()).rpartition('.')[0]}.AAAA"

    for token in (unsigned, "nonsense"):
        answer = get_secret(world, token)
        assert refused(answer) == (
            "Forbidden",
            "ForbiddenByFirewall",
            f"{NOT_TRUSTED}\r\nClient address: {ADDRESS}\r\nVault: {vault(world)}",
        )


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("64:ff9b::198.51.100.1", "198.51.100.1"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_the_address_is_told_as_it_was_matched(world: Simulation, peer: str, told: str) -> None:
    """SEC-FLOW-9: one form of each address, in the text too."""
    fence(world, Bypass.NONE)

    who = world.principal()
    token = world.token(who)

    assert refused(get_secret(world, token, peer=peer))[2] == (
        f"{IGNORED}\r\nClient address: {told}\r\nCaller: {caller(world, who)}\r\nVault: {vault(world)}"
    )


# What the reference prints of a managed identity: its resource, and the resource that uses it if that is the same.
MACHINE = "/subscriptions/{}/resourcegroups/rg/providers/Microsoft.Compute/virtualMachines/vm1"
SHARED = "/subscriptions/{}/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1"


@pytest.mark.parametrize(("resource", "told"), [(MACHINE, ";xms_mirid={0};xms_az_rid={0}"), (SHARED, ";xms_mirid={0}")])
def test_a_managed_identity_is_named_with_its_resource(world: Simulation, resource: str, told: str) -> None:
    """`xms_mirid` is the identity's resource; `xms_az_rid` the resource that uses it, where that is known."""
    who = world.principal()
    scope = resource.format(world.first.subscription_id)
    found = world.view.service_principal_by_app_id(world.first.tenant_id, who.appid)
    assert found is not None
    token = world.token(who)
    put(world, replace(found, resource_id=scope))
    fence(world, Bypass.AZURE_SERVICES)

    assert refused(get_secret(world, token))[2] == (
        f"{NOT_TRUSTED}\r\nClient address: {ADDRESS}\r\n"
        f"Caller: {caller(world, who)}{told.format(scope)}\r\nVault: {vault(world)}"
    )


def grouped(world: Simulation, who: Principal, count: int) -> None:
    """Put a principal into some groups."""
    tenant = world.first.tenant_id
    for number in range(count):
        group = Group(new_guid(secrets.token_bytes), tenant, f"group {number}", 0)
        put(world, group, Membership(membership_id(group.id, who.oid), tenant, group.id, who.oid))


# ---- section 3.2: access policies

HELP = "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("GET", f"secrets/{SECRET}", None, "get"),
        ("GET", "secrets", None, "list"),
        ("GET", f"secrets/{SECRET}/versions", None, "list"),
        ("PUT", f"secrets/{SECRET}", {"value": "x"}, "set"),
        ("DELETE", f"secrets/{SECRET}", None, "delete"),
        ("POST", f"secrets/{SECRET}/backup", None, "backup"),
        ("POST", f"deletedsecrets/{SECRET}/recover", None, "recover"),
        ("DELETE", f"deletedsecrets/{SECRET}", None, "purge"),
        ("GET", "deletedsecrets", None, "list"),
    ],
)
def test_no_access_policy(world: Simulation, method: str, path: str, body: object, permission: str) -> None:
    """Section 3.2: the permission in its words, the number of groups, the vault."""
    who = world.principal()
    grouped(world, who, 3)
    world.set_vault(rbac=False, access_policies=())
    named = f"appid={who.appid};oid={who.oid};numgroups=3;iss=https://sts.windows.net/{world.first.tenant_id}/"

    answer = world.ask(method, f"{world.vault_url}/{path}?api-version=7.4", token=world.token(who), body=body)

    assert refused(answer) == (
        "Forbidden",
        "ForbiddenByPolicy",
        (
            f"The user, group or application '{named}' does not have secrets {permission} permission on key vault "
            f"'{vault(world)}'. {HELP}"
        ),
    )


def test_no_access_policy_and_no_group(world: Simulation) -> None:
    """Where there are no groups they are not counted."""
    who = world.principal()
    world.set_vault(rbac=None, access_policies=())

    assert refused(get_secret(world, world.token(who)))[2] == (
        f"The user, group or application '{caller(world, who)}' does not have secrets get permission on key vault "
        f"'{vault(world)}'. {HELP}"
    )


# ---- section 3.5: role assignments

PROPAGATION = (
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time."
)


def by_roles(
    world: Simulation,
    who: Principal,
    action: str,
    below: str,
    *,
    denial: str = "null",
    why: str = "DeniedWithNoValidRBAC",
) -> str:
    """Write out the refusal of role assignments."""
    resource = (
        f"/subscriptions/{world.first.subscription_id}/resourcegroups/{world.vault.resource_group.lower()}"
        f"/providers/microsoft.keyvault/vaults/{world.vault.name.lower()}{below}"
    )
    return (
        "Caller is not authorized to perform action on resource.\r\n"
        f"{PROPAGATION}\r\n"
        f"Caller: {caller(world, who)}\r\n"
        f"Action: '{action}'\r\n"
        f"Resource: '{resource}'\r\n"
        "Assignment: (not found)\r\n"
        f"DenyAssignmentId: {denial}\r\n"
        f"DecisionReason: '{why}' \r\n"
        f"Vault: {vault(world)}\r\n"
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "action", "below"),
    [
        ("GET", f"secrets/{SECRET}", None, "secrets/getSecret/action", f"/secrets/{SECRET.lower()}"),
        ("GET", "secrets", None, "secrets/readMetadata/action", ""),
        ("PUT", f"secrets/{SECRET}", {"value": "x"}, "secrets/setSecret/action", f"/secrets/{SECRET.lower()}"),
        ("DELETE", f"secrets/{SECRET}", None, "secrets/delete", f"/secrets/{SECRET.lower()}"),
        ("POST", f"secrets/{SECRET}/backup", None, "secrets/backup/action", f"/secrets/{SECRET.lower()}"),
        ("DELETE", f"deletedsecrets/{SECRET}", None, "secrets/purge/action", f"/secrets/{SECRET.lower()}"),
    ],
)
def test_no_role_assignment(world: Simulation, method: str, path: str, body: object, action: str, below: str) -> None:
    """Section 3.5: the resource is in lower case, the eighth line ends in a space, and the last one is empty."""
    who = world.principal()
    grouped(world, who, 2)

    answer = world.ask(method, f"{world.vault_url}/{path}?api-version=7.4", token=world.token(who), body=body)

    assert refused(answer) == (
        "Forbidden", "ForbiddenByRbac", by_roles(world, who, f"Microsoft.KeyVault/vaults/{action}", below)
    )  # fmt: skip


def test_a_condition_that_does_not_hold_reads_as_no_assignment(world: Simulation) -> None:
    """Section 3.6: "failure surfaces as ForbiddenByRbac", and says nothing of the condition."""
    who = world.principal()
    given = world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    condition = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith 'app-'"
    put(world, replace(given, condition=condition, condition_version="2.0"))

    assert refused(get_secret(world, world.token(who)))[1:] == (
        "ForbiddenByRbac",
        by_roles(world, who, "Microsoft.KeyVault/vaults/secrets/getSecret/action", f"/secrets/{SECRET.lower()}"),
    )


def test_a_deny_assignment_is_named(world: Simulation) -> None:
    """Section 3.5 has a line for it, and no example: its form and the reason are a choice (ADR 14)."""
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    denial = DenyAssignment(
        id="de510000-0000-4000-8000-000000000001", tenant=world.first.tenant_id, scope=world.vault.scope, name="no",
        created=0, data_actions=("Microsoft.KeyVault/vaults/secrets/*",), principals=(who.oid,),
    )  # fmt: skip
    put(world, denial)

    assert refused(get_secret(world, world.token(who)))[1:] == (
        "ForbiddenByRbac",
        by_roles(
            world, who, "Microsoft.KeyVault/vaults/secrets/getSecret/action", f"/secrets/{SECRET.lower()}",
            denial=f"'{denial.id}'", why="DeniedByDenyAssignment",
        ),
    )  # fmt: skip
