"""Conditions on role assignments as they are given, and rights to assign roles that stand under one themselves."""

from __future__ import annotations

from typing import Any

import pytest

from strongroom.core import limits
from strongroom.core.builtin_roles import (
    BUILTIN_ROLES,
    CONTRIBUTOR,
    KEY_VAULT_ADMINISTRATOR,
    KEY_VAULT_CERTIFICATE_USER,
    KEY_VAULT_CERTIFICATES_OFFICER,
    KEY_VAULT_CRYPTO_OFFICER,
    KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
    KEY_VAULT_CRYPTO_USER,
    KEY_VAULT_DATA_ACCESS_ADMINISTRATOR,
    KEY_VAULT_READER,
    KEY_VAULT_SECRETS_OFFICER,
    KEY_VAULT_SECRETS_USER,
    OWNER,
    RBAC_ADMINISTRATOR,
    USER_ACCESS_ADMINISTRATOR,
)
from strongroom.core.identity import Group
from strongroom.flow import serve
from strongroom.flow.call import Call
from tests.flow.arm import Arm, get_secret
from tests.world import Simulation

RIGHTS = "/providers/Microsoft.Authorization"
ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
NAMED = "@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals "
EIGHT = frozenset(
    {
        KEY_VAULT_ADMINISTRATOR,
        KEY_VAULT_CERTIFICATES_OFFICER,
        KEY_VAULT_CRYPTO_OFFICER,
        KEY_VAULT_CRYPTO_SERVICE_ENCRYPTION_USER,
        KEY_VAULT_CRYPTO_USER,
        KEY_VAULT_READER,
        KEY_VAULT_SECRETS_OFFICER,
        KEY_VAULT_SECRETS_USER,
    }
)


@pytest.fixture
def arm(world: Simulation) -> Arm:
    """Give the administrator, with the vault and names of its own."""
    arm = Arm(world, world.administrator)
    arm.make_vault()
    return arm


def path(arm: Arm, number: int) -> str:
    """Give the path of an assignment at the vault."""
    return f"{arm.vault}{RIGHTS}/roleAssignments/d{number:03}0000-0000-4000-8000-0000{arm.tag}"


def delegate(arm: Arm, role: str, condition: str | None = None) -> Arm:
    """Make a caller with a role over the vault, under a condition."""
    who = arm.as_(arm.world.principal("delegate"))
    more = {} if condition is None else {"condition": condition, "conditionVersion": "2.0"}
    arm.do("PUT", path(arm, 999), arm.assignment_body(who.who.oid, role, **more))
    return who


def may(action: str, source: str, attribute: str, value: str) -> str:
    """Write one half of a delegation: an action, only where an attribute is as it says."""
    return f"(!(ActionMatches{{'{ASSIGNMENTS}/{action}'}}) OR @{source}[{ASSIGNMENTS}:{attribute}] {value})"


def only(attribute: str, value: str) -> str:
    """Write the condition that delegates the giving and the taking back of what an attribute says."""
    return f"{may('write', 'Request', attribute, value)} AND {may('delete', 'Resource', attribute, value)}"


class TestConditions:
    """The condition of an assignment as it is given."""

    def test_stored_and_enforced(self, arm: Arm) -> None:
        """A condition comes back as it was written, limits its assignment at once, and can be changed and taken off."""
        who = arm.as_(arm.world.principal())
        condition = f"{NAMED}'none'"
        body = arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER, condition=condition, conditionVersion="2.0")
        given = arm.do("PUT", arm.assignment, body)
        assert given["properties"]["condition"] == condition
        assert given["properties"]["conditionVersion"] == "2.0"
        assert get_secret(who) == 404
        recorded = arm.world.entries()
        put = next(entry for entry in reversed(recorded) if entry["operationName"] == "RoleAssignmentPut")
        assert put["properties"]["condition"] == condition
        body["properties"]["condition"] = f"{NAMED}'other'"
        changed = arm.ask("PUT", arm.assignment, body)
        assert (changed.status, changed.json["properties"]["condition"]) == (200, f"{NAMED}'other'")
        assert get_secret(who) == 403
        plain = arm.do("PUT", arm.assignment, arm.assignment_body(who.who.oid, KEY_VAULT_SECRETS_USER))
        assert (plain["properties"]["condition"], plain["properties"]["conditionVersion"]) == (None, None)
        assert get_secret(who) == 404

    def test_version_by_default(self, arm: Arm) -> None:
        """A condition without a version is of version 2.0, the only one."""
        given = arm.do("PUT", arm.assignment, arm.assignment_body(arm.who.oid, condition=f"{NAMED}'a'"))
        assert given["properties"]["conditionVersion"] == "2.0"

    @pytest.mark.parametrize(
        ("properties", "why"),
        [
            ({"condition": f"{NAMED}'a'", "conditionVersion": "1.0"}, "The condition version must be '2.0'."),
            ({"conditionVersion": "2.0"}, "A condition version without a condition is not allowed."),
            ({"condition": f"{NAMED}'a", "conditionVersion": "2.0"}, "(at position "),
            ({"condition": " ", "conditionVersion": "2.0"}, "(at position "),
            ({"condition": f"{NAMED}'a' AND", "conditionVersion": "2.0"}, "(at position "),
            (
                {"condition": f"{NAMED}'a'".ljust(limits.CONDITION_CHARS + 1), "conditionVersion": "2.0"},
                "(at position ",
            ),
            ({"condition": "@Resource[a/b:c] StringEquals 'a'", "conditionVersion": "2.0"}, "(at position "),
        ],
    )
    def test_refused(self, arm: Arm, properties: dict[str, Any], why: str) -> None:
        """A condition that cannot be read is refused with the place where reading ended, and nothing is given."""
        status, code, message = arm.refused("PUT", arm.assignment, arm.assignment_body(arm.who.oid, **properties))
        assert (status, code) == (400, "InvalidRoleAssignmentCondition")
        assert message.startswith("The given role assignment condition is invalid. ")
        assert why in message


class TestDataAccessAdministrator:
    """Key Vault Data Access Administrator: eight roles, and nothing else."""

    def test_gives_eight_roles(self, arm: Arm) -> None:
        """It gives each of the eight roles and none of the others that there are."""
        who = delegate(arm, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        friend = arm.world.principal()
        given = set()
        for number, role in enumerate(sorted(BUILTIN_ROLES)):
            answer = who.ask("PUT", path(arm, number), arm.assignment_body(friend.oid, role))
            if answer.status == 201:
                given.add(role)
            else:
                assert (answer.status, answer.error["code"]) == (403, "AuthorizationFailed")
        assert given == EIGHT

    def test_takes_back_eight_roles(self, arm: Arm) -> None:
        """It takes back an assignment of the eight roles, whoever gave it, and none of another."""
        who = delegate(arm, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        friend = arm.world.principal()
        for number, role in enumerate(sorted(BUILTIN_ROLES)):
            arm.do("PUT", path(arm, number), arm.assignment_body(friend.oid, role))
            assert who.ask("DELETE", path(arm, number)).status == (200 if role in EIGHT else 403), role

    def test_learns_nothing(self, arm: Arm) -> None:
        """What is not there is refused like what may not be taken back: the answer does not tell them apart."""
        who = delegate(arm, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        absent = who.refused("DELETE", path(arm, 1))
        arm.do("PUT", path(arm, 1), arm.assignment_body(arm.who.oid, OWNER))
        assert who.refused("DELETE", path(arm, 1)) == absent

    def test_raises_itself_by_nothing(self, arm: Arm) -> None:
        """It neither gives itself another role, nor changes its own assignment, nor makes roles, nor lifts denials."""
        who = delegate(arm, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        own = arm.assignment_body(who.who.oid, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        assert who.refused("PUT", path(arm, 999), own)[0] == 403
        assert who.refused("DELETE", path(arm, 999))[0] == 403
        assert who.refused("PUT", path(arm, 1), arm.assignment_body(who.who.oid, OWNER))[0] == 403
        assert who.refused("PUT", path(arm, 999), arm.assignment_body(who.who.oid, KEY_VAULT_READER))[0] == 400
        role = f"{arm.vault}{RIGHTS}/roleDefinitions/{KEY_VAULT_READER}"
        assert who.refused("PUT", role, arm.role_body("*", scopes=(arm.vault,)))[0] == 403
        arm.do("PUT", arm.denial, arm.denial_body(who.who.oid))
        assert who.refused("DELETE", arm.denial)[0] == 403

    def test_does_not_change_the_model(self, arm: Arm) -> None:
        """With the right to write the vault it still does not choose who decides there."""
        who = delegate(arm, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        arm.world.grant(who.who.oid, CONTRIBUTOR, arm.vault)
        change = {"properties": {"enableRbacAuthorization": False}}
        assert who.refused("PATCH", arm.vault, change)[:2] == (403, "AuthorizationFailed")

    def test_audit(self, arm: Arm) -> None:
        """The audit says by which assignment a delegate gave something, and that a condition refused."""
        who = delegate(arm, KEY_VAULT_DATA_ACCESS_ADMINISTRATOR)
        who.do("PUT", path(arm, 1), arm.assignment_body(arm.world.principal().oid))
        entry = arm.world.entries()[-1]["properties"]
        assert (entry["isRbacAuthorized"], entry["appliedAssignmentId"]) == (True, path(arm, 999))
        who.refused("PUT", path(arm, 2), arm.assignment_body(arm.who.oid, KEY_VAULT_CERTIFICATE_USER))
        entry = arm.world.entries()[-1]["properties"]
        assert entry["isRbacAuthorized"] is False
        assert entry["reason"] == f"no role assignment whose condition holds: {path(arm, 999)}"


class TestDelegation:
    """A right to assign roles, delegated by a condition of one's own."""

    def test_by_type(self, arm: Arm) -> None:
        """A delegate for groups gives to groups, whatever type the request says, and to nobody that there is not."""
        who = delegate(arm, RBAC_ADMINISTRATOR, only("PrincipalType", "StringEqualsIgnoreCase 'Group'"))
        team = f"e0000000-0000-4000-8000-0000{arm.tag}"
        arm.world.commit(lambda tx: tx.put(Group(team, arm.world.first.tenant_id, "Team", 0)))
        friend = arm.world.principal().oid
        assert who.refused("PUT", path(arm, 1), arm.assignment_body(friend))[0] == 403
        assert who.refused("PUT", path(arm, 1), arm.assignment_body(friend, principalType="Group"))[0] == 403
        nobody = arm.assignment_body("d0000000-0000-4000-8000-0000000000fe")
        assert who.refused("PUT", path(arm, 1), nobody)[0] == 403
        assert who.ask("PUT", path(arm, 1), arm.assignment_body(team)).status == 201
        assert who.ask("DELETE", path(arm, 1)).status == 200

    def test_by_principal(self, arm: Arm) -> None:
        """A delegate for one principal gives to that one, and takes back from that one."""
        friend, other = arm.world.principal().oid, arm.world.principal().oid
        who = delegate(
            arm, USER_ACCESS_ADMINISTRATOR, only("PrincipalId", f"ForAnyOfAnyValues:GuidEquals {{{friend}}}")
        )
        assert who.refused("PUT", path(arm, 1), arm.assignment_body(other, OWNER))[0] == 403
        assert who.ask("PUT", path(arm, 1), arm.assignment_body(friend, OWNER)).status == 201
        arm.do("PUT", path(arm, 2), arm.assignment_body(other, OWNER))
        assert who.refused("DELETE", path(arm, 2))[0] == 403

    def test_all_but_some_roles(self, arm: Arm) -> None:
        """A delegate for all but privileged roles gives the others."""
        privileged = f"{{{OWNER}, {USER_ACCESS_ADMINISTRATOR}, {RBAC_ADMINISTRATOR}}}"
        condition = only("RoleDefinitionId", f"ForAnyOfAllValues:GuidNotEquals {privileged}")
        who = delegate(arm, RBAC_ADMINISTRATOR, condition)
        friend = arm.world.principal().oid
        for number, role in enumerate((OWNER, USER_ACCESS_ADMINISTRATOR, RBAC_ADMINISTRATOR)):
            assert who.refused("PUT", path(arm, number), arm.assignment_body(friend, role))[0] == 403
        assert who.ask("PUT", path(arm, 4), arm.assignment_body(friend, CONTRIBUTOR)).status == 201

    def test_own_condition_stays(self, arm: Arm) -> None:
        """A delegate cannot take the condition off its own right, although it may write assignments."""
        who = delegate(arm, RBAC_ADMINISTRATOR, only("RoleDefinitionId", f"GuidEquals '{KEY_VAULT_READER}'"))
        plain = arm.assignment_body(who.who.oid, RBAC_ADMINISTRATOR)
        assert who.refused("PUT", path(arm, 999), plain)[:2] == (403, "AuthorizationFailed")
        shown = arm.do("GET", path(arm, 999))
        assert KEY_VAULT_READER in shown["properties"]["condition"]

    def test_a_second_right_without_condition(self, arm: Arm) -> None:
        """A right without a condition is not narrowed by another one under a condition."""
        who = delegate(arm, RBAC_ADMINISTRATOR, only("RoleDefinitionId", f"GuidEquals '{KEY_VAULT_READER}'"))
        arm.world.grant(who.who.oid, USER_ACCESS_ADMINISTRATOR, arm.group)
        assert who.ask("PUT", path(arm, 1), arm.assignment_body(arm.world.principal().oid, OWNER)).status == 201

    def test_what_is_asked_about_the_other_action_does_not_count(self, arm: Arm) -> None:
        """A condition that asks of the request at a removal is unknown there, and what is unknown grants nothing."""
        attribute = f"@Request[{ASSIGNMENTS}:RoleDefinitionId] GuidEquals '{KEY_VAULT_READER}'"
        who = delegate(arm, RBAC_ADMINISTRATOR, attribute)
        friend = arm.world.principal().oid
        assert who.ask("PUT", path(arm, 1), arm.assignment_body(friend, KEY_VAULT_READER)).status == 201
        assert who.refused("DELETE", path(arm, 1))[:2] == (403, "AuthorizationFailed")

    def test_nothing_is_done_before_it_is_decided(self, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> None:
        """A handler that has to decide, and has not, writes nothing and tells nothing, even to who has the right."""
        who = delegate(arm, RBAC_ADMINISTRATOR, only("RoleDefinitionId", f"GuidEquals '{KEY_VAULT_READER}'"))
        given = arm.assignment_body(arm.world.principal().oid, KEY_VAULT_READER)
        arm.do("PUT", path(arm, 1), arm.assignment_body(arm.world.principal().oid, KEY_VAULT_READER))
        with monkeypatch.context() as patch:
            patch.setattr(serve._Steps, "settle", lambda _steps, _permit: None)
            assert who.ask("PUT", path(arm, 2), given).status == 500
            assert who.ask("DELETE", path(arm, 1)).status == 500
        assert arm.ask("GET", path(arm, 1)).status == 200
        assert arm.ask("GET", path(arm, 2)).status == 404
        with monkeypatch.context() as patch:
            patch.setattr(Call, "commit", _asks_nobody)
            assert who.ask("DELETE", path(arm, 1)).status == 500


async def _asks_nobody(*_about: object) -> None:
    """Stand for a handler that answers without having asked."""


@pytest.mark.parametrize("suffix", ["", "/"])
def test_by_id(arm: Arm, suffix: str) -> None:
    """An assignment is read and taken back by its whole id, as it was given out, in any case."""
    given = arm.do("PUT", arm.assignment, arm.assignment_body(arm.who.oid))
    whole = given["id"].upper() + suffix
    assert arm.do("GET", whole) == given
    assert arm.do("DELETE", whole) == given
    assert arm.ask("DELETE", whole).status == 204
