from __future__ import annotations

import pytest

from strongroom.core.directory_roles import GLOBAL_ADMINISTRATOR
from strongroom.core.errors import Conflict, NotFound
from strongroom.directory import roles
from tests.unit.directory.conftest import Directory


def test_a_role_is_given(directory: Directory) -> None:
    """A principal holds a directory role as soon as it is given."""
    user = directory.add_user()
    directory.commit(lambda tx: roles.assign_role(tx, directory.tenant, role=GLOBAL_ADMINISTRATOR, principal=user.id))
    assert directory.view.directory_roles_of(directory.tenant, user.id) == {GLOBAL_ADMINISTRATOR}


def test_a_role_is_given_once(directory: Directory) -> None:
    """A second time is a conflict."""
    user = directory.add_user()
    directory.commit(lambda tx: roles.assign_role(tx, directory.tenant, role="r", principal=user.id))
    with pytest.raises(Conflict):
        directory.commit(lambda tx: roles.assign_role(tx, directory.tenant, role="r", principal=user.id))


def test_another_tenants_principal_gets_no_role(directory: Directory) -> None:
    """SEC-TENANT-1: every query carries its tenant."""
    user = directory.add_user()
    with pytest.raises(NotFound):
        directory.commit(lambda tx: roles.assign_role(tx, directory.other, role="r", principal=user.id))
