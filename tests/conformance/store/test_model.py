"""The store against a model of it: dictionaries."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.errors import NameTaken
from strongroom.core.identity import User
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.store import ObjectState, Store, Transaction
from strongroom.store.sqlite import SqliteStore
from tests.conformance.store.backends import tagger
from tests.conformance.store.samples import VAULT, secret, user

SMALL = st.integers(0, 3)
WHAT = ["put", "drop", "set", "delete", "recover", "due", "purge", "empty"]
Operation = tuple[str, int, int]
OPERATIONS = st.tuples(st.sampled_from(WHAT), SMALL, SMALL)
CHANGES = st.lists(st.tuples(st.lists(OPERATIONS, max_size=5), st.booleans()), max_size=12)


@dataclass
class Model:
    """What should be in the store."""

    users: dict[str, User] = field(default_factory=dict)
    objects: dict[str, StoredObject] = field(default_factory=dict)
    versions: dict[tuple[str, int], StoredVersion] = field(default_factory=dict)

    def copy(self) -> Model:
        """Copy, to work on until it is known whether the change is kept."""
        return Model(dict(self.users), dict(self.objects), dict(self.versions))


async def perform(model: Model, transaction: Transaction, operation: Operation) -> None:
    """Do one thing to both, and compare what they say."""
    what, one, other = operation
    name = f"Name{one}"
    match what:
        case "put":
            record = user(one, upn=f"{other}@a.example")
            taken = any(held.names == record.names and held.id != record.id for held in model.users.values())
            try:
                await transaction.put(record)
            except NameTaken:
                assert taken
            else:
                assert not taken
                model.users[record.id] = record
        case "drop":
            known = model.users.pop(user(one).id, None)
            assert await transaction.remove(known or user(one)) == (known is not None)
        case "set":
            ordinal = sum(1 for key, _ in model.versions if key == name) + 1
            stored, version = secret(name, ordinal)
            model.objects[name], model.versions[name, ordinal] = stored, version
            await transaction.put_object(stored)
            await transaction.put_version(version)
        case "delete" | "recover" | "due":
            if name in model.objects:
                model.objects[name] = altered(model.objects[name], what, other)
                await transaction.put_object(model.objects[name])
        case "purge":
            there = model.objects.pop(name, None) is not None
            model.versions = {key: version for key, version in model.versions.items() if key[0] != name}
            assert await transaction.remove_object(VAULT, Collection.SECRETS, name) == there
        case _:
            assert await transaction.remove_vault_objects(VAULT, 99) == len(model.objects)
            model.objects, model.versions = {}, {}


def altered(stored: StoredObject, what: str, other: int) -> StoredObject:
    """Delete an object, recover it, or give it a policy, a time at which it is due, both, or neither."""
    if what == "due":
        return replace(stored, policy=bytes(other) if other % 2 else None, due_at=other if other > 1 else None)
    return replace(stored, deleted=other if what == "delete" else None)


async def compare(model: Model, store: Store | Transaction) -> None:
    """Read everything and compare."""
    assert await store.records(User) == [model.users[key] for key in sorted(model.users)]
    for state in ObjectState:
        page = await store.objects(VAULT, Collection.SECRETS, state, after=None, limit=99)
        expected = [
            stored for _, stored in sorted(model.objects.items()) if (stored.deleted is None) == (state == "active")
        ]
        assert [stored for stored, _ in page.rows] == expected
    active = [stored for _, stored in sorted(model.objects.items()) if stored.deleted is None]
    for now in (2, 3):
        due = [one for at in range(now + 1) for one in active if one.due_at == at]
        assert await store.due_objects(now, limit=99) == due
    for name in (f"Name{number}" for number in range(4)):
        versions = await store.versions(VAULT, Collection.SECRETS, name, after=0, limit=99)
        assert list(versions.rows) == [version for key, version in sorted(model.versions.items()) if key[0] == name]


async def run(changes: list[tuple[list[Operation], bool]]) -> None:
    """Perform each change on both; some raise at their end."""
    store = await SqliteStore.open(None, tagger)
    model = Model()
    for operations, fails in changes:
        attempt = model.copy()

        async def change(transaction: Transaction, attempt: Model = attempt, wanted: Any = (operations, fails)) -> None:
            for operation in wanted[0]:
                await perform(attempt, transaction, operation)
            await compare(attempt, transaction)
            if wanted[1]:
                raise LookupError

        try:
            await store.commit(change)
        except LookupError:
            assert fails
        else:
            model = attempt
        await compare(model, store)
    assert await store.verify() == []
    await store.close()


@given(CHANGES)
def test_the_store_is_a_dictionary_with_an_undo(changes: list[tuple[list[Operation], bool]]) -> None:
    """Whatever is done in whatever order, reads, seals and names are those of the changes that were kept."""
    asyncio.run(run(changes))
