"""
Every operation of the table, in every way it can be refused, and allowed by each permission model.

Generated from the rows: whoever adds a row adds a case, and gets all of this.
"""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterator
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.core.identity import ServicePrincipal
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls, PublicNetworkAccess
from strongroom.core.rbac import RoleDefinition
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import AccessPolicy
from strongroom.directory import applications, client_secrets, signing_keys, tenants
from strongroom.flow.operation import Op
from strongroom.store import Transaction
from tests.flow.cases import CASES, GUARDED, VERSION, permission, resource
from tests.world import ARM_AUDIENCE, PUBLIC_ADDRESS, Answer, Principal, Simulation

OPERATIONS = [pytest.param(op, id=op.name) for op in GUARDED]
PROPAGATION = (
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time."
)
CHALLENGE = 'Bearer authorization="https://login.localhost:8443/{tenant}", resource="https://vault.localhost:8443"'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """One world for the module; every test uses names and principals of its own."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    yield simulation
    simulation.close()


@pytest.fixture
def name() -> str:
    """Give a secret's name that no other test uses."""
    return f"s-{chance.token_hex(6)}"


@pytest.fixture
def nobody(world: Simulation) -> Principal:
    """Make a principal without any right."""
    return world.principal()


@pytest.fixture(autouse=True)
def settings(world: Simulation) -> Iterator[None]:
    """Put the vault's settings back after each test."""
    before = world.vault
    yield
    world.commit(lambda tx: tx.put(before))


def ask(world: Simulation, op: Op, name: str, token: str | None, *, prepared: bool = True, **how: str) -> Answer:
    """Ask for an operation, in the state that it needs."""
    case = CASES[op.name]
    body = case.body
    if prepared:
        case.prepare(world, name)
    if callable(body):
        body = {"value": body(world, name) if prepared else "AAAA"}
    path = case.path.format(name=name)
    return world.ask(op.method, f"{world.vault_url}{path}?api-version={VERSION}", token=token, body=body, **how)


def last_entry(world: Simulation) -> dict[str, object]:
    """Read the newest audit entry."""
    return world.entries()[-1]


def check_challenge(world: Simulation, answer: Answer) -> None:
    """Check that a 401 tells where to get a token and for what, in one header that every client can parse."""
    assert answer.headers["www-authenticate"] == CHALLENGE.format(tenant=world.first.tenant_id)


def check_anonymous(world: Simulation, answer: Answer, reason: str) -> None:
    """Check that a 401 is recorded without any identity, since none was proved, with a reason for operators."""
    entry = last_entry(world)
    assert entry["operationName"] == "Authentication"
    assert entry["identity"] == {}
    assert entry["properties"]["httpStatusCode"] == answer.status  # type: ignore[index]
    assert entry["properties"]["reason"] == reason  # type: ignore[index]
    assert reason not in answer.body.decode()


@pytest.mark.parametrize("op", OPERATIONS)
def test_no_token(world: Simulation, op: Op, name: str) -> None:
    """Without a token every operation answers the challenge, whatever else is right or wrong about the request."""
    answer = ask(world, op, name, None, prepared=False)
    assert answer.status == 401
    assert answer.json == {
        "error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}
    }
    check_challenge(world, answer)
    check_anonymous(world, answer, "no bearer token")


@pytest.mark.parametrize("op", OPERATIONS)
def test_wrong_audience(world: Simulation, op: Op, name: str) -> None:
    """A token for the management plane opens nothing here, even the administrator's."""
    answer = ask(world, op, name, world.token(world.administrator, ARM_AUDIENCE), prepared=False)
    assert answer.status == 401
    assert answer.error["message"] == (
        "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://management.azure.com."
    )
    check_challenge(world, answer)
    check_anonymous(world, answer, "wrong audience")


@pytest.mark.parametrize("op", OPERATIONS)
def test_wrong_tenant(world: Simulation, op: Op, name: str, stranger: str) -> None:
    """A good token of another tenant is refused, and the challenge names the vault's own."""
    answer = ask(world, op, name, stranger, prepared=False)
    assert answer.status == 401
    assert answer.error["message"].startswith(
        f"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{world.first.tenant_id}/, found"
    )
    check_challenge(world, answer)
    check_anonymous(world, answer, "issuer of another tenant")


@pytest.fixture(scope="module")
def stranger(world: Simulation) -> str:
    """Make a tenant with a principal, and sign it in."""

    async def make(tx: Transaction) -> tuple[str, Principal]:
        now = int(world.clock())
        tenant = await tenants.create_tenant(
            tx, display_name="Other", domains=("other.example",), now=now, entropy=chance.token_bytes
        )
        made = [signing_keys.make_signing_key(world.keys, tenant.id, t, now) for t in signing_keys.due((), now)]
        await signing_keys.roll_over(tx, tenant.id, made, now)
        application = await applications.create_application(
            tx, tenant.id, display_name="other", now=now, entropy=chance.token_bytes
        )
        principal = await applications.create_service_principal(
            tx, tenant.id, application, now=now, entropy=chance.token_bytes
        )
        secret = client_secrets.make_client_secret(
            world.keys, application, expires=now + 86_400, now=now, entropy=chance.token_bytes
        )
        await client_secrets.add_password(tx, secret.credential)
        return tenant.id, Principal(principal.id, application.app_id, application.id, secret.text)

    tenant, principal = world.commit(make)
    return world.token(principal, tenant=tenant)


@pytest.mark.parametrize("op", OPERATIONS)
def test_expired(world: Simulation, op: Op, name: str) -> None:
    """A token is good until its `exp` and not a second longer."""
    token = world.token(world.administrator)
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    world.advance(expires - world.clock())
    answer = ask(world, op, name, token, prepared=False)
    assert answer.status == 401
    assert answer.error["message"] == "[TokenExpired] Error validating token: 'S2S12086'."
    check_challenge(world, answer)
    check_anonymous(world, answer, "expired")


@pytest.fixture(scope="module")
def forger() -> rsa.RSAPrivateKey:
    """Make a key that nobody published."""
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("op", OPERATIONS)
def test_forged(world: Simulation, op: Op, name: str, forger: rsa.RSAPrivateKey) -> None:
    """The administrator's claims under a published `kid`, signed by another key, are worth nothing."""
    genuine = world.token(world.administrator)
    claims, header = jwt.decode(genuine, options={"verify_signature": False}), jwt.get_unverified_header(genuine)
    forged = jwt.encode(claims, forger, "RS256", headers={"kid": header["kid"], "x5t": header["kid"]})
    answer = ask(world, op, name, forged, prepared=False)
    assert answer.status == 401
    assert answer.error["message"] == "[AggregatedAuthenticationFailure] Error validating token: 'S2S17001'."
    check_challenge(world, answer)
    check_anonymous(world, answer, "signature")


@pytest.mark.parametrize("op", OPERATIONS)
def test_disabled_principal(world: Simulation, op: Op, name: str, nobody: Principal) -> None:
    """A principal that is disabled loses its access at once, however long its token would live."""
    token = world.token(nobody)
    assert ask(world, op, name, token, prepared=False).status == 403
    tenant = world.first.tenant_id

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(tenant), nobody.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    world.commit(disable)
    answer = ask(world, op, name, token, prepared=False)
    assert answer.status == 401
    check_challenge(world, answer)
    check_anonymous(world, answer, "principal is disabled")


@pytest.mark.parametrize("op", OPERATIONS)
def test_removed_secret(world: Simulation, op: Op, name: str, nobody: Principal) -> None:
    """A token ends with the secret it was obtained with (SEC: "removing one secret ends its tokens and no others")."""
    token = world.token(nobody)
    tenant = world.first.tenant_id
    world.commit(lambda tx: client_secrets.remove_password(tx, tenant, nobody.application, nobody.key_id))
    answer = ask(world, op, name, token, prepared=False)
    assert answer.status == 401
    check_anonymous(world, answer, "credential was removed")


@pytest.mark.parametrize("op", OPERATIONS)
def test_blocked_address(world: Simulation, op: Op, name: str) -> None:
    """SEC-FLOW-1: a blocked address is refused whatever its rights; the caller is named, since its token verified."""
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE, ("198.51.100.0/24",)))
    admin = world.administrator
    answer = ask(world, op, name, world.token(admin), prepared=False)
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByFirewall"}
    assert answer.error["message"] == "\r\n".join(
        (
            "Client address is not authorized and caller was ignored because bypass is set to None",
            f"Client address: {PUBLIC_ADDRESS}",
            f"Caller: appid={admin.appid};oid={admin.oid};iss=https://sts.windows.net/{world.first.tenant_id}/",
            f"Vault: {world.vault.name};location={world.vault.location}",
        )
    )
    entry = last_entry(world)
    assert entry["operationName"] == op.name
    assert entry["callerIpAddress"] == PUBLIC_ADDRESS
    assert entry["identity"]["claim"]["oid"] == admin.oid  # type: ignore[index]


@pytest.mark.parametrize("op", OPERATIONS)
def test_blocked_address_with_a_bad_token(world: Simulation, op: Op, name: str, forger: rsa.RSAPrivateKey) -> None:
    """SEC-FLOW-3, SEC-FLOW-4: a bad token from a blocked address gets the firewall's 403; no claim is repeated."""
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.AZURE_SERVICES))
    claims = jwt.decode(world.token(world.administrator), options={"verify_signature": False})
    answer = ask(world, op, name, jwt.encode(claims, forger, "RS256"), prepared=False)
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByFirewall"}
    assert "Caller:" not in answer.error["message"]
    entry = last_entry(world)
    assert entry["identity"] == {}
    assert world.administrator.oid not in str(entry)


@pytest.mark.parametrize("op", OPERATIONS)
def test_admitted_address(world: Simulation, op: Op, name: str) -> None:
    """An address that a rule names passes, and the audit says which rule it was."""
    CASES[op.name].prepare(world, name)
    token = world.token(world.administrator)
    body = CASES[op.name].body
    if callable(body):
        body = {"value": body(world, name)}
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE, ("203.0.113.0/24",)))
    path = CASES[op.name].path.format(name=name)
    answer = world.ask(op.method, f"{world.vault_url}{path}?api-version={VERSION}", token=token, body=body)
    assert answer.status == op.success, answer.body
    assert last_entry(world)["properties"]["addrAuthType"] == "ipRule 203.0.113.0/24"  # type: ignore[index]


@pytest.mark.parametrize("op", OPERATIONS)
def test_public_access_disabled(world: Simulation, op: Op, name: str) -> None:
    """With public network access disabled the public listener refuses everybody."""
    world.set_vault(public_network_access=PublicNetworkAccess.DISABLED)
    answer = ask(world, op, name, world.token(world.administrator), prepared=False)
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByConnection"}


@pytest.mark.parametrize("op", OPERATIONS)
def test_rbac_without_permission(world: Simulation, op: Op, name: str, nobody: Principal) -> None:
    """Without a role assignment the answer is the reference's text, and tells what was asked, not what exists."""
    answer = ask(world, op, name, world.token(nobody))
    assert answer.status == 403
    assert answer.error["code"] == "Forbidden"
    assert answer.error["innererror"] == {"code": "ForbiddenByRbac"}
    assert answer.error["message"] == "\r\n".join(
        (
            "Caller is not authorized to perform action on resource.",
            PROPAGATION,
            f"Caller: appid={nobody.appid};oid={nobody.oid};iss=https://sts.windows.net/{world.first.tenant_id}/",
            f"Action: '{permission(op).action}'",
            f"Resource: '{resource(world, op, name)}'",
            "Assignment: (not found)",
            "DenyAssignmentId: null",
            "DecisionReason: 'DeniedWithNoValidRBAC' ",
            f"Vault: {world.vault.name};location={world.vault.location}",
            "",
        )
    )
    entry = last_entry(world)
    assert entry["operationName"] == op.name
    assert entry["properties"]["isRbacAuthorized"] is False  # type: ignore[index]


@pytest.mark.parametrize("op", OPERATIONS)
def test_rbac_with_exactly_the_permission(world: Simulation, op: Op, name: str, nobody: Principal) -> None:
    """A role with exactly the row's data action, on exactly the object, is enough; the answer names the assignment."""
    role = RoleDefinition(
        id=f"00000000-0000-4000-8000-{chance.token_hex(6)}",
        tenant=world.first.tenant_id,
        name=f"only {op.name}",
        data_actions=(permission(op).action,),
    )
    world.commit(lambda tx: tx.put(role))
    scope = f"{world.vault.scope}/secrets/{name}" if "{name}" in op.path else world.vault.scope
    assignment = world.grant(nobody.oid, role.id, scope)
    answer = ask(world, op, name, world.token(nobody))
    assert answer.status == op.success, answer.body
    assert answer.headers["x-ms-keyvault-rbac-assignment-id"] == assignment.arm_id
    entry = last_entry(world)
    assert entry["operationName"] == op.name
    assert entry["operationVersion"] == VERSION
    assert entry["resourceId"] == world.vault.scope.upper()
    assert entry["identity"]["claim"]["oid"] == nobody.oid  # type: ignore[index]
    properties = entry["properties"]
    assert properties["httpStatusCode"] == op.success  # type: ignore[index]
    assert properties["isRbacAuthorized"] is True  # type: ignore[index]
    assert properties["appliedAssignmentId"] == assignment.arm_id  # type: ignore[index]


@pytest.mark.parametrize("op", OPERATIONS)
def test_rbac_on_another_vaults_prefix(world: Simulation, op: Op, name: str, nobody: Principal) -> None:
    """An assignment at a scope that only looks like a prefix gives nothing."""
    world.grant(nobody.oid, "00482a5a-887f-4fb3-b363-3b7fe8e74483", world.vault.scope[:-1])
    assert ask(world, op, name, world.token(nobody)).status == 403


@pytest.mark.parametrize("op", OPERATIONS)
def test_policy_without_permission(world: Simulation, op: Op, name: str) -> None:
    """In a vault with access policies, a role assignment gives nothing at all."""
    answer = ask(world, op, name, _prepared_for_policies(world, op, name, ()), prepared=False)
    admin = world.administrator
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByPolicy"}
    assert answer.error["message"] == (
        f"The user, group or application 'appid={admin.appid};oid={admin.oid};"
        f"iss=https://sts.windows.net/{world.first.tenant_id}/' does not have {permission(op).category}"
        f" {permission(op).word} permission on key vault '{world.vault.name};location={world.vault.location}'. For help"
        " resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
    )
    assert last_entry(world)["properties"]["isAccessPolicyMatch"] is False  # type: ignore[index]


@pytest.mark.parametrize("op", OPERATIONS)
def test_policy_with_exactly_the_permission(world: Simulation, op: Op, name: str, nobody: Principal) -> None:
    """An access policy with exactly the row's word is enough, and roles are not asked."""
    case = CASES[op.name]
    case.prepare(world, name)
    body = {"value": case.body(world, name)} if callable(case.body) else case.body
    policy = AccessPolicy(world.first.tenant_id, nobody.oid, secrets=frozenset({permission(op).word}))
    world.set_vault(rbac=False, access_policies=(policy,))
    url = f"{world.vault_url}{case.path.format(name=name)}?api-version={VERSION}"
    answer = world.ask(op.method, url, token=world.token(nobody), body=body)
    assert answer.status == op.success, answer.body
    assert "x-ms-keyvault-rbac-assignment-id" not in answer.headers
    assert last_entry(world)["properties"]["isAccessPolicyMatch"] is True  # type: ignore[index]


def _prepared_for_policies(world: Simulation, op: Op, name: str, policies: tuple[AccessPolicy, ...]) -> str:
    CASES[op.name].prepare(world, name)
    token = world.token(world.administrator)
    world.set_vault(rbac=False, access_policies=policies)
    return token


@pytest.mark.parametrize("op", OPERATIONS)
def test_headers_of_every_answer(world: Simulation, op: Op, name: str) -> None:
    """Every answer has the reference's headers (section 1.7), and none is kept by anybody on the way."""
    answer = ask(world, op, name, world.token(world.administrator), headers={"x-ms-client-request-id": "mine-1"})  # type: ignore[arg-type]
    assert answer.status == op.success, answer.body
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["expires"] == "-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["strict-transport-security"] == "max-age=31536000;includeSubDomains"
    assert answer.headers["x-ms-client-request-id"] == "mine-1"
    assert answer.headers["x-ms-keyvault-region"] == world.vault.location
    assert answer.headers["x-ms-keyvault-network-info"] == (
        f"conn_type=Ipv4;addr={PUBLIC_ADDRESS};act_addr_fam=InterNetwork;"
    )
    assert len(answer.headers["x-ms-request-id"]) == 36
    assert last_entry(world)["correlationId"] == "mine-1"
