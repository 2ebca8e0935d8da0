"""Who can do something to a vault's object, and through what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import KEY_VAULT_ADMINISTRATOR, KEY_VAULT_SECRETS_USER, READER
from strongroom.core.identity import Caller, Group, Membership, ServicePrincipal, User
from strongroom.core.rbac import DenyAssignment, RoleAssignment
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import AccessPolicy
from strongroom.flow.explain import who_can
from strongroom.flow.explain.question import find_operation, read_about
from strongroom.flow.world import World
from tests.flow import networks
from tests.flow.arm import Arm
from tests.flow.explaining import READ_SECRET, control, deny, make_group, who, why
from tests.world import Simulation

ONLY_A = (
    f"(!(ActionMatches{{'{READ_SECRET}'}}) OR (@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'a'))"
)
BY_PRIVATE_LINK = f"(!(ActionMatches{{'{READ_SECRET}'}}) OR (@Environment[isPrivateLink] BoolEquals true))"

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture(autouse=True)
def nothing_left(world: Simulation) -> Iterator[None]:
    """Take away what the test gave and made."""
    partition = tenant_partition(world.first.tenant_id)
    kinds = (RoleAssignment, DenyAssignment, Group, Membership)
    before = {kind: set(world.view.all(kind, partition)) for kind in kinds}
    yield
    for kind in kinds:
        networks.remove(world, *(one for one in world.view.all(kind, partition) if one not in before[kind]))


def test_direct_and_through_groups(world: Simulation) -> None:
    """Each is listed with the way to the group that has the right, and so are the groups."""
    direct, member, idle = world.principal("direct"), world.principal("member"), world.principal("idle")
    inner = make_group(world, "inner", member.oid)
    outer = make_group(world, "outer", inner)
    mine = world.grant(direct.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    theirs = world.grant(outer, KEY_VAULT_SECRETS_USER, f"{world.vault.scope}/secrets/a")
    found = who(world)
    assert idle.oid not in found
    assert found[direct.oid] == {
        "principalId": direct.oid,
        "principalType": "ServicePrincipal",
        "displayName": "direct",
        "role": "Key Vault Secrets User",
        "roleId": KEY_VAULT_SECRETS_USER,
        "enabled": True,
        "allowed": True,
        "through": "direct",
        "right": mine.arm_id,
        "scope": world.vault.scope,
        "condition": None,
        "deniedBy": None,
    }
    assert {oid: (found[oid]["through"], found[oid]["right"]) for oid in (member.oid, inner, outer)} == {
        member.oid: ("inner > outer", theirs.arm_id),
        inner: ("outer", theirs.arm_id),
        outer: ("direct", theirs.arm_id),
    }
    assert not {member.oid, inner, outer} & who(world, name="b").keys()


def test_agrees_with_explain(world: Simulation) -> None:
    """Of users and service principals those are listed as allowed whom an explanation lets pass, and no others."""
    some = [world.principal(f"p{number}") for number in range(4)]
    group = make_group(world, "g", some[1].oid, some[2].oid)
    world.grant(some[0].oid, KEY_VAULT_ADMINISTRATOR, "/")
    world.grant(group, KEY_VAULT_SECRETS_USER, world.vault.scope)
    deny(world, some[2].oid)
    for rbac in (True, False):
        world.set_vault(rbac=rbac)
        found = who(world)
        partition = tenant_partition(world.first.tenant_id)
        for one in (*world.view.all(User, partition), *world.view.all(ServicePrincipal, partition)):
            listed = found.get(one.id)
            allowed = listed is not None and listed["allowed"] is True
            permission = why(world, one.id)["steps"][-1]
            if one.enabled and permission["outcome"] != "notAsked":
                assert (permission["outcome"] == "passed") == allowed, one


def test_denied(world: Simulation) -> None:
    """Whoever a deny assignment keeps from a right that it has is listed with both."""
    one = world.principal()
    given = world.grant(one.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    denial = deny(world, one.oid)
    found = who(world)[one.oid]
    assert (found["allowed"], found["right"], found["deniedBy"]) == (False, given.arm_id, denial.arm_id)
    assert (found["role"], found["roleId"]) == ("Key Vault Secrets User", KEY_VAULT_SECRETS_USER)


def test_conditions(world: Simulation) -> None:
    """A condition that the object decides is decided; one that a request alone can tell is told."""
    by_name, by_link = world.principal(), world.principal()
    for one, condition in ((by_name, ONLY_A), (by_link, BY_PRIVATE_LINK)):
        given = world.grant(one.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
        conditional = replace(given, condition=condition, condition_version="2.0")
        world.commit(lambda tx, record=conditional: tx.put(record))
    found, other = who(world, name="a"), who(world, name="b")
    assert found[by_name.oid]["allowed"] is True
    assert by_name.oid not in other
    assert [one[by_link.oid]["allowed"] for one in (found, other)] == [None, None]
    assert found[by_link.oid]["condition"] == BY_PRIVATE_LINK


def test_disabled(world: Simulation) -> None:
    """Whoever may not sign in has the right all the same, and it is said."""
    one = world.principal()
    world.grant(one.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    principal = world.view.principal(world.first.tenant_id, one.oid)
    assert isinstance(principal, ServicePrincipal)
    world.commit(lambda tx: tx.put(replace(principal, enabled=False)))
    assert who(world)[one.oid]["enabled"] is False


def test_access_policies(world: Simulation) -> None:
    """In the other model the entries decide, and role assignments are nothing."""
    one, other = world.principal(), world.principal()
    group = make_group(world, "team", one.oid)
    world.grant(other.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    entry = AccessPolicy(world.first.tenant_id, group, secrets=("get",))
    world.set_vault(rbac=False, access_policies=(entry,))
    found = who(world)
    assert found.keys() == {one.oid, group}
    assert (found[one.oid]["through"], found[one.oid]["right"]) == ("team", f"{world.vault.scope}/accessPolicies/0")
    assert (found[one.oid]["role"], found[one.oid]["roleId"]) == (None, None)


def test_pages(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends at its limit and at what was looked at for it, at the limit and one past, and none is left out."""
    some = {world.principal().oid for _ in range(limits.WHO_CAN_PAGE + 1)}
    for oid in some:
        world.grant(oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    about = {"vault": world.vault.name, "object": "a", "operation": "SecretGet"}
    first = control(world, "/who-can", about).json
    assert len(first["value"]) == limits.WHO_CAN_PAGE
    assert first["after"] == first["value"][-1]["principalId"]
    assert some <= who(world).keys()
    everybody = sum(
        len(world.view.all(kind, tenant_partition(world.first.tenant_id))) for kind in (User, ServicePrincipal, Group)
    )
    everywhere = {**about, "operation": "SecretPurge"}
    for examined, goes_on in ((7, True), (everybody - 1, True), (everybody, False)):
        monkeypatch.setattr(limits, "WHO_CAN_EXAMINED", examined)
        assert (control(world, "/who-can", everywhere).json["after"] is not None) == goes_on
        assert some <= who(world).keys()


def test_others_are_served_meanwhile(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two pieces of those who are asked about, whoever waits is served."""
    monkeypatch.setattr(who_can, "_PIECE", 1)
    asked: list[str] = []
    suppose = who_can.suppose

    def note(at: World, principal: who_can.Principal) -> Caller:
        asked.append(principal.id)
        return suppose(at, principal)

    monkeypatch.setattr(who_can, "suppose", note)
    seen: list[int] = []

    async def both() -> None:
        about = read_about(find_operation(world.world, "SecretGet"), world.vault.name, "a")
        answering = asyncio.get_running_loop().create_task(who_can.who_can(world.world, about, limit=100))
        while not answering.done():
            await asyncio.sleep(0)
            seen.append(len(asked))
        await answering

    world.run(both())
    assert len(asked) > 1
    assert all(after - before <= 1 for before, after in pairwise(seen))


def test_over_the_management_plane(world: Simulation) -> None:
    """ARM pages by a link that is good for its question alone."""
    mine = Arm(world, world.administrator)
    mine.make_vault()
    for _ in range(limits.WHO_CAN_PAGE + 1):
        world.grant(world.principal().oid, KEY_VAULT_SECRETS_USER, mine.vault)
    path, body = (
        f"{mine.vault}/providers/Strongroom.Authorization/whoCan",
        {"operation": "SecretGet", "objectName": "a"},
    )
    first = mine.do("POST", path, body)
    assert len(first["value"]) == limits.WHO_CAN_PAGE
    rest = first["nextLink"].removeprefix(mine.world.arm_url)
    second = mine.do("POST", rest, body, version="")
    seen = [one["principalId"] for page in (first, second) for one in page["value"]]
    assert len(seen) == len(set(seen))
    status, code, _ = mine.refused("POST", rest, {**body, "objectName": "b"}, version="")
    assert (status, code) == (400, "InvalidSkipToken")


def test_a_right_lost_meanwhile_lists_nobody(world: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may not read the vault any more, by the time that all have been asked about, is refused."""
    monkeypatch.setattr(who_can, "_PIECE", 1)
    reader = world.principal("reader")
    right = world.grant(reader.oid, READER, world.vault.scope)
    path, body = f"{world.vault.scope}/providers/Strongroom.Authorization/whoCan", {"operation": "SecretList"}
    mine, suppose = Arm(world, reader), who_can.suppose
    assert mine.do("POST", path, body)["value"]
    losing: list[asyncio.Task[object]] = []

    def lose(at: World, principal: who_can.Principal) -> Caller:
        if not losing:
            losing.append(asyncio.get_running_loop().create_task(world.store.commit(lambda tx: tx.remove(right))))
        return suppose(at, principal)

    monkeypatch.setattr(who_can, "suppose", lose)
    answer = mine.ask("POST", path, body)
    assert (answer.status, answer.error["code"]) == (403, "AuthorizationFailed")


def test_another_tenants_principals_are_not_asked_about(world: Simulation) -> None:
    """SEC-TENANT-2: nobody of another tenant is listed, whatever an assignment of ours names."""
    tenant = world.tenant()
    stranger = world.principal("stranger", tenant)
    world.grant(stranger.oid, KEY_VAULT_SECRETS_USER, world.vault.scope)
    assert stranger.oid not in who(world)
    answer = control(
        world,
        "/explain",
        {"principal": stranger.oid, "operation": "SecretGet", "vault": world.vault.name, "object": "a"},
    )
    assert (answer.status, answer.error["code"]) == (404, "PrincipalNotFound")
