from __future__ import annotations

import pytest

from strongroom.core.errors import NameTaken
from strongroom.core.identity import Group, Tenant, User
from strongroom.store import Transaction
from tests.conformance.store.backends import Backend
from tests.conformance.store.samples import (
    OTHER_TENANT,
    PARTITION,
    group,
    put,
    put_into,
    remove,
    tenant,
    user,
    users,
)


async def test_a_record_is_read_as_it_was_put(backend: Backend) -> None:
    """A record comes back equal, by its kind, partition and id."""
    async with backend.open() as store:
        await put(store, user(1))
        assert await store.record(User, PARTITION, "user-00001") == user(1)


async def test_a_record_that_is_not_there_is_none(backend: Backend) -> None:
    """Another id, another partition or another kind finds nothing."""
    async with backend.open() as store:
        await put(store, user(1))
        assert await store.record(User, PARTITION, "user-00002") is None
        assert await store.record(User, "tenant:none", "user-00001") is None
        assert await store.record(Group, PARTITION, "user-00001") is None


async def test_a_record_is_replaced_as_a_whole(backend: Backend) -> None:
    """Putting under the same id leaves one record, the new one."""
    async with backend.open() as store:
        await put(store, user(1))
        await put(store, user(1, name="Renamed"))
        assert await store.records(User) == [user(1, name="Renamed")]


async def test_a_removed_record_is_gone(backend: Backend) -> None:
    """Removing says whether the record was there."""
    async with backend.open() as store:
        await put(store, user(1), user(2))
        assert await remove(store, user(1)) is True
        assert await remove(store, user(1)) is False
        assert await users(store) == ["user-00002"]


async def test_records_come_in_order_of_partition_and_id(backend: Backend) -> None:
    """The order is that of code points, whatever the order of putting."""
    async with backend.open() as store:
        elsewhere = user(1, upn="z@z.example", in_tenant=OTHER_TENANT)
        await put(store, user(3), elsewhere, user(1), user(2), group(1))
        assert await store.records(User) == [user(1), user(2), user(3), elsewhere]


async def test_records_that_have_a_text_are_found(backend: Backend) -> None:
    """Those of the kind and, if one is given, of the partition, in order; what only resembles it is not among them."""
    async with backend.open() as store:
        elsewhere = user(1, name="with needle-1", upn="z@z.example", in_tenant=OTHER_TENANT)
        named = [user(number, name=f"needle-{number}") for number in (2, 1, 10)]
        await put(store, *named, elsewhere, user(3), group(1))
        assert await store.records_with(User, PARTITION, "needle-1") == [user(1, name="needle-1"), named[2]]
        assert await store.records_with(User, None, "needle-1") == [named[1], named[2], elsewhere]
        assert await store.records_with(User, PARTITION, "needle-3") == []
        assert await store.records_with(Group, PARTITION, "needle-1") == []

        async def change(tx: Transaction) -> list[User]:
            await tx.remove(named[1])
            await tx.put(user(3, name="needle-1"))
            return await tx.records_with(User, PARTITION, "needle-1")

        assert (await store.commit(change)).result == [user(3, name="needle-1"), named[2]]


async def test_records_of_one_partition_only(backend: Backend) -> None:
    """Another tenant's records are not among them."""
    async with backend.open() as store:
        await put(store, user(1), user(2, in_tenant=OTHER_TENANT))
        assert await store.records(User, PARTITION) == [user(1)]
        assert await store.records(User, "tenant:none") == []


async def test_a_name_is_held_by_one_record_of_the_whole_instance(backend: Backend) -> None:
    """A second record with the name is refused, in any partition, and the error carries the name."""
    async with backend.open() as store:
        await put(store, user(1, upn="same@a.example"))
        with pytest.raises(NameTaken) as refused:
            await put(store, user(2, upn="Same@A.example", in_tenant=OTHER_TENANT))
        assert refused.value.name == "upn:same@a.example"
        assert await users(store) == ["user-00001"]


async def test_a_record_keeps_its_own_name(backend: Backend) -> None:
    """Replacing a record does not collide with itself."""
    async with backend.open() as store:
        await put(store, user(1))
        await put(store, user(1, name="Renamed"))
        assert await store.verify() == []


async def test_a_name_is_free_once_its_holder_gave_it_up(backend: Backend) -> None:
    """By taking another name, and by being removed."""
    async with backend.open() as store:
        await put(store, user(1, upn="first@a.example"))
        await put(store, user(1, upn="second@a.example"))
        await put(store, user(2, upn="first@a.example"))
        await remove(store, user(1, upn="second@a.example"))
        await put(store, user(3, upn="second@a.example"))
        assert await store.verify() == []


async def test_two_records_swap_names_in_one_change(backend: Backend) -> None:
    """Within a change a name is free as soon as its holder gave it up."""
    async with backend.open() as store:
        await put(store, user(1, upn="a@a.example"), user(2, upn="b@a.example"))
        await put(
            store,
            user(1, upn="c@a.example"),
            user(2, upn="a@a.example"),
            user(1, upn="b@a.example"),
        )
        assert [record.user_principal_name for record in await store.records(User)] == ["b@a.example", "a@a.example"]
        assert await store.verify() == []


async def test_a_change_may_go_on_after_a_name_was_taken(backend: Backend) -> None:
    """The refused record has left nothing behind."""

    async def change(transaction: Transaction) -> None:
        with pytest.raises(NameTaken):
            await transaction.put(user(2, upn="user1@a.example"))
        await transaction.put(user(2, upn="another@a.example"))

    async with backend.open() as store:
        await put(store, user(1))
        await store.commit(change)
        assert await users(store) == ["user-00001", "user-00002"]
        assert await store.verify() == []


async def test_a_change_sees_its_own_writes(backend: Backend) -> None:
    """Records put or removed earlier in a change are read so in the same change, one by one and as a whole."""

    async def change(transaction: Transaction) -> list[User]:
        await transaction.put(user(2))
        await transaction.put(user(1, name="Renamed"))
        await transaction.remove(user(3))
        assert await transaction.record(User, PARTITION, "user-00003") is None
        assert await transaction.records(User, PARTITION) == await transaction.records(User)
        return await transaction.records(User)

    async with backend.open() as store:
        await put(store, user(1), user(3))
        assert (await store.commit(change)).result == [user(1, name="Renamed"), user(2)]


async def test_a_change_that_raises_leaves_nothing(backend: Backend) -> None:
    """Rows, names, audit entries and feed are as they were."""

    async def change(transaction: Transaction) -> None:
        await put_into(transaction, user(2), tenant(2))
        await transaction.remove(user(1))
        message = "no"
        raise LookupError(message)

    async with backend.open() as store:
        before = await put(store, user(1))
        with pytest.raises(LookupError, match="no"):
            await store.commit(change, audit=lambda _: [b"entry"])
        assert await users(store) == ["user-00001"]
        assert await store.records(Tenant) == []
        assert await store.outbox(limit=10) == []
        assert await store.sequence() == before.sequence
        await put(store, user(2), tenant(2))
        assert await store.verify() == []


async def test_what_was_put_outlives_the_process(lasting: Backend) -> None:
    """A database that was closed and opened again has every row and every name."""
    async with lasting.open() as store:
        await put(store, user(1), tenant(1))
    async with lasting.open() as store:
        assert await store.records(User) == [user(1)]
        with pytest.raises(NameTaken):
            await put(store, user(2, upn="user1@a.example"))
        assert await store.verify() == []
