from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strongroom.core.errors import Tampered
from strongroom.core.objects import Collection
from strongroom.store import ObjectState, Transaction
from tests.conformance.store.backends import Backend
from tests.conformance.store.samples import OTHER_VAULT, VAULT, put, secret, user

SECRETS = Collection.SECRETS


async def test_an_object_is_read_as_it_was_put_whatever_the_case_of_its_name(backend: Backend) -> None:
    """Names are compared without case and given back as their first writer spelled them."""
    async with backend.open() as store:
        stored, version = secret("MySecret", purge_at=9, deleted=5)
        await put(store, stored, version)
        assert await store.object(VAULT, SECRETS, "mysecret") == stored
        assert await store.object(VAULT, SECRETS, "MYSECRET") == stored
        assert await store.version(VAULT, SECRETS, "MySECRET", version.version) == version


async def test_an_object_belongs_to_its_vault_and_collection(backend: Backend) -> None:
    """The same name elsewhere is another object, or none."""
    async with backend.open() as store:
        await put(store, *secret("one"), *secret("one", 2, vault=OTHER_VAULT))
        assert await store.object(VAULT, SECRETS, "one") == secret("one")[0]
        assert await store.object(OTHER_VAULT, SECRETS, "one") == secret("one", 2, vault=OTHER_VAULT)[0]
        assert await store.object(VAULT, Collection.KEYS, "one") is None
        assert await store.version(VAULT, SECRETS, "one", secret("one", 2)[0].latest) is None


async def test_an_object_and_a_version_are_replaced(backend: Backend) -> None:
    """Attributes of a version may change; its row is one."""
    async with backend.open() as store:
        stored, version = secret("one")
        await put(store, stored, version)
        changed = replace(version, body=b"changed", sealed=b"resealed")
        await put(store, changed)
        assert await store.version(VAULT, SECRETS, "one", version.version) == changed
        assert (await store.versions(VAULT, SECRETS, "one", after=0, limit=9)).rows == (changed,)
        assert await store.verify() == []


async def test_objects_are_paged_in_key_order(backend: Backend) -> None:
    """Pages follow each other without a gap or a repetition, and only the last says that there is no more."""
    names = ["b", "C", "a", "E", "d"]
    async with backend.open() as store:
        for name in names:
            await put(store, *secret(name))
        pages, after = [], None
        for _ in range(3):
            page = await store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=after, limit=2)
            pages.append(([stored.name for stored, _ in page.rows], page.more))
            after = page.rows[-1][0].key
        assert pages == [(["a", "b"], True), (["C", "d"], True), (["E"], False)]


async def test_a_page_that_is_just_full_has_no_more(backend: Backend) -> None:
    """`more` is about rows that exist."""
    async with backend.open() as store:
        await put(store, *secret("a"), *secret("b"))
        page = await store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=2)
        assert (len(page.rows), page.more) == (2, False)


async def test_active_and_deleted_objects_are_two_listings(backend: Backend) -> None:
    """An object is in the half its `deleted` says, and moves when that changes, in both directions."""

    async def listed(state: ObjectState) -> list[str]:
        page = await store.objects(VAULT, SECRETS, state, after=None, limit=9)
        return [stored.name for stored, _ in page.rows]

    async with backend.open() as store:
        await put(store, *secret("stays"), *secret("goes"))
        await put(store, secret("goes", deleted=5, purge_at=9)[0])
        assert (await listed(ObjectState.ACTIVE), await listed(ObjectState.DELETED)) == (["stays"], ["goes"])
        await put(store, secret("goes")[0])
        assert (await listed(ObjectState.ACTIVE), await listed(ObjectState.DELETED)) == (["goes", "stays"], [])
        assert await store.verify() == []


async def test_a_listing_gives_the_latest_version(backend: Backend) -> None:
    """Each object comes with the version that an unversioned identifier means."""
    async with backend.open() as store:
        await put(store, *secret("a", 1))
        await put(store, *secret("a", 2))
        page = await store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=9)
        assert page.rows == (secret("a", 2),)


async def test_versions_are_paged_by_ordinal(backend: Backend) -> None:
    """The order is that of creation, whatever the identifiers are."""
    async with backend.open() as store:
        for ordinal in (1, 2, 3):
            await put(store, *secret("a", ordinal))
        first = await store.versions(VAULT, SECRETS, "A", after=0, limit=2)
        rest = await store.versions(VAULT, SECRETS, "A", after=2, limit=2)
        assert ([row.ordinal for row in first.rows], first.more) == ([1, 2], True)
        assert ([row.ordinal for row in rest.rows], rest.more) == ([3], False)


async def test_versions_are_paged_by_id(backend: Backend) -> None:
    """The order is that of the ids, whenever they were made."""
    ids = [f"{number:032x}" for number in (11, 12, 13)]
    async with backend.open() as store:
        for ordinal, version in enumerate((ids[1], ids[2], ids[0]), 1):
            stored, row = secret("a", ordinal)
            await put(store, replace(stored, latest=version), replace(row, version=version))
        first = await store.versions_by_id(VAULT, SECRETS, "A", after="", limit=2)
        rest = await store.versions_by_id(VAULT, SECRETS, "A", after=ids[1], limit=2)
        assert ([row.version for row in first.rows], first.more) == (ids[:2], True)
        assert ([row.version for row in rest.rows], rest.more) == (ids[2:], False)


async def test_a_removed_object_is_gone_with_its_versions(backend: Backend) -> None:
    """And its name can be used again from the first ordinal."""
    async with backend.open() as store:
        await put(store, *secret("a", 1))
        await put(store, *secret("a", 2))
        await put(store, *secret("b"))
        assert (await store.commit(lambda tx: tx.remove_object(VAULT, SECRETS, "A"))).result is True
        assert (await store.commit(lambda tx: tx.remove_object(VAULT, SECRETS, "A"))).result is False
        assert await store.object(VAULT, SECRETS, "a") is None
        assert (await store.versions(VAULT, SECRETS, "a", after=0, limit=9)).rows == ()
        await put(store, *secret("a", 1))
        assert await store.verify() == []


async def test_a_vault_is_emptied_alone(backend: Backend) -> None:
    """Removing a vault's objects removes all of them, counts them, and leaves other vaults alone."""
    async with backend.open() as store:
        await put(store, *secret("a"), *secret("b", deleted=1, purge_at=2), *secret("c", vault=OTHER_VAULT))
        assert (await store.commit(lambda tx: tx.remove_vault_objects(VAULT, 99))).result == 2
        assert (await store.commit(lambda tx: tx.remove_vault_objects(VAULT, 99))).result == 0
        assert await store.object(VAULT, SECRETS, "a") is None
        assert await store.object(OTHER_VAULT, SECRETS, "c") == secret("c", vault=OTHER_VAULT)[0]
        assert await store.verify() == []


async def test_a_vault_is_emptied_bit_by_bit(backend: Backend) -> None:
    """No more objects go than was said, each with all its versions, and what is left is whole."""
    async with backend.open() as store:
        await put(store, *secret("a"), *secret("b"), *secret("c"), *secret("d", vault=OTHER_VAULT))
        for number, left in ((2, 1), (1, 0), (0, 0)):
            assert (await store.commit(lambda tx: tx.remove_vault_objects(VAULT, 2))).result == number
            assert (await store.commit(lambda tx: tx.count_vault_objects(VAULT))).result == left
            assert await store.verify() == []
        assert await store.object(OTHER_VAULT, SECRETS, "d") is not None


async def test_a_vault_is_emptied_version_by_version(backend: Backend) -> None:
    """No more versions go than was said, however many an object has; it keeps its newest until it goes itself."""
    async with backend.open() as store:
        await put(store, *secret("a"))
        for ordinal in (1, 2, 3):
            await put(store, *secret("b", ordinal))
        await put(store, *secret("c"))
        assert (await store.commit(lambda tx: tx.remove_vault_objects(VAULT, 2))).result == 1
        assert await store.object(VAULT, SECRETS, "a") is None
        assert [row.ordinal for row in (await store.versions(VAULT, SECRETS, "b", after=0, limit=9)).rows] == [2, 3]
        assert await store.verify() == []
        assert (await store.commit(lambda tx: tx.remove_vault_objects(VAULT, 1))).result == 0
        assert [row.ordinal for row in (await store.versions(VAULT, SECRETS, "b", after=0, limit=9)).rows] == [3]
        assert await store.verify() == []
        assert (await store.commit(lambda tx: tx.remove_vault_objects(VAULT, 2))).result == 2
        assert await store.verify() == []


async def test_the_oldest_versions_of_an_object_are_removed(backend: Backend) -> None:
    """No more than was said, and never the newest; what is left is whole."""
    async with backend.open() as store:
        for ordinal in (1, 2, 3, 4):
            await put(store, *secret("a", ordinal))
        await put(store, *secret("b"))
        for number, left in ((2, [3, 4]), (1, [4]), (0, [4])):
            assert (await store.commit(lambda tx: tx.remove_versions(VAULT, SECRETS, "A", 2))).result == number
            page = await store.versions(VAULT, SECRETS, "a", after=0, limit=9)
            assert [row.ordinal for row in page.rows] == left
            assert await store.verify() == []
        assert (await store.commit(lambda tx: tx.remove_versions(VAULT, SECRETS, "none", 2))).result == 0


async def test_a_vault_is_emptied_and_filled_in_one_change(backend: Backend) -> None:
    """What is put after the vault was emptied stays."""

    async def change(transaction: Transaction) -> None:
        await transaction.remove_vault_objects(VAULT, 99)
        stored, version = secret("new")
        await transaction.put_object(stored)
        await transaction.put_version(version)

    async with backend.open() as store:
        await put(store, *secret("old"))
        await store.commit(change)
        page = await store.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=9)
        assert page.rows == (secret("new"),)
        assert await store.verify() == []


async def test_objects_due_for_purge_come_longest_due_first(backend: Backend) -> None:
    """Only deleted ones, only from their time on, and no more than were asked for."""
    async with backend.open() as store:
        for name, purge_at in (("late", 30), ("soon", 10), ("next", 20)):
            await put(store, *secret(name, deleted=1, purge_at=purge_at))
        await put(store, *secret("active"))
        due = [stored.name for stored in await store.due_for_purge(20, limit=9)]
        assert due == ["soon", "next"]
        assert [stored.name for stored in await store.due_for_purge(99, limit=2)] == ["soon", "next"]
        assert await store.due_for_purge(9, limit=9) == []
        assert [await store.count_for_purge(now, limit=2) for now in (9, 20, 99)] == [0, len(due), 2]


async def test_objects_that_are_due_come_longest_due_first(backend: Backend) -> None:
    """Only active ones, only from their time on, and no more than were asked for."""
    async with backend.open() as store:
        for name, due_at in (("late", 30), ("soon", 10), ("next", 20)):
            await put(store, *secret(name, due_at=due_at))
        await put(store, *secret("deleted", due_at=10, deleted=1, purge_at=99), *secret("idle", policy=b"p"))
        assert [stored.name for stored in await store.due_objects(20, limit=9)] == ["soon", "next"]
        assert [stored.name for stored in await store.due_objects(99, limit=2)] == ["soon", "next"]
        assert await store.due_objects(9, limit=9) == []
        assert [await store.count_due(now, limit=2) for now in (9, 20, 99)] == [0, 2, 2]


async def test_an_altered_row_keeps_no_other_from_its_turn(backend: Backend) -> None:
    """Whoever wants to be told of altered rows is given the others, however many altered ones are due before them."""
    async with backend.open() as store:
        for number in range(5):
            await put(store, *secret(f"due{number}", due_at=number))
            await put(store, *secret(f"gone{number}", deleted=1, purge_at=number))
        backend.sql(store, "UPDATE objects SET policy = X'01' WHERE due_at < 4 OR purge_at < 4")
        for read, left in ((store.due_objects, "due4"), (store.due_for_purge, "gone4")):
            told: set[str] = set()
            assert [stored.name for stored in await read(9, limit=2, altered=told.add)] == [left]
            assert len(told) == 4
            assert await read(3, limit=2, altered=told.add) == []
            with pytest.raises(Tampered):
                await read(9, limit=2)


@pytest.mark.parametrize(
    "changes", [{"policy": b"", "due_at": None}, {"policy": None, "due_at": 7}, {"policy": b"p", "due_at": 0}]
)
async def test_what_an_object_is_to_do_by_itself_is_kept_and_taken_back(
    backend: Backend, changes: dict[str, Any]
) -> None:
    """Policy and due time are read as they were put, together or alone, and can be None again."""
    async with backend.open() as store:
        plain = secret("a")
        await put(store, *plain)
        changed = replace(plain[0], **changes)
        await put(store, changed)
        assert await store.object(VAULT, SECRETS, "a") == changed
        assert await store.verify() == []
        await put(store, plain[0])
        assert await store.object(VAULT, SECRETS, "a") == plain[0]
        assert await store.due_objects(99, limit=9) == []
        assert await store.verify() == []


async def test_a_change_reads_the_objects_it_wrote(backend: Backend) -> None:
    """Objects, versions and listings inside a change show its own writes."""

    async def change(transaction: Transaction) -> None:
        stored, version = secret("a", 2)
        await transaction.put_version(version)
        await transaction.put_object(stored)
        assert await transaction.object(VAULT, SECRETS, "a") == stored
        assert await transaction.version(VAULT, SECRETS, "a", version.version) == version
        assert (await transaction.versions(VAULT, SECRETS, "a", after=0, limit=9)).rows == (secret("a")[1], version)
        page = await transaction.objects(VAULT, SECRETS, ObjectState.ACTIVE, after=None, limit=9)
        assert page.rows == ((stored, version),)

    async with backend.open() as store:
        await put(store, *secret("a"))
        await store.commit(change)


async def test_an_object_without_its_latest_version_is_not_stored(backend: Backend) -> None:
    """A change that leaves an object in pieces is refused whole: a fault of the program, found before it is durable."""
    async with backend.open() as store:
        with pytest.raises(RuntimeError, match="without its latest version"):
            await put(store, user(1), secret("a")[0])
        with pytest.raises(RuntimeError, match="without its object"):
            await put(store, user(1), secret("a")[1])
        assert await store.sequence() == 0
        assert await store.verify() == []
