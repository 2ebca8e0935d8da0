"""Why a request would be allowed or refused: each step, what it looked at, and what would allow it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.builtin_roles import (
    BUILTIN_ROLES,
    CONTRIBUTOR,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    READER,
)
from strongroom.core.identity import ServicePrincipal, User
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls, PublicNetworkAccess
from strongroom.core.networks import ConnectionState
from strongroom.core.rbac import DenyAssignment, RoleDefinition
from strongroom.core.records import tenant_partition
from strongroom.core.resources import UserAssignedIdentity
from strongroom.core.vaults import AccessPolicy
from strongroom.flow.operation import Op
from tests.flow import arm, cases, networks
from tests.flow.explaining import READ_SECRET, control, deny, make_group, step, why
from tests.flow.guarded import VAULTS, role_of
from tests.flow.secret_cases import SECRETS
from tests.world import PUBLIC_ADDRESS, Principal, Simulation

pytestmark = pytest.mark.usefixtures("restored")

CLOSED = NetworkAcls(default_action=DefaultAction.DENY, bypass=Bypass.NONE)
ONLY_A = (
    f"(!(ActionMatches{{'{READ_SECRET}'}}) OR (@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'a'))"
)


def answer_of(world: Simulation, who: Principal, name: str = "none", peer: str = PUBLIC_ADDRESS, **how: Any) -> int:
    """Ask for a secret that does not exist: 404 for who may read it."""
    url = f"{world.vault_url}/secrets/{name}?api-version=7.4"
    return world.ask("GET", url, token=world.token(who), peer=peer, **how).status


@pytest.fixture(autouse=True)
def no_rights_left(world: Simulation) -> Iterator[None]:
    """Take away custom roles and deny assignments after the test: they would change what the next is told."""
    yield
    partition = tenant_partition(world.first.tenant_id)
    for kind in (RoleDefinition, DenyAssignment):
        networks.remove(world, *world.view.all(kind, partition))


def first_user(world: Simulation) -> User:
    """Give the user that the first start made."""
    return world.view.all(User)[0]


def only(explanation: Any, name: str) -> Any:
    """Give the one remedy of a step."""
    (remedy,) = step(explanation, name)["remedies"]
    return remedy


# ---- the answer is the flow's -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["rbac", "policy"])
@pytest.mark.parametrize("op", cases.GUARDED, ids=lambda op: op.name)
def test_agrees_with_the_request(world: Simulation, op: Op, model: str) -> None:
    """Of every operation, in either model, it says what a real request is answered: without the right and with it."""
    subject, who = VAULTS.subject(world, op), world.principal()
    name = getattr(subject, "name", "")
    VAULTS.withhold(subject, model)
    refused = subject.ask(world.token(who))
    told = why(world, who.oid, op.name, name)
    assert not told["allowed"]
    assert told["refusal"] == {
        "step": "permission",
        "status": refused.status,
        "code": refused.error["innererror"]["code"],
    }
    world.set_vault(rbac=True)
    subject.prepare()
    given = VAULTS.give(subject, who, model)
    told = why(world, who.oid, op.name, name)
    assert told["allowed"], told
    assert subject.ask(world.token(who)).status == op.success
    assert [one["id"] for one in step(told, "permission")["evidence"] if one["counts"]] == [given]


def test_the_first_refusal_is_the_answer(world: Simulation) -> None:
    """A blocked address is what a request is refused for, and that the right is missing too is told beside it."""
    who = world.principal()
    world.set_vault(rbac=True, network_acls=CLOSED)
    told = why(world, who.oid)
    assert told["refusal"] == {"step": "firewall", "status": 403, "code": "ForbiddenByFirewall"}
    assert [one["name"] for one in told["steps"] if one["outcome"] == "refused"] == ["firewall", "permission"]
    assert answer_of(world, who) == 403


def test_says_nothing_of_objects(world: Simulation, name: str) -> None:
    """Whether the object is there changes nothing but its name."""
    who = world.principal()
    SECRETS.put(world, name)
    there, absent = why(world, who.oid, name=name), why(world, who.oid, name=name[::-1].strip("-"))
    assert str(there).replace(name, "x") == str(absent).replace(name[::-1].strip("-"), "x")


# ---- roles --------------------------------------------------------------------------------------------------------


def test_evidence_of_roles(world: Simulation, name: str) -> None:
    """Each assignment of the caller and its groups is there, with why it does or does not count."""
    who = world.principal()
    group = make_group(world, "readers", who.oid)
    scope = world.vault.scope
    wrong = world.grant(who.oid, KEY_VAULT_READER, scope)
    beside = world.grant(who.oid, KEY_VAULT_SECRETS_USER, f"{scope}/secrets/{name}x")
    control_only = world.grant(who.oid, OWNER, scope)
    right = world.grant(group, KEY_VAULT_SECRETS_USER, scope)
    told = why(world, who.oid, name=name)
    found = {one["id"]: (one["counts"], one["found"]) for one in step(told, "permission")["evidence"]}
    user = "Key Vault Secrets User"
    assert found == {
        wrong.arm_id: (False, f"Key Vault Reader for the principal itself at {scope}: it does not cover the action"),
        beside.arm_id: (
            False,
            f"{user} for the principal itself at {beside.scope}: its scope is not above what is asked about",
        ),
        control_only.arm_id: (False, f"Owner for the principal itself at {scope}: it does not cover the action"),
        right.arm_id: (True, f"Key Vault Secrets User for the group 'readers' at {scope}: grants"),
    }


@pytest.mark.parametrize(
    ("operation", "role"),
    [
        ("SecretGet", "Key Vault Secrets User"),
        ("SecretList", "Key Vault Reader"),
        ("SecretSet", "Key Vault Secrets Officer"),
        ("SecretPurge", "Key Vault Secrets Officer"),
        ("KeyGet", "Key Vault Reader"),
        ("KeyCreate", "Key Vault Crypto Officer"),
        ("KeySign", "Key Vault Crypto User"),
        ("KeyUnwrap", "Key Vault Crypto Service Encryption User"),
    ],
)
def test_the_least_role(world: Simulation, name: str, operation: str, role: str) -> None:
    """What is proposed is the narrowest built-in role, at the object first; whoever follows it is let in."""
    who = world.principal()
    remedies = step(why(world, who.oid, operation, name), "permission")["remedies"]
    arguments = shlex.split(remedies[0]["commands"][0])
    asked = dict(zip(arguments[4::2], arguments[5::2], strict=True))
    assert arguments[:4] == ["az", "role", "assignment", "create"]
    assert asked == {
        "--role": role,
        "--assignee-object-id": who.oid,
        "--assignee-principal-type": "ServicePrincipal",
        "--scope": cases.scope(world, next(op for op in cases.GUARDED if op.name == operation), name),
    }
    (id_,) = (one.id for one in BUILTIN_ROLES.values() if one.name == role)
    world.grant(who.oid, id_, asked["--scope"])
    assert why(world, who.oid, operation, name)["allowed"]


def test_the_least_role_may_be_a_custom_one(world: Simulation, name: str) -> None:
    """A custom role that gives less is less, where it may be assigned."""
    who = world.principal()
    role_of(world, cases.GUARDED[0], data_actions=(READ_SECRET,))
    first, second = step(why(world, who.oid, name=name), "permission")["remedies"]
    assert first["change"] == (
        f"Assign the custom role only {cases.GUARDED[0].name} to {who.oid} at {world.vault.scope}/secrets/{name}."
    )
    assert second["change"].endswith(f"{world.vault.scope}.")


def test_deny_assignment(world: Simulation) -> None:
    """A deny assignment that takes a right away is named, and removing it is what helps; no role is proposed."""
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    denial = deny(world, who.oid)
    told = why(world, who.oid)
    assert told["refusal"]["code"] == "ForbiddenByRbac"
    assert denial.arm_id in step(told, "permission")["found"]
    remedy = only(told, "permission")
    assert denial.arm_id in remedy["change"]
    assert remedy["commands"] == [f"az rest --method delete --url '{denial.arm_id}?api-version=2022-04-01'"]
    assert answer_of(world, who) == 403
    world.commit(lambda tx: tx.remove(denial))
    assert why(world, who.oid)["allowed"]
    assert answer_of(world, who) == 404


def test_deny_assignment_and_no_role(world: Simulation) -> None:
    """Where both are in the way, one change is both."""
    who = world.principal()
    denial = deny(world, who.oid)
    for remedy in step(why(world, who.oid), "permission")["remedies"]:
        assert denial.arm_id in remedy["change"]
        assert "Key Vault Secrets User" in remedy["change"]
        assert len(remedy["commands"]) == 2
    world.commit(lambda tx: tx.remove(denial))


def test_condition(world: Simulation) -> None:
    """A condition decides by the object's name; where it does not hold it is told, with a way round it."""
    who = world.principal()
    given = replace(
        world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope), condition=ONLY_A, condition_version="2.0"
    )
    world.commit(lambda tx: tx.put(given))
    assert why(world, who.oid, name="a")["allowed"]
    assert answer_of(world, who, "a") == 404
    told = why(world, who.oid, name="b")
    assert answer_of(world, who, "b") == 403
    assert not told["allowed"]
    (evidence,) = step(told, "permission")["evidence"]
    assert evidence["found"].endswith(f"its condition does not hold: {ONLY_A}")
    first, *others = step(told, "permission")["remedies"]
    assert ONLY_A in first["change"]
    assert all("Key Vault Secrets User" in one["change"] for one in others)


# ---- access policies ----------------------------------------------------------------------------------------------


def test_access_policies(world: Simulation) -> None:
    """Each entry is there with its place, and the command keeps the words that the caller has already."""
    who = world.principal()
    group = make_group(world, "team", who.oid)
    tenant = world.first.tenant_id
    entries = (
        AccessPolicy(tenant, who.oid, secrets=("list",)),
        AccessPolicy(tenant, group, keys=("all",)),
    )
    world.set_vault(rbac=False, access_policies=entries)
    told = why(world, who.oid)
    place = f"{world.vault.scope}/accessPolicies"
    assert [(one["id"], one["counts"], one["found"]) for one in step(told, "permission")["evidence"]] == [
        (f"{place}/0", False, "secrets: list: it does not give secrets/get"),
        (f"{place}/1", False, "keys: all: it does not give secrets/get"),
    ]
    (command,) = only(told, "permission")["commands"]
    assert command == (
        f"az keyvault set-policy --name {world.vault.name} --object-id {who.oid} --secret-permissions list get"
    )
    better = replace(entries[0], secrets=("list", "get"))
    world.set_vault(access_policies=(better, entries[1]))
    assert why(world, who.oid)["allowed"]


def test_compound_entry(world: Simulation) -> None:
    """An entry for a user through one application counts through that application alone, if it proves itself."""
    user = first_user(world).id
    client = world.principal("web")
    entry = AccessPolicy(world.first.tenant_id, user, application_id=client.appid, secrets=("get",))
    world.set_vault(rbac=False, access_policies=(entry,))
    assert why(world, user, client=client.appid)["allowed"]
    told = why(world, user)
    assert not told["allowed"]
    (evidence,) = step(told, "permission")["evidence"]
    assert client.appid in evidence["found"]


# ---- the firewall -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "commands"),
    [
        ({"network_acls": CLOSED}, ["network-rule add"]),
        ({"public_network_access": PublicNetworkAccess.DISABLED}, ["update"]),
        (
            {"public_network_access": PublicNetworkAccess.DISABLED, "network_acls": CLOSED},
            ["update", "network-rule add"],
        ),
    ],
)
def test_the_least_change_of_the_firewall(world: Simulation, changes: dict[str, Any], commands: list[str]) -> None:
    """Of the vault's settings as few are changed as let the address in."""
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    world.set_vault(rbac=True, **changes)
    told = why(world, who.oid)
    assert [one["outcome"] for one in told["steps"]] == ["passed", "passed", "refused", "passed", "passed"]
    given = only(told, "firewall")["commands"]
    assert [one.partition(" --")[0].removeprefix("az keyvault ") for one in given] == commands
    if "network-rule add" in commands:
        assert given[-1].endswith(f"--name {world.vault.name} --ip-address {PUBLIC_ADDRESS}/32")
        acls = replace(CLOSED, ip_rules=(f"{PUBLIC_ADDRESS}/32",))
        world.set_vault(network_acls=acls, public_network_access=PublicNetworkAccess.ENABLED)
        assert f"ipRule {PUBLIC_ADDRESS}/32" in step(why(world, who.oid), "firewall")["found"]


def test_private_endpoint(world: Simulation) -> None:
    """Through a private endpoint its connection decides, and approving it is what helps."""
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    network = networks.virtual_network(world)
    endpoint = networks.private_endpoint(network)
    pending = networks.connection(world.vault, endpoint, ConnectionState.PENDING)
    networks.put(world, network, networks.network_map(network, ["198.51.100.0/24"]), endpoint)
    asked = {"endpoint": endpoint.scope, "address": "198.51.100.9"}
    assert why(world, who.oid, **asked)["refusal"] == {"step": "vault", "status": 421, "code": ""}
    networks.put(world, pending)
    told = why(world, who.oid, **asked)
    assert told["refusal"] == {"step": "firewall", "status": 403, "code": "ForbiddenByConnection"}
    (command,) = only(told, "firewall")["commands"]
    assert command.endswith(f"approve --vault-name {world.vault.name} --name {pending.id}")
    networks.put(world, replace(pending, state=ConnectionState.APPROVED))
    assert why(world, who.oid, **asked)["allowed"]
    assert answer_of(world, who, peer="198.51.100.9", **networks.through(endpoint)) == 404
    told = why(world, who.oid, endpoint=endpoint.scope, address="192.0.2.1")
    assert "operator map 192.0.2.1" in only(told, "firewall")["change"]


def test_perimeter(world: Simulation) -> None:
    """In an enforced perimeter its rules decide, and a rule there is what helps, not one of the vault's own."""
    who = world.principal()
    world.grant(who.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    around = networks.perimeter(world)
    joined = networks.association(around, world.vault)
    networks.put(world, around, joined)
    told = why(world, who.oid)
    networks.remove(world, joined, around)
    assert told["refusal"]["step"] == "firewall"
    assert only(told, "firewall") == {
        "change": f"Add an inbound access rule for {PUBLIC_ADDRESS} to the vault's profile in the perimeter"
        f" {around.scope}.",
        "commands": [],
    }


# ---- principals ---------------------------------------------------------------------------------------------------


def test_disabled_principal(world: Simulation) -> None:
    """Whoever is disabled is refused by 401, and enabling it is what helps."""
    who = world.principal()
    principal = world.view.principal(world.first.tenant_id, who.oid)
    assert isinstance(principal, ServicePrincipal)
    token = world.token(who)
    world.commit(lambda tx: tx.put(replace(principal, enabled=False)))
    told = why(world, who.oid)
    assert told["refusal"]["step"] == "principal"
    assert told["refusal"]["status"] == 401
    url = f"{world.vault_url}/secrets/a?api-version=7.4"
    assert world.ask("GET", url, token=token).status == 401
    assert only(told, "principal")["commands"] == [f"az ad sp update --set accountEnabled=true --id {who.oid}"]


def test_named_in_every_way(world: Simulation) -> None:
    """A principal is named by object id, client id, user principal name, or a managed identity's ARM id."""
    user = first_user(world)
    identity = world.view.all(UserAssignedIdentity)[0]
    who = world.principal()
    names = {
        who.appid: who.oid,
        user.user_principal_name.upper(): user.id,
        identity.scope.upper(): identity.principal_id,
        identity.client_id: identity.principal_id,
    }
    for name, oid in names.items():
        assert why(world, name)["question"]["principalId"] == oid


@pytest.mark.parametrize("words", ["SecretGetDeleted", "secretgetdeleted", "get-deleted-secret", "Get deleted secrets"])
def test_operations_by_their_words(world: Simulation, words: str) -> None:
    """An operation is named by the audit's name or by its words."""
    assert why(world, world.administrator.oid, words)["question"]["operation"] == "SecretGetDeleted"


@pytest.mark.parametrize(
    "url",
    [
        "https://{vault}.vault.azure.net/secrets/db/0123456789abcdef0123456789abcdef",
        "https://{vault}.vault.localhost:8443/secrets/db",
        "https://{vault}.vault.localhost:8443/deletedsecrets/db?api-version=7.4",
    ],
)
def test_objects_by_their_urls(world: Simulation, url: str) -> None:
    """An object is named by its URL under our names or Azure's."""
    told = why(world, world.administrator.oid, url=url.format(vault=world.vault.name))
    assert (told["question"]["vault"], told["question"]["object"]) == (world.vault.name, "db")


# ---- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"operation": "SecretEat"}, 400, "UnknownOperation"),
        ({"operation": "VaultHealth"}, 400, "UnknownOperation"),
        ({"operation": ""}, 400, "UnknownOperation"),
        ({"object": "a/b"}, 400, "BadParameter"),
        ({"object": "a_b"}, 400, "BadParameter"),
        ({"object": ""}, 400, "ObjectMissing"),
        ({"principal": "00000000-0000-4000-8000-00000000dead"}, 404, "PrincipalNotFound"),
        ({"principal": "nobody@nowhere.example"}, 404, "PrincipalNotFound"),
        ({"principal": "/subscriptions/x"}, 404, "PrincipalNotFound"),
        ({"principal": "somebody"}, 400, "InvalidPrincipal"),
        ({"principal": ""}, 400, "InvalidPrincipal"),
        ({"address": "300.1.2.3"}, 400, "InvalidAddress"),
        ({"address": "somewhere"}, 400, "InvalidAddress"),
        ({"client": "somebody"}, 400, "InvalidClient"),
        ({"apiVersion": "1.0"}, 400, "BadParameter"),
        ({"vault": "no-such-vault"}, 404, "VaultNotFound"),
        ({"url": "https://example.org/secrets/a"}, 400, "InvalidUrl"),
        ({"unknown": "x"}, 400, None),
    ],
)
def test_bad_input(world: Simulation, change: dict[str, str], status: int, code: str | None) -> None:
    """What cannot be understood is refused with what is wrong, and nothing changes."""
    good = {"principal": world.administrator.oid, "operation": "SecretGet", "vault": world.vault.name, "object": "a"}
    before = world.view.generation
    answer = control(world, "/explain", good | change)
    assert answer.status == status, answer.body
    if code is not None:
        assert answer.error["code"] == code
    assert world.view.generation == before


def test_a_group_asks_for_nothing(world: Simulation) -> None:
    """A group makes no requests, and that is said."""
    group = make_group(world, "idle")
    answer = control(
        world,
        "/explain",
        {"principal": group, "operation": "SecretGet", "vault": world.vault.name, "object": "a"},
    )
    assert (answer.status, answer.error["code"]) == (400, "InvalidPrincipal")


def test_deleted_vault(world: Simulation) -> None:
    """A deleted vault answers nobody, and recovering it is what helps."""
    world.set_vault(deleted=int(world.clock()), purge_at=int(world.clock()) + 86_400)
    told = why(world, world.administrator.oid)
    assert told["refusal"] == {"step": "vault", "status": 404, "code": "VaultNotFound"}
    assert only(told, "vault")["commands"] == [f"az keyvault recover --name {world.vault.name}"]


def test_api_version(world: Simulation) -> None:
    """An operation that an api-version does not know is a 404 there."""
    told = why(world, world.administrator.oid, "SecretPurge", apiVersion="2015-06-01")
    assert told["refusal"] == {"step": "operation", "status": 404, "code": ""}


# ---- the management plane -----------------------------------------------------------------------------------------


@pytest.fixture
def mine(world: Simulation) -> arm.Arm:
    """Give the administrator, with a vault of its own."""
    made = arm.Arm(world, world.administrator)
    made.make_vault()
    return made


EXPLAIN = "/providers/Strongroom.Authorization/explain"


def test_over_the_management_plane(world: Simulation, mine: arm.Arm) -> None:
    """Whoever may read the vault and its role assignments is told as much as the operator. The journal has it."""
    who = world.principal()
    body = {"principal": who.oid, "operation": "get-secret", "objectName": "db", "address": "198.51.100.1"}
    told = mine.do("POST", f"{mine.vault}{EXPLAIN}", body)
    assert told["refusal"] == {"step": "permission", "status": 403, "code": "ForbiddenByRbac"}
    assert told["question"]["address"] == "198.51.100.1"
    assert step(told, "permission")["remedies"]
    entry = world.entries()[-1]
    assert entry["operationName"] == "VaultExplain"
    said = {name: entry["properties"].get(name) for name in ("principalId", "explainedOperation", "explainedAddress")}
    assert said == {"principalId": who.oid, "explainedOperation": "SecretGet", "explainedAddress": "198.51.100.1"}
    assert entry["properties"]["explainedOutcome"] is False


@pytest.mark.parametrize("role", [CONTRIBUTOR, READER])
def test_who_may_ask(world: Simulation, mine: arm.Arm, role: str) -> None:
    """Reading everything is enough; reading role assignments without the vault is not, nor is the data of the vault."""
    body = {"principal": world.administrator.oid, "operation": "SecretGet", "objectName": "a"}
    reader, keeper = world.principal(), world.principal()
    world.grant(reader.oid, role, mine.vault)
    world.grant(keeper.oid, KEY_VAULT_SECRETS_OFFICER, mine.vault)
    assert mine.as_(reader).ask("POST", f"{mine.vault}{EXPLAIN}", body).status == 200
    status, code, message = mine.as_(keeper).refused("POST", f"{mine.vault}{EXPLAIN}", body)
    assert (status, code) == (403, "AuthorizationFailed")
    assert "Microsoft.KeyVault/vaults/read" in message


def test_about_oneself(world: Simulation, mine: arm.Arm) -> None:
    """Everybody may ask about itself, and is told which step refuses and how to ask, not what others have."""
    who = world.principal()
    group = make_group(world, "secret society", who.oid)
    beside = world.grant(group, KEY_VAULT_READER, mine.vault)
    denial = deny(world, group, scope=mine.vault)
    body = {"operation": "SecretGet", "objectName": "a"}
    told = mine.as_(who).do("POST", f"{mine.vault}{EXPLAIN}Own", body)
    assert told["refusal"] == {"step": "permission", "status": 403, "code": "ForbiddenByRbac"}
    assert not any("evidence" in one for one in told["steps"])
    for name in (beside.id, denial.id, "secret society", group):
        assert name not in str(told)
    world.commit(lambda tx: tx.remove(denial))
    narrower = role_of(world, cases.GUARDED[0], data_actions=(READ_SECRET,))
    told = mine.as_(who).do("POST", f"{mine.vault}{EXPLAIN}Own", body)
    assert narrower not in str(told)
    assert "Key Vault Secrets User" in step(told, "permission")["remedies"][0]["change"]


def test_about_oneself_from_where_one_is(world: Simulation, mine: arm.Arm) -> None:
    """About itself a caller learns of its own address alone, so that nobody finds out the rules by asking."""
    who = world.principal()
    body = {"operation": "SecretGet", "objectName": "a", "address": "198.51.100.1", "principal": first_user(world).id}
    told = mine.as_(who).do("POST", f"{mine.vault}{EXPLAIN}Own", body)
    assert told["question"]["address"] == PUBLIC_ADDRESS
    assert told["question"]["principalId"] == who.oid


def test_what_is_elsewhere_is_not_told(world: Simulation, mine: arm.Arm) -> None:
    """Of assignments in other vaults only those learn who may read them there; the operator learns of all."""
    who, reader = world.principal(), world.principal()
    world.grant(reader.oid, READER, mine.vault)
    below = world.grant(who.oid, KEY_VAULT_SECRETS_USER, f"{mine.vault}/secrets/other")
    above = world.grant(who.oid, READER, mine.subscription)
    beside = world.grant(who.oid, KEY_VAULT_SECRETS_USER, f"{world.vault.scope}/secrets/merger")
    denial = deny(world, who.oid, scope=f"{world.vault.scope}/secrets/merger")
    body = {"principal": who.oid, "operation": "SecretGet", "objectName": "a"}

    def ids(explanation: Any) -> set[str]:
        return {one["id"] for one in step(explanation, "permission")["evidence"]}

    told = mine.as_(reader).do("POST", f"{mine.vault}{EXPLAIN}", body)
    assert ids(told) == {below.arm_id, above.arm_id}
    assert "merger" not in str(told)
    world.grant(reader.oid, READER, world.vault.scope)
    everything = {below.arm_id, above.arm_id, beside.arm_id, denial.arm_id}
    assert ids(mine.as_(reader).do("POST", f"{mine.vault}{EXPLAIN}", body)) == everything
    url = f"https://{mine.vault_name}.vault.localhost/secrets/a"
    assert ids(why(world, who.oid, url=url)) == everything


def test_about_oneself_where_nothing_is(world: Simulation, mine: arm.Arm) -> None:
    """Whoever has no rights learns by no path of another subscription or group, nor of a vault, whether it is there."""
    who, body = world.principal(), {"operation": "SecretGet", "objectName": "a"}
    texts = set()
    for path in (
        f"{mine.group}/providers/Microsoft.KeyVault/vaults/none",
        f"{mine.subscription}/resourceGroups/none/providers/Microsoft.KeyVault/vaults/none",
        "/subscriptions/59999999-0000-4000-8000-000000000001/resourceGroups/none/providers/Microsoft.KeyVault/vaults/x",
    ):
        status, code, message = mine.as_(who).refused("POST", f"{path}{EXPLAIN}Own", body)
        assert (status, code) == (403, "AuthorizationFailed")
        texts.add(message.replace(path, ""))
        assert mine.ask("POST", f"{path}{EXPLAIN}Own", body).status in {403, 404}
    assert len(texts) == 1
    assert mine.ask("POST", f"{mine.vault}x{EXPLAIN}Own", body).status == 404


def test_control_socket_alone(world: Simulation) -> None:
    """The operator's way is not there on any other listener."""
    answer = world.ask("POST", "http://control/explain", body={}, host="control")
    assert answer.status == 421
