"""
Records: the rows that decide who may do what.

Every setting, principal, credential, membership, assignment and rule is one frozen dataclass derived from `Record`.
The store keeps a record as a row of its own with a tag, under the sealed count of its partition; the view holds all of
them in memory. What a vault contains is not a record: see `strongroom.core.objects`.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

INSTANCE = "instance"


def tenant_partition(tenant: str) -> str:
    """Name the partition that holds the directory and the rights of *tenant*."""
    return f"tenant:{tenant}"


def vault_partition(vault: str) -> str:
    """Name the partition that holds the settings of the vault with GUID *vault*."""
    return f"vault:{vault}"


class Record:
    """
    One row that decides something; immutable, replaced as a whole.

    `KIND` names the kind for ever: it is stored. `id` is unique within (kind, partition). `names` are claims on names
    that only one record of the whole instance may hold, such as a vault's host name or a user's principal name.
    """

    __slots__ = ()
    KIND: ClassVar[str]
    id: str

    @property
    def partition(self) -> str:
        """The partition under whose sealed count this record stands."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """The names this record claims, each prefixed by its name space."""
        return ()


R = TypeVar("R", bound=Record)

KINDS: dict[str, type[Record]] = {}


def record(cls: type[R]) -> type[R]:
    """Register a record class under its `KIND`."""
    if cls.KIND in KINDS:
        msg = f"two record classes are called {cls.KIND}"
        raise ValueError(msg)
    KINDS[cls.KIND] = cls
    return cls
