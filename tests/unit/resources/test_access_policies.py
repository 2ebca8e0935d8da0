"""Access policies: adding, replacing and removing entries."""

from dataclasses import replace

import pytest

from strongroom.core import limits
from strongroom.core.errors import Invalid, NotFound
from strongroom.core.vaults import AccessPolicy, Vault
from strongroom.resources.access_policies import PolicyOperation, merge, update_access_policies
from strongroom.resources.vaults import delete_vault
from tests.unit.resources.conftest import APP, NOW, OTHER_TENANT, TENANT, USER, Place

ADD, REPLACE, REMOVE = PolicyOperation.ADD, PolicyOperation.REPLACE, PolicyOperation.REMOVE


def policy(who: str = USER, app: str | None = None, tenant: str = TENANT, **words: str) -> AccessPolicy:
    """Make an entry; words are separated by spaces."""
    return AccessPolicy(tenant, who, app, **{category: tuple(text.split()) for category, text in words.items()})


class TestMerge:
    """What each operation makes of a list."""

    def test_add_to_nothing(self) -> None:
        """A new principal's entry is appended."""
        old, new = policy(secrets="get"), policy(APP, secrets="set")
        assert merge((old,), ADD, (new,)) == (old, new)

    def test_add_unites(self) -> None:
        """What a principal has already, it keeps."""
        old = policy(secrets="get", keys="list")
        assert merge((old,), ADD, (policy(secrets="set"),)) == (policy(secrets="get set", keys="list"),)

    def test_words_keep_their_order(self) -> None:
        """What is new comes after what was there, each word once; what stays after a removal stays where it was."""
        old = policy(secrets="set get", keys="sign list get")
        assert merge((old,), ADD, (policy(secrets="list get delete"),)) == (
            policy(secrets="set get list delete", keys="sign list get"),
        )
        assert merge((old,), REMOVE, (policy(keys="list"),)) == (policy(secrets="set get", keys="sign get"),)

    def test_replace(self) -> None:
        """Replacing touches the named principals alone."""
        old = (policy(secrets="get list"), policy(APP, secrets="get"))
        assert merge(old, REPLACE, (policy(keys="get"),)) == (policy(keys="get"), policy(APP, secrets="get"))

    def test_replace_by_two_entries(self) -> None:
        """One principal twice in a request means both entries."""
        new = (policy(keys="get"), policy(secrets="get"))
        assert merge((policy(keys="delete"),), REPLACE, new) == (policy(keys="get", secrets="get"),)

    def test_remove_words(self) -> None:
        """Removing takes the named words and leaves the others."""
        assert merge((policy(secrets="get list"),), REMOVE, (policy(secrets="list"),)) == (policy(secrets="get"),)

    def test_remove_last_word(self) -> None:
        """An entry without words is no entry."""
        assert merge((policy(secrets="get"),), REMOVE, (policy(secrets="get set"),)) == ()

    def test_remove_without_words(self) -> None:
        """Naming a principal without words removes it."""
        assert merge((policy(secrets="get", keys="all"),), REMOVE, (policy(),)) == ()

    def test_remove_from_all(self) -> None:
        """Taking one word out of `all` leaves every other one: what was removed is not permitted any more."""
        (left,) = merge((policy(secrets="all"),), REMOVE, (policy(secrets="purge"),))
        assert left.secrets == ("get", "list", "set", "delete", "recover", "backup", "restore")

    def test_remove_leaves_all_of_another_kind(self) -> None:
        """What is not named stays as it was written: all keys' words still mean those that come later."""
        old = policy(keys="all", secrets="get list")
        assert merge((old,), REMOVE, (policy(secrets="list"),)) == (policy(keys="all", secrets="get"),)

    def test_remove_all(self) -> None:
        """Removing `all` removes every word of the category."""
        old = policy(secrets="get list", keys="sign")
        assert merge((old,), REMOVE, (policy(secrets="all"),)) == (policy(keys="sign"),)

    def test_remove_a_stranger(self) -> None:
        """A principal that has no entry is not removed, and nobody else is."""
        assert merge((policy(secrets="get"),), REMOVE, (policy(APP, secrets="get"),)) == (policy(secrets="get"),)

    def test_compound_entries_are_apart(self) -> None:
        """The entry for a user through an application is not the user's own entry."""
        old = (policy(secrets="get"), policy(app=APP, secrets="get"))
        assert merge(old, REMOVE, (policy(),)) == (policy(app=APP, secrets="get"),)
        assert merge(old, ADD, (policy(app=APP, secrets="set"),)) == (old[0], policy(app=APP, secrets="get set"))


class TestCommand:
    """The command in a transaction."""

    def change(self, place: Place, operation: PolicyOperation, *entries: AccessPolicy) -> Vault:
        """Change the first vault's policies."""
        return place.commit(lambda tx: update_access_policies(tx, place.vault, operation, entries, now=NOW + 1, by=APP))

    def test_is_made_on_the_vault_as_it_is_now(self, place: Place) -> None:
        """Two additions, both begun from the same reading, both stay; the vault remembers the last."""
        self.change(place, ADD, policy(secrets="get"))
        changed = self.change(place, ADD, policy(APP, secrets="get"))
        assert changed.access_policies == (policy(secrets="get"), policy(APP, secrets="get"))
        assert (changed.updated, changed.updated_by) == (NOW + 1, APP)
        assert place.now_of(place.vault) == changed

    @pytest.mark.parametrize(
        "bad", [policy("me", secrets="get"), policy(app="x", secrets="get"), policy(tenant=OTHER_TENANT, secrets="get")]
    )
    @pytest.mark.parametrize("operation", list(PolicyOperation))
    def test_malformed(self, place: Place, operation: PolicyOperation, bad: AccessPolicy) -> None:
        """An entry with a bad id or of another tenant is refused whatever is to be done with it; nothing changes."""
        with pytest.raises(Invalid, match="accessPolicies"):
            self.change(place, operation, bad)
        assert place.now_of(place.vault) == place.vault

    def test_limit_counts_the_result(self, place: Place) -> None:
        """Adding the 1025th entry is refused; adding to one of 1024 is not."""
        full = tuple(
            policy(f"a0000000-0000-4000-8000-{index:012}", keys="get") for index in range(limits.ACCESS_POLICIES)
        )
        place.commit(lambda tx: tx.put(replace(place.vault, access_policies=full)))
        with pytest.raises(Invalid, match="accessPolicies"):
            self.change(place, ADD, policy("b0000000-0000-4000-8000-000000000001", keys="get"))
        changed = self.change(place, ADD, policy("a0000000-0000-4000-8000-000000000000", keys="list"))
        assert changed.access_policies[0].keys == ("get", "list")

    def test_deleted_vault(self, place: Place) -> None:
        """A deleted vault's policies do not change."""
        place.commit(lambda tx: delete_vault(tx, place.vault, now=NOW))
        with pytest.raises(NotFound):
            self.change(place, ADD, policy(secrets="get"))
