"""Rows to store, and the shortest ways to store them."""

from __future__ import annotations

from typing import Any

from strongroom.core.events import Event, EventType
from strongroom.core.identity import Group, Tenant, User
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.records import Record, tenant_partition
from strongroom.store import Committed, ObjectState, Store, Transaction

TENANT = "7a1f2f5e-0000-4000-8000-000000000001"
OTHER_TENANT = "7a1f2f5e-0000-4000-8000-000000000002"
PARTITION = tenant_partition(TENANT)
VAULT = "7a1f2f5e-0000-4000-8000-00000000000a"
OTHER_VAULT = "7a1f2f5e-0000-4000-8000-00000000000b"

Thing = Record | StoredObject | StoredVersion | Event


def tenant(number: int = 1) -> Tenant:
    """Make a tenant, which claims a domain."""
    return Tenant(f"tenant-{number}", "A tenant", (f"tenant{number}.example",), 1)


def user(number: int = 1, *, upn: str | None = None, name: str = "A user", in_tenant: str = TENANT) -> User:
    """Make a user, who claims a name."""
    return User(f"user-{number:05}", in_tenant, upn or f"user{number}@a.example", name, 1)


def group(number: int = 1) -> Group:
    """Make a group, which claims no name."""
    return Group(f"group-{number:05}", TENANT, "A group", 1)


def secret(name: str, ordinal: int = 1, *, vault: str = VAULT, **changes: Any) -> tuple[StoredObject, StoredVersion]:
    """Make a secret with its latest version, the *ordinal*th."""
    version = f"{ordinal:032x}"
    object_id = f"object-{vault}-{name.lower()}"
    stored = StoredObject(
        vault, Collection.SECRETS, name, object_id, created=1, latest=version, versions=ordinal, **changes
    )
    sealed = f"sealed {name} {ordinal}".encode()
    return stored, StoredVersion(vault, Collection.SECRETS, name, object_id, version, ordinal, b"{}", sealed)


def event(name: str = "one", number: int = 1, *, time: int = 100) -> Event:
    """Make an event about the secret of a name."""
    return Event(f"event-{name}-{number}", EventType.SECRET_NEW_VERSION, time, VAULT, "/v", "v", name, "Secret")


async def announce(store: Store, *events: Event) -> Committed[None]:
    """Commit events, with nothing that they tell of."""
    return await put(store, *events)


async def put_into(transaction: Transaction, *things: Thing) -> None:
    """Put whatever it is."""
    for thing in things:
        match thing:
            case StoredObject():
                await transaction.put_object(thing)
            case StoredVersion():
                await transaction.put_version(thing)
            case Event():
                transaction.announce(thing)
            case _:
                await transaction.put(thing)


async def put(store: Store, *things: Thing, entries: tuple[bytes, ...] = ()) -> Committed[None]:
    """Commit all of *things* at once, with these audit entries."""

    async def change(transaction: Transaction) -> None:
        await put_into(transaction, *things)

    return await store.commit(change, audit=lambda _: entries)


async def remove(store: Store, record: Record) -> bool:
    """Commit the removal of a record."""
    return (await store.commit(lambda transaction: transaction.remove(record))).result


async def users(store: Store) -> list[str]:
    """Read which users there are."""
    return [record.id for record in await store.records(User)]


async def secrets(store: Store) -> list[str]:
    """Read which secrets there are, by key."""
    page = await store.objects(VAULT, Collection.SECRETS, ObjectState.ACTIVE, after=None, limit=1000)
    assert not page.more
    return [stored.key for stored, _ in page.rows]
