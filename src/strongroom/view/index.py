"""An index: records by a key of their own, exact whatever the order of the changes that led to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NoReturn, TypeVar

from strongroom.core.records import Record

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=Record)

Place = tuple[str, str]
"""A record's partition and id."""


class Index(Generic[K, R]):
    """
    Records by the keys that a function gives of each.

    Two records may claim one key for a moment, while a commit that moves a name from one to the other is applied.
    A key that more than one record claims finds none of them: what is ambiguous is refused, and the answer does not
    depend on which change came first.
    """

    __slots__ = ("_contested", "_keys", "_one", "get")

    def __init__(self, keys: Callable[[R], Iterable[K]]) -> None:
        self._keys = keys
        self._one: dict[K, R] = {}
        self._contested: dict[K, list[R]] = {}
        # Looking up is the dictionary's own method, with nothing in between.
        self.get: Callable[[K], R | None] = self._one.get

    def add(self, record: R) -> None:
        """Take in a record."""
        for key in set(self._keys(record)):
            if key in self._contested:
                self._contested[key].append(record)
            elif key in self._one:
                self._contested[key] = [self._one.pop(key), record]
            else:
                self._one[key] = record

    def remove(self, record: R) -> None:
        """Take out a record: the very one that was added."""
        for key in set(self._keys(record)):
            claimants = self._contested.get(key)
            if claimants is None:
                del self._one[key]
                continue
            claimants[:] = [other for other in claimants if other is not record]
            if len(claimants) == 1:
                self._one[key] = claimants[0]
                del self._contested[key]


class Collected(Generic[K, R]):
    """Records by a key that many share, such as the credentials of one owner."""

    __slots__ = ("_by_key", "_key", "_sorted")

    def __init__(self, key: Callable[[R], K]) -> None:
        self._key = key
        self._by_key: dict[K, dict[Place, R]] = {}
        self._sorted: dict[K, tuple[R, ...]] = {}

    def add(self, record: R) -> None:
        """Take in a record."""
        self._add(self._key(record), record)

    def _add(self, key: K, record: R) -> None:
        self._by_key.setdefault(key, {})[record.partition, record.id] = record
        self._sorted.pop(key, None)

    def remove(self, record: R) -> None:
        """Take out a record."""
        self._remove(self._key(record), record)

    def _remove(self, key: K, record: R) -> None:
        records = self._by_key[key]
        del records[record.partition, record.id]
        if not records:
            del self._by_key[key]
        self._sorted.pop(key, None)

    def get(self, key: K) -> tuple[R, ...]:
        """Return the records with a key, in the order of partition and id."""
        found = self._sorted.get(key)
        if found is None:
            records = self._by_key.get(key)
            if records is None:
                return ()
            found = self._sorted[key] = tuple(records[place] for place in sorted(records))
        return found


class Listed(Collected[K, R]):
    """Records by keys that many share and of which each has any number, such as applications by identifier URI."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Callable[[R], Iterable[K]]) -> None:
        super().__init__(_no_one_key)
        self._keys = keys

    def add(self, record: R) -> None:
        """Take in a record."""
        for key in set(self._keys(record)):
            self._add(key, record)

    def remove(self, record: R) -> None:
        """Take out a record."""
        for key in set(self._keys(record)):
            self._remove(key, record)


def _no_one_key(_record: object) -> NoReturn:
    msg = "a record of this index may have several keys"
    raise TypeError(msg)
