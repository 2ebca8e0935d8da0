"""
Every operation that wants a caller, in every way it can be refused, and allowed by exactly the right it asks for.

Generated from the rows of every surface: whoever adds a row adds a case, and gets all of this. What a surface has of
its own, its words and its rights, is in `guarded.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.app.dispatch import SURFACE_NAMES, Surfaces
from strongroom.core.builtin_roles import OWNER
from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.identity import ServicePrincipal
from strongroom.core.network import Bypass, DefaultAction, NetworkAcls, PublicNetworkAccess
from strongroom.core.permissions import Public
from strongroom.core.records import tenant_partition
from strongroom.directory import client_secrets, roles
from strongroom.flow.operation import Op
from strongroom.store import Transaction
from tests.flow import arm_cases, graph_cases
from tests.flow.graph import MISSING
from tests.flow.guarded import (
    AUDIENCES,
    DIRECTORY,
    MANAGEMENT,
    RANDOM_SUBSCRIPTION,
    SURFACES,
    VAULTS,
    Guarded,
    ObjectSubject,
    ResourceSubject,
)
from tests.world import ARM_AUDIENCE, GRAPH_AUDIENCE, PUBLIC_ADDRESS, Answer, Principal, Simulation

MONTH_S = 30 * 86_400
ROWS = [pytest.param(surface, op, id=f"{surface.name}-{op.name}") for surface in SURFACES for op in surface.operations]
RIGHTS = [
    pytest.param(surface, op, model, id=f"{surface.name}-{op.name}-{model}")
    for surface in SURFACES
    for op in surface.operations
    for model in surface.models(op)
]
FREE = [
    pytest.param(surface, op, id=f"{surface.name}-{op.name}")
    for surface in SURFACES
    for op in surface.operations
    if not surface.models(op)
]
OF_VAULTS = [pytest.param(op, id=op.name) for op in VAULTS.operations]
OF_MANAGEMENT = [pytest.param(op, id=op.name) for op in MANAGEMENT.operations]
OF_DIRECTORY = [pytest.param(op, id=op.name) for op in DIRECTORY.operations]

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def nobody(world: Simulation) -> Principal:
    """Make a principal without any right."""
    return world.principal()


@pytest.fixture(scope="module")
def outsider(world: Simulation) -> Principal:
    """Make a principal that never gets a right, for what changes nothing about it."""
    return world.principal("outsider", lifetime_s=MONTH_S)


@pytest.fixture(scope="module")
def forger() -> rsa.RSAPrivateKey:
    """Make a key that nobody published."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def rich(world: Simulation) -> dict[tuple[str, str], Principal]:
    """Make, for each model, a principal with every right that there is outside it."""
    pairs = {(surface, model) for surface in SURFACES for op in surface.operations for model in surface.models(op)}
    return {(surface.name, model): surface.rich(world, model) for surface, model in pairs}


@pytest.fixture(scope="module")
def stranger(world: Simulation) -> tuple[str, Principal]:
    """Make another tenant, and a principal that owns and administers everything in it."""
    tenant = world.tenant()
    principal = world.principal("stranger", tenant, lifetime_s=MONTH_S)
    world.grant(principal.oid, OWNER, "/", tenant)
    world.commit(lambda tx: roles.assign_role(tx, tenant, role=GLOBAL_ADMINISTRATOR, principal=principal.oid))
    return tenant, principal


def last_entry(world: Simulation) -> dict[str, Any]:
    """Read the newest audit entry."""
    return world.entries()[-1]


def error_of(answer: Answer) -> dict[str, Any]:
    """Give a refusal's error without what is of the moment."""
    return {member: text for member, text in answer.error.items() if member != "innerError"}


def check_unauthenticated(world: Simulation, surface: Guarded, answer: Answer, reason: str, found: str = "") -> None:
    """
    Check a 401: the surface's words, and where to get a token and for what, in a header that every client can parse.

    It is recorded without any identity, since none was proved, with a reason that the answer does not have.
    """
    code, message = surface.words(reason, found)
    assert answer.status == 401
    assert error_of(answer) == {"code": code, "message": message}
    assert answer.headers["www-authenticate"] == surface.challenge(world)
    entry = last_entry(world)
    assert entry["operationName"] == "Authentication"
    assert entry["identity"] == {}
    assert entry["properties"]["httpStatusCode"] == 401
    assert entry["properties"]["reason"] == reason


# ---- the suite itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_every_row_has_a_case(surface: Guarded) -> None:
    """No operation is left out, and none is asked for that is not there."""
    rows = Surfaces()[surface.name].operations
    assert set(surface.cases) == {op.name for op in rows if not isinstance(op.requires, Public)}
    assert {op.name for op in surface.operations} == set(surface.cases)


def test_every_surface_with_rows_that_want_a_caller_is_here() -> None:
    """A new surface takes part in this suite, or has public rows alone."""
    surfaces = Surfaces()
    guarded = {
        name for name in SURFACE_NAMES if any(not isinstance(op.requires, Public) for op in surfaces[name].operations)
    }
    assert guarded == {surface.name for surface in SURFACES}


@pytest.mark.parametrize("name", SURFACE_NAMES)
def test_names_are_unique(name: str) -> None:
    """An operation's name means one row: the audit depends on it."""
    rows = Surfaces()[name].operations
    assert len({op.name for op in rows}) == len(rows)


# ---- tokens -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_no_token(world: Simulation, surface: Guarded, op: Op) -> None:
    """Without a token every operation answers the challenge, whatever else is right or wrong about the request."""
    check_unauthenticated(world, surface, surface.subject(world, op).ask(None), "no bearer token")


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_wrong_audience(world: Simulation, surface: Guarded, op: Op) -> None:
    """A token for another surface opens nothing here, even the administrator's."""
    subject = surface.subject(world, op)
    for other in AUDIENCES:
        if other != surface.audience:
            answer = subject.ask(world.token(world.administrator, other))
            check_unauthenticated(world, surface, answer, "wrong audience", other)


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_expired(world: Simulation, surface: Guarded, op: Op) -> None:
    """A token is good until its `exp` and not a second longer."""
    token = world.token(world.administrator, surface.audience)
    expires = jwt.decode(token, options={"verify_signature": False})["exp"]
    world.advance(expires - world.clock())
    check_unauthenticated(world, surface, surface.subject(world, op).ask(token), "expired")


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_forged(world: Simulation, surface: Guarded, op: Op, forger: rsa.RSAPrivateKey) -> None:
    """The administrator's claims under a published `kid`, signed by another key, are worth nothing."""
    genuine = world.token(world.administrator, surface.audience)
    claims, header = jwt.decode(genuine, options={"verify_signature": False}), jwt.get_unverified_header(genuine)
    forged = jwt.encode(claims, forger, "RS256", headers={"kid": header["kid"], "x5t": header["kid"]})
    check_unauthenticated(world, surface, surface.subject(world, op).ask(forged), "signature")


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_disabled_principal(world: Simulation, surface: Guarded, op: Op, nobody: Principal) -> None:
    """A principal that is disabled loses its access at once, however long its token would live."""
    token, subject = world.token(nobody, surface.audience), surface.subject(world, op)
    subject.prepare()
    subject.become(nobody)
    assert subject.ask(token).status == (403 if surface.models(op) else surface.success(op))
    tenant = world.first.tenant_id

    async def disable(tx: Transaction) -> None:
        found = await tx.record(ServicePrincipal, tenant_partition(tenant), nobody.oid)
        assert found is not None
        await tx.put(replace(found, enabled=False))

    world.commit(disable)
    check_unauthenticated(world, surface, subject.ask(token), "principal is disabled")


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_removed_secret(world: Simulation, surface: Guarded, op: Op, nobody: Principal) -> None:
    """A token ends with the secret it was obtained with (SEC: "removing one secret ends its tokens and no others")."""
    token, tenant = world.token(nobody, surface.audience), world.first.tenant_id
    world.commit(lambda tx: client_secrets.remove_password(tx, tenant, nobody.application, nobody.key_id))
    check_unauthenticated(world, surface, surface.subject(world, op).ask(token), "credential was removed")


# ---- rights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("surface", "op", "model"), RIGHTS)
def test_without_the_right(
    world: Simulation,
    surface: Guarded,
    op: Op,
    model: str,
    outsider: Principal,
    rich: dict[tuple[str, str], Principal],
) -> None:
    """Without the right every other one is of no use: the answer says what was asked, and nothing has changed."""
    subject = surface.subject(world, op)
    subject.prepare()
    surface.withhold(subject, model)
    for who in (outsider, rich[surface.name, model]):
        token, before = world.token(who, surface.audience), world.view.generation
        answer = subject.ask(token)
        assert world.view.generation == before
        assert answer.status == 403
        assert error_of(answer) == surface.denial(subject, who, model)
        assert not [name for name in answer.headers if name.startswith("x-strongroom-")]
        entry = last_entry(world)
        assert entry["operationName"] == op.name
        assert entry["identity"]["claim"]["oid"] == who.oid
        assert decision(entry) == {"rbac": (False, None), "policy": (None, False)}.get(model, (None, None))


def decision(entry: dict[str, Any]) -> tuple[bool | None, bool | None]:
    """Give what an entry says of roles and of access policies."""
    properties = entry["properties"]
    return properties.get("isRbacAuthorized"), properties.get("isAccessPolicyMatch")


@pytest.mark.parametrize(("surface", "op", "model"), RIGHTS)
def test_refusal_tells_nothing(world: Simulation, surface: Guarded, op: Op, model: str, outsider: Principal) -> None:
    """A caller without rights gets the same answer whether the thing is there or not."""
    subject, token = surface.subject(world, op), world.token(outsider, surface.audience)
    surface.withhold(subject, model)
    absent = subject.ask(token)
    world.set_vault(rbac=True)
    subject.prepare()
    surface.withhold(subject, model)
    present = subject.ask(token)
    assert (absent.status, error_of(absent)) == (present.status, error_of(present))


@pytest.mark.parametrize(("surface", "op", "model"), RIGHTS)
def test_with_exactly_the_right(world: Simulation, surface: Guarded, op: Op, model: str, nobody: Principal) -> None:
    """Exactly the row's right, on exactly the thing, is enough in its model; the audit names who had it by what."""
    subject = surface.subject(world, op)
    subject.prepare()
    given = surface.give(subject, nobody, model)
    answer = subject.ask(world.token(nobody, surface.audience))
    assert answer.status == surface.success(op), answer.body
    assert answer.headers.get("x-ms-keyvault-rbac-assignment-id") == (
        given.rpartition("/")[2] if (surface, model) == (VAULTS, "rbac") else None
    )
    assert answer.headers.get("x-strongroom-access-policy") == (
        given if (surface, model) == (VAULTS, "policy") else None
    )
    entry = last_entry(world)
    assert answer.headers.get("x-strongroom-admitted-by") == (
        entry["properties"]["addrAuthType"] if surface is VAULTS else None
    )
    assert entry["operationName"] == op.name
    assert entry["identity"]["claim"]["oid"] == nobody.oid
    assert entry["properties"]["httpStatusCode"] == surface.success(op)
    assert entry["properties"]["appliedAssignmentId"] == given
    assert decision(entry) == {"rbac": (True, None), "policy": (None, True)}.get(model, (None, None))
    if surface is not DIRECTORY:
        about = world.vault.scope if surface is VAULTS else subject.scope
        assert entry["resourceId"] == about.upper()


@pytest.mark.parametrize(("surface", "op"), FREE)
def test_what_wants_no_right(world: Simulation, surface: Guarded, op: Op, nobody: Principal) -> None:
    """What every principal of the tenant may ask for is answered to one without any right, and recorded as its own."""
    subject = surface.subject(world, op)
    subject.prepare()
    subject.become(nobody)
    answer = subject.ask(world.token(nobody, surface.audience))
    assert answer.status == surface.success(op), answer.body
    entry = last_entry(world)
    assert entry["operationName"] == op.name
    assert entry["identity"]["claim"]["oid"] == nobody.oid


@pytest.mark.parametrize(("surface", "op"), ROWS)
def test_headers_of_every_answer(world: Simulation, surface: Guarded, op: Op) -> None:
    """Every answer has the reference's headers (section 1.7), and none is kept by anybody on the way."""
    subject = surface.subject(world, op)
    subject.prepare()
    answer = subject.ask(
        world.token(world.administrator, surface.audience), headers={"x-ms-client-request-id": "mine-1"}
    )
    assert answer.status == surface.success(op), answer.body
    expected = {
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
        "x-content-type-options": "nosniff",
        "strict-transport-security": "max-age=31536000;includeSubDomains",
        "x-ms-client-request-id": "mine-1",
        **surface.headers,
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert len(answer.headers["x-ms-request-id"]) == 36
    assert last_entry(world)["correlationId"] == "mine-1"


# ---- vaults alone -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OF_VAULTS)
def test_version_of_every_vault_operation(world: Simulation, op: Op) -> None:
    """The audit says in which api-version a vault was asked."""
    subject = VAULTS.subject(world, op)
    subject.prepare()
    assert subject.ask(world.token(world.administrator)).status == op.success
    assert last_entry(world)["operationVersion"] == subject.request()[0].rpartition("=")[2]


@pytest.mark.parametrize("op", OF_VAULTS)
def test_wrong_tenant(world: Simulation, op: Op, stranger: tuple[str, Principal]) -> None:
    """A good token of another tenant is refused, and the challenge names the vault's own."""
    tenant, principal = stranger
    answer = VAULTS.subject(world, op).ask(world.token(principal, tenant=tenant))
    assert answer.status == 401
    assert answer.error["message"].startswith(
        f"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/{world.first.tenant_id}/, found"
    )
    assert answer.headers["www-authenticate"] == VAULTS.challenge(world)
    entry = last_entry(world)
    assert (entry["operationName"], entry["identity"]) == ("Authentication", {})
    assert entry["properties"]["reason"] == "issuer of another tenant"


@pytest.mark.parametrize("op", OF_VAULTS)
def test_blocked_address(world: Simulation, op: Op) -> None:
    """SEC-FLOW-1: a blocked address is refused whatever its rights; the caller is named, since its token verified."""
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE, ("198.51.100.0/24",)))
    admin = world.administrator
    answer = VAULTS.subject(world, op).ask(world.token(admin))
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
    assert entry["identity"]["claim"]["oid"] == admin.oid


@pytest.mark.parametrize("op", OF_VAULTS)
def test_blocked_address_with_a_bad_token(world: Simulation, op: Op, forger: rsa.RSAPrivateKey) -> None:
    """SEC-FLOW-3, SEC-FLOW-4: a bad token from a blocked address gets the firewall's 403; no claim is repeated."""
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.AZURE_SERVICES))
    claims = jwt.decode(world.token(world.administrator), options={"verify_signature": False})
    answer = VAULTS.subject(world, op).ask(jwt.encode(claims, forger, "RS256"))
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByFirewall"}
    assert "Caller:" not in answer.error["message"]
    entry = last_entry(world)
    assert entry["identity"] == {}
    assert world.administrator.oid not in str(entry)


@pytest.mark.parametrize("op", OF_VAULTS)
def test_admitted_address(world: Simulation, op: Op) -> None:
    """An address that a rule names passes, and the audit says which rule it was."""
    subject = VAULTS.subject(world, op)
    subject.prepare()
    world.set_vault(network_acls=NetworkAcls(DefaultAction.DENY, Bypass.NONE, ("203.0.113.0/24",)))
    answer = subject.ask(world.token(world.administrator))
    assert answer.status == op.success, answer.body
    assert last_entry(world)["properties"]["addrAuthType"] == "ipRule 203.0.113.0/24"


@pytest.mark.parametrize("op", OF_VAULTS)
def test_public_access_disabled(world: Simulation, op: Op) -> None:
    """With public network access disabled the public listener refuses everybody."""
    world.set_vault(public_network_access=PublicNetworkAccess.DISABLED)
    answer = VAULTS.subject(world, op).ask(world.token(world.administrator))
    assert answer.status == 403
    assert answer.error["innererror"] == {"code": "ForbiddenByConnection"}


# ---- another tenant -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OF_MANAGEMENT)
def test_another_tenants_resources(world: Simulation, op: Op, stranger: tuple[str, Principal]) -> None:
    """SEC-TENANT-2: a principal of another tenant, whatever its rights there, finds what a random id finds: nothing."""
    subject = ResourceSubject(world, op)
    subject.prepare()
    token, before = world.token(stranger[1], ARM_AUDIENCE, tenant=stranger[0]), world.view.generation
    answer = subject.ask(token)
    assert world.view.generation == before
    assert answer.status == arm_cases.CASES[op.name].to_stranger
    if answer.status != 404:
        for ours in (world.first.tenant_id, subject.arm.tag, world.administrator.oid):
            assert ours.encode() not in answer.body
        return
    own = world.first.subscription_id
    url, body = subject.request()
    random = world.ask(op.method, url.replace(own, RANDOM_SUBSCRIPTION), token=token, body=body)
    assert random.status == 404
    assert random.body.replace(RANDOM_SUBSCRIPTION.encode(), b"") == answer.body.replace(own.encode(), b"")


@pytest.mark.parametrize("op", OF_DIRECTORY)
def test_another_tenants_objects(world: Simulation, op: Op, stranger: tuple[str, Principal]) -> None:
    """SEC-TENANT-2: another tenant's administrator finds of this one's objects what it finds of random ids: nothing."""
    subject = ObjectSubject(world, op)
    token = world.token(stranger[1], GRAPH_AUDIENCE, tenant=stranger[0])
    random = subject.ask(token)
    subject.prepare()
    ids = subject.things.ids()
    before = [world.view.principal(world.first.tenant_id, one) for one in ids]
    answer = subject.ask(token)
    assert answer.status == random.status == graph_cases.CASES[op.name].to_stranger
    assert [world.view.principal(world.first.tenant_id, one) for one in ids] == before
    if answer.status >= 400:
        alike = [str(error_of(one)) for one in (answer, random)]
        for one in ids:
            alike[0] = alike[0].replace(one, MISSING)
        assert alike[0] == alike[1]
    else:
        assert not any(one in answer.body.decode() for one in ids)


# ---- lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op", [op for op in MANAGEMENT.operations if not MANAGEMENT.models(op)], ids=lambda op: op.name
)
def test_lists_without_rights(world: Simulation, op: Op, nobody: Principal) -> None:
    """A list that anyone may ask for shows nothing to a caller without rights, and the administrator's is not empty."""
    subject = ResourceSubject(world, op)
    subject.prepare()
    subject.become(nobody)
    answer = subject.ask(world.token(nobody, ARM_AUDIENCE))
    assert answer.status == op.success
    if arm_cases.CASES[op.name].empty_for_nobody:
        # A log is read piece by piece, so a page of it may be empty and have a next one, whatever there is.
        told = answer.json if op.name != "TenantActivityLogList" else {"value": answer.json["value"]}
        assert told == {"value": []}
    subject.become(world.administrator)
    full = subject.ask(world.token(world.administrator, ARM_AUDIENCE))
    assert full.status == op.success
    assert (full.json.get("value") == []) is arm_cases.CASES[op.name].empty_for_all
