"""Deny assignments through the management plane: who makes them, whom they hit, and how the operator gets past them."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import (
    CONTRIBUTOR,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    RBAC_ADMINISTRATOR,
    READER,
    USER_ACCESS_ADMINISTRATOR,
)
from strongroom.core.identity import Group, Membership, User
from strongroom.core.network import Link
from strongroom.core.rbac import EVERYONE, DenyAssignment
from tests.flow.arm import Arm, get_secret
from tests.world import Principal, Simulation

RIGHTS = "/providers/Microsoft.Authorization"
GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
NOBODY = "de000000-0000-4000-8000-0000000000ff"
ALL = {"id": EVERYONE, "type": "SystemDefined"}


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


@pytest.fixture
def reader(arm: Arm) -> Arm:
    """Make the vault, and a caller who may read its secrets."""
    arm.make_vault()
    who = arm.as_(arm.world.principal())
    arm.world.grant(who.who.oid, KEY_VAULT_SECRETS_USER, arm.vault)
    return who


def ids(answer: dict[str, Any]) -> set[str]:
    """Give the ids in a list."""
    return {one["id"] for one in answer["value"]}


def second(arm: Arm) -> str:
    """Give the path of another denial at the vault."""
    return arm.denial.replace("/de000000-", "/df000000-")


def taking(*data_actions: str, **lists: list[str]) -> dict[str, Any]:
    """Give the property of one permission."""
    return {"permissions": [{"dataActions": list(data_actions), **lists}]}


class TestLife:
    """Made, shown, changed, taken back."""

    def test_shown_as_it_was_made(self, arm: Arm) -> None:
        """A denial comes back with everything that it was made of, its principals by name."""
        arm.make_vault()
        who = arm.world.principal("denied")
        body = arm.denial_body(
            description="why",
            permissions=[
                {
                    "actions": ["*/write"],
                    "notActions": ["Microsoft.Resources/*"],
                    "dataActions": [GET_SECRET],
                    "notDataActions": [],
                }
            ],
            principals=[ALL],
            excludePrincipals=[{"id": who.oid, "type": "ServicePrincipal"}, {"id": arm.who.oid}],
            doNotApplyToChildScopes=True,
        )
        answer = arm.ask("PUT", arm.denial, body)
        assert answer.status == 201
        created = answer.json["properties"]["createdOn"]
        assert answer.json == {
            "id": arm.denial,
            "name": arm.denial.rpartition("/")[2],
            "type": "Microsoft.Authorization/denyAssignments",
            "properties": {
                "denyAssignmentName": f"Denial {arm.tag}",
                "description": "why",
                "permissions": [
                    {
                        "actions": ["*/write"],
                        "notActions": ["Microsoft.Resources/*"],
                        "dataActions": [GET_SECRET],
                        "notDataActions": [],
                        "condition": None,
                        "conditionVersion": None,
                    }
                ],
                "scope": arm.vault,
                "doNotApplyToChildScopes": True,
                "principals": [{"id": EVERYONE, "displayName": "All Principals", "type": "SystemDefined"}],
                "excludePrincipals": [
                    {"id": who.oid, "displayName": "denied", "type": "ServicePrincipal"},
                    {"id": arm.who.oid, "displayName": "Strongroom administrator", "type": "ServicePrincipal"},
                ],
                "isSystemProtected": False,
                "condition": None,
                "conditionVersion": None,
                "createdOn": created,
                "updatedOn": created,
                "createdBy": arm.who.oid,
                "updatedBy": arm.who.oid,
            },
        }
        assert arm.do("GET", arm.denial) == answer.json
        again = arm.ask("PUT", arm.denial, arm.denial_body(description="other"))
        assert (again.status, again.json["properties"]["description"]) == (200, "other")
        assert again.json["properties"]["createdOn"] == created

    def test_wins_over_a_role_at_once(self, arm: Arm, reader: Arm) -> None:
        """What is denied is refused from the next request on, whatever role allows it, and allowed when it is over."""
        assert get_secret(reader) == 404
        given = arm.do("PUT", arm.denial, arm.denial_body(reader.who.oid, **taking(GET_SECRET)))
        assert get_secret(reader) == 403
        assert arm.do("DELETE", arm.denial) == given
        assert get_secret(reader) == 404
        assert arm.ask("DELETE", arm.denial).status == 204
        assert arm.refused("GET", arm.denial)[:2] == (404, "DenyAssignmentNotFound")

    def test_of_a_group(self, arm: Arm, reader: Arm) -> None:
        """A denial for a group hits its members, but for who is excluded."""
        world, tenant = arm.world, arm.world.first.tenant_id
        team = f"e0000000-0000-4000-8000-0000{arm.tag}"
        world.commit(lambda tx: tx.put(Group(team, tenant, "Team", 0)))
        world.commit(lambda tx: tx.put(Membership(f"{team}/{reader.who.oid}", tenant, team, reader.who.oid)))
        given = arm.do("PUT", arm.denial, arm.denial_body(team, **taking("*")))
        assert given["properties"]["principals"] == [{"id": team, "displayName": "Team", "type": "Group"}]
        assert get_secret(reader) == 403
        arm.do("PUT", arm.denial, arm.denial_body(team, **taking("*"), excludePrincipals=[{"id": reader.who.oid}]))
        assert get_secret(reader) == 404

    @pytest.mark.parametrize(("only_here", "status"), [(False, 403), (True, 404)])
    def test_children(self, arm: Arm, reader: Arm, *, only_here: bool, status: int) -> None:
        """A denial at the group reaches the vaults in it, unless it is for the group alone."""
        path = f"{arm.group}{RIGHTS}/denyAssignments/{arm.denial.rpartition('/')[2]}"
        body = arm.denial_body(reader.who.oid, **taking("*"), doNotApplyToChildScopes=only_here)
        arm.do("PUT", path, body)
        assert get_secret(reader) == status

    def test_under_a_condition(self, arm: Arm, reader: Arm) -> None:
        """A denial under a condition hits what the condition is about."""
        condition = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'none'"
        other = condition.replace("'none'", "'other'")
        arm.do("PUT", arm.denial, arm.denial_body(reader.who.oid, **taking(GET_SECRET), condition=other))
        assert get_secret(reader) == 404
        changed = arm.denial_body(reader.who.oid, **taking(GET_SECRET), condition=condition, conditionVersion="2.0")
        given = arm.do("PUT", arm.denial, changed)
        assert given["properties"]["condition"] == condition
        assert given["properties"]["conditionVersion"] == "2.0"
        assert get_secret(reader) == 403

    def test_outlives_what_it_is_on(self, arm: Arm, reader: Arm) -> None:
        """Deleting a vault and recovering it takes no denial away; purging it does."""
        arm.world.grant(reader.who.oid, KEY_VAULT_SECRETS_USER, arm.group)
        arm.do("PUT", arm.denial, arm.denial_body(reader.who.oid, **taking("*")))
        arm.do("DELETE", arm.vault)
        assert arm.ask("GET", arm.denial).status == 200
        arm.do("PUT", arm.vault, arm.vault_body(createMode="recover"))
        assert get_secret(reader) == 403
        arm.do("DELETE", arm.vault)
        assert arm.ask("POST", f"{arm.deleted_vault}/purge").status == 202
        assert arm.refused("GET", arm.denial)[:2] == (404, "DenyAssignmentNotFound")

    def test_taken_back_where_nothing_is_any_more(self, arm: Arm) -> None:
        """A denial at a group that was deleted can be taken back."""
        arm.make_group()
        path = second(arm).replace(f"{arm.vault}/", f"{arm.group}/")
        arm.do("PUT", path, arm.denial_body())
        arm.do("DELETE", arm.group)
        assert path in ids(arm.do("GET", f"{arm.subscription}{RIGHTS}/denyAssignments"))
        assert arm.ask("DELETE", path).status == 200

    def test_audit(self, arm: Arm) -> None:
        """The audit says from whom what was taken, and where."""
        arm.make_denial()
        recorded = arm.world.entries()[-1]["properties"]
        assert recorded["denyAssignmentId"] == arm.denial
        assert recorded["principalIds"] == [arm.who.oid]
        assert recorded["actions"] == ["Microsoft.Resources/subscriptions/resourceGroups/read"]
        assert recorded["scope"] == arm.vault
        assert "omitted" not in recorded


class TestBody:
    """What a denial may be."""

    @pytest.mark.parametrize(
        ("properties", "code"),
        [
            ({"denyAssignmentName": ""}, "InvalidDenyAssignmentName"),
            ({"permissions": []}, "InvalidPermissions"),
            ({"permissions": [{"actions": ["*"]}, {"actions": ["*"]}]}, "InvalidPermissions"),
            ({"permissions": [{"notActions": ["*"]}]}, "PermissionsAreRequired"),
            ({"permissions": [{"actions": [GET_SECRET]}]}, "InvalidActionOrNotAction"),
            (
                {"permissions": [{"dataActions": ["Microsoft.KeyVault/vaults/read"]}]},
                "InvalidDataActionOrNotDataAction",
            ),
            ({"principals": []}, "InvalidPrincipals"),
            ({"principals": [{"id": EVERYONE}]}, "InvalidPrincipals"),
            ({"principals": [{"id": NOBODY, "type": "SystemDefined"}]}, "InvalidPrincipals"),
            ({"principals": [{"id": "me"}]}, "InvalidPrincipalId"),
            ({"principals": [{"id": NOBODY}]}, "PrincipalNotFound"),
            ({"excludePrincipals": [{"id": NOBODY}]}, "PrincipalNotFound"),
            ({"excludePrincipals": [ALL]}, "InvalidPrincipals"),
            ({"isSystemProtected": True}, "InvalidDenyAssignment"),
            ({"condition": "nonsense"}, "InvalidRoleAssignmentCondition"),
            ({"conditionVersion": "2.0"}, "InvalidRoleAssignmentCondition"),
        ],
    )
    def test_refused(self, arm: Arm, properties: dict[str, Any], code: str) -> None:
        """Whatever is wrong about a denial is refused, and nothing is taken."""
        arm.make_vault()
        assert arm.refused("PUT", arm.denial, arm.denial_body(**properties))[:2] == (400, code)

    def test_type(self, arm: Arm) -> None:
        """A principal is of the type that it is said to be."""
        arm.make_vault()
        body = arm.denial_body(principals=[{"id": arm.who.oid, "type": "User"}])
        assert arm.refused("PUT", arm.denial, body)[:2] == (400, "UnmatchedPrincipalType")

    def test_principal_of_another_tenant(self, arm: Arm) -> None:
        """SEC-TENANT-2: a principal of another tenant is as unknown as one that there is not."""
        arm.make_vault()
        stranger = arm.world.principal("stranger", arm.world.tenant())
        assert arm.refused("PUT", arm.denial, arm.denial_body(stranger.oid))[:2] == (400, "PrincipalNotFound")

    def test_name(self, arm: Arm) -> None:
        """A denial's name is its own at its scope, and free at another."""
        arm.make_denial()
        other = second(arm)
        assert arm.refused("PUT", other, arm.denial_body())[:2] == (409, "DenyAssignmentNameExists")
        assert arm.ask("PUT", other.replace(f"{arm.vault}/", f"{arm.group}/"), arm.denial_body()).status == 201
        moved = other.replace(f"{arm.vault}/", f"{arm.subscription}/")
        assert arm.refused("PUT", moved, arm.denial_body())[:2] == (400, "DenyAssignmentUpdateNotPermitted")

    def test_places(self, arm: Arm) -> None:
        """A denial is at a scope that there is, and is named by a GUID."""
        arm.make_vault()
        gone = arm.denial.replace("/v-", "/x-")
        assert arm.refused("PUT", gone, arm.denial_body())[:2] == (404, "ResourceNotFound")
        named = arm.denial.rpartition("/")[0] + "/name"
        assert arm.refused("PUT", named, arm.denial_body())[:2] == (400, "InvalidDenyAssignmentId")

    def test_limits(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """Principals, names and descriptions are taken at their limit and refused past it, and so is their number."""
        arm.make_vault()
        monkeypatch.setattr(limits, "DENY_ASSIGNMENT_PRINCIPALS", 2)
        two = [{"id": arm.who.oid}, ALL]
        third = {"id": arm.world.principal().oid}
        cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
            ({"principals": two}, {"principals": [*two, third]}, "InvalidPrincipals"),
            (
                {"excludePrincipals": [two[0], third]},
                {"excludePrincipals": [two[0], third, third]},
                "InvalidPrincipals",
            ),
            (
                {"denyAssignmentName": "n" * limits.ROLE_NAME_CHARS},
                {"denyAssignmentName": "n" * (limits.ROLE_NAME_CHARS + 1)},
                "InvalidDenyAssignmentName",
            ),
            (
                {"description": "d" * limits.ROLE_DESCRIPTION_CHARS},
                {"description": "d" * (limits.ROLE_DESCRIPTION_CHARS + 1)},
                "InvalidDescription",
            ),
        ]
        for inside, outside, code in cases:
            narrow = taking("Microsoft.KeyVault/vaults/secrets/purge/action")
            assert arm.ask("PUT", arm.denial, arm.denial_body(**narrow, **inside)).status in {200, 201}, code
            assert arm.refused("PUT", arm.denial, arm.denial_body(**narrow, **outside))[:2] == (400, code)
        there = len(arm.world.view.all(DenyAssignment, f"tenant:{arm.world.first.tenant_id}"))
        monkeypatch.setattr(limits, "DENY_ASSIGNMENTS_PER_TENANT", there)
        assert arm.ask("PUT", arm.denial, arm.denial_body()).status == 200
        other = second(arm)
        body = arm.denial_body(denyAssignmentName="another")
        assert arm.refused("PUT", other, body)[:2] == (400, "DenyAssignmentLimitExceeded")


class TestRights:
    """Who may take things from others."""

    @pytest.mark.parametrize(
        ("role", "status"),
        [
            (READER, 403),
            (CONTRIBUTOR, 403),
            (RBAC_ADMINISTRATOR, 403),
            (USER_ACCESS_ADMINISTRATOR, 201),
            (OWNER, 201),
        ],
    )
    def test_by_role(self, arm: Arm, role: str, status: int) -> None:
        """Owners and user access administrators make denials and take them back; contributors do not."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, role, arm.vault)
        assert who.ask("PUT", arm.denial, who.denial_body(arm.who.oid)).status == status
        assert who.ask("DELETE", arm.denial).status == (200 if status == 201 else 403)


class TestSpelling:
    """Another spelling of a scope is no way past what is there."""

    @pytest.mark.parametrize(
        ("slash", "refusal"),
        [
            # The SDK of locks writes a scope like this, so it is the same scope, and no way past its denials.
            ("/%2F", (403, "DenyAssignmentAuthorizationFailed")),
            ("/%2f%2f", (400, "InvalidUri")),
            ("/%2F/", (400, "InvalidUri")),
        ],
    )
    def test_empty_segments(self, arm: Arm, slash: str, refusal: tuple[int, str]) -> None:
        """A scope that begins with more slashes than one is none, for whoever has a role at the tenant itself too."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, "/")
        arm.do("PUT", arm.denial, arm.denial_body(who.who.oid, permissions=[{"actions": ["*"]}]))
        for method, path, body in (
            ("GET", f"{arm.vault}{RIGHTS}/roleAssignments", None),
            ("PUT", arm.assignment, arm.assignment_body(who.who.oid)),
            ("DELETE", arm.denial, None),
        ):
            spelled = f"{slash}{path.removeprefix('/')}"
            assert who.refused(method, spelled, body)[:2] == refusal
            assert who.refused(method, path, body)[:2] == (403, "DenyAssignmentAuthorizationFailed")
        twice = arm.role_body(scopes=(f"/{arm.group}",))
        assert who.refused("PUT", arm.role, twice)[1] == "InvalidScope"


class TestListsAbove:
    """What is denied below the scope of a list is left out of it (pitfalls "List that bypasses a narrower denial")."""

    def test_rights(self, arm: Arm) -> None:
        """Assignments, denials and roles of a vault are told by no list of its group to whom reading them is denied."""
        arm.make_vault()
        arm.make_role(scopes=(arm.vault,))
        given = arm.world.grant(arm.world.principal().oid, READER, f"{arm.vault}/secrets/merger")
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, READER, arm.group)
        roles = f"{RIGHTS}/roleDefinitions?$filter=atScopeAndBelow()%20and%20type%20eq%20'CustomRole'"
        lists = {
            f"{RIGHTS}/roleAssignments": given.arm_id,
            f"{RIGHTS}/denyAssignments": arm.denial,
            roles: arm.role.replace(arm.group, arm.subscription),
        }
        seen = {path: ids(who.do("GET", f"{arm.group}{path}")) for path in lists}
        assert seen[f"{RIGHTS}/denyAssignments"] == set()
        arm.do("PUT", arm.denial, arm.denial_body(who.who.oid, permissions=[{"actions": ["*/read"]}]))
        for path, one in lists.items():
            assert ids(who.do("GET", f"{arm.group}{path}")) == seen[path] - {one}
            assert one in ids(arm.do("GET", f"{arm.group}{path}"))
        assert given.arm_id in seen[f"{RIGHTS}/roleAssignments"]
        assert seen[roles]


class TestListing:
    """GET deny assignments."""

    def test_at_above_and_below(self, arm: Arm) -> None:
        """A list shows what is at, above and below a scope; with `atScope()`, nothing below."""
        arm.make_denial()
        other = Arm(arm.world, arm.who)
        other.make_denial()
        path = f"{arm.group}{RIGHTS}/denyAssignments"
        assert ids(arm.do("GET", path)) >= {arm.denial}
        assert other.denial not in ids(arm.do("GET", path))
        assert arm.denial not in ids(arm.do("GET", f"{path}?$filter=atScope()"))
        at_vault = f"{arm.vault}{RIGHTS}/denyAssignments?$filter="
        named = f"denyAssignmentName%20eq%20'DENIAL%20{arm.tag}'"
        assert ids(arm.do("GET", f"{at_vault}atScope()%20and%20{named}")) == {arm.denial}
        for text in (f"principalId%20eq%20'{arm.who.oid}'", f"gdprExportPrincipalId%20eq%20'{arm.who.oid}'"):
            assert arm.denial in ids(arm.do("GET", at_vault + text))
        assert arm.denial not in ids(arm.do("GET", f"{at_vault}principalId%20eq%20'{NOBODY}'"))
        assert arm.denial in ids(arm.do("GET", f"{at_vault}assignedTo('{arm.who.oid}')"))

    @pytest.mark.parametrize("text", ["atscope", "principalId%20eq%20'me'", "roleName%20eq%20'x'"])
    def test_bad_filter(self, arm: Arm, text: str) -> None:
        """A filter that is not understood, or about nobody, is refused."""
        assert arm.refused("GET", f"{arm.subscription}{RIGHTS}/denyAssignments?$filter={text}")[0] == 400

    def test_only_at_its_own_scope(self, arm: Arm) -> None:
        """A denial is read and taken back where it is, not through a scope where the caller has rights."""
        arm.make_denial()
        other = Arm(arm.world, arm.who)
        other.make_group()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, other.group)
        path = f"{other.group}{RIGHTS}/denyAssignments/{arm.denial.rpartition('/')[2]}"
        assert who.refused("GET", path)[:2] == (404, "DenyAssignmentNotFound")
        assert who.ask("DELETE", path).status == 204
        assert arm.ask("GET", arm.denial).status == 200


def test_locked_out_and_recovered(arm: Arm, world: Simulation) -> None:
    """A denial of everything to everybody, its taking back included, is mended by the operator's recovery alone."""
    arm.make_vault()
    other = arm.as_(world.principal())
    world.grant(other.who.oid, OWNER, arm.group)
    name = second(arm).rpartition("/")[2]
    path = f"{arm.subscription}{RIGHTS}/denyAssignments/{name}"
    arm.do("PUT", path, arm.denial_body(permissions=[{"actions": ["*"], "dataActions": ["*"]}], principals=[ALL]))
    assert arm.ask("DELETE", path).status == 403
    assert {arm.ask("GET", arm.vault).status, other.ask("GET", arm.vault).status} == {403}
    body = {"tenant": world.first.tenant_id}
    answer = world.ask("POST", "http://control/recover", body=body, link=Link.CONTROL, host="control")
    assert answer.status == 200
    recorded = world.entries()[-1]["properties"]
    assert name in recorded["denyAssignmentIds"]
    assert "omitted" not in recorded
    found = answer.json
    recovered = arm.as_(Principal(found["objectId"], found["clientId"], "", found["clientSecret"]))
    # The denial is as it was for everybody else.
    assert other.ask("GET", arm.vault).status == 403
    assert get_secret(recovered) == 404
    assert recovered.ask("DELETE", path).status == 200
    assert other.ask("GET", arm.vault).status == 200
    # It owns the root group too, from where everything else is given.
    assert recovered.ask("PUT", arm.management_group, arm.management_group_body()).status == 200


def test_recovered_from_a_condition(arm: Arm, world: Simulation) -> None:
    """A condition on what the administrator owns does not stand in the way of recovery: it is taken off."""
    (owned,) = [
        one
        for one in arm.do(
            "GET", f"{arm.subscription}{RIGHTS}/roleAssignments?$filter=principalId%20eq%20'{arm.who.oid}'"
        )["value"]
        if one["properties"]["scope"] == arm.subscription and one["properties"]["roleDefinitionId"].endswith(OWNER)
    ]
    body = {"properties": {**owned["properties"], "condition": "!(ActionMatches{'*'})", "conditionVersion": "2.0"}}
    path = f"{arm.subscription}{RIGHTS}/roleAssignments/{owned['name']}"
    assert arm.do("PUT", path, body)["properties"]["condition"] == "!(ActionMatches{'*'})"
    tenant = {"tenant": world.first.tenant_id}
    answer = world.ask("POST", "http://control/recover", body=tenant, link=Link.CONTROL, host="control")
    assert answer.status == 200
    assert arm.do("GET", path)["properties"]["condition"] is None


def test_a_denied_user_is_named(arm: Arm) -> None:
    """A user is shown by display name, and one that is gone by its id alone."""
    arm.make_vault()
    tenant, oid = arm.world.first.tenant_id, f"a0000000-0000-4000-8000-0000{arm.tag}"
    user = User(oid, tenant, f"u-{arm.tag}@contoso.test", "Uma", 0)
    arm.world.commit(lambda tx: tx.put(user))
    given = arm.do("PUT", arm.denial, arm.denial_body(oid))
    assert given["properties"]["principals"] == [{"id": oid, "displayName": "Uma", "type": "User"}]
    arm.world.commit(lambda tx: tx.remove(user))
    assert arm.do("GET", arm.denial)["properties"]["principals"] == [{"id": oid, "type": "Unknown"}]
