"""What directory roles give."""

from __future__ import annotations

import pytest

from strongroom.core import directory_roles
from strongroom.core.directory_roles import DIRECTORY_ROLES, GLOBAL_ADMINISTRATOR, DirectoryRole, role_that_gives

OF_NO_MEANING = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
"""Global Reader, which is not in the table."""


@pytest.mark.parametrize("write", [False, True])
def test_a_global_administrator_reads_and_writes(*, write: bool) -> None:
    """The one role there is gives both, and is named as what gave it."""
    assert role_that_gives([OF_NO_MEANING, GLOBAL_ADMINISTRATOR], write=write) == GLOBAL_ADMINISTRATOR


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("held", [[], [OF_NO_MEANING]])
def test_what_is_not_in_the_table_gives_nothing(held: list[str], *, write: bool) -> None:
    """A role that the table does not know is worth nothing, nor is none."""
    assert role_that_gives(held, write=write) is None


def test_a_role_that_reads_does_not_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role of the table that only reads is the evidence for reading alone."""
    reader = DirectoryRole("Global Reader", writes=False)
    monkeypatch.setattr(directory_roles, "DIRECTORY_ROLES", {**DIRECTORY_ROLES, OF_NO_MEANING: reader})
    assert role_that_gives([OF_NO_MEANING], write=False) == OF_NO_MEANING
    assert role_that_gives([OF_NO_MEANING], write=True) is None
