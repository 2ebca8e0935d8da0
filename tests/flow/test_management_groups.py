"""Management groups: the tree, what moving things in it takes, and the rights that come down it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.arm.rights_documents import GroupTree
from strongroom.core import limits
from strongroom.core.builtin_roles import (
    CONTRIBUTOR,
    KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    READER,
)
from strongroom.core.hierarchy import Hierarchy, group_name
from strongroom.core.rbac import scope_key
from strongroom.core.resources import ManagementGroup, Subscription
from tests.flow.arm import Arm, get_secret
from tests.world import Simulation

RIGHTS = "/providers/Microsoft.Authorization"
GROUPS = "/providers/Microsoft.Management/managementGroups"
TYPE = "Microsoft.Management/managementGroups"


@pytest.fixture
def arm(world: Simulation) -> Iterator[Arm]:
    """Give the administrator as Owner of everything; the subscription is back in its place afterwards."""
    arm = Arm(world, world.administrator)
    arm.own_everything()
    yield arm
    found = world.view.subscription(world.first.subscription_id)
    assert found is not None
    if found.management_group:
        arm.do("DELETE", f"{GROUPS}/{found.management_group}{arm.subscription}")


def below(arm: Arm, *names: str, parent: str = "") -> list[str]:
    """Make a line of groups, each below the one before it; give their scopes."""
    made = []
    for name in names:
        scope = f"{GROUPS}/{name}-{arm.tag}"
        arm.do("PUT", scope, arm.management_group_body(parent))
        parent = scope
        made.append(scope)
    return made


def place(arm: Arm, group: str) -> str:
    """Give the path of the subscription in a group."""
    return f"{group}{arm.subscription}"


class TestTree:
    """Made, shown, moved, removed."""

    def test_made(self, arm: Arm) -> None:
        """A group without a word about its place is in the root group; its name keeps its case and is found in any."""
        scope = f"{GROUPS}/Team-{arm.tag}"
        answer = arm.ask("PUT", scope, {"properties": {"displayName": "The team"}})
        assert answer.status == 200
        tenant = arm.world.first.tenant_id
        details = answer.json["properties"]["details"]
        assert answer.json == {
            "id": scope,
            "type": TYPE,
            "name": f"Team-{arm.tag}",
            "properties": {
                "tenantId": tenant,
                "displayName": "The team",
                "details": {
                    "version": 1,
                    "updatedTime": details["updatedTime"],
                    "updatedBy": arm.who.oid,
                    "parent": {"id": arm.root_group, "name": tenant, "displayName": "Tenant Root Group"},
                },
            },
        }
        assert arm.do("GET", scope.upper().replace("/PROVIDERS", "/providers")) == answer.json
        assert arm.do("PATCH", scope, {"displayName": "Ours"})["properties"]["displayName"] == "Ours"
        assert arm.do("PUT", scope, {"properties": {}})["properties"]["displayName"] == "Ours"
        (listed,) = [one for one in arm.do("GET", GROUPS)["value"] if one["id"] == scope]
        assert listed == {
            "id": scope,
            "type": TYPE,
            "name": f"Team-{arm.tag}",
            "properties": {"tenantId": tenant, "displayName": "Ours"},
        }

    def test_root(self, arm: Arm) -> None:
        """The root group is there without being made, is in nothing, and is neither changed nor removed."""
        root = arm.do("GET", arm.root_group)
        assert root["name"] == arm.world.first.tenant_id
        assert "parent" not in root["properties"]["details"]
        for method, body in (("PUT", arm.management_group_body()), ("PATCH", {"displayName": "x"}), ("DELETE", None)):
            assert arm.refused(method, arm.root_group, body)[:2] == (400, "RootManagementGroupNotAllowed")

    def test_expanded(self, arm: Arm) -> None:
        """What is in a group is shown when asked for, and what is below that when asked for, too."""
        outer, inner = below(arm, "a", "b")
        arm.do("PUT", place(arm, inner))
        shown = {"id": arm.subscription, "type": "/subscriptions", "name": arm.subscription.rpartition("/")[2]}
        one = arm.do("GET", f"{outer}?$expand=children")["properties"]["children"]
        name = f"b-{arm.tag}"
        assert one == [{"id": inner, "type": TYPE, "name": name, "displayName": f"Group {arm.tag}"}]
        (all_,) = arm.do("GET", f"{outer}?$expand=children&$recurse=true")["properties"]["children"]
        (child,) = all_["children"]
        assert {member: child[member] for member in shown} == shown
        assert arm.do("GET", f"{inner}?$expand=path")["properties"]["details"]["path"] == [
            {"name": arm.world.first.tenant_id, "displayName": "Tenant Root Group"},
            {"name": f"a-{arm.tag}", "displayName": f"Group {arm.tag}"},
            {"name": name, "displayName": f"Group {arm.tag}"},
        ]
        ancestors = arm.do("GET", f"{inner}?$expand=ancestors")["properties"]["details"]["managementGroupAncestors"]
        assert ancestors == [f"a-{arm.tag}", arm.world.first.tenant_id]
        for query in ("$expand=all", "$recurse=true", "$expand=children&$recurse=maybe"):
            assert arm.refused("GET", f"{outer}?{query}")[:2] == (400, "InvalidQueryParameter")

    def test_descendants(self, arm: Arm) -> None:
        """Everything below a group is listed, each with where it is."""
        outer, inner = below(arm, "a", "b")
        arm.do("PUT", place(arm, inner))
        found = {one["id"]: one for one in arm.do("GET", f"{outer}/descendants")["value"]}
        assert set(found) == {inner, arm.subscription}
        assert (found[inner]["type"], found[inner]["properties"]["parent"]) == (TYPE, {"id": outer})
        subscription = found[arm.subscription]
        assert (subscription["type"], subscription["properties"]["parent"]) == (f"{TYPE}/subscriptions", {"id": inner})

    def test_moved(self, arm: Arm) -> None:
        """A group goes where it is sent, with everything in it, and back into the root group."""
        outer, inner = below(arm, "a", "b")
        (other,) = below(arm, "c")
        moved = arm.do("PATCH", inner, {"parentGroupId": other})
        assert moved["properties"]["details"]["parent"]["id"] == other
        assert arm.do("GET", f"{outer}/descendants")["value"] == []
        back = arm.do("PUT", inner, arm.management_group_body(arm.root_group))
        assert back["properties"]["details"]["parent"]["id"] == arm.root_group

    def test_no_circle(self, arm: Arm) -> None:
        """A group is not put below itself, nor into what is below it."""
        outer, middle, inner = below(arm, "a", "b", "c")
        for parent in (outer, middle, inner):
            assert arm.refused("PATCH", outer, {"parentGroupId": parent})[:2] == (400, "InvalidParentId")

    def test_depth(self, arm: Arm) -> None:
        """There are six levels below the root group, and no seventh, however a group gets there."""
        assert limits.MANAGEMENT_GROUP_DEPTH == 6
        line = below(arm, *"abcdef")
        seventh = f"{GROUPS}/g-{arm.tag}"
        refusal = arm.refused("PUT", seventh, arm.management_group_body(line[-1]))
        assert refusal[:2] == (400, "ManagementGroupDepthExceeded")
        outer, _inner = below(arm, "x", "y")
        arm.do("PATCH", outer, {"parentGroupId": line[3]})
        assert arm.refused("PATCH", outer, {"parentGroupId": line[4]})[:2] == (400, "ManagementGroupDepthExceeded")

    def test_removed(self, arm: Arm) -> None:
        """A group goes when it is empty, with the roles given at it; a second removal finds nothing."""
        outer, inner = below(arm, "a", "b")
        arm.do("PUT", place(arm, inner))
        for group in (outer, inner):
            assert arm.refused("DELETE", group)[:2] == (400, "ManagementGroupHasChildren")
        arm.do("DELETE", place(arm, inner))
        given = f"{inner}{RIGHTS}/roleAssignments/d0000000-0000-4000-8000-0000{arm.tag}"
        arm.do("PUT", given, arm.assignment_body(arm.who.oid, READER))
        assert arm.ask("DELETE", inner).status == 202
        assert arm.refused("GET", given)[:2] == (404, "RoleAssignmentNotFound")
        assert arm.ask("DELETE", inner).status == 204
        assert arm.refused("GET", inner) == (404, "NotFound", f"'{inner}' not found")
        assert arm.ask("DELETE", outer).status == 202

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"properties": {"displayName": ""}}, 400, "InvalidDisplayName"),
            (
                {"properties": {"displayName": "x" * (limits.MANAGEMENT_GROUP_NAME_CHARS + 1)}},
                400,
                "InvalidDisplayName",
            ),
            ({"properties": {"tenantId": "other"}}, 400, "InvalidTenantId"),
            ({"properties": {"details": {"parent": {"id": "root"}}}}, 400, "InvalidParentId"),
            ({"properties": {"details": {"parent": {"id": f"{GROUPS}/none"}}}}, 404, "NotFound"),
            ({"properties": {"details": {"parent": {"id": f"{GROUPS}/"}}}}, 400, "InvalidParentId"),
        ],
    )
    def test_refused(self, arm: Arm, body: dict[str, Any], status: int, code: str) -> None:
        """Whatever is wrong about a group is refused, and nothing is made."""
        assert arm.refused("PUT", arm.management_group, body)[:2] == (status, code)

    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("n" * limits.MANAGEMENT_GROUP_NAME_CHARS, 200),
            ("n" * (limits.MANAGEMENT_GROUP_NAME_CHARS + 1), 400),
            ("a.", 400),
            ("-a", 400),
            ("a b", 400),
        ],
    )
    def test_name(self, arm: Arm, name: str, status: int) -> None:
        """A group's name has at most 90 characters, each of those that Azure allows."""
        answer = arm.ask("PUT", f"{GROUPS}/{name.replace(' ', '%20')}", arm.management_group_body())
        assert answer.status == status
        assert status == 200 or answer.error["code"] == "InvalidManagementGroupId"

    def test_how_many(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A tenant has so many groups, and one that there is can be changed at the limit."""
        there = len(arm.world.view.all(ManagementGroup, f"tenant:{arm.world.first.tenant_id}"))
        monkeypatch.setattr(limits, "MANAGEMENT_GROUPS_PER_TENANT", there + 1)
        (last,) = below(arm, "a")
        refusal = arm.refused("PUT", arm.management_group, arm.management_group_body())
        assert refusal[:2] == (400, "ManagementGroupLimitExceeded")
        assert arm.ask("PATCH", last, {"displayName": "x"}).status == 200


class TestSubscriptions:
    """Subscriptions in groups."""

    def test_in_and_out(self, arm: Arm) -> None:
        """A subscription is put into a group, shown in it, and goes back to the root group."""
        (group,) = below(arm, "a")
        guid = arm.subscription.rpartition("/")[2]
        shown = arm.do("PUT", place(arm, group))
        assert shown == {
            "id": place(arm, group),
            "type": f"{TYPE}/subscriptions",
            "name": guid,
            "properties": {
                "tenant": arm.world.first.tenant_id,
                "displayName": shown["properties"]["displayName"],
                "parent": {"id": group},
                "state": "Active",
            },
        }
        assert arm.do("GET", place(arm, group)) == shown
        assert arm.do("GET", f"{group}/subscriptions")["value"] == [shown]
        assert arm.refused("GET", place(arm, arm.root_group))[:2] == (404, "NotFound")
        assert arm.ask("DELETE", place(arm, group)).status == 200
        assert arm.ask("DELETE", place(arm, group)).status == 204
        assert arm.ask("GET", place(arm, arm.root_group)).status == 200

    def test_refused(self, arm: Arm) -> None:
        """Neither a group nor a subscription that there is not is put anywhere."""
        (group,) = below(arm, "a")
        nowhere = "59999999-0000-4000-8000-000000000001"
        assert arm.refused("PUT", place(arm, f"{GROUPS}/none"))[:2] == (404, "NotFound")
        assert arm.refused("PUT", f"{group}/subscriptions/{nowhere}")[:2] == (404, "SubscriptionNotFound")
        assert arm.refused("GET", f"{group}/subscriptions/{nowhere}")[:2] == (404, "NotFound")

    def test_what_there_is_is_not_told(self, arm: Arm) -> None:
        """Who could not move a subscription is answered the same whether there is one or not."""
        (group,) = below(arm, "a")
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, group)
        nowhere = "59999999-0000-4000-8000-000000000001"
        present = who.refused("PUT", place(arm, group))
        absent = who.refused("PUT", f"{group}/subscriptions/{nowhere}")
        assert present[:2] == (403, "AuthorizationFailed")
        assert absent == (*present[:2], present[2].replace(arm.subscription.rpartition("/")[2], nowhere))

    @pytest.mark.parametrize("lacking", ["roles", "old", "new"])
    def test_what_moving_takes(self, arm: Arm, lacking: str) -> None:
        """It takes the right to assign the subscription's roles, and to write both groups: neither alone is enough."""
        old, new = below(arm, "a")[0], below(arm, "b")[0]
        arm.do("PUT", place(arm, old))
        who = arm.as_(arm.world.principal())
        grants = {"roles": (OWNER, arm.subscription), "old": (CONTRIBUTOR, old), "new": (CONTRIBUTOR, new)}
        for what, (role, scope) in grants.items():
            if what != lacking:
                arm.world.grant(who.who.oid, role, scope)
        assert who.refused("PUT", place(arm, new))[:2] == (403, "AuthorizationFailed")
        arm.world.grant(who.who.oid, *grants[lacking])
        assert who.ask("PUT", place(arm, new)).status == 200

    def test_conditional_right_does_not_move(self, arm: Arm) -> None:
        """Who may assign some roles alone brings nobody's subscription under other people's rights."""
        (group,) = below(arm, "a")
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, CONTRIBUTOR, group)
        arm.world.grant(who.who.oid, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR, arm.subscription)
        assert who.refused("PUT", place(arm, group))[:2] == (403, "AuthorizationFailed")


class TestRights:
    """Rights come down the tree."""

    def test_come_and_go_with_the_place(self, arm: Arm) -> None:
        """A role at a group reaches a vault of a subscription below it, for as long as that is there."""
        arm.make_vault()
        outer, inner = below(arm, "a", "b")
        who = arm.as_(arm.world.principal())
        given = f"{outer}{RIGHTS}/roleAssignments/d0000000-0000-4000-8000-0000{arm.tag}"
        answer = arm.do("PUT", given, arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER))
        assert (answer["id"], answer["properties"]["scope"]) == (given, outer)
        assert get_secret(who) == 403
        arm.do("PUT", place(arm, inner))
        assert get_secret(who) == 404
        listed = {one["id"] for one in arm.do("GET", f"{arm.vault}{RIGHTS}/roleAssignments")["value"]}
        assert given in listed
        below_it = {one["id"] for one in arm.do("GET", f"{arm.root_group}{RIGHTS}/roleAssignments")["value"]}
        assert given in below_it
        at_root = arm.do("GET", f"{arm.root_group}{RIGHTS}/roleAssignments?$filter=atScope()")["value"]
        assert given not in {one["id"] for one in at_root}
        assert len(who.do("GET", f"{arm.vault}{RIGHTS}/permissions")["value"]) == 1
        arm.do("PATCH", inner, {"parentGroupId": arm.root_group})
        assert get_secret(who) == 403
        arm.do("PATCH", inner, {"parentGroupId": outer})
        assert get_secret(who) == 404
        arm.do("DELETE", place(arm, inner))
        assert get_secret(who) == 403

    def test_a_role_that_was_given_in_a_subscription_that_left(self, arm: Arm) -> None:
        """It stays given there, and who owns the group that it is of does not change any more what is had there."""
        (group,) = below(arm, "a")
        arm.do("PUT", place(arm, group))
        role = f"{group}{RIGHTS}/roleDefinitions/{arm.role.rpartition('/')[2]}"
        arm.do("PUT", role, arm.role_body(scopes=(group,)))
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, role.rpartition("/")[2], arm.subscription)
        arm.world.grant(who.who.oid, OWNER, group)
        wider = arm.role_body("*", scopes=(group,))
        assert who.ask("PUT", role, arm.role_body(scopes=(group,))).status == 201
        arm.do("DELETE", place(arm, group))
        assert who.refused("PUT", role, wider)[:2] == (403, "AuthorizationFailed")

    def test_subscription_is_listed_to_whoever_has_a_role_above(self, arm: Arm) -> None:
        """A role at a group above shows the subscription."""
        (group,) = below(arm, "a")
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, READER, group)
        assert who.do("GET", "/subscriptions")["value"] == []
        arm.do("PUT", place(arm, group))
        assert [one["id"] for one in who.do("GET", "/subscriptions")["value"]] == [arm.subscription]

    def test_denials_come_down(self, arm: Arm) -> None:
        """A denial at a group hits what is below it."""
        arm.make_vault()
        (group,) = below(arm, "a")
        arm.do("PUT", place(arm, group))
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, KEY_VAULT_SECRETS_USER, arm.vault)
        denial = f"{group}{RIGHTS}/denyAssignments/{arm.denial.rpartition('/')[2]}"
        arm.do("PUT", denial, arm.denial_body(who.who.oid, permissions=[{"dataActions": ["*"]}]))
        assert get_secret(who) == 403
        assert denial in {one["id"] for one in arm.do("GET", f"{arm.vault}{RIGHTS}/denyAssignments")["value"]}
        arm.do("DELETE", denial)
        assert get_secret(who) == 404

    def test_denials_hide(self, arm: Arm) -> None:
        """A group or subscription whose reading is denied is in no list of what is above it."""
        first, second = below(arm, "a", "b")
        arm.do("PUT", place(arm, first))
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, READER, first)
        texts = (f"{first}/descendants", f"{first}?$expand=children&$recurse=true", f"{first}/subscriptions")
        body = arm.denial_body(who.who.oid, permissions=[{"actions": ["*/read"]}])
        told = [str(who.do("GET", text)) for text in texts]
        assert all(second in one for one in told[:2])
        assert all(arm.subscription in one for one in told)
        for number, scope in enumerate((second, arm.subscription)):
            arm.do("PUT", f"{scope}{RIGHTS}/denyAssignments/de00000{number}-0000-4000-8000-0000{arm.tag}", body)
        told = [str(who.do("GET", text)) for text in texts]
        assert not any(second in one or arm.subscription in one for one in told)
        assert who.ask("GET", place(arm, first)).status == 404

    def test_owner_of_a_group(self, arm: Arm) -> None:
        """Who owns a group changes it and what is below it, and makes none elsewhere."""
        outer, inner = below(arm, "a", "b")
        (other,) = below(arm, "c")
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, outer)
        assert who.ask("PATCH", inner, {"displayName": "mine"}).status == 200
        assert {one["id"] for one in who.do("GET", GROUPS)["value"]} == {outer, inner}
        assert who.refused("PATCH", other, {"displayName": "mine"})[:2] == (403, "AuthorizationFailed")
        assert who.refused("PATCH", inner, {"parentGroupId": other})[:2] == (403, "AuthorizationFailed")
        assert who.refused("PUT", arm.management_group, arm.management_group_body(outer))[0] == 403
        assert who.ask("DELETE", inner).status == 202

    def test_limit_of_a_group(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """So many roles are given at one management group, whatever is below it."""
        monkeypatch.setattr(limits, "ROLE_ASSIGNMENTS_PER_MANAGEMENT_GROUP", 1)
        outer, inner = below(arm, "a", "b")
        path = f"{RIGHTS}/roleAssignments/d{{number}}000000-0000-4000-8000-0000{arm.tag}"
        for number, (group, status) in enumerate([(inner, 201), (outer, 201), (outer, 400)]):
            body = arm.assignment_body(arm.world.principal().oid, READER)
            answer = arm.ask("PUT", group + path.format(number=number), body)
            assert answer.status == status
        assert answer.error["code"] == "RoleAssignmentLimitExceeded"
        assert answer.error["message"].endswith("A management group can have 1.")

    def test_data_of_another_tenant(self, arm: Arm) -> None:
        """SEC-TENANT-2: a group of the same name in another tenant is another group."""
        (group,) = below(arm, "a")
        tenant = arm.world.tenant()
        stranger = arm.world.principal("stranger", tenant)
        arm.world.grant(stranger.oid, OWNER, "/", tenant)
        token = arm.world.token(stranger, "https://management.azure.com", tenant)
        assert arm.ask("GET", group, token=token).status == 404
        assert arm.ask("PUT", group, arm.management_group_body(), token=token).status == 200
        assert arm.ask("PUT", place(arm, group), token=token).status == 404
        assert arm.ask("DELETE", group, token=token).status == 202
        assert arm.ask("GET", group).status == 200

    def test_audit(self, arm: Arm) -> None:
        """The audit says which group is where, and which subscription is in which."""
        (group,) = below(arm, "a")
        entry = arm.world.entries()[-1]
        assert (entry["operationName"], entry["resourceId"]) == ("ManagementGroupPut", group.upper())
        assert entry["properties"]["managementGroupId"] == f"a-{arm.tag}"
        assert entry["properties"]["parentGroupId"] == arm.world.first.tenant_id
        arm.do("PUT", place(arm, group))
        recorded = arm.world.entries()[-1]["properties"]
        assert recorded["subscriptionId"] == arm.subscription.rpartition("/")[2]
        assert recorded["parentGroupId"] == f"a-{arm.tag}"
        assert "omitted" not in recorded


class TestHierarchy:
    """The tree as a value."""

    GROUPS = tuple(ManagementGroup(name, "t", name, name, 0, parent) for name, parent in (("a", ""), ("b", "a")))

    def test_above(self) -> None:
        """What is above a scope is named from the nearest to the tenant."""
        tree = Hierarchy("t", self.GROUPS, [Subscription("s", "t", "S", 0, "b")])
        groups = [f"{GROUPS.lower()}/{name}" for name in ("b", "a", "t")]
        resource = "/subscriptions/s/resourcegroups/g"
        assert tree.above("/subscriptions/S/resourceGroups/G") == (
            resource,
            "/subscriptions/s/resourcegroups",
            "/subscriptions/s",
            "/subscriptions",
            *groups,
            "",
        )
        assert tree.above(f"{GROUPS}/b") == (*groups, "")
        assert tree.above(f"{GROUPS}/t") == (groups[-1], "")
        assert tree.above("/") == ("",)

    @pytest.mark.parametrize(
        "groups",
        [
            (ManagementGroup("a", "t", "a", "a", 0, "b"), ManagementGroup("b", "t", "b", "b", 0, "a")),
            (ManagementGroup("a", "t", "a", "a", 0, "a"),),
        ],
    )
    def test_a_circle_ends(self, groups: tuple[ManagementGroup, ...]) -> None:
        """Records that lead in a circle, which none can be made to, end at the root group."""
        assert Hierarchy("t", groups).ancestors("a")[-1] == "t"
        assert set(Hierarchy("t", groups).lines()) == {f"{GROUPS.lower()}/{group.id}" for group in groups}

    def test_below(self) -> None:
        """What is below a place is what it is above, whatever the case."""
        tree = Hierarchy("t", self.GROUPS, [Subscription("s", "t", "S", 0, "b"), Subscription("r", "t", "R", 0)])
        group = "/subscriptions/S/resourceGroups/G"
        scopes = ["/", "/subscriptions/s", "/subscriptions/r", group, f"{group}2", f"{group}/providers/P/vaults/V"]
        scopes += [f"{GROUPS}/{name}" for name in "abt"]
        for place in map(scope_key, scopes):
            for scope in scopes:
                assert tree.is_below(scope, place) is (place in tree.above(scope)), (scope, place)

    def test_lines(self) -> None:
        """What rights go by is what answers show, but for the root group, which is above everything."""
        placed = [Subscription("s", "t", "S", 0, "b"), Subscription("r", "t", "R", 0)]
        tree = Hierarchy("t", self.GROUPS, placed)
        scopes = [*(group.scope for group in self.GROUPS), *(one.scope for one in placed)]
        assert set(tree.lines()) == {scope.lower() for scope in scopes}
        prefix = f"{GROUPS.lower()}/"
        for scope, line in tree.lines().items():
            above = [one.removeprefix(prefix) for one in tree.above(scope) if one.startswith(prefix) and one != scope]
            assert (*line, "t") == tuple(above)

    def test_height(self) -> None:
        """The levels below a group are counted, whichever branch is the deepest."""
        others = [ManagementGroup(name, "t", name, name, 0, parent) for name, parent in (("c", "b"), ("d", "a"))]
        tree = Hierarchy("t", [*self.GROUPS, *others])
        assert {name: tree.height(name) for name in "abcdt"} == {"a": 2, "b": 1, "c": 0, "d": 0, "t": 3}

    def test_ten_thousand(self) -> None:
        """As many groups as there may be are shown and measured, each looked at once."""
        count = limits.MANAGEMENT_GROUPS_PER_TENANT
        groups = [
            ManagementGroup(f"g{index}", "t", f"g{index}", "G", 0, f"g{(index - 1) // 10}" if index else "")
            for index in range(count)
        ]
        seen: list[str] = []

        def sees(scope: str) -> bool:
            seen.append(scope)
            return True

        shown = GroupTree("t", groups, [Subscription("s", "t", "S", 0, f"g{count - 1}")], 0, sees)
        assert len(shown.descendants("t")) == count + 1
        assert len(seen) == count + 1
        assert len(shown.descendants("g0")) == count
        assert shown.show(shown["t"], children=True, recurse=True)["properties"]["children"][0]["name"] == "g0"
        assert Hierarchy("t", groups).height("g0") == 4

    def test_a_group_that_is_not_there(self) -> None:
        """It is above nothing, so a right at it gives nobody anything; what named it is below the root group."""
        lost = ManagementGroup("c", "t", "c", "c", 0, "gone")
        tree = Hierarchy("t", [*self.GROUPS, lost], [Subscription("s", "t", "S", 0, "gone")])
        assert tree.ancestors("c") == ("t",)
        assert tree.lines()[f"{GROUPS.lower()}/c"] == ()
        assert tree.lines()["/subscriptions/s"] == ()
        assert not tree.covers(f"{GROUPS}/gone", "/subscriptions/s")
        assert tree.covers(f"{GROUPS}/t", "/subscriptions/s")

    def test_another_tenants_group(self) -> None:
        """It is above nothing here, whatever names it."""
        theirs = ManagementGroup("x", "u", "x", "x", 0)
        tree = Hierarchy("t", [theirs], [Subscription("s", "t", "S", 0, "x"), Subscription("v", "u", "V", 0)])
        assert tree.lines() == {"/subscriptions/s": ()}

    @pytest.mark.parametrize("scope", ["/", f"{GROUPS}/a/b", f"{GROUPS}/", "/subscriptions/a", f"{GROUPS}s/a"])
    def test_no_group(self, scope: str) -> None:
        """What only looks like a management group is none."""
        assert group_name(scope) is None
