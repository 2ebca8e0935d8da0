"""
Every operation of the management plane, in every way it can be refused, and allowed by exactly the right it asks for.

Generated from the rows: whoever adds a row adds a case in `tests/flow/arm.py`, and gets all of this.
"""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterator
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.arm.operations import OPERATIONS
from strongroom.core.builtin_roles import OWNER
from strongroom.core.identity import PrincipalType, ServicePrincipal
from strongroom.core.permissions import Authenticated, ControlAction, Public
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.records import tenant_partition
from strongroom.directory import applications, client_secrets, signing_keys, tenants
from strongroom.flow.operation import Op
from strongroom.store import Transaction
from tests.flow.arm import CASES, GUARDED, Arm, scope_of
from tests.world import ARM_AUDIENCE, VAULT_AUDIENCE, Answer, Principal, Simulation

ALL = [pytest.param(op, id=op.name) for op in GUARDED]
CONTROLLED = [pytest.param(op, id=op.name) for op in GUARDED if isinstance(op.requires, ControlAction)]
OPEN = [pytest.param(op, id=op.name) for op in GUARDED if isinstance(op.requires, Authenticated)]
CHALLENGE = 'Bearer authorization="https://login.localhost:8443/common", resource="https://management.localhost:8443"'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """One world for the module; every test uses names and principals of its own."""
    simulation = Simulation(tmp_path_factory.mktemp("world"))
    yield simulation
    simulation.close()


@pytest.fixture(autouse=True)
def time_passes(world: Simulation) -> None:
    """Let a little time pass, so that the quota for recording anonymous attempts is never used up."""
    world.advance(2)


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


@pytest.fixture
def nobody(world: Simulation) -> Principal:
    """Make a principal without any right."""
    return world.principal()


@pytest.fixture(scope="module")
def forger() -> rsa.RSAPrivateKey:
    """Make a key that nobody published."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def stranger(world: Simulation) -> Principal:
    """Make another tenant with a principal that owns everything in it. Its `key_id` is the tenant."""

    async def make(tx: Transaction) -> Principal:
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
            world.keys, application, expires=now + 365 * 86_400, now=now, entropy=chance.token_bytes
        )
        await client_secrets.add_password(tx, secret.credential)
        await tx.put(
            RoleAssignment(
                id="00000000-0000-4000-8000-0000000000ab",
                tenant=tenant.id,
                scope="/",
                role=OWNER,
                principal=principal.id,
                principal_type=PrincipalType.SERVICE_PRINCIPAL,
                created=now,
            )
        )
        return Principal(principal.id, application.app_id, application.id, secret.text, tenant.id)

    return world.commit(make)


def ask(op: Op, arm: Arm, token: str | None, *, prepared: bool = True) -> Answer:
    """Ask for an operation, in the state that it needs, with this token and none other."""
    case = CASES[op.name]
    if prepared:
        case.prepare(arm)
    path = case.path(arm)
    version = "2022-04-01" if "Microsoft.KeyVault" not in path or "Microsoft.Authorization" in path else "2026-02-01"
    url = f"{arm.world.arm_url}{path}?api-version={version}"
    return arm.world.ask(op.method, url, token=token, body=case.body(arm))


CODES = {
    "no bearer token": "AuthenticationFailed",
    "wrong audience": "InvalidAuthenticationTokenAudience",
    "expired": "ExpiredAuthenticationToken",
}
"""ARM's words for what is wrong with a token; what is not here is an invalid one."""


def check_refused(answer: Answer, world: Simulation, reason: str) -> None:
    """Check that a 401 carries ARM's body and the challenge, and is recorded without any identity."""
    assert answer.status == 401
    assert answer.error["code"] == CODES.get(reason, "InvalidAuthenticationToken")
    assert "AKV" not in answer.error["message"]
    assert answer.headers["www-authenticate"] == CHALLENGE
    entry = world.entries()[-1]
    assert entry["operationName"] == "Authentication"
    assert entry["identity"] == {}
    assert entry["properties"]["reason"] == reason


def test_every_row_has_a_case() -> None:
    """No operation is left out, and none is asked for that is not there."""
    assert set(CASES) == {op.name for op in GUARDED}


def test_names_are_unique() -> None:
    """An operation's name means one row: metrics and audit depend on it."""
    assert len({op.name for op in OPERATIONS}) == len(OPERATIONS)


def test_public_operations() -> None:
    """The list of operations that need no token is closed."""
    assert [op.name for op in OPERATIONS if isinstance(op.requires, Public)] == ["CloudMetadataGet"]


@pytest.mark.parametrize("op", ALL)
def test_no_token(world: Simulation, op: Op, arm: Arm) -> None:
    """Without a token every operation answers the challenge."""
    check_refused(ask(op, arm, None, prepared=False), world, "no bearer token")


@pytest.mark.parametrize("op", ALL)
def test_wrong_audience(world: Simulation, op: Op, arm: Arm) -> None:
    """A token for vaults opens nothing here, even the administrator's."""
    check_refused(
        ask(op, arm, world.token(world.administrator, VAULT_AUDIENCE), prepared=False), world, "wrong audience"
    )


@pytest.mark.parametrize("op", ALL)
def test_expired(world: Simulation, op: Op, arm: Arm) -> None:
    """A token is good until its `exp` and not a second longer."""
    token = world.token(world.administrator, ARM_AUDIENCE)
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    world.advance(expires - world.clock())
    check_refused(ask(op, arm, token, prepared=False), world, "expired")


@pytest.mark.parametrize("op", ALL)
def test_forged(world: Simulation, op: Op, arm: Arm, forger: rsa.RSAPrivateKey) -> None:
    """The administrator's claims under a published `kid`, signed by another key, are worth nothing."""
    genuine = world.token(world.administrator, ARM_AUDIENCE)
    claims, header = jwt.decode(genuine, options={"verify_signature": False}), jwt.get_unverified_header(genuine)
    forged = jwt.encode(claims, forger, "RS256", headers={"kid": header["kid"], "x5t": header["kid"]})
    check_refused(ask(op, arm, forged, prepared=False), world, "signature")


@pytest.mark.parametrize("op", ALL)
def test_disabled_principal(world: Simulation, op: Op, arm: Arm, nobody: Principal) -> None:
    """A principal that is disabled loses its access at once, however long its token would live."""
    token = world.token(nobody, ARM_AUDIENCE)
    tenant = world.first.tenant_id

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(tenant), nobody.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    world.commit(disable)
    check_refused(ask(op, arm, token, prepared=False), world, "principal is disabled")


@pytest.mark.parametrize("op", CONTROLLED)
def test_without_the_right(world: Simulation, op: Op, arm: Arm, nobody: Principal) -> None:
    """Without a role the answer is ARM's, says what was asked and not what exists, and nothing has changed."""
    token = world.token(nobody, ARM_AUDIENCE)
    CASES[op.name].prepare(arm)
    before = world.view.generation
    answer = ask(op, arm, token, prepared=False)
    assert world.view.generation == before
    action = op.requires.action if isinstance(op.requires, ControlAction) else ""
    assert answer.status == 403
    assert answer.error["code"] == "AuthorizationFailed"
    assert answer.error["message"] == (
        f"The client '{nobody.appid}' with object id '{nobody.oid}' does not have authorization to perform action"
        f" '{action}' over scope '{scope_of(op, arm)}' or the scope is invalid. If access was recently granted, please"
        " refresh your credentials."
    )
    entry = world.entries()[-1]
    assert entry["operationName"] == op.name
    assert entry["identity"]["claim"]["oid"] == nobody.oid
    assert entry["properties"]["isRbacAuthorized"] is False


@pytest.mark.parametrize("op", CONTROLLED)
def test_refusal_tells_nothing(world: Simulation, op: Op, arm: Arm, nobody: Principal) -> None:
    """A caller without rights gets the same answer whether the thing is there or not."""
    token = world.token(nobody, ARM_AUDIENCE)
    absent = ask(op, arm, token, prepared=False)
    present = ask(op, arm, token)
    assert (absent.status, absent.body) == (present.status, present.body)


@pytest.mark.parametrize("op", CONTROLLED)
def test_with_exactly_the_right(world: Simulation, op: Op, arm: Arm, nobody: Principal) -> None:
    """A role with exactly the row's action, at exactly its scope, is enough; the audit names the assignment."""
    action = op.requires.action if isinstance(op.requires, ControlAction) else ""
    role = RoleDefinition(
        id=f"00000000-0000-4000-8000-{chance.token_hex(6)}",
        tenant=world.first.tenant_id,
        name=f"only {op.name}",
        actions=(action,),
    )
    CASES[op.name].prepare(arm)
    world.commit(lambda tx: tx.put(role))
    assignment = world.grant(nobody.oid, role.id, scope_of(op, arm))
    answer = ask(op, arm, world.token(nobody, ARM_AUDIENCE), prepared=False)
    assert answer.status == op.success, answer.body
    entry = world.entries()[-1]
    assert entry["operationName"] == op.name
    assert entry["resourceId"] == scope_of(op, arm).upper()
    assert entry["identity"]["claim"]["oid"] == nobody.oid
    assert entry["properties"]["appliedAssignmentId"] == assignment.arm_id
    assert entry["properties"]["httpStatusCode"] == op.success


@pytest.mark.parametrize("op", CONTROLLED)
def test_data_roles_do_not_manage(world: Simulation, op: Op, arm: Arm, nobody: Principal) -> None:
    """Every data action there is gives no control action (pitfalls: actions and data actions merged)."""
    role = RoleDefinition(
        id=f"00000000-0000-4000-8000-{chance.token_hex(6)}",
        tenant=world.first.tenant_id,
        name="all data",
        data_actions=("*",),
    )
    world.commit(lambda tx: tx.put(role))
    world.grant(nobody.oid, role.id, "/")
    assert ask(op, arm, world.token(nobody, ARM_AUDIENCE), prepared=False).status == 403


@pytest.mark.parametrize("op", OPEN)
def test_lists_without_rights(world: Simulation, op: Op, arm: Arm, nobody: Principal) -> None:
    """A list that anyone may ask for shows nothing to a caller without rights."""
    answer = ask(op, arm, world.token(nobody, ARM_AUDIENCE))
    assert answer.status == op.success, answer.body
    if CASES[op.name].empty_for_nobody:
        assert answer.json == {"value": []}
    full = ask(op, arm, world.token(world.administrator, ARM_AUDIENCE), prepared=False)
    assert full.status == op.success
    assert full.json.get("value") != []


@pytest.mark.parametrize("op", ALL)
def test_another_tenant(world: Simulation, op: Op, arm: Arm, stranger: Principal) -> None:
    """SEC-TENANT-2: a principal of another tenant, whatever its rights there, finds what a random id finds: nothing."""
    CASES[op.name].prepare(arm)
    token = world.token(stranger, ARM_AUDIENCE, tenant=stranger.key_id)
    before = world.view.generation
    answer = ask(op, arm, token, prepared=False)
    assert world.view.generation == before
    theirs = {world.first.tenant_id, arm.tag, world.administrator.oid}
    random = "59999999-0000-4000-8000-000000000001"
    if world.first.subscription_id in CASES[op.name].path(arm) and op.name not in _WITHOUT_SUBSCRIPTION:
        assert answer.status == 404
        elsewhere = CASES[op.name].path(arm).replace(world.first.subscription_id, random)
        url = f"{world.arm_url}{elsewhere}?api-version=2026-02-01"
        same = world.ask(op.method, url, token=token, body=CASES[op.name].body(arm))
        assert (same.status, same.body.replace(random.encode(), b"")) == (
            answer.status,
            answer.body.replace(world.first.subscription_id.encode(), b""),
        )
    else:
        assert answer.status in {200, 204}
        assert not any(text.encode() in answer.body for text in theirs)


_WITHOUT_SUBSCRIPTION = {"RoleDefinitionList", "RoleDefinitionGet", "PermissionList", "RoleAssignmentDelete"}
"""Operations that look nothing up in the subscription of their path: what they answer is the caller's own tenant's."""
