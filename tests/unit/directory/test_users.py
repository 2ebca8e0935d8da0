from __future__ import annotations

import pytest

from strongroom.core.errors import Invalid, NotFound
from strongroom.core.identity import User
from strongroom.directory import groups, users
from tests.unit.directory.conftest import NOW, Directory


class TestCreate:
    """Making users."""

    def test_a_user_is_enabled_and_has_its_password(self, directory: Directory) -> None:
        """A new user is enabled and has one credential, the password it was made with."""
        made = directory.add_user()

        assert made.enabled
        assert [one.verifier for one in directory.view.credentials_of(made.id)] == [b"verifier"]

    def test_a_name_is_taken_once_whatever_its_case(self, directory: Directory) -> None:
        """Two users do not share a name that differs in case alone."""
        directory.add_user("Alice")

        with pytest.raises(Invalid, match="already exists"):
            directory.add_user("aLICE")

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "a",
            "@one.example",
            "a b@one.example",
            "a@",
            "a@one.example\n",
            "ä@one.example",
            "a" * 65 + "@one.example",
        ],
    )
    def test_a_name_has_the_form_of_an_address(self, directory: Directory, name: str) -> None:
        """A malformed name is refused; there is one spelling of a name, so no two look alike (pitfalls "Password")."""
        with pytest.raises(Invalid):
            directory.commit(
                lambda tx: users.create_user(
                    tx, directory.tenant, users.NewUser(name, "A"), password=None, now=NOW, entropy=directory.entropy
                )
            )

    def test_a_name_is_in_a_domain_of_the_tenant(self, directory: Directory) -> None:
        """A user of one tenant cannot have a name in another's domain."""
        with pytest.raises(Invalid, match="verified domain"):
            directory.add_user("a", domain="other.example")


class TestUpdate:
    """Changing users."""

    def test_nothing_but_what_is_named_changes(self, directory: Directory) -> None:
        """None leaves a property as it is; an empty name removes it."""
        made = directory.add_user()
        change = users.UserChange(given_name="Ann", surname="Bee")
        named = directory.commit(lambda tx: users.update_user(tx, directory.tenant, made.id, change, now=NOW))
        assert (named.given_name, named.surname, named.display_name) == ("Ann", "Bee", "a")

        bare = directory.commit(
            lambda tx: users.update_user(tx, directory.tenant, made.id, users.UserChange(surname=""), now=NOW)
        )
        assert (bare.given_name, bare.surname, bare.enabled) == ("Ann", None, True)

    def test_a_user_is_disabled_and_enabled(self, directory: Directory) -> None:
        """The switch is the user's own and works both ways."""
        made = directory.add_user()
        for enabled in (False, True):
            directory.commit(
                lambda tx, enabled=enabled: users.update_user(
                    tx, directory.tenant, made.id, users.UserChange(enabled=enabled), now=NOW
                )
            )
            found = directory.view.principal(directory.tenant, made.id)
            assert isinstance(found, User)
            assert found.enabled is enabled

    def test_another_tenants_user_is_not_there(self, directory: Directory) -> None:
        """A user is changed in its own tenant alone: from another it does not exist."""
        made = directory.add_user()

        with pytest.raises(NotFound):
            directory.commit(
                lambda tx: users.update_user(tx, directory.other, made.id, users.UserChange(enabled=False), now=NOW)
            )


class TestDelete:
    """Deleting users."""

    def test_a_deleted_users_name_is_free(self, directory: Directory) -> None:
        """A name can be given to another user, who is another principal."""
        made = directory.add_user()
        directory.commit(lambda tx: users.delete_user(tx, directory.tenant, made.id, now=NOW))

        assert directory.add_user().id != made.id

    def test_another_tenants_user_is_not_deleted(self, directory: Directory) -> None:
        """From another tenant a user does not exist."""
        made = directory.add_user()

        with pytest.raises(NotFound):
            directory.commit(lambda tx: users.delete_user(tx, directory.other, made.id, now=NOW))
        assert directory.view.principal(directory.tenant, made.id) is not None


def test_a_command_for_one_kind_does_not_find_another(directory: Directory) -> None:
    """A group's id is no user's id, and the other way round."""
    group, user = directory.add_group(), directory.add_user()
    with pytest.raises(NotFound):
        directory.commit(lambda tx: users.delete_user(tx, directory.tenant, group.id, now=NOW))
    with pytest.raises(NotFound):
        directory.commit(lambda tx: groups.delete_group(tx, directory.tenant, user.id, now=NOW))
