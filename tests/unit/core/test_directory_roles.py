"""What directory roles and application permissions give."""

from __future__ import annotations

import pytest

from strongroom.core.directory_roles import (
    APPLICATION_PERMISSIONS,
    DIRECTORY_ROLES,
    EVERYTHING,
    GLOBAL_ADMINISTRATOR,
    permission_that_gives,
    power_of,
    role_that_gives,
)

OF_NO_MEANING = "00000000-0000-4000-8000-000000000001"
"""A role that is not in the table."""
ROLES = {role.name: id_ for id_, role in DIRECTORY_ROLES.items()}
PERMISSIONS = {one.name: id_ for id_, one in APPLICATION_PERMISSIONS.items()}
WRITES = sorted(right for right in EVERYTHING if "Write" in right)


@pytest.mark.parametrize("right", sorted(EVERYTHING))
def test_a_global_administrator_may_do_everything(right: str) -> None:
    """It is named as what gave it, whatever else is held."""
    assert role_that_gives([OF_NO_MEANING, GLOBAL_ADMINISTRATOR], right) == GLOBAL_ADMINISTRATOR


@pytest.mark.parametrize("held", [[], [OF_NO_MEANING]])
def test_what_is_not_in_the_table_gives_nothing(held: list[str]) -> None:
    """A role or permission that the tables do not know is worth nothing, nor is none."""
    for right in EVERYTHING:
        assert role_that_gives(held, right) is None
        assert permission_that_gives(held, right) is None
    assert power_of(held, held, user=False) == frozenset()


@pytest.mark.parametrize("name", ["Global Reader", "Directory Readers"])
def test_a_reader_changes_nothing(name: str) -> None:
    """It reads everything, and no right to write is among what it gives."""
    held = [ROLES[name]]
    assert role_that_gives(held, "Directory.Read.All") == ROLES[name]
    assert [right for right in WRITES if role_that_gives(held, right)] == []


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        (
            "Application Administrator",
            {
                "AppRoleAssignment.ReadWrite.All",
                "Application.ReadWrite.All",
                "Application.ReadWrite.OwnedBy",
                "DelegatedPermissionGrant.ReadWrite.All",
            },
        ),
        (
            "User Administrator",
            {
                "Group.ReadWrite.All",
                "GroupMember.ReadWrite.All",
                "User-PasswordProfile.ReadWrite.All",
                "User.ReadWrite.All",
            },
        ),
        *(
            (f"{kind}Authentication Administrator", {"UserAuthenticationMethod.ReadWrite.All"})
            for kind in ("", "Privileged ")
        ),
        ("Groups Administrator", {"Group.ReadWrite.All", "GroupMember.ReadWrite.All"}),
        (
            "Privileged Role Administrator",
            {"AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory"},
        ),
    ],
)
def test_what_the_administrators_may_write(name: str, writes: set[str]) -> None:
    """Each its own, all of reading, and nothing else."""
    gives = DIRECTORY_ROLES[ROLES[name]].gives
    assert {right for right in gives if "Write" in right} == writes
    assert "Directory.Read.All" in gives


def test_who_writes_may_read() -> None:
    """Every permission to write all of something includes the one to read it."""
    for right in ("Application", "Group", "GroupMember", "User", "UserAuthenticationMethod", "Directory"):
        held = [PERMISSIONS[f"{right}.ReadWrite.All"]]
        assert permission_that_gives(held, f"{right}.Read.All") == f"{right}.ReadWrite.All"


@pytest.mark.parametrize("name", ["Directory Readers", "User Administrator", "Application Administrator"])
def test_what_users_sign_in_with_is_no_part_of_the_directory(name: str) -> None:
    """Reading a directory, or managing its users, gives nothing over their second factors; Global Reader may read."""
    for right in ("UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All"):
        assert role_that_gives([ROLES[name]], right) is None
        assert permission_that_gives([PERMISSIONS["Directory.ReadWrite.All"]], right) is None
    assert role_that_gives([ROLES["Global Reader"]], "UserAuthenticationMethod.Read.All")


def test_who_manages_its_own_applications_does_not_manage_all() -> None:
    """`Application.ReadWrite.OwnedBy` is less than `Application.ReadWrite.All`."""
    assert permission_that_gives([PERMISSIONS["Application.ReadWrite.OwnedBy"]], "Application.ReadWrite.All") is None


def test_who_assigns_roles_could_do_everything() -> None:
    """Its power is everything, whatever it may do right away: it could give itself any role."""
    role, permission = ROLES["Privileged Role Administrator"], PERMISSIONS["RoleManagement.ReadWrite.Directory"]
    assert power_of([role], [], user=False) == power_of([], [permission], user=False) == EVERYTHING
    assert role_that_gives([role], "User.ReadWrite.All") is None
    assert power_of([ROLES["Application Administrator"]], [], user=True) < EVERYTHING


def test_a_users_power_includes_reading() -> None:
    """Users read their directory without a role."""
    assert "Directory.Read.All" in power_of([], [], user=True)
    assert not set(WRITES) & power_of([], [], user=True)
