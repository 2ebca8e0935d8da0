"""Moving resources between groups: what goes along, what is left behind, what may not go, and who may."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from strongroom.core import limits, network_limits
from strongroom.core.builtin_roles import CONTRIBUTOR, KEY_VAULT_SECRETS_OFFICER, KEY_VAULT_SECRETS_USER, OWNER
from strongroom.core.errors import NotFound
from strongroom.core.locks import LockLevel, ManagementLock, lock_id
from strongroom.core.networks import EndpointConnection, NetworkMap, PerimeterAssociation, VirtualNetwork
from strongroom.core.rbac import RoleAssignment, RoleDefinition
from strongroom.core.records import INSTANCE, Record, tenant_partition
from strongroom.core.resources import ResourceGroup, Subscription
from strongroom.core.vaults import Vault
from strongroom.resources.scopes import confirm, locate
from strongroom.resources.tags import TagOperation, change_tags
from strongroom.resources.vaults import delete_vault
from strongroom.store import Transaction
from strongroom.store.reader import SqlReader
from tests.flow.arm import Arm
from tests.world import Answer, Simulation

R = TypeVar("R", bound=Record)

pytestmark = pytest.mark.usefixtures("restored")

ELSEWHERE = "5bbbbbbb-0000-4000-8000-000000000001"
NAMED = "@Environment[Microsoft.Network/virtualNetworks/subnets] StringEqualsIgnoreCase"


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give an owner of everything, with names of its own and two subscriptions; no lock is left behind."""
    owner, tenant = world.principal(), world.first.tenant_id
    world.commit(lambda tx: tx.put(Subscription(ELSEWHERE, tenant, "Elsewhere", 0)))
    world.grant(owner.oid, OWNER, "/")
    yield Arm(world, owner)
    for one in world.view.all(ManagementLock):
        world.commit(lambda tx, one=one: tx.remove(one))


def elsewhere(arm: Arm) -> str:
    """Make a group in the other subscription."""
    group = f"/subscriptions/{ELSEWHERE}/resourceGroups/e-{arm.tag}"
    arm.do("PUT", group, {"location": "local"})
    return group


def move(arm: Arm, *resources: str, target: str = "") -> None:
    """Move resources, or the vault."""
    assert arm.ask("POST", f"{arm.group}/moveResources", arm.move_body(*resources, target=target)).status == 202


def refused(arm: Arm, *resources: str, target: str = "") -> tuple[int, str, str]:
    """Give the refusal of a move, which is that of asking whether it could be done."""
    body = arm.move_body(*resources, target=target)
    refusal = arm.refused("POST", f"{arm.group}/moveResources", body)
    status, code, message = arm.refused("POST", f"{arm.group}/validateMoveResources", body)
    assert (status, code, message.replace("validateMove", "move")) == refusal
    return refusal


def secret(arm: Arm, method: str, path: str = "", body: object = None) -> Answer:
    """Ask the vault for its secret."""
    url = f"https://{arm.vault_name}.vault.localhost:8443/secrets{path or '/a'}?api-version=7.4"
    return arm.world.ask(method, url, token=arm.world.token(arm.who), body=body)


def the_vault(arm: Arm) -> Vault:
    """Give the vault's record."""
    found = arm.world.view.vault_by_name(arm.vault_name)
    assert found is not None
    return found


class TestVaults:
    """A vault in another group."""

    @pytest.mark.parametrize("far", [False, True])
    def test_stays_what_it_is(self, arm: Arm, *, far: bool) -> None:
        """GUID, address, settings and contents stay; the old id leads nowhere; the answer can be followed."""
        arm.make_vault_and_other_group()
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_OFFICER, "/")
        assert secret(arm, "PUT", body={"value": "v"}).status == 200
        before, old = the_vault(arm), arm.do("GET", arm.vault)
        target = elsewhere(arm) if far else arm.other_group
        answer = arm.ask("POST", f"{arm.group}/moveResources", arm.move_body(target=target))
        assert (answer.status, answer.body) == (202, b"")
        token = arm.world.token(arm.who, "https://management.azure.com/")
        assert arm.world.ask("GET", answer.headers["location"], token=token).status == 200
        moved = arm.vault.replace(arm.group, target)
        after, new = the_vault(arm), arm.do("GET", moved)
        place = {"subscription": after.subscription, "resource_group": after.resource_group}
        assert after == replace(before, updated=after.updated, updated_by=arm.who.oid, **place)
        assert (after.scope, new["id"]) == (moved, moved)
        assert new["properties"] == old["properties"]
        assert secret(arm, "GET").json["value"] == "v"
        assert arm.refused("GET", arm.vault)[:2] == (404, "ResourceNotFound")
        assert [one["id"] for one in arm.do("GET", f"{target}/resources")["value"]] == [moved]
        assert arm.do("GET", f"{arm.group}/resources")["value"] == []
        arm.do("DELETE", arm.group)
        assert secret(arm, "GET").status == 200
        entry = [one for one in arm.world.entries() if one["operationName"] == "ResourceMove"][-1]
        assert (entry["properties"]["scope"], entry["properties"]["resourceIds"]) == (target, [moved])

    def test_backups_are_of_a_subscription(self, arm: Arm) -> None:
        """A backup opens in the subscription that it was made in, and in no other, wherever its vault went."""
        arm.make_vault()
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_OFFICER, "/")
        secret(arm, "PUT", body={"value": "v"})
        backup = secret(arm, "POST", "/a/backup").json["value"]
        other = Arm(arm.world, arm.who)
        other.make_vault()
        move(arm, target=elsewhere(arm))
        assert secret(arm, "DELETE").status == 200
        assert secret(arm, "POST", "/restore", {"value": backup}).status == 400
        assert secret(other, "POST", "/restore", {"value": backup}).status == 200

    def test_roles_stay_behind_and_go(self, arm: Arm) -> None:
        """A role over the vault, or over a secret of it, is taken back; one over the group no longer counts."""
        arm.make_vault_and_other_group()
        users = [arm.as_(arm.world.principal()) for _ in range(4)]
        scopes = (arm.vault, f"{arm.vault}/secrets/a", arm.group, arm.other_group)
        given = [
            arm.world.grant(user.who.oid, KEY_VAULT_SECRETS_USER, at) for user, at in zip(users, scopes, strict=True)
        ]
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_OFFICER, arm.subscription)
        secret(arm, "PUT", body={"value": "v"})
        assert [secret(user, "GET").status for user in users] == [200, 200, 200, 403]
        move(arm)
        assert [secret(user, "GET").status for user in users] == [403, 403, 403, 200]
        held = arm.world.view.all(RoleAssignment, tenant_partition(arm.world.first.tenant_id))
        assert [one in held for one in given] == [False, False, True, True]

    def test_denials_go_along(self, arm: Arm) -> None:
        """SEC-TENANT-13: what a denial keeps closed stays closed: at the vault, and at a single secret."""
        arm.make_vault_and_other_group()
        user = arm.as_(arm.world.principal())
        arm.world.grant(arm.who.oid, KEY_VAULT_SECRETS_OFFICER, arm.subscription)
        arm.world.grant(user.who.oid, KEY_VAULT_SECRETS_USER, arm.subscription)
        secret(arm, "PUT", body={"value": "v"})
        permissions = [{"dataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]}]
        at_secret = arm.denial.replace(arm.vault, f"{arm.vault}/secrets/a")
        arm.do("PUT", at_secret, arm.denial_body(user.who.oid, permissions=permissions))
        assert secret(user, "GET").status == 403
        move(arm)
        assert secret(user, "GET").status == 403
        moved = at_secret.replace(arm.group, arm.other_group)
        assert arm.do("GET", moved)["properties"]["scope"] == moved.partition("/providers/Microsoft.Auth")[0]
        assert arm.refused("GET", at_secret)[0] == 404
        arm.do("DELETE", moved)
        assert secret(user, "GET").status == 200

    def test_networks_around_it(self, arm: Arm) -> None:
        """Its private endpoints still lead to it, approved as they were, and it stays in its perimeter."""
        arm.make_endpoint()
        arm.make_association("Enforced")
        arm.do("PUT", arm.other_group, {"location": "local"})
        connections = arm.world.view.all(EndpointConnection, the_vault(arm).partition)
        associations = arm.world.view.all(PerimeterAssociation)
        move(arm)
        moved = arm.vault.replace(arm.group, arm.other_group)
        (link,) = arm.do("GET", arm.endpoint)["properties"]["privateLinkServiceConnections"]
        assert link["properties"]["privateLinkServiceId"] == moved
        assert link["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"
        assert arm.world.view.all(EndpointConnection, the_vault(arm).partition) == connections
        assert arm.world.view.all(PerimeterAssociation) == associations
        shown = arm.do("GET", arm.association)["properties"]["privateLinkResource"]["id"]
        assert shown == moved
        arm.do("PUT", arm.endpoint, {**arm.endpoint_body(privateLinkServiceId=moved), "tags": {"a": "b"}})

    def test_deleted(self, arm: Arm) -> None:
        """A deleted vault does not move, as if it were not there."""
        arm.make_vault_and_other_group()
        arm.do("DELETE", arm.vault)
        assert refused(arm)[:2] == (404, "ResourceNotFound")

    def test_meanwhile(self, arm: Arm) -> None:
        """A change to the vault where it was, which was permitted before it moved, is not made to it where it is."""
        arm.make_vault_and_other_group()
        before, view, tenant = the_vault(arm), arm.world.view, arm.world.first.tenant_id
        scope = locate(view, tenant, arm.vault)
        move(arm)
        after = the_vault(arm)

        async def tag(tx: Transaction) -> object:
            return await change_tags(tx, scope, TagOperation.REPLACE, {"a": "b"}, now=1, by="")

        for change in (lambda tx: delete_vault(tx, before, now=1), tag, lambda tx: confirm(tx, scope)):
            with pytest.raises(NotFound):
                arm.world.commit(change)
        assert the_vault(arm) == after

    def test_endpoints_of_a_subscription(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A vault with private endpoints counts where it comes to."""
        arm.make_endpoint()
        arm.do("PUT", arm.other_group, {"location": "local"})
        target = elsewhere(arm)
        monkeypatch.setattr(network_limits, "VAULTS_WITH_ENDPOINTS", 0)
        assert refused(arm, target=target)[:2] == (409, "PrivateEndpointVaultLimitExceeded")
        move(arm)
        arm = Arm(arm.world, arm.who)
        arm.make_vault()
        move(arm, target=target)


class TestNetworks:
    """A virtual network in another group."""

    def test_what_names_it_follows(self, arm: Arm) -> None:
        """Vaults' rules and the operator's map name it as it is called now; roles over its subnets are gone."""
        arm.make_network("Microsoft.KeyVault")
        rules = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": arm.subnet.upper()}]}
        arm.make_vault(networkAcls=rules)
        target = elsewhere(arm)
        world = arm.world
        mapped = NetworkMap(f"m-{arm.tag}", world.first.tenant_id, arm.network.lower(), ("10.1.0.0/16",), 0)
        world.commit(lambda tx: tx.put(mapped))
        given = world.grant(arm.who.oid, CONTRIBUTOR, arm.subnet)
        before = arm.do("GET", arm.network)
        assert world.view.surroundings(the_vault(arm)).subnets
        surroundings = list(world.view.surroundings(the_vault(arm)).subnets.values())
        move(arm, arm.network, target=target)
        network, subnet = (one.replace(arm.group, target) for one in (arm.network, arm.subnet))
        after = arm.do("GET", network)
        assert after["properties"]["addressSpace"] == before["properties"]["addressSpace"]
        assert after["properties"]["subnets"][0]["id"] == subnet
        (rule,) = arm.do("GET", arm.vault)["properties"]["networkAcls"]["virtualNetworkRules"]
        assert rule["id"].lower() == subnet.lower()
        assert replace(mapped, virtual_network=network.lower()) in world.view.all(NetworkMap, INSTANCE)
        found = world.view.surroundings(the_vault(arm)).subnets
        assert (list(found), list(found.values())) == ([rule["id"].lower()], surroundings)
        assert given not in world.view.all(RoleAssignment, tenant_partition(world.first.tenant_id))
        assert arm.refused("GET", arm.network)[:2] == (404, "ResourceNotFound")
        arm.do("PUT", arm.network, arm.network_body())
        assert the_vault(arm).network_acls is not None

    def test_in_use(self, arm: Arm) -> None:
        """All or nothing: a network with a private endpoint in it stays, and so does what was to go with it."""
        arm.make_endpoint()
        arm.do("PUT", arm.other_group, {"location": "local"})
        status, code, message = refused(arm, arm.vault, arm.network)
        assert (status, code) == (409, "ResourceMoveNotSupported")
        assert arm.endpoint in message
        assert arm.do("GET", arm.vault)["id"] == arm.vault

    def test_name_in_use(self, arm: Arm) -> None:
        """The target has no resource of that name yet."""
        arm.make_network()
        arm.do("PUT", arm.other_group, {"location": "local"})
        arm.do("PUT", arm.network.replace(arm.group, arm.other_group), arm.network_body())
        assert refused(arm, arm.network)[:2] == (409, "ResourceMoveConflict")

    def test_room(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """It counts in the subscription that it comes to."""
        arm.make_network()
        arm.do("PUT", arm.other_group, {"location": "local"})
        target = elsewhere(arm)
        there = sum(one.subscription == ELSEWHERE for one in arm.world.view.all(VirtualNetwork))
        monkeypatch.setattr(network_limits, "VIRTUAL_NETWORKS", there)
        assert refused(arm, arm.network, target=target)[:2] == (400, "VirtualNetworkCountLimitReached")
        monkeypatch.setattr(network_limits, "VIRTUAL_NETWORKS", there + 1)
        move(arm, arm.network, target=target)

    def test_named_by_conditions(self, arm: Arm) -> None:
        """A condition that names a subnet would say something else afterwards, so its network stays."""
        arm.make_network()
        arm.make_vault_and_other_group()
        body = arm.assignment_body(arm.who.oid, condition=f"{NAMED} '{arm.subnet}'", conditionVersion="2.0")
        arm.do("PUT", arm.assignment, body)
        status, code, message = refused(arm, arm.network)
        assert (status, code) == (409, "ResourceMoveNotSupported")
        assert arm.assignment in message
        arm.do("DELETE", arm.assignment)
        move(arm, arm.network)


class TestWho:
    """Whose rights it takes."""

    def test_rights(self, arm: Arm) -> None:
        """SEC-TENANT-13: to write the target, and to assign roles over what is moved, besides the row's own."""
        arm.make_vault_and_other_group()
        other = arm.as_(arm.world.principal())
        arm.world.grant(other.who.oid, CONTRIBUTOR, arm.group)
        status, code, message = refused(other)
        assert (status, code) == (403, "LinkedAuthorizationFailed")
        assert arm.other_group in message
        arm.world.grant(other.who.oid, CONTRIBUTOR, arm.other_group)
        status, code, message = refused(other)
        assert (status, code) == (403, "AuthorizationFailed")
        assert "Microsoft.Authorization/roleAssignments/write" in message
        arm.world.grant(other.who.oid, OWNER, arm.vault)
        move(other)

    def test_a_right_under_a_condition(self, arm: Arm) -> None:
        """A right to assign some roles only is not enough."""
        arm.make_vault_and_other_group()
        other, tenant = arm.as_(arm.world.principal()), arm.world.first.tenant_id
        arm.world.grant(other.who.oid, CONTRIBUTOR, arm.subscription)
        role = RoleDefinition(
            f"c2000000-0000-4000-8000-0000{arm.tag}", tenant, "R", actions=("Microsoft.Authorization/*",)
        )
        arm.world.commit(lambda tx: tx.put(role))
        condition = (
            "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals"
            f" {{{KEY_VAULT_SECRETS_USER}}}"
        )
        given = arm.world.grant(other.who.oid, role.id, arm.vault)
        limited = replace(given, condition=condition, condition_version="2.0")
        arm.world.commit(lambda tx: tx.put(limited))
        assert refused(other)[:2] == (403, "AuthorizationFailed")
        arm.world.commit(lambda tx: tx.put(given))
        move(other)

    @pytest.mark.parametrize("far", [False, True])
    def test_out_from_under_a_denial(self, arm: Arm, *, far: bool) -> None:
        """SEC-TENANT-13: whoever could not take a denial back does not get past it by a move either."""
        arm.make_vault_and_other_group()
        target, above = (elsewhere(arm), arm.subscription) if far else (arm.other_group, arm.group)
        other = arm.as_(arm.world.principal())
        for scope in (arm.group, target):
            arm.world.grant(other.who.oid, CONTRIBUTOR, scope)
        arm.world.grant(other.who.oid, OWNER, arm.vault)
        denial = arm.denial.replace(arm.vault, above)
        actions = [{"dataActions": ["Microsoft.KeyVault/vaults/secrets/*"]}]
        arm.do("PUT", denial, arm.denial_body(other.who.oid, permissions=actions))
        status, code, message = refused(other, target=target)
        assert (status, code) == (403, "AuthorizationFailed")
        assert "Microsoft.Authorization/denyAssignments/delete" in message
        arm.do("PUT", denial, arm.denial_body(other.who.oid, permissions=actions, doNotApplyToChildScopes=True))
        assert other.ask("POST", f"{arm.group}/validateMoveResources", arm.move_body(target=target)).status == 204
        arm.do("PUT", denial, arm.denial_body(other.who.oid, permissions=actions))
        move(arm, target=target)
        arm.do("DELETE", denial)

    def test_below_the_same_denial(self, arm: Arm) -> None:
        """A denial that holds in both places is none to get past."""
        arm.make_vault_and_other_group()
        other = arm.as_(arm.world.principal())
        for scope in (arm.group, arm.other_group):
            arm.world.grant(other.who.oid, CONTRIBUTOR, scope)
        arm.world.grant(other.who.oid, OWNER, arm.vault)
        denial = arm.denial.replace(arm.vault, arm.subscription)
        arm.do("PUT", denial, arm.denial_body(other.who.oid))
        move(other)
        arm.do("DELETE", denial)

    def test_asked_before_anything_is_looked_up(self, arm: Arm) -> None:
        """Who may not is told the same of a target and of a resource that are not there."""
        arm.make_vault_and_other_group()
        other = arm.as_(arm.world.principal())
        arm.world.grant(other.who.oid, CONTRIBUTOR, arm.group)
        there, missing = refused(other), refused(other, target=f"{arm.other_group}x")
        assert missing == (there[0], there[1], there[2].replace(arm.other_group, f"{arm.other_group}x"))
        arm.world.grant(other.who.oid, CONTRIBUTOR, arm.subscription)
        there, missing = refused(other), refused(other, f"{arm.vault}x")
        assert missing == (there[0], there[1], there[2].replace(arm.vault, f"{arm.vault}x"))

    def test_other_tenants(self, arm: Arm) -> None:
        """SEC-TENANT-2: a group of another tenant is none, whoever may there."""
        arm.make_vault()
        tenant, guid = arm.world.tenant(), f"5ccccccc-0000-4000-8000-0000{arm.tag}"
        arm.world.commit(lambda tx: tx.put(Subscription(guid, tenant, "Theirs", 0)))
        arm.world.commit(lambda tx: tx.put(ResourceGroup(f"{guid}/g", tenant, guid, "g", "local", 0)))
        assert refused(arm, target=f"/subscriptions/{guid}/resourceGroups/g")[:2] == (404, "SubscriptionNotFound")


class TestLocks:
    """What is locked stays, and nothing comes to where nothing may be changed."""

    @pytest.mark.parametrize("level", list(LockLevel))
    def test_source(self, arm: Arm, level: LockLevel) -> None:
        """A lock at the resource, above it or below it, of either level."""
        arm.make_vault_and_other_group()
        for scope in (arm.vault, arm.group, f"{arm.vault}/secrets/a"):
            made = ManagementLock(lock_id(scope, "t"), arm.world.first.tenant_id, scope, "t", level, 0)
            arm.world.commit(lambda tx, made=made: tx.put(made))
            assert refused(arm)[:2] == (409, "ScopeLocked")
            arm.world.commit(lambda tx, made=made: tx.remove(made))
        move(arm)

    def test_target(self, arm: Arm) -> None:
        """A target that may not be changed takes nothing in; one of which nothing may be deleted does."""
        arm.make_vault_and_other_group()
        for level in (LockLevel.READ_ONLY, LockLevel.CAN_NOT_DELETE):
            scope = arm.other_group
            made = ManagementLock(lock_id(scope, "t"), arm.world.first.tenant_id, scope, "t", level, 0)
            arm.world.commit(lambda tx, made=made: tx.put(made))
            if level is LockLevel.READ_ONLY:
                status, code, message = refused(arm)
                assert (status, code) == (409, "ScopeLocked")
                assert f"'{scope}' cannot perform write operation" in message
        move(arm)


class TestWork:
    """What a move costs, while nobody else can write."""

    def test_does_not_read_more_for_more_resources(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the tenant has of each kind is read as often for many networks as for one."""
        arm.make_vault_and_other_group()
        networks = [f"{arm.network}-{number}" for number in range(6)]
        for network in networks:
            arm.do("PUT", network, arm.network_body())
        read: list[type] = []
        records = SqlReader.records

        def counted(self: SqlReader, kind: type[R], partition: str | None = None) -> Awaitable[list[R]]:
            read.append(kind)
            return records(self, kind, partition)

        monkeypatch.setattr(SqlReader, "records", counted)
        move(arm, networks[0], target=elsewhere(arm))
        once = sorted(kind.__name__ for kind in read)
        read.clear()
        move(arm, *networks[1:], target=elsewhere(arm))
        assert sorted(kind.__name__ for kind in read) == once


class TestRequests:
    """What is asked for."""

    def test_validation_changes_nothing(self, arm: Arm) -> None:
        """A move that could be done is a 204, and was not done."""
        arm.make_vault_and_other_group()
        before = arm.world.view.generation
        answer = arm.ask("POST", f"{arm.group}/validateMoveResources", arm.move_body())
        assert (answer.status, answer.body) == (204, b"")
        assert arm.world.view.generation == before
        assert arm.do("GET", arm.vault)["id"] == arm.vault
        assert arm.world.entries()[-1]["operationName"] in {"ResourceMoveValidate", "VaultGet"}

    def test_spelling(self, arm: Arm) -> None:
        """Ids are compared without case, and named twice they count once."""
        arm.make_vault_and_other_group()
        move(arm, arm.vault.upper(), arm.vault.upper(), f"{arm.vault}/", target=f"{arm.other_group.lower()}/")
        assert arm.do("GET", arm.vault.replace(arm.group, arm.other_group))["id"]

    def test_what_cannot_be_moved(self, arm: Arm) -> None:
        """What carries its id in tokens, or in what the operator said of it, and parts of other resources."""
        for make in (arm.make_endpoint, arm.make_identity, arm.make_machine, arm.make_profile):
            make()
        arm.do("PUT", arm.other_group, {"location": "local"})
        for scope in (arm.identity, arm.machine, arm.endpoint, arm.perimeter):
            status, code, message = refused(arm, scope)
            assert (status, code) == (400, "ResourceMoveNotSupported")
            assert message == f"Resource move is not supported for resource types '{arm.do('GET', scope)['type']}'."
        for scope in (arm.subnet, f"{arm.vault}/secrets/a"):
            assert refused(arm, scope)[:2] == (400, "InvalidMoveRequest")

    @pytest.mark.parametrize(
        ("resources", "target", "status", "code"),
        [
            ([], "{other}", 400, "InvalidMoveRequest"),
            (["{vault}"], "{other}/providers/x", 400, "InvalidMoveRequest"),
            (["{vault}"], "other", 400, "InvalidMoveRequest"),
            (["{vault}"], "", 400, "InvalidMoveRequest"),
            (["{vault}"], "{other}x", 404, "ResourceGroupNotFound"),
            (["{vault}"], "{group}", 409, "MoveCannotProceedWithSameResourceGroup"),
            (["{other}/providers/Microsoft.KeyVault/vaults/x"], "{other}", 400, "InvalidMoveRequest"),
            (["{group}"], "{other}", 400, "InvalidMoveRequest"),
            (["{group}x/providers/Microsoft.KeyVault/vaults/x"], "{other}", 400, "InvalidMoveRequest"),
            (["{group}/providers/Microsoft.KeyVault//vaults/x"], "{other}", 400, "InvalidMoveRequest"),
            (["{group}/providers/Microsoft.KeyVault/vaults/x"], "{other}", 404, "ResourceNotFound"),
            (["{vault}", "{vault}x"], "{other}", 404, "ResourceNotFound"),
            (["{group}/providers/Microsoft.Web/sites/x"], "{other}", 400, "InvalidScope"),
            (["x"], "{other}", 400, "InvalidMoveRequest"),
        ],
    )
    def test_bad_requests(self, arm: Arm, resources: list[str], target: str, status: int, code: str) -> None:
        """Each is told what is wrong, and nothing is moved."""
        arm.make_vault_and_other_group()
        names = {"vault": arm.vault, "group": arm.group, "other": arm.other_group}
        body: dict[str, Any] = {
            "resources": [one.format(**names) for one in resources],
            "targetResourceGroup": target.format(**names),
        }
        for path in ("moveResources", "validateMoveResources"):
            assert arm.refused("POST", f"{arm.group}/{path}", body)[:2] == (status, code)
        assert arm.refused("POST", f"{arm.group}/moveResources", {"resources": "x"})[0] == 400

    def test_unregistered(self, arm: Arm) -> None:
        """Nothing comes to a subscription that does without its provider."""
        arm.make_vault()
        guid = f"5ddddddd-0000-4000-8000-0000{arm.tag}"
        subscription = Subscription(guid, arm.world.first.tenant_id, "Bare", 0)
        arm.world.commit(lambda tx: tx.put(subscription))
        target, provider = (
            f"{subscription.scope}/resourceGroups/e",
            f"{subscription.scope}/providers/Microsoft.KeyVault",
        )
        arm.do("PUT", target, {"location": "local"})
        arm.do("POST", f"{provider}/unregister", version="2022-12-01")
        assert refused(arm, target=target)[:2] == (409, "MissingSubscriptionRegistration")
        arm.do("POST", f"{provider}/register", version="2022-12-01")
        move(arm, target=target)

    def test_long_ids(self, arm: Arm) -> None:
        """Rights are asked of an id as long as ids can be, and of none that is longer: that would take its square."""
        arm.make_vault_and_other_group()
        arm.make_role()
        begins = f"{arm.group}/providers/"
        at = f"{begins}{'a/' * limits.RESOURCE_ID_CHARS}"[: limits.RESOURCE_ID_CHARS - 1] + "a"
        assert (len(at), refused(arm, at)[1]) == (limits.RESOURCE_ID_CHARS, "InvalidScope")
        for past in (f"{at}a", f"{begins}{'a/' * 1_000_000}a"):
            assert refused(arm, past)[:2] == (400, "InvalidResourceId")
            assert arm.refused("PUT", arm.role, arm.role_body(scopes=(past,)))[:2] == (400, "InvalidResourceId")

    def test_limit(self, arm: Arm) -> None:
        """As many as Azure moves at once, and no more."""
        arm.make_vault_and_other_group()
        many = [f"{arm.group}/providers/Microsoft.KeyVault/vaults/x{n}" for n in range(limits.MOVED_RESOURCES)]
        assert refused(arm, *many)[:2] == (404, "ResourceNotFound")
        assert refused(arm, *many, arm.vault)[:2] == (400, "InvalidMoveRequest")
