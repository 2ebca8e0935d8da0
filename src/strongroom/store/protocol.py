"""The Store and Transaction protocols: all that the layers above know of storage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from strongroom.core.changes import BESIDES_RECORDS, Change
from strongroom.core.event_deliveries import Addressee, Delivery
from strongroom.core.events import Event
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.records import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")
RowT_co = TypeVar("RowT_co", covariant=True)

Tagger = Callable[[str, bytes], bytes]
"""`(purpose, message) -> 32 bytes`: a keyed tag nobody without the root key can make."""


class StoreFault(Exception):
    """
    The store could not do what was asked of it, now; the same may succeed later.

    Its text is for the operator: it names tables, files and leases, and never a value.
    """


class StoreTimeout(StoreFault):
    """A statement did not finish by its deadline. Whether a commit took effect is then unknown: read again."""


class StoreFailed(StoreFault):
    """
    The database refused: disk full, read-only, an I/O error. The store stays usable for when that is mended.

    A change that failed before its COMMIT left nothing behind. If the COMMIT itself failed, whether it took effect is
    unknown until the database is opened again: read again.
    """


class StoreTooOld(StoreFailed):
    """An older program wrote the database, and who only looks does not bring it up to date: the service does."""


class StoreTooNew(Exception):
    """The database was migrated by a newer program than this one, which would not know what it overwrites."""


class ChangesPruned(StoreFault):
    """The change feed no longer reaches back that far: load everything again."""


class LeaseLost(StoreFault):
    """A commit was made under a lease that this store does not hold, or no longer."""


class StoreClosed(StoreFault):
    """The store was closed while the call waited."""


Router = Callable[[Event], Iterable[Addressee]]
"""
Says who is to be told of an event, when the change that it tells of is accepted.

It is asked inside the change's transaction, once for each event, and awaits nothing.
"""


class ObjectState(StrEnum):
    """Which half of a vault's objects a listing reads."""

    ACTIVE = "active"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT_co]):
    """Some rows in key order; `more` says whether others follow the last of them."""

    rows: tuple[RowT_co, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Committed(Generic[T]):
    """
    What a commit did: its place in the change feed, what changed, and what the change function returned.

    `outbox` numbers the audit entries it carried, so that the committer can hand them to the journal itself.
    """

    sequence: int
    changes: tuple[Change, ...]
    result: T
    outbox: tuple[int, ...] = ()

    @property
    def alters_records(self) -> bool:
        """Tell whether it changed what decisions are made of: records, and not objects alone."""
        return any(not isinstance(change, BESIDES_RECORDS) for change in self.changes)


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """How many deliveries a subscription has."""

    waiting: int = 0
    dead: int = 0


Altered = Callable[[str], None]
"""Is told of a row that was altered: its table and place, nothing that it holds."""


class Reader(Protocol):
    """What can be read, inside a transaction or outside one. Tags are checked on every row that is returned."""

    async def record(self, kind: type[R], partition: str, record_id: str) -> R | None:
        """Read one record, or None."""
        ...

    async def records(self, kind: type[R], partition: str | None = None, *, altered: Altered | None = None) -> list[R]:
        """
        Read every record of a kind, of one partition or of all, in (partition, id) order.

        With *altered* a row that does not carry its tag is told of and passed over, and so is a set that is not whole:
        for whom a record says the same whatever stands beside it.
        """
        ...

    async def records_with(self, kind: type[R], partition: str | None, text: str) -> list[R]:
        """
        Read the records of a kind that have a text somewhere, in (partition, id) order.

        It is for finding what has the id of something among many, in a fraction of the time that reading all takes.
        In which member it stands is for the caller to see; and that none is missing is not checked.
        """
        ...

    async def object(self, vault: str, collection: Collection, name: str) -> StoredObject | None:
        """Read an object by name, without case, whether active or deleted."""
        ...

    async def objects(
        self, vault: str, collection: Collection, state: ObjectState, *, after: str | None, limit: int
    ) -> Page[tuple[StoredObject, StoredVersion]]:
        """Read objects with their latest version in key order, from the first key greater than *after*."""
        ...

    async def version(self, vault: str, collection: Collection, name: str, version: str) -> StoredVersion | None:
        """Read one version, whatever the state of its object."""
        ...

    async def versions(
        self, vault: str, collection: Collection, name: str, *, after: int, limit: int
    ) -> Page[StoredVersion]:
        """Read an object's versions by ordinal, from the first ordinal greater than *after*."""
        ...

    async def versions_by_id(
        self, vault: str, collection: Collection, name: str, *, after: str, limit: int
    ) -> Page[StoredVersion]:
        """Read an object's versions in the order of their ids, from the first id greater than *after*."""
        ...

    async def due_for_purge(self, now: int, *, limit: int, altered: Altered | None = None) -> list[StoredObject]:
        """
        Read deleted objects whose `purge_at` is not after *now*, the longest due first.

        With *altered* a row that does not carry its tag is told of and passed over, so that it keeps no other waiting.
        """
        ...

    async def due_objects(self, now: int, *, limit: int, altered: Altered | None = None) -> list[StoredObject]:
        """Read active objects whose `due_at` is not after *now*, the longest due first; *altered* as above."""
        ...

    async def count_for_purge(self, now: int, *, limit: int) -> int:
        """Count deleted objects whose `purge_at` is not after *now*, up to *limit*; tags are not looked at."""
        ...

    async def count_due(self, now: int, *, limit: int) -> int:
        """Count active objects whose `due_at` is not after *now*, likewise."""
        ...

    async def lease_holder(self, name: str, now: int) -> str | None:
        """Say who holds a lease that has not run out; None if nobody does."""
        ...

    async def delivery(self, subscription: str, sequence: int, ordinal: int) -> Delivery | None:
        """Read one delivery, or None."""
        ...

    async def due_deliveries(
        self, subscription: str, now: int, *, limit: int, altered: Altered | None = None
    ) -> list[Delivery]:
        """
        Read a subscription's deliveries that are due, of each object the first, the longest due first.

        *altered* as above.
        """
        ...

    async def next_delivery(self, subscription: str) -> int | None:
        """Read when the first of a subscription's deliveries is due; None if none waits."""
        ...

    async def dead_deliveries(
        self, subscription: str, *, after: tuple[int, int], limit: int, altered: Altered | None = None
    ) -> Page[Delivery]:
        """
        Read a subscription's deliveries that are dead, from the first after a sequence and ordinal.

        *altered* as above.
        """
        ...

    async def count_deliveries(self, subscription: str) -> DeliveryCount:
        """Count a subscription's deliveries."""
        ...

    async def subscriptions_with_deliveries(self) -> list[str]:
        """Read the numbers of subscriptions, there or not, that any delivery is for."""
        ...


class Transaction(Reader, Protocol):
    """A change under way. It awaits nothing but itself, sees its own writes, and is atomic with the audit entry."""

    async def put(self, record: Record) -> None:
        """
        Make or replace a record.

        Raises:
            NameTaken: another record holds a name this one claims.
        """
        ...

    async def remove(self, record: Record) -> bool:
        """Remove a record and its names; False if it was not there."""
        ...

    async def put_object(self, stored: StoredObject) -> None:
        """Make or replace an object's row."""
        ...

    async def put_version(self, stored: StoredVersion) -> None:
        """Make or replace one version of an object."""
        ...

    async def remove_object(self, vault: str, collection: Collection, name: str) -> bool:
        """Remove an object with all its versions; False if it was not there."""
        ...

    def announce(self, event: Event) -> None:
        """Have an event recorded with this change, for whoever subscribes to it by now."""
        ...

    async def move_delivery(self, delivery: Delivery) -> bool:
        """
        Have a delivery due at another time, dead, or alive again; False if it is gone.

        What is read of it is what the attempts came to. Whether it has to wait for another of its object is found out
        here; and one that dies lets the next of its object go ahead.
        """
        ...

    async def remove_delivery(self, delivery: Delivery) -> bool:
        """Remove a delivery, which lets the next of its object go ahead at once; False if it is gone already."""
        ...

    async def remove_deliveries(self, subscription: str, limit: int) -> int:
        """Remove deliveries of a subscription, no more than *limit* and none before what waits for it; how many."""
        ...

    async def remove_versions(self, vault: str, collection: Collection, name: str, limit: int) -> int:
        """Remove the oldest versions of an object, no more than *limit* and never the newest; how many."""
        ...

    async def remove_vault_objects(self, vault: str, limit: int) -> int:
        """Remove what a vault contains, no more than *limit* versions; the number of objects removed."""
        ...

    async def count_vault_objects(self, vault: str) -> int:
        """Count what a vault contains, in whatever state."""
        ...


ChangeFunction = Callable[[Transaction], Awaitable[T]]


class Store(Reader, Protocol):
    """A database."""

    async def commit(
        self,
        change: ChangeFunction[T],
        *,
        audit: Callable[[T], Sequence[bytes]] | None = None,
        lease: str | None = None,
    ) -> Committed[T]:
        """
        Run *change* in a transaction and make it durable together with its audit entries.

        Many commits at once share one durable write; an exception in one undoes that one alone. Subscribers have seen
        the changes when this returns. A change that alters a record is the last of its group, so whenever a change
        begins, subscribers know every record as it stands: what they decide inside it holds (ADR 0006).

        *audit* is called with the change's result just before the commit, and what it returns is kept in the outbox
        until `audited` says that the journal has it. With *lease*, the commit is refused unless the holder that last
        acquired it through this store still has it.

        Raises:
            NameTaken: see `Transaction.put`.
            StoreTimeout: the deadline passed; the outcome is unknown.
            StoreFailed: the database refused.
            LeaseLost: the lease is not held.
            Whatever *change* raises, after undoing its writes.
        """
        ...

    def route(self, router: Router) -> None:
        """Have *router* asked who is to be told of the events of every later change; before, nobody is."""
        ...

    def subscribe(self, subscriber: Callable[[Sequence[Change]], None]) -> None:
        """Have *subscriber* called with the changes of every later commit, in order."""
        ...

    async def changes_since(self, sequence: int, *, limit: int) -> list[tuple[int, tuple[Change, ...]]]:
        """
        Read the change feed after *sequence*: for nodes that share the database. Records come as they are now.

        Raises:
            ChangesPruned: the feed begins later than that.
        """
        ...

    async def sequence(self) -> int:
        """Read the number of the last commit: where to follow the feed from, if asked before everything is loaded."""
        ...

    async def outbox(self, *, limit: int) -> list[tuple[int, bytes]]:
        """Read audit entries that were committed and not yet marked `audited`, in order of commit."""
        ...

    async def audited(self, through: int) -> None:
        """
        Forget outbox entries up to and including number *through*: the journal has them durably.

        Costs no durable write of its own: the rows go with the next commit, or when the store closes.
        """
        ...

    async def acquire_lease(self, name: str, holder: str, *, now: int, lifetime_s: int) -> bool:
        """
        Take or renew a lease; False while another holder's runs.

        However far ahead the clock was under which it was taken, it runs for *lifetime_s* from *now* at most: what it
        has beyond that is cut off by whoever asks.
        """
        ...

    async def verify(self) -> list[str]:
        """Check every tag, count and digest; a sentence for each thing that is wrong."""
        ...

    async def close(self) -> None:
        """Finish what was begun, refuse what comes after, and close the database."""
        ...
