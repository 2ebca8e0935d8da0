"""Role assignments and definitions through the management plane, and what they open."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core.builtin_roles import (
    BUILTIN_ROLES,
    CONTRIBUTOR,
    KEY_VAULT_ADMINISTRATOR,
    KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    READER,
    USER_ACCESS_ADMINISTRATOR,
)
from strongroom.core.identity import Group, Membership
from tests.flow.arm import Arm
from tests.world import Simulation

RIGHTS = "/providers/Microsoft.Authorization"
SECOND = "d0000000-0000-4000-8000-0000000000ff"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def get_secret(arm: Arm, name: str = "none") -> int:
    """Ask the vault for a secret that does not exist: 404 for those who may read it, 403 for others."""
    url = f"https://{arm.vault_name}.vault.localhost:8443/secrets/{name}?api-version=7.4"
    return arm.world.ask("GET", url, token=arm.world.token(arm.who)).status


def ids(answer: dict[str, Any]) -> set[str]:
    """Give the ids in a list."""
    return {one["id"] for one in answer["value"]}


class TestGiving:
    """PUT role assignment."""

    def test_opens_at_once(self, arm: Arm) -> None:
        """The next request after the assignment is answered, and the next after its removal is refused."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        assert get_secret(who) == 403
        body = arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER, principalType="ServicePrincipal")
        answer = arm.ask("PUT", arm.assignment, body)
        assert answer.status == 201
        assert answer.json == {
            "id": arm.assignment,
            "name": arm.assignment.rpartition("/")[2],
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": f"{arm.subscription}{RIGHTS}/roleDefinitions/{KEY_VAULT_SECRETS_USER}",
                "principalId": who.who.oid,
                "principalType": "ServicePrincipal",
                "scope": arm.vault,
                "condition": None,
                "conditionVersion": None,
                "createdOn": answer.json["properties"]["createdOn"],
                "updatedOn": answer.json["properties"]["createdOn"],
                "createdBy": arm.who.oid,
                "updatedBy": arm.who.oid,
                "delegatedManagedIdentityResourceId": None,
                "description": None,
            },
        }
        assert get_secret(who) == 404
        assert arm.do("GET", arm.assignment) == answer.json
        assert arm.do("DELETE", arm.assignment) == answer.json
        assert get_secret(who) == 403
        assert arm.ask("DELETE", arm.assignment).status == 204
        assert arm.refused("GET", arm.assignment)[:2] == (404, "RoleAssignmentNotFound")

    def test_to_a_group_and_a_group_in_it(self, arm: Arm) -> None:
        """What a group gets, its members have, however deep."""
        arm.make_vault()
        world, tenant = arm.world, arm.world.first.tenant_id
        who = arm.as_(world.principal())
        outer, inner = f"e0000000-0000-4000-8000-0000{arm.tag}", f"e1000000-0000-4000-8000-0000{arm.tag}"
        for record in (
            Group(outer, tenant, "Outer", 0),
            Group(inner, tenant, "Inner", 0),
            Membership(f"{outer}/{inner}", tenant, outer, inner),
            Membership(f"{inner}/{who.who.oid}", tenant, inner, who.who.oid),
        ):
            world.commit(lambda tx, record=record: tx.put(record))  # type: ignore[misc]  the default holds the loop's value
        assert get_secret(who) == 403
        answer = arm.do("PUT", arm.assignment, arm.assignment_body(outer, KEY_VAULT_SECRETS_USER))
        assert answer["properties"]["principalType"] == "Group"
        assert get_secret(who) == 404

    def test_on_one_secret(self, arm: Arm) -> None:
        """A role on one secret opens that one, before it exists, and no other whose name begins alike."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        path = arm.assignment.replace(f"{RIGHTS}/", f"/secrets/one{RIGHTS}/")
        arm.do("PUT", path, arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER))
        assert [get_secret(who, name) for name in ("one", "ONE", "one1", "on")] == [404, 404, 403, 403]

    @pytest.mark.parametrize("below", ["", "/resourceGroups/{group}"])
    def test_inherited(self, arm: Arm, below: str) -> None:
        """A role over a subscription or group reaches the vaults in it."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        scope = arm.subscription + below.format(group=f"G-{arm.tag}".upper())
        path = f"{scope}{RIGHTS}/roleAssignments/{arm.assignment.rpartition('/')[2]}"
        given = arm.do("PUT", path, arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER))
        assert given["properties"]["scope"] == (arm.group if below else arm.subscription)
        assert get_secret(who) == 404
        arm.do("DELETE", path)

    def test_again(self, arm: Arm) -> None:
        """The same once more under the same name is no error; under another one it is."""
        given = arm.make_assignment()
        principal = given["properties"]["principalId"]
        again = arm.ask("PUT", arm.assignment, arm.assignment_body(principal, description="why"))
        assert again.status == 200
        assert again.json["properties"]["description"] == "why"
        other = arm.assignment.rpartition("/")[0] + f"/{SECOND}"
        status, code, message = arm.refused("PUT", other, arm.assignment_body(principal))
        assert (status, code) == (409, "RoleAssignmentExists")
        assert given["name"].replace("-", "") in message

    def test_refused(self, arm: Arm) -> None:
        """Whatever is wrong about an assignment is refused in ARM's words, and nothing is given."""
        arm.make_assignment()
        principal = arm.who.oid
        other = arm.assignment.rpartition("/")[0] + f"/{SECOND}"
        table: list[tuple[str, dict[str, Any], int, str]] = [
            (other, arm.assignment_body("me"), 400, "InvalidPrincipalId"),
            (other, arm.assignment_body(arm.who.application), 400, "PrincipalNotFound"),
            (other, arm.assignment_body(SECOND), 400, "PrincipalNotFound"),
            (other, arm.assignment_body(principal, SECOND), 400, "RoleDefinitionDoesNotExist"),
            (other, arm.assignment_body(principal, "Owner"), 400, "InvalidRoleDefinitionId"),
            (other, arm.assignment_body(principal, principalType="User"), 400, "UnmatchedPrincipalType"),
            (other, arm.assignment_body(principal, principalType="Robot"), 400, "BadRequest"),
            (
                other,
                arm.assignment_body(principal, condition="@Resource[x] StringEquals 'y'"),
                400,
                "InvalidRoleAssignmentCondition",
            ),
            (other, arm.assignment_body(principal, description="x" * 2000), 400, "InvalidDescription"),
            (other, {"properties": {"principalId": principal}}, 400, "BadRequest"),
            (arm.assignment, arm.assignment_body(principal), 400, "RoleAssignmentUpdateNotPermitted"),
            (other.replace(SECOND, "name"), arm.assignment_body(principal), 400, "InvalidRoleAssignmentId"),
            (other.replace("/v-", "/x-"), arm.assignment_body(principal), 404, "ResourceNotFound"),
            (other.replace("/g-", "/x-"), arm.assignment_body(principal), 404, "ResourceGroupNotFound"),
            (other.replace("/vaults/", "/managedHSMs/"), arm.assignment_body(principal), 400, "InvalidScope"),
        ]
        for path, body, status, code in table:
            assert arm.refused("PUT", path, body)[:2] == (status, code), (path, body)

    def test_escalation(self, arm: Arm) -> None:
        """Only a right to assign roles gives roles, at its own scope and below."""
        arm.make_vault()
        for role, may in (
            (CONTRIBUTOR, False),
            (KEY_VAULT_ADMINISTRATOR, False),
            (READER, False),
            # Its right is under a condition: for this role, it holds.
            (KEY_VAULT_DATA_ACCESS_ADMINISTRATOR, True),
            (USER_ACCESS_ADMINISTRATOR, True),
            (OWNER, True),
        ):
            who = arm.as_(arm.world.principal())
            arm.world.grant(who.who.oid, role, arm.vault)
            body = arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER)
            above = f"{arm.group}{RIGHTS}/roleAssignments/{SECOND}"
            assert who.refused("PUT", above, body)[:2] == (403, "AuthorizationFailed")
            if may:
                path = f"{arm.vault}{RIGHTS}/roleAssignments/{who.who.oid}"
                assert who.ask("PUT", path, body).status == 201
            else:
                assert who.refused("PUT", arm.assignment, body)[:2] == (403, "AuthorizationFailed")

    def test_sibling_scope(self, arm: Arm) -> None:
        """A right over `/vaults/a` is none over `/vaults/ab`."""
        arm.make_vault()
        longer = arm.vault_name + "b"
        arm.do("PUT", arm.vault + "b", arm.vault_body())
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, arm.vault)
        assert who.ask("GET", arm.vault).status == 200
        assert who.refused("GET", arm.vault.replace(arm.vault_name, longer))[:2] == (403, "AuthorizationFailed")


class TestListing:
    """GET role assignments."""

    def test_at_above_and_below(self, arm: Arm) -> None:
        """A list shows what is at, above and below a scope; with `atScope()`, nothing below."""
        at_vault = arm.make_assignment()["id"]
        principal = arm.world.principal().oid
        at_group = arm.world.grant(principal, READER, arm.group).arm_id
        at_root = arm.world.grant(principal, KEY_VAULT_READER, "/").arm_id
        other = Arm(arm.world, arm.who)
        elsewhere = other.make_assignment()["id"]
        path = f"{arm.group}{RIGHTS}/roleAssignments"
        everything = ids(arm.do("GET", path))
        assert {at_vault, at_group, at_root} <= everything
        assert elsewhere not in everything
        at_scope = ids(arm.do("GET", f"{path}?$filter=atScope()"))
        assert {at_group, at_root} <= at_scope
        assert at_vault not in at_scope
        mine = ids(arm.do("GET", f"{path}?$filter=principalId%20eq%20'{principal}'"))
        assert mine == {at_group, at_root}
        both = ids(arm.do("GET", f"{path}?$filter=atScope()%20and%20assignedTo('{principal}')"))
        assert both == {at_group, at_root}

    def test_assigned_to_counts_groups(self, arm: Arm) -> None:
        """`assignedTo` finds what a principal has through its groups; `principalId` does not."""
        arm.make_group()
        tenant, principal = arm.world.first.tenant_id, arm.world.principal().oid
        team = f"e0000000-0000-4000-8000-0000{arm.tag}"
        arm.world.commit(lambda tx: tx.put(Group(team, tenant, "Team", 0)))
        arm.world.commit(lambda tx: tx.put(Membership(f"{team}/{principal}", tenant, team, principal)))
        given = arm.world.grant(team, READER, arm.group).arm_id
        path = f"{arm.group}{RIGHTS}/roleAssignments?$filter="
        assert ids(arm.do("GET", f"{path}assignedTo('{principal}')")) == {given}
        assert ids(arm.do("GET", f"{path}principalId%20eq%20'{principal}'")) == set()

    @pytest.mark.parametrize("text", ["atscope", "principalId%20eq%20'me'", "assignedTo('me')", "roleName%20eq%20'x'"])
    def test_bad_filter(self, arm: Arm, text: str) -> None:
        """A filter that is not understood, or about nobody, is refused."""
        assert arm.refused("GET", f"{arm.subscription}{RIGHTS}/roleAssignments?$filter={text}")[0] == 400

    def test_only_at_its_own_scope(self, arm: Arm) -> None:
        """An assignment is read and removed where it was given, not through a scope where the caller has rights."""
        arm.make_assignment()
        who = arm.as_(arm.world.principal())
        other = Arm(arm.world, arm.who)
        other.make_group()
        arm.world.grant(who.who.oid, OWNER, other.group)
        path = f"{other.group}{RIGHTS}/roleAssignments/{arm.assignment.rpartition('/')[2]}"
        assert who.refused("GET", path)[:2] == (404, "RoleAssignmentNotFound")
        assert who.ask("DELETE", path).status == 204
        assert arm.ask("GET", arm.assignment).status == 200


class TestDefinitions:
    """GET role definitions."""

    def test_by_name(self, arm: Arm) -> None:
        """The look-up that tools make before they assign a role."""
        path = f"{arm.subscription}{RIGHTS}/roleDefinitions?$filter=roleName%20eq%20'key%20vault%20secrets%20user'"
        (found,) = arm.do("GET", path, version="2022-05-01-preview")["value"]
        assert found["id"] == f"{arm.subscription}{RIGHTS}/roleDefinitions/{KEY_VAULT_SECRETS_USER}"
        assert found["name"] == KEY_VAULT_SECRETS_USER
        assert found["properties"] == {
            "roleName": "Key Vault Secrets User",
            "type": "BuiltInRole",
            "description": BUILTIN_ROLES[KEY_VAULT_SECRETS_USER].description,
            "assignableScopes": ["/"],
            "permissions": [
                {
                    "actions": [],
                    "notActions": [],
                    "dataActions": [
                        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
                    ],
                    "notDataActions": [],
                }
            ],
        }

    def test_all(self, arm: Arm) -> None:
        """Every built-in role is listed, at any scope and for anyone at the tenant's."""
        for path in (f"{arm.subscription}{RIGHTS}/roleDefinitions", f"{RIGHTS}/roleDefinitions"):
            assert {one["name"] for one in arm.do("GET", path)["value"]} == set(BUILTIN_ROLES), path
        nobody = arm.as_(arm.world.principal())
        assert nobody.ask("GET", f"{RIGHTS}/roleDefinitions/{OWNER}").status == 200
        custom = arm.do("GET", f"{RIGHTS}/roleDefinitions?$filter=type%20eq%20'CustomRole'")
        assert custom == {"value": []}

    def test_the_condition_is_told(self, arm: Arm) -> None:
        """A role that limits itself says so."""
        role = arm.do("GET", f"{RIGHTS}/roleDefinitions/{KEY_VAULT_DATA_ACCESS_ADMINISTRATOR.upper()}")
        (permission,) = role["properties"]["permissions"]
        assert permission["conditionVersion"] == "2.0"
        assert "roleAssignments/write" in permission["condition"]

    @pytest.mark.parametrize("name", [SECOND, "Owner"])
    def test_unknown(self, arm: Arm, name: str) -> None:
        """A role that does not exist is not found."""
        refusal = arm.refused("GET", f"{RIGHTS}/roleDefinitions/{name}")
        assert refusal[:2] == (404, "RoleDefinitionDoesNotExist")


class TestPermissions:
    """GET permissions: what the caller itself may do."""

    def test_own(self, arm: Arm) -> None:
        """The roles that reach a scope are listed, and those elsewhere are not."""
        arm.make_vault()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, READER, arm.group)
        arm.world.grant(who.who.oid, KEY_VAULT_SECRETS_USER, arm.vault)
        at_vault = who.do("GET", f"{arm.vault}{RIGHTS}/permissions")["value"]
        assert sorted(len(one["dataActions"]) for one in at_vault) == [0, 2]
        assert [one["actions"] for one in who.do("GET", f"{arm.group}{RIGHTS}/permissions")["value"]] == [["*/read"]]
        assert who.do("GET", f"{arm.subscription}{RIGHTS}/permissions") == {"value": []}


def test_audit(world: Simulation) -> None:
    """The audit says who got which role where, and who lost it."""
    arm = Arm(world, world.administrator)
    given = arm.make_assignment()
    given_entry = world.entries()[-1]
    arm.do("DELETE", arm.assignment)
    taken_entry = world.entries()[-1]
    assert [given_entry["operationName"], taken_entry["operationName"]] == ["RoleAssignmentPut", "RoleAssignmentDelete"]
    for entry in (given_entry, taken_entry):
        recorded = entry["properties"]
        assert recorded["roleAssignmentId"] == arm.assignment
        assert recorded["roleDefinitionId"] == KEY_VAULT_READER
        assert recorded["principalId"] == given["properties"]["principalId"]
        assert recorded["scope"] == arm.vault
        assert "omitted" not in recorded
