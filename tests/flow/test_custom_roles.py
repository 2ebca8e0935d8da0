"""Custom roles through the management plane: what may be in one, who may change one, and what it opens."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.arm.operations import OPERATIONS as ARM
from strongroom.core import limits
from strongroom.core.builtin_roles import (
    BUILTIN_ROLES,
    CONTRIBUTOR,
    OWNER,
    RBAC_ADMINISTRATOR,
    READER,
    USER_ACCESS_ADMINISTRATOR,
)
from strongroom.core.known_actions import is_known
from strongroom.core.permissions import AnyOf, ControlAction, DataPermission
from strongroom.core.rbac import RoleDefinition
from strongroom.vault.operations import OPERATIONS as VAULT
from tests.flow.arm import Arm, get_secret
from tests.world import Simulation

RIGHTS = "/providers/Microsoft.Authorization"
NOWHERE = "d0000000-0000-4000-8000-0000000000ff"


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with names of its own."""
    return Arm(world, world.administrator)


def role_id(arm: Arm) -> str:
    """Give the custom role's GUID."""
    return arm.role.rpartition("/")[2]


def only(**lists: list[str]) -> dict[str, Any]:
    """Give the property of one permission."""
    return {"permissions": [lists]}


class TestLife:
    """Made, shown, changed, given, removed."""

    def test_shown_as_it_was_made(self, arm: Arm) -> None:
        """A role comes back with everything that it was made of, and who made it when: 201, as clients expect."""
        arm.make_group()
        lists = {
            "actions": ["Microsoft.KeyVault/vaults/*/read", "*/read"],
            "notActions": ["Microsoft.Resources/*"],
            "dataActions": ["Microsoft.KeyVault/vaults/secrets/*"],
            "notDataActions": ["Microsoft.KeyVault/vaults/secrets/purge/action"],
        }
        answer = arm.ask("PUT", arm.role, arm.role_body(**only(**lists), description="What for"))
        assert answer.status == 201
        created = answer.json["properties"]["createdOn"]
        assert answer.json == {
            "id": f"{arm.subscription}{RIGHTS}/roleDefinitions/{role_id(arm)}",
            "name": role_id(arm),
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": f"Role {arm.tag}",
                "type": "CustomRole",
                "description": "What for",
                "assignableScopes": [arm.group],
                "permissions": [lists],
                "createdOn": created,
                "updatedOn": created,
                "createdBy": arm.who.oid,
                "updatedBy": arm.who.oid,
            },
        }
        assert arm.do("GET", arm.role) == answer.json
        assert arm.do("GET", answer.json["id"]) == answer.json
        custom = f"{arm.group}{RIGHTS}/roleDefinitions?$filter=type%20eq%20'CustomRole'"
        assert answer.json in arm.do("GET", custom)["value"]

    def test_opens_what_it_says_at_once(self, arm: Arm) -> None:
        """What a role grants, is taken out of it, and put back counts from the next request on."""
        arm.make_vault()
        arm.do("PUT", arm.role, arm.role_body(**only(dataActions=["Microsoft.KeyVault/vaults/secrets/*"])))
        who = arm.as_(arm.world.principal())
        assert get_secret(who) == 403
        arm.do("PUT", arm.assignment, arm.assignment_body(who.who.oid, role_id(arm)))
        assert get_secret(who) == 404
        without = only(
            dataActions=["Microsoft.KeyVault/vaults/secrets/*"],
            notDataActions=["Microsoft.KeyVault/vaults/secrets/getSecret/action"],
        )
        arm.do("PUT", arm.role, arm.role_body(**without))
        assert get_secret(who) == 403
        arm.do("PUT", arm.role, arm.role_body(**only(actions=["*"])))
        assert get_secret(who) == 403

    def test_removed(self, arm: Arm) -> None:
        """A role that somebody has stays; once nobody has it, it goes, and a second removal finds nothing."""
        arm.make_vault()
        arm.make_role()
        arm.do("PUT", arm.assignment, arm.assignment_body(arm.who.oid, role_id(arm)))
        assert arm.refused("DELETE", arm.role) == (
            409,
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role.",
        )
        arm.do("DELETE", arm.assignment)
        assert arm.ask("DELETE", arm.role).json["name"] == role_id(arm)
        assert arm.ask("DELETE", arm.role).status == 204
        assert arm.refused("GET", arm.role)[:2] == (404, "RoleDefinitionDoesNotExist")
        refusal = arm.refused("PUT", arm.assignment, arm.assignment_body(arm.who.oid, role_id(arm)))
        assert refusal[:2] == (400, "RoleDefinitionDoesNotExist")

    def test_given_where_it_is_for(self, arm: Arm) -> None:
        """A role is given at its assignable scopes and below them, and nowhere else."""
        arm.make_vault()
        arm.make_role()
        body = arm.assignment_body(arm.who.oid, role_id(arm))
        above = f"{arm.subscription}{RIGHTS}/roleAssignments/{NOWHERE}"
        assert arm.refused("PUT", above, body)[:2] == (400, "RoleDefinitionNotAssignableAtScope")
        assert arm.ask("PUT", arm.assignment, body).status == 201

    def test_for_a_management_group(self, arm: Arm) -> None:
        """A role for a management group is given in the subscriptions that are in it."""
        arm.make_management_group()
        arm.make_vault()
        arm.do("PUT", arm.role, arm.role_body(scopes=(arm.management_group,)))
        body = arm.assignment_body(arm.who.oid, role_id(arm))
        assert arm.refused("PUT", arm.assignment, body)[:2] == (400, "RoleDefinitionNotAssignableAtScope")
        place = f"{arm.management_group}{arm.subscription}"
        arm.do("PUT", place)
        try:
            assert arm.ask("PUT", arm.assignment, body).status == 201
            listed = arm.do("GET", f"{arm.vault}{RIGHTS}/roleDefinitions?$filter=type%20eq%20'CustomRole'")["value"]
            assert role_id(arm) in {one["name"] for one in listed}
        finally:
            arm.do("DELETE", place)

    def test_below(self, arm: Arm) -> None:
        """A role for a group is listed at the subscription only if what is below is asked for."""
        arm.make_role()
        path = f"{arm.subscription}{RIGHTS}/roleDefinitions"
        here = {one["name"] for one in arm.do("GET", path)["value"]}
        below = {one["name"] for one in arm.do("GET", f"{path}?$filter=atScopeAndBelow()")["value"]}
        assert role_id(arm) not in here
        assert role_id(arm) in below

    def test_no_secret_of_the_tenant(self, arm: Arm) -> None:
        """Where everybody reads the built-in roles, a custom one is for those who may read it where it is for."""
        arm.make_role()
        path = f"{RIGHTS}/roleDefinitions/{role_id(arm)}"
        nobody = arm.as_(arm.world.principal())
        assert nobody.refused("GET", path)[:2] == (404, "RoleDefinitionDoesNotExist")
        assert arm.ask("GET", path).status == 200

    def test_audit(self, arm: Arm) -> None:
        """The audit says what a role grants from then on, and where."""
        arm.make_role()
        entry = arm.world.entries()[-1]
        assert entry["operationName"] == "RoleDefinitionPut"
        recorded = entry["properties"]
        assert recorded["roleDefinitionId"] == role_id(arm)
        assert recorded["actions"] == ["Microsoft.Resources/subscriptions/resourceGroups/read"]
        assert recorded["assignableScopes"] == [arm.group]
        assert "omitted" not in recorded


class TestBody:
    """What a role may be."""

    @pytest.mark.parametrize(
        ("lists", "code", "named"),
        [
            (
                {"actions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]},
                "InvalidActionOrNotAction",
                "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            ),
            (
                {"actions": ["*"], "notActions": ["Microsoft.KeyVault/vaultz/*"]},
                "InvalidActionOrNotAction",
                "Microsoft.KeyVault/vaultz/*",
            ),
            (
                {"dataActions": ["Microsoft.KeyVault/vaults/accessPolicies/write"]},
                "InvalidDataActionOrNotDataAction",
                "Microsoft.KeyVault/vaults/accessPolicies/write",
            ),
            (
                {"dataActions": ["*"], "notDataActions": ["Microsoft.Authorization/*"]},
                "InvalidDataActionOrNotDataAction",
                "Microsoft.Authorization/*",
            ),
            ({"actions": ["read"]}, "InvalidActionOrNotAction", "read"),
            ({"actions": ["a b"]}, "InvalidActionOrNotAction", "REDACTED"),
            ({"actions": [""]}, "InvalidActionOrNotAction", "REDACTED"),
        ],
    )
    def test_unknown_action(self, arm: Arm, lists: dict[str, list[str]], code: str, named: str) -> None:
        """An action that there is not, or that is of the other kind, is refused in Azure's words."""
        arm.make_group()
        assert arm.refused("PUT", arm.role, arm.role_body(**only(**lists))) == (
            400,
            code,
            f"'{named}' does not match any of the actions supported by the providers.",
        )

    @pytest.mark.parametrize(
        "pattern", ["*", "*/read", "Microsoft.Insights/alertRules/*", "microsoft.keyvault/VAULTS/read", "*/vaults/*"]
    )
    def test_known_action(self, arm: Arm, pattern: str) -> None:
        """Wildcards, any case, and whatever is another provider's are taken."""
        arm.make_group()
        assert arm.ask("PUT", arm.role, arm.role_body(pattern)).status == 201

    @pytest.mark.parametrize(
        ("properties", "status", "code"),
        [
            ({"roleName": ""}, 400, "InvalidRoleDefinitionName"),
            ({"roleName": None}, 400, "InvalidRoleDefinitionName"),
            ({"roleName": "a\nb"}, 400, "InvalidRoleDefinitionName"),
            ({"type": "BuiltInRole"}, 400, "InvalidRoleDefinitionType"),
            ({"permissions": []}, 400, "InvalidPermissions"),
            ({"permissions": [{"actions": ["*"]}, {"actions": ["*"]}]}, 400, "InvalidPermissions"),
            ({"permissions": [{"actions": ["*"], "condition": "a"}]}, 400, "InvalidPermissions"),
            ({"permissions": [{"notActions": ["*"]}]}, 400, "PermissionsAreRequired"),
            ({"assignableScopes": []}, 400, "InvalidAssignableScopes"),
            ({"assignableScopes": ["/"]}, 400, "InvalidAssignableScopes"),
            ({"assignableScopes": ["/subscriptions/*"]}, 400, "InvalidAssignableScopes"),
            ({"assignableScopes": ["subscriptions"]}, 400, "InvalidAssignableScopes"),
            ({"assignableScopes": ["/tenants/x"]}, 403, "AuthorizationFailed"),
            ({"assignableScopes": ["/providers/Microsoft.Management/managementGroups/g/x"]}, 400, "InvalidScope"),
            ({"assignableScopes": [f"/subscriptions/{NOWHERE}"]}, 404, "SubscriptionNotFound"),
            ({"assignableScopes": ["/providers/Microsoft.Management/managementGroups/none"]}, 404, "NotFound"),
        ],
    )
    def test_refused(self, arm: Arm, properties: dict[str, Any], status: int, code: str) -> None:
        """Whatever is wrong about a role is refused, and nothing is made."""
        arm.own_everything()
        arm.make_group()
        assert arm.refused("PUT", arm.role, arm.role_body(**properties))[:2] == (status, code)

    def test_one_management_group(self, arm: Arm) -> None:
        """A role is for one management group at most."""
        arm.make_management_group()
        arm.make_group()
        body = arm.role_body(scopes=(arm.management_group, arm.root_group))
        assert arm.refused("PUT", arm.role, body)[:2] == (400, "InvalidAssignableScopes")

    def test_name_taken(self, arm: Arm) -> None:
        """A role's name is its own in the whole tenant, in any case; the built-in roles' are taken."""
        arm.make_role()
        other = Arm(arm.world, arm.who)
        other.make_group()
        for name in (f"ROLE {arm.tag}", "key vault reader"):
            assert other.refused("PUT", other.role, other.role_body(roleName=name)) == (
                409,
                "RoleDefinitionWithSameNameExists",
                "A custom role with the same name already exists in this directory. Use a different name.",
            )

    def test_another_tenants_name(self, arm: Arm) -> None:
        """SEC-TENANT-2: what another tenant calls its roles is of no account."""
        tenant = arm.world.tenant()
        theirs = RoleDefinition(NOWHERE, tenant, f"Role {arm.tag}")
        arm.world.commit(lambda tx: tx.put(theirs))
        arm.make_role()
        assert arm.refused("GET", f"{arm.group}{RIGHTS}/roleDefinitions/{NOWHERE}")[0] == 404

    def test_built_in(self, arm: Arm) -> None:
        """A built-in role is neither changed nor removed."""
        arm.make_group()
        path = f"{arm.group}{RIGHTS}/roleDefinitions/{READER}"
        assert arm.refused("PUT", path, arm.role_body())[:2] == (400, "RoleDefinitionUpdateNotAllowed")
        assert arm.refused("DELETE", path)[:2] == (400, "RoleDefinitionUpdateNotAllowed")

    def test_no_guid(self, arm: Arm) -> None:
        """A role is named by a GUID."""
        arm.make_group()
        path = f"{arm.group}{RIGHTS}/roleDefinitions/name"
        assert arm.refused("PUT", path, arm.role_body())[:2] == (400, "InvalidRoleDefinitionId")

    def test_limits(self, arm: Arm) -> None:
        """Names, descriptions and actions are taken at their limit and refused past it."""
        arm.make_group()
        longest = "Microsoft.Insights/".ljust(limits.ROLE_ACTION_CHARS, "a")
        most = ["Microsoft.Insights/*"] * limits.ROLE_ACTIONS
        for inside, outside, code in (
            (
                {"roleName": "n" * limits.ROLE_NAME_CHARS},
                {"roleName": "n" * (limits.ROLE_NAME_CHARS + 1)},
                "InvalidRoleDefinitionName",
            ),
            (
                {"description": "d" * limits.ROLE_DESCRIPTION_CHARS},
                {"description": "d" * (limits.ROLE_DESCRIPTION_CHARS + 1)},
                "InvalidDescription",
            ),
            (only(actions=[longest]), only(actions=[longest + "a"]), "InvalidActionOrNotAction"),
            (only(actions=most), only(actions=[*most, "*"]), "TooManyActions"),
            (
                {"assignableScopes": [arm.group] * limits.ROLE_ASSIGNABLE_SCOPES},
                {"assignableScopes": [arm.group] * (limits.ROLE_ASSIGNABLE_SCOPES + 1)},
                "InvalidAssignableScopes",
            ),
        ):
            assert arm.ask("PUT", arm.role, arm.role_body(**inside)).status == 201, code
            assert arm.refused("PUT", arm.role, arm.role_body(**outside))[:2] == (400, code)

    def test_how_many(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A tenant has so many custom roles, and one that there is can be changed at the limit."""
        arm.make_role()
        tenant = arm.world.first.tenant_id
        there = len(arm.world.view.all(RoleDefinition, f"tenant:{tenant}"))
        monkeypatch.setattr(limits, "CUSTOM_ROLES_PER_TENANT", there + 1)
        other = Arm(arm.world, arm.who)
        other.make_role()
        third = Arm(arm.world, arm.who)
        third.make_group()
        assert third.refused("PUT", third.role, third.role_body())[:2] == (400, "RoleDefinitionLimitExceeded")
        assert arm.ask("PUT", arm.role, arm.role_body("*")).status == 201


class TestRights:
    """Who may change a role: whoever may everywhere that it is for, before and after."""

    @pytest.mark.parametrize(
        ("role", "may"),
        [(CONTRIBUTOR, False), (RBAC_ADMINISTRATOR, False), (USER_ACCESS_ADMINISTRATOR, True), (OWNER, True)],
    )
    def test_by_role(self, arm: Arm, role: str, *, may: bool) -> None:
        """Contributor and those who only assign roles make none."""
        arm.make_group()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, role, arm.group)
        assert who.ask("PUT", arm.role, arm.role_body("*")).status == (201 if may else 403)
        assert who.ask("DELETE", arm.role).status == (200 if may else 403)

    def test_at_every_scope(self, arm: Arm) -> None:
        """Who owns one of a role's scopes cannot make it for another, nor change or remove one that is for another."""
        arm.make_group()
        other = Arm(arm.world, arm.who)
        other.make_group()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, arm.group)
        both = arm.role_body(scopes=(arm.group, other.group))
        refusal = who.refused("PUT", arm.role, both)
        assert refusal[:2] == (403, "AuthorizationFailed")
        # Whether there is such a scope is not told to who has no right there.
        unknown = f"{other.group}-none"
        absent = who.refused("PUT", arm.role, arm.role_body(scopes=(arm.group, unknown)))
        assert absent == (*refusal[:2], refusal[2].replace(other.group, unknown))
        arm.do("PUT", arm.role, both)
        # To take the other scope out would change what people have there.
        assert who.refused("PUT", arm.role, arm.role_body())[:2] == (403, "AuthorizationFailed")
        assert who.refused("DELETE", arm.role)[:2] == (403, "AuthorizationFailed")
        arm.do("PUT", arm.role, arm.role_body())
        assert who.ask("PUT", arm.role, arm.role_body("*")).status == 201

    def test_where_it_was_given(self, arm: Arm) -> None:
        """Taken from a scope it stays given there; who owns what is left of it does not change what is had there."""
        other = Arm(arm.world, arm.who)
        other.make_vault()
        arm.make_role(scopes=(arm.group, other.group))
        who = arm.as_(arm.world.principal())
        given = arm.world.grant(who.who.oid, role_id(arm), other.vault)
        arm.world.grant(who.who.oid, OWNER, arm.group)
        arm.do("PUT", arm.role, arm.role_body())
        everything = arm.role_body(**only(dataActions=["Microsoft.KeyVault/*"]))
        assert who.refused("PUT", arm.role, everything)[:2] == (403, "AuthorizationFailed")
        assert get_secret(other.as_(who.who)) == 403
        # Given at or below what is left of it, it is theirs to change.
        arm.do("DELETE", given.arm_id)
        arm.world.grant(who.who.oid, role_id(arm), arm.group)
        assert who.ask("PUT", arm.role, everything).status == 201

    def test_through_another_scope(self, arm: Arm) -> None:
        """The right at the scope in the path is not the right over the role."""
        arm.make_role()
        other = Arm(arm.world, arm.who)
        other.make_group()
        who = arm.as_(arm.world.principal())
        arm.world.grant(who.who.oid, OWNER, other.group)
        path = f"{other.group}{RIGHTS}/roleDefinitions/{role_id(arm)}"
        assert who.refused("PUT", path, arm.role_body("*", scopes=(other.group,)))[:2] == (403, "AuthorizationFailed")
        assert who.refused("DELETE", path)[:2] == (403, "AuthorizationFailed")

    def test_elevate_access(self, arm: Arm) -> None:
        """What raises its caller above everybody in Azure is not served, and says so."""
        status, code, message = arm.refused("POST", f"{RIGHTS}/elevateAccess")
        assert (status, code) == (404, "InvalidResourceType")
        assert "'elevateAccess'" in message


def test_every_built_in_role_names_known_actions() -> None:
    """The table of actions knows whatever the built-in roles name."""
    for role in BUILTIN_ROLES.values():
        for pattern in (*role.actions, *role.not_actions):
            assert is_known(pattern, data=False), (role.name, pattern)
        for pattern in (*role.data_actions, *role.not_data_actions):
            assert is_known(pattern, data=True), (role.name, pattern)


def test_every_row_asks_for_a_known_action() -> None:
    """Whatever an operation asks for can be named by a custom role."""
    for op in ARM:
        if isinstance(op.requires, ControlAction):
            assert is_known(op.requires.action, data=False), op.name
    for op in VAULT:
        options = op.requires.options if isinstance(op.requires, AnyOf) else (op.requires,)
        for option in options:
            if isinstance(option, DataPermission):
                assert is_known(option.action, data=True), op.name
