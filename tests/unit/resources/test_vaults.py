"""A vault's life, by the commands alone."""

import asyncio
from dataclasses import replace

import pytest

from strongroom.core import limits
from strongroom.core.errors import Conflict, Invalid, MethodNotAllowed, NotFound
from strongroom.core.identity import PrincipalType
from strongroom.core.lifecycle import DAY_S
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.rbac import RoleAssignment
from strongroom.core.records import tenant_partition
from strongroom.core.vaults import LeftContents, Vault
from strongroom.resources.containers import delete_group, put_group
from strongroom.resources.vault_settings import VaultChange
from strongroom.resources.vaults import (
    delete_vault,
    expired_vaults,
    purge_expired_vault,
    purge_vault,
    recover_vault,
    remove_expired,
    remove_left_contents,
    update_vault,
)
from strongroom.store import Transaction
from tests.unit.resources.conftest import NOW, TENANT, USER, VAULT, Place

SECOND = "c0000000-0000-4000-8000-000000000002"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def assign(place: Place, scope: str, number: int) -> str:
    """Give a role at a scope, past the command that would check it."""
    made = RoleAssignment(
        id=f"d0000000-0000-4000-8000-{number:012}",
        tenant=TENANT,
        scope=scope,
        role=READER,
        principal=USER,
        principal_type=PrincipalType.USER,
        created=NOW,
    )
    place.commit(lambda tx: tx.put(made))
    return made.id


def assignments(place: Place) -> set[str]:
    """Name all role assignments."""
    return {one.id for one in place.view.all(RoleAssignment, tenant_partition(TENANT))}


def delete(place: Place, vault: Vault, now: int = NOW) -> Vault:
    """Delete a vault."""
    return place.commit(lambda tx: delete_vault(tx, vault, now=now))


def update(place: Place, change: VaultChange) -> Vault:
    """Change the first vault, with the right to switch its model."""
    return place.commit(
        lambda tx: update_vault(tx, place.vault, change, permit_model_switch=lambda: None, now=NOW + 5, by="ann")
    )


def recover(place: Place, vault: Vault | None, now: int = NOW) -> Vault:
    """Recover a vault in the first group."""
    return place.commit(
        lambda tx: recover_vault(tx, vault, group=place.group, name="kv-one", tags={}, now=now, by=USER)
    )


class TestCreate:
    """Making a vault."""

    def test_name_is_taken_whatever_its_case(self, place: Place) -> None:
        """A vault's name belongs to one vault of the whole instance, compared without case."""
        with pytest.raises(Conflict) as refused:
            place.new_vault("kV-ONE", SECOND)
        assert refused.value.code == "VaultAlreadyExists"
        assert place.view.vault(SECOND) is None

    def test_name_stays_taken_while_deleted(self, place: Place) -> None:
        """A deleted vault keeps its name until it is purged."""
        deleted = delete(place, place.vault)
        with pytest.raises(Conflict):
            place.new_vault("Kv-one", SECOND)
        place.commit(lambda tx: purge_vault(tx, deleted, now=NOW))
        assert place.new_vault("Kv-one", SECOND).id == SECOND

    @pytest.mark.parametrize("name", ["ab", "a" * 25, "1abc", "a--b", "abc-", "a_b", "a.b", ""])
    def test_bad_name(self, place: Place, name: str) -> None:
        """A name that no host could have is refused, and nothing is made."""
        with pytest.raises(Invalid) as refused:
            place.new_vault(name, SECOND)
        assert refused.value.code == "VaultNameNotValid"
        assert place.view.vault(SECOND) is None

    def test_group_is_gone(self, place: Place) -> None:
        """A vault is not made in a group that was removed in the meantime."""
        place.commit(lambda tx: delete_group(tx, place.group, now=NOW))
        with pytest.raises(NotFound) as refused:
            place.new_vault("kv-two", SECOND)
        assert refused.value.code == "ResourceGroupNotFound"

    @pytest.mark.parametrize(
        ("default", "said", "expected"),
        [(True, None, True), (False, None, None), (True, False, False), (False, False, False)],
    )
    def test_model(
        self,
        place: Place,
        default: bool,  # noqa: FBT001  a table
        said: bool | None,  # noqa: FBT001  a table
        expected: bool | None,  # noqa: FBT001  a table
    ) -> None:
        """A new vault has the model that was said, or its api-version's: role assignments, or none before."""
        made = place.new_vault("kv-two", SECOND, VaultChange(rbac=said), rbac=default)
        assert made.rbac is expected

    def test_who_and_when(self, place: Place) -> None:
        """A vault remembers who made it and when."""
        assert (place.vault.created_by, place.vault.created, place.vault.updated) == (USER, NOW, NOW)


class TestUpdate:
    """Changing a vault."""

    def test_says_nothing_changes_nothing(self, place: Place) -> None:
        """A change that says nothing leaves every setting, and remembers who made it."""
        changed = update(place, VaultChange())
        assert replace(changed, updated=NOW, updated_by=USER) == place.vault
        assert (changed.updated, changed.updated_by) == (NOW + 5, "ann")

    def test_is_made_on_the_vault_as_it_is_now(self, place: Place) -> None:
        """Two changes of different settings, both begun from the same reading, both stay."""
        update(place, VaultChange(enabled_for_deployment=True))
        changed = update(place, VaultChange(tags={"a": "b"}))
        assert changed.enabled_for_deployment
        assert changed.tags == {"a": "b"}

    def test_deleted(self, place: Place) -> None:
        """A deleted vault cannot be changed."""
        delete(place, place.vault)
        with pytest.raises(NotFound):
            update(place, VaultChange(tags={}))


class TestDelete:
    """Deleting, recovering, purging."""

    def test_says_when_it_will_be_purged(self, place: Place) -> None:
        """Retention begins with the deletion."""
        deleted = delete(place, place.vault)
        assert (deleted.deleted, deleted.purge_at) == (NOW, NOW + 90 * DAY_S)

    def test_takes_role_assignments_along(self, place: Place) -> None:
        """Assignments at the vault and below it go; those above and beside it stay."""
        scope, group = place.vault.scope, place.group.scope
        gone = {assign(place, scope, 1), assign(place, f"{scope.upper()}/SECRETS/one", 2)}
        beside = f"{group}/providers/Microsoft.KeyVault/vaults/Kv-one2"
        stays = {assign(place, group, 3), assign(place, beside, 4), assign(place, "/", 5)}
        assert assignments(place) == gone | stays
        delete(place, place.vault)
        assert assignments(place) == stays

    def test_recovery_does_not_bring_them_back(self, place: Place) -> None:
        """What a vault loses with its deletion stays lost (reference section 3.5)."""
        assign(place, place.vault.scope, 1)
        recover(place, delete(place, place.vault))
        assert assignments(place) == set()

    def test_twice(self, place: Place) -> None:
        """A vault that is deleted already is not found."""
        delete(place, place.vault)
        with pytest.raises(NotFound):
            delete(place, place.vault)

    def test_recovery_keeps_the_old_settings(self, place: Place) -> None:
        """A recovered vault is the one that was deleted: same GUID, key and settings; the tags are the request's."""
        before = update(place, VaultChange(tags={"a": "b"}, enabled_for_deployment=True))
        assert recover(place, delete(place, before)) == replace(before, tags={}, updated=NOW, updated_by=USER)

    def test_recovers_nothing_that_is_not_there(self, place: Place) -> None:
        """There must be a deleted vault to recover."""
        with pytest.raises(NotFound) as refused:
            recover(place, None)
        assert refused.value.code == "SoftDeletedVaultDoesNotExist"

    def test_recovers_nothing_that_is_active(self, place: Place) -> None:
        """An active vault's name is in use."""
        with pytest.raises(Conflict) as refused:
            recover(place, place.vault)
        assert refused.value.code == "VaultAlreadyExists"

    def test_recovery_ends_with_the_retention(self, place: Place) -> None:
        """One second before the end a vault is recovered; at the end it is not, even if no sweep has come yet."""
        deleted = delete(place, place.vault)
        end = NOW + 90 * DAY_S
        with pytest.raises(NotFound):
            recover(place, deleted, now=end)
        assert recover(place, deleted, now=end - 1).deleted is None

    def test_recovers_only_in_its_group(self, place: Place) -> None:
        """A deleted vault comes back where it was."""
        deleted = delete(place, place.vault)

        async def elsewhere(tx: Transaction) -> Vault:
            group, _ = await put_group(
                tx, subscription=place.subscription, name="rg2", location="local", tags={}, now=NOW
            )
            return await recover_vault(tx, deleted, group=group, name="Kv-one", tags={}, now=NOW, by=USER)

        with pytest.raises(NotFound) as refused:
            place.commit(elsewhere)
        assert refused.value.code == "SoftDeletedVaultDoesNotExist"

    def test_purge_removes_everything(self, place: Place) -> None:
        """A purged vault is gone with all its objects."""
        stored = StoredObject(VAULT, Collection.SECRETS, "s", "e" * 32, NOW, "f" * 32)
        version = StoredVersion(VAULT, Collection.SECRETS, "s", "e" * 32, "f" * 32, 1, b"{}", b"sealed")

        async def fill(tx: Transaction) -> None:
            await tx.put_object(stored)
            await tx.put_version(version)

        place.commit(fill)
        deleted = delete(place, place.vault)
        assert place.commit(lambda tx: purge_vault(tx, deleted, now=NOW)) == 1
        assert place.view.vault(VAULT) is None
        assert place.commit(lambda tx: tx.object(VAULT, Collection.SECRETS, "s")) is None

    def test_purge_of_much_goes_bit_by_bit(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        """One change removes no more versions than the limit; the vault is gone at once, and the sweep has the rest."""
        monkeypatch.setattr(limits, "VERSIONS_REMOVED_AT_ONCE", 2)

        async def fill(tx: Transaction) -> None:
            for name in "abcde":
                await tx.put_object(StoredObject(VAULT, Collection.SECRETS, name, "e" * 32, NOW, "f" * 32))
                await tx.put_version(
                    StoredVersion(VAULT, Collection.SECRETS, name, "e" * 32, "f" * 32, 1, b"{}", b"sealed")
                )

        place.commit(fill)
        deleted = delete(place, place.vault)
        assert place.commit(lambda tx: purge_vault(tx, deleted, now=NOW)) == 5
        assert place.view.vault(VAULT) is None
        assert place.commit(lambda tx: tx.count_vault_objects(VAULT)) == 3
        assert asyncio.run(remove_left_contents(place.store, place.view)) == 3
        assert place.view.all(LeftContents) == ()
        assert asyncio.run(place.store.verify()) == []
        assert asyncio.run(remove_left_contents(place.store, place.view)) == 0

    def test_purge_wants_a_deleted_vault(self, place: Place) -> None:
        """An active vault is not purged."""
        with pytest.raises(NotFound) as refused:
            place.commit(lambda tx: purge_vault(tx, place.vault, now=NOW))
        assert refused.value.code == "DeletedVaultNotFound"
        assert place.now_of(place.vault) == place.vault

    def test_purge_protection(self, place: Place) -> None:
        """Under purge protection nobody purges a vault until its retention ends; then the sweep does."""
        update(place, VaultChange(purge_protection=True))
        deleted = delete(place, place.vault)
        with pytest.raises(MethodNotAllowed):
            place.commit(lambda tx: purge_vault(tx, deleted, now=deleted.purge_at - 1))  # type: ignore[operator]  it is deleted
        assert place.view.vault(VAULT) is not None
        place.commit(lambda tx: purge_vault(tx, deleted, now=deleted.purge_at or 0))
        assert place.view.vault(VAULT) is None

    def test_sweep(self, place: Place) -> None:
        """The sweep removes what is past its retention and nothing else."""
        place.new_vault("kv-two", SECOND, VaultChange(retention_days=7))
        delete(place, place.now_of(place.vault))
        second = place.view.vault(SECOND)
        assert second is not None
        delete(place, second)
        at_end = NOW + 7 * DAY_S
        assert expired_vaults(place.view, at_end - 1) == []
        assert not place.commit(lambda tx: purge_expired_vault(tx, second, now=at_end - 1))
        assert [vault.id for vault in expired_vaults(place.view, at_end)] == [SECOND]
        assert place.commit(lambda tx: purge_expired_vault(tx, second, now=at_end))
        assert not place.commit(lambda tx: purge_expired_vault(tx, second, now=at_end))
        assert place.view.vault(VAULT) is not None


class TestExpired:
    """The name of a vault whose retention has ended."""

    def remove(self, place: Place, vault: Vault, now: int) -> None:
        """Make a vault's name free."""
        place.commit(lambda tx: remove_expired(tx, vault, now=now))

    def test_removed_once(self, place: Place) -> None:
        """An expired vault goes, and if a sweep was faster there is nothing to do."""
        deleted = delete(place, place.vault)
        at_end = NOW + 90 * DAY_S
        self.remove(place, deleted, at_end)
        assert place.view.vault(VAULT) is None
        self.remove(place, deleted, at_end)

    def test_never_another(self, place: Place) -> None:
        """A vault that is recoverable, or was recovered since it was looked up, stays."""
        deleted = delete(place, place.vault)
        with pytest.raises(Conflict):
            self.remove(place, deleted, NOW + 90 * DAY_S - 1)
        recover(place, deleted)
        with pytest.raises(Conflict):
            self.remove(place, deleted, NOW + 90 * DAY_S)
        assert place.view.vault(VAULT) is not None


class TestGroupRemoval:
    """What goes with a resource group."""

    def test_vaults_become_recoverable(self, place: Place) -> None:
        """Vaults of a removed group are deleted, come back when the group does, and lose their assignments."""
        assign(place, place.vault.scope, 1)
        assign(place, place.group.scope, 2)
        stays = assign(place, place.subscription.scope, 3)
        removal = place.commit(lambda tx: delete_group(tx, place.group, now=NOW))
        assert [vault.id for vault in removal.vaults] == [VAULT]
        assert assignments(place) == {stays}
        with pytest.raises(NotFound) as refused:
            recover(place, place.now_of(place.vault))
        assert refused.value.code == "ResourceGroupNotFound"
        place.commit(
            lambda tx: put_group(tx, subscription=place.subscription, name="rg1", location="local", tags={}, now=NOW)
        )
        assert recover(place, place.now_of(place.vault)).deleted is None
