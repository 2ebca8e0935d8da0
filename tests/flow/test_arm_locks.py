"""Management locks: what they hold, for whom, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.arm import locked
from strongroom.core import limits
from strongroom.core.builtin_roles import (
    CONTRIBUTOR,
    KEY_VAULT_SECRETS_OFFICER,
    OWNER,
    READER,
    USER_ACCESS_ADMINISTRATOR,
)
from strongroom.core.locks import Effect, LockLevel, ManagementLock, effect_of, holding, lock_id
from strongroom.flow.operation import Op
from tests.flow.arm import Arm
from tests.flow.arm_bodies import lock_body
from tests.flow.arm_cases import CASES, GUARDED
from tests.world import Simulation

pytestmark = pytest.mark.usefixtures("restored")

LOCKS = "/providers/Microsoft.Authorization/locks"
_READS = "it reads"
_A_GROUP = "a management group cannot be locked, in Azure neither"
NOT_HELD = {
    "ManagementLockPut": "locks do not hold locks, or nobody could take one away",
    "ManagementLockDelete": "locks do not hold locks, or nobody could take one away",
    "EventSubscriptionGetFullUrl": _READS,
    "EventSubscriptionGetDeliveryAttributes": _READS,
    "EventSubscriptionGetSigningSecret": _READS,
    "VaultCheckNameAvailability": _READS,
    "VaultExplain": _READS,
    "VaultExplainOwn": _READS,
    "VaultWhoCan": _READS,
    "PolicyRestrictionCheck": _READS,
    "PolicyRestrictionCheckByGroup": _READS,
    "PolicyStateQuery": _READS,
    "PolicyStateQueryByGroup": _READS,
    "PolicyStateQueryByVault": _READS,
    "PolicyStateSummarize": _READS,
    "PolicyStateSummarizeByGroup": _READS,
    "PolicyStateSummarizeByVault": _READS,
    "ManagementGroupPut": _A_GROUP,
    "ManagementGroupPatch": _A_GROUP,
    "ManagementGroupDelete": _A_GROUP,
    "ManagementGroupSubscriptionPut": _A_GROUP,
    "ManagementGroupSubscriptionDelete": _A_GROUP,
    **{
        op.name: "which providers a subscription uses is not of its resources"
        for op in GUARDED
        if op.name.endswith(("ProviderRegister", "ProviderUnregister"))
    },
    "DeploymentValidate": "changes nothing",
    "DeploymentWhatIf": "changes nothing",
    "DeploymentCancel": "changes nothing, and keeps from changing",
    "DeploymentExportTemplate": "gives what is there",
}
"""The rows of writing methods that no lock holds, each with its reason."""
WRITING = [op for op in GUARDED if op.method in {"PUT", "PATCH", "POST", "DELETE"}]
DELETING = {"VaultPurge", "ResourceMove", "ResourceMoveValidate", *(op.name for op in WRITING if op.method == "DELETE")}


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give the administrator, with names of its own; no lock is left behind."""
    yield Arm(world, world.administrator)
    for one in world.view.all(ManagementLock):
        world.commit(lambda tx, one=one: tx.remove(one))


def lock(arm: Arm, scope: str, level: LockLevel = LockLevel.READ_ONLY) -> ManagementLock:
    """Put a lock at a scope, whoever may."""
    made = ManagementLock(lock_id(scope, "t"), arm.world.first.tenant_id, scope, "t", level, 0)
    arm.world.commit(lambda tx: tx.put(made))
    return made


def held(operation: str, scope: str, by: str) -> tuple[int, str, str]:
    """Give the refusal that a lock is."""
    message = (
        f"The scope '{scope}' cannot perform {operation} operation because following scope(s) are locked: '{by}'."
        " Please remove the lock and try again."
    )
    return 409, "ScopeLocked", message


class TestEveryRow:
    """A lock holds every row that writes, whoever asks."""

    @pytest.mark.parametrize("op", WRITING, ids=lambda op: op.name)
    def test_read_only(self, arm: Arm, op: Op) -> None:
        """A lock over the subscription refuses it, and without the lock it is done; or the reason is on the list."""
        case = CASES[op.name]
        case.prepare(arm)
        made = lock(arm, arm.subscription)
        path, body = case.path(arm), case.body(arm)
        if op.name in NOT_HELD:
            assert arm.ask(op.method, path, body).status == op.success
            return
        status, code, message = arm.refused(op.method, path, body)
        assert (status, code) == (409, "ScopeLocked")
        assert f"following scope(s) are locked: '{arm.subscription}'." in message
        arm.world.commit(lambda tx: tx.remove(made))
        assert arm.ask(op.method, path, body).status == op.success

    @pytest.mark.parametrize("op", [op for op in WRITING if op.name not in NOT_HELD], ids=lambda op: op.name)
    def test_can_not_delete(self, arm: Arm, op: Op) -> None:
        """A lock against deleting refuses what deletes, and nothing else."""
        case = CASES[op.name]
        case.prepare(arm)
        lock(arm, arm.subscription, LockLevel.CAN_NOT_DELETE)
        answer = arm.ask(op.method, case.path(arm), case.body(arm))
        assert answer.status == (409 if op.name in DELETING else op.success), answer.body

    @pytest.mark.parametrize("op", [op for op in WRITING if op.name not in NOT_HELD], ids=lambda op: op.name)
    def test_made_meanwhile(self, arm: Arm, op: Op, monkeypatch: pytest.MonkeyPatch) -> None:
        """A lock that came after the request was let through holds its commit."""
        case = CASES[op.name]
        case.prepare(arm)
        lock(arm, arm.subscription)
        path, body = case.path(arm), case.body(arm)
        monkeypatch.setattr(locked, "judge_locks", lambda *_args, **_named: None)
        assert arm.refused(op.method, path, body)[:2] == (409, "ScopeLocked")

    def test_the_list_has_no_others(self) -> None:
        """Whoever takes a row away takes it from the list."""
        assert set(NOT_HELD) <= {op.name for op in WRITING}

    def test_methods(self) -> None:
        """A method of which nobody said what it does is one that reads, if it is not one of those that write."""
        assert [effect_of(method) for method in ("GET", "HEAD", "POST", "DELETE")] == [
            Effect.NOTHING,
            Effect.NOTHING,
            Effect.WRITE,
            Effect.DELETE,
        ]


class TestScopes:
    """Where a lock holds."""

    def test_as_the_official_client_writes_a_scope(self, arm: Arm) -> None:
        """Its slashes encoded, with the first and without; but no slash is doubled by that."""
        arm.make_vault()
        whole = arm.vault.replace("/", "%2F")
        for scope in (f"/{whole}", f"/{whole.removeprefix('%2F')}"):
            made = arm.do("PUT", f"{scope}{LOCKS}/l-{arm.tag}", lock_body())
            assert made["id"] == f"{arm.vault}{LOCKS}/l-{arm.tag}"
            assert arm.do("GET", f"{scope}{LOCKS}")["value"] == [made]
            arm.do("DELETE", f"{scope}{LOCKS}/l-{arm.tag}")
        for scope in (f"/%2F{whole}", f"/{whole.replace('Groups%2F', 'Groups%2F%2F')}"):
            assert arm.refused("PUT", f"{scope}{LOCKS}/l-{arm.tag}", lock_body())[0] in {400, 404}

    def test_inherited(self, arm: Arm) -> None:
        """A lock holds at its scope and below, in Azure's words, and names the scope that is locked."""
        arm.make_vault()
        lock(arm, arm.group, LockLevel.CAN_NOT_DELETE)
        assert arm.refused("DELETE", arm.vault) == held("delete", arm.vault, arm.group)
        arm.do("PATCH", arm.vault, {"tags": {"a": "b"}})
        lock(arm, arm.group)
        assert arm.refused("PATCH", arm.vault, {"tags": {}}) == held("write", arm.vault, arm.group)
        assert arm.refused("DELETE", arm.vault.upper())[1] == "ScopeLocked"
        arm.do("GET", arm.vault)

    def test_not_beside(self, arm: Arm) -> None:
        """A lock holds nothing whose name merely begins alike, and nothing beside it."""
        arm.make_vault()
        lock(arm, arm.group)
        other = Arm(arm.world, arm.who, f"{arm.tag}0")
        other.make_vault()
        other.do("DELETE", other.group)

    def test_group_with_something_locked(self, arm: Arm) -> None:
        """A group goes with everything in it, so it stays while anything in it is locked; it can be changed."""
        arm.make_vault()
        arm.make_network()
        lock(arm, arm.vault, LockLevel.CAN_NOT_DELETE)
        assert arm.refused("DELETE", arm.group) == held("delete", arm.group, arm.vault)
        arm.do("PUT", arm.group, {"location": "local", "tags": {"a": "b"}})
        arm.do("DELETE", arm.network)

    def test_what_belongs_to_a_scope(self, arm: Arm) -> None:
        """A role at a group is taken back though something below the group is locked; one at what is locked is not."""
        arm.make_assignment()
        at_group = arm.assignment.replace(arm.vault, arm.group).replace("d0000000", "d1000000")
        arm.do("PUT", at_group, arm.assignment_body(arm.world.administrator.oid))
        lock(arm, arm.vault, LockLevel.CAN_NOT_DELETE)
        arm.do("DELETE", at_group)
        assert arm.refused("DELETE", arm.assignment)[:2] == (409, "ScopeLocked")
        lock(arm, arm.vault)
        body = arm.assignment_body(arm.world.administrator.oid)
        assert arm.refused("PUT", arm.assignment.replace("d0000000", "d2000000"), body)[:2] == (409, "ScopeLocked")

    def test_subnets(self, arm: Arm) -> None:
        """A locked subnet does not go because its network is written without it."""
        arm.make_network()
        made = lock(arm, arm.subnet, LockLevel.CAN_NOT_DELETE)
        assert arm.refused("DELETE", arm.subnet)[:2] == (409, "ScopeLocked")
        body = arm.network_body({"name": "other", "properties": {"addressPrefix": "10.1.2.0/24"}})
        assert arm.refused("PUT", arm.network, body) == held("delete", arm.subnet, arm.subnet)
        assert arm.refused("DELETE", arm.network)[:2] == (409, "ScopeLocked")
        arm.world.commit(lambda tx: tx.remove(made))
        arm.do("PUT", arm.network, body)

    def test_vaults_contents(self, arm: Arm) -> None:
        """What is in a vault is not what locks are about: a secret is set and deleted under a lock."""
        arm.make_vault()
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_OFFICER, arm.vault)
        lock(arm, arm.subscription)
        base, token = f"https://{arm.vault_name}.vault.localhost:8443/secrets/a", arm.world.token(arm.who)
        assert arm.world.ask("PUT", f"{base}?api-version=7.4", token=token, body={"value": ""}).status == 200
        assert arm.world.ask("DELETE", f"{base}?api-version=7.4", token=token).status == 200

    def test_other_tenants(self, arm: Arm) -> None:
        """SEC-TENANT-2: a lock of another tenant, whatever its scope, holds nothing here."""
        arm.make_vault()
        elsewhere = arm.world.tenant()
        made = ManagementLock(lock_id(arm.group, "t"), elsewhere, arm.group, "t", LockLevel.READ_ONLY, 0)
        arm.world.commit(lambda tx: tx.put(made))
        arm.do("DELETE", arm.vault)

    @pytest.mark.parametrize("whole", [False, True])
    def test_holding(self, *, whole: bool) -> None:
        """The rule itself: above, here, below; beside never."""

        def at(scope: str) -> ManagementLock:
            return ManagementLock(lock_id(scope, "t"), "t", scope, "t", LockLevel.CAN_NOT_DELETE, 0)

        above, here, below, beside = at("/a"), at("/a/B"), at("/a/b/c"), at("/a/bc")
        found = holding([above, here, below, beside], "/A/b/", Effect.DELETE, whole=whole)
        assert found == ([above, here, below] if whole else [above, here])
        assert holding([above], "/a/b", Effect.WRITE, whole=whole) == []
        assert holding([above], "/a/b", Effect.NOTHING, whole=whole) == []


class TestWho:
    """Who may lock and unlock."""

    @pytest.mark.parametrize(("role", "may"), [(OWNER, True), (USER_ACCESS_ADMINISTRATOR, True), (CONTRIBUTOR, False)])
    def test_roles(self, arm: Arm, role: str, *, may: bool) -> None:
        """Owners and administrators of access make and remove locks; contributors only read them."""
        arm.make_vault()
        other = arm.as_(arm.world.principal())
        arm.world.grant(other.who.oid, role, arm.group)
        assert other.ask("PUT", arm.lock, lock_body()).status == (201 if may else 403)
        arm.do("PUT", arm.lock, lock_body())
        assert other.ask("GET", arm.lock).status == 200
        assert other.ask("DELETE", arm.lock).status == (200 if may else 403)

    def test_an_owner_is_held_too(self, arm: Arm) -> None:
        """A lock holds whoever could remove it, until it is removed."""
        arm.make_lock()
        assert arm.refused("DELETE", arm.vault)[1] == "ScopeLocked"
        arm.do("DELETE", arm.lock)
        arm.do("DELETE", arm.vault)

    def test_who_may_not_is_told_of_no_lock(self, arm: Arm) -> None:
        """Who has not the right to delete learns nothing of what is locked."""
        arm.make_lock()
        reader = arm.as_(arm.world.principal())
        arm.world.grant(reader.who.oid, READER, arm.group)
        assert reader.refused("DELETE", arm.vault)[:2] == (403, "AuthorizationFailed")


class TestLife:
    """What a lock is."""

    def test_made_changed_and_removed(self, arm: Arm) -> None:
        """It is told as Azure tells it, at whatever level; the audit has its scope and level."""
        arm.make_vault()
        owner = "11111111-2222-4333-8444-555555555555"
        for scope in (arm.subscription, arm.group, arm.vault, f"{arm.vault}/secrets/a"):
            path = f"{scope}{LOCKS}/Name.1"
            body = lock_body("canNotDelete", notes="Why", owners=[{"applicationId": owner.upper()}])
            assert arm.ask("PUT", path, body, version="2016-09-01").status == 201
            shown = arm.do("GET", path.lower(), version="2020-05-01")
            assert {name: shown[name] for name in ("id", "name", "type", "properties")} == {
                "id": path,
                "name": "Name.1",
                "type": "Microsoft.Authorization/locks",
                "properties": {"level": "CanNotDelete", "notes": "Why", "owners": [{"applicationId": owner}]},
            }
            assert arm.ask("PUT", path, lock_body("ReadOnly")).status == 200
            assert arm.do("GET", path)["properties"] == {"level": "ReadOnly"}
            entry = [one for one in arm.world.entries() if one["operationName"] == "ManagementLockPut"][-1]
            assert (entry["properties"]["scope"], entry["properties"]["lockLevel"]) == (scope, "ReadOnly")
            assert arm.ask("DELETE", path).status == 200
            assert arm.ask("DELETE", path).status == 204
            assert arm.refused("GET", path) == (404, "LockNotFound", "The lock 'Name.1' could not be found.")

    def test_lists(self, arm: Arm) -> None:
        """A list has what is at, above and below a scope; with atScope() nothing below."""
        arm.make_vault()
        for name, scope in (("s", arm.subscription), ("g", arm.group), ("v", arm.vault)):
            arm.do("PUT", f"{scope}{LOCKS}/{name}", lock_body())

        def names(scope: str, query: str = "") -> list[str]:
            return sorted(one["name"] for one in arm.do("GET", f"{scope}{LOCKS}{query}")["value"])

        assert names(arm.subscription) == ["g", "s", "v"]
        assert names(arm.group, "?$filter=atScope()") == ["g", "s"]
        assert names(arm.vault) == ["g", "s", "v"]
        assert names(f"{arm.vault}/secrets/a", "?$filter=atScope()") == ["g", "s", "v"]
        assert arm.refused("GET", f"{arm.vault}{LOCKS}?$filter=level eq 'x'")[1] == "InvalidFilterInQueryString"

    def test_empty_parent(self, arm: Arm) -> None:
        """Azure's SDKs leave an empty segment where a resource has no parent."""
        arm.make_vault()
        odd = arm.lock.replace("Microsoft.KeyVault/", "Microsoft.KeyVault//")
        arm.do("PUT", odd, lock_body())
        assert arm.do("GET", odd)["id"] == arm.lock
        assert (
            arm.refused("DELETE", arm.vault.replace("Microsoft.KeyVault/", "Microsoft.KeyVault//"))[1] == "ScopeLocked"
        )

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (lock_body("NotSpecified"), "BadRequest"),
            (lock_body("Delete"), "BadRequest"),
            ({"properties": {}}, "BadRequest"),
            ({}, "BadRequest"),
            (lock_body(owners=[{"applicationId": "me"}]), "InvalidLockOwners"),
        ],
    )
    def test_bad_bodies(self, arm: Arm, body: dict[str, Any], code: str) -> None:
        """A lock has one of two levels, and its owners are applications."""
        arm.make_vault()
        assert arm.refused("PUT", arm.lock, body)[:2] == (400, code)

    @pytest.mark.parametrize("name", ["a%3Ab", "a%3Fb", "a%26b", "a%0Ab"])
    def test_bad_names(self, arm: Arm, name: str) -> None:
        """A name has none of the characters that have a meaning elsewhere."""
        arm.make_vault()
        assert arm.refused("PUT", f"{arm.vault}{LOCKS}/{name}", lock_body())[0] == 400

    def test_absent_scopes(self, arm: Arm) -> None:
        """What is not there cannot be locked, nor what is above subscriptions."""
        assert arm.refused("PUT", f"{arm.group}{LOCKS}/a", lock_body())[:2] == (404, "ResourceGroupNotFound")
        arm.make_management_group()
        for scope in ("", arm.management_group):
            arm.own_everything()
            assert arm.refused("PUT", f"{scope}{LOCKS}/a", lock_body())[0] in {400, 403}
        assert arm.refused("PUT", f"{arm.management_group}{LOCKS}/a", lock_body())[:2] == (400, "InvalidScope")

    def test_limits(self, arm: Arm) -> None:
        """As many at one scope as Azure allows, and names and notes as long."""
        arm.make_vault()
        owners = [{"applicationId": f"11111111-2222-4333-8444-{index:012}"} for index in range(limits.LOCK_OWNERS + 1)]
        name, notes = "n" * limits.LOCK_NAME_CHARS, "x" * limits.LOCK_NOTES_CHARS
        arm.do("PUT", f"{arm.vault}{LOCKS}/{name}", lock_body(notes=notes, owners=owners[1:]))
        for path, body in (
            (f"{arm.vault}{LOCKS}/{name}n", lock_body()),
            (arm.lock, lock_body(notes=f"{notes}x")),
            (arm.lock, lock_body(owners=owners)),
        ):
            assert arm.refused("PUT", path, body)[0] == 400
        for index in range(limits.LOCKS_PER_SCOPE - 1):
            arm.do("PUT", f"{arm.vault}{LOCKS}/l{index}", lock_body())
        assert arm.refused("PUT", arm.lock, lock_body())[:2] == (409, "LockCountExceeded")
        arm.do("PUT", f"{arm.vault}{LOCKS}/l0", lock_body("ReadOnly"))
        arm.do("PUT", f"{arm.group}{LOCKS}/l0", lock_body())

    def test_locks_of_a_subscription(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A subscription has so many locks, those of secrets that are not there included; one can still be changed."""
        arm.make_vault()
        monkeypatch.setattr(limits, "LOCKS_PER_SUBSCRIPTION", 3)
        for index in range(3):
            arm.do("PUT", f"{arm.vault}/secrets/s{index}{LOCKS}/l", lock_body())
        assert arm.refused("PUT", f"{arm.group}{LOCKS}/l", lock_body())[:2] == (409, "LockCountExceeded")
        arm.do("PUT", f"{arm.vault}/secrets/s0{LOCKS}/l", lock_body("ReadOnly"))
        arm.do("DELETE", f"{arm.vault}/secrets/s1{LOCKS}/l")
        arm.do("PUT", f"{arm.group}{LOCKS}/l", lock_body())

    def test_a_deleted_vault(self, arm: Arm) -> None:
        """A deleted vault is no place for a lock."""
        arm.make_deleted_vault()
        assert arm.refused("PUT", arm.lock, lock_body())[:2] == (404, "ResourceNotFound")
