"""What a vault contains, as it is stored: objects, and their versions with a sealed value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Collection(StrEnum):
    """The kinds of object, as they stand in a path."""

    SECRETS = "secrets"
    KEYS = "keys"
    CERTIFICATES = "certificates"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """
    An object's name and life. All its versions live and die with it.

    `name` is as its first writer spelled it; names are compared without case (`key`).
    """

    vault: str
    collection: Collection
    name: str
    object_id: str
    """A GUID made at creation: a name deleted and made again is another object."""
    created: int
    latest: str
    """The version that an unversioned identifier means."""
    versions: int = 1
    deleted: int | None = None
    purge_at: int | None = None
    """Unix seconds from which the object may be purged automatically; set on deletion."""
    policy: bytes | None = None
    """What is to be done with the object by itself, and what of it was done, encoded by the domain."""
    due_at: int | None = None
    """Unix seconds from which, while it is active, somebody has to look at what *policy* and the versions say."""

    @property
    def key(self) -> str:
        """The name in the form in which names are compared and ordered."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """
    One version of an object.

    `body` is what may be listed (attributes, tags, content type), encoded by the domain; `sealed` is the value under a
    data key of its own. The store keeps a tag over both and over the identifiers, and refuses a row whose tag is wrong.
    """

    vault: str
    collection: Collection
    name: str
    object_id: str
    version: str
    ordinal: int
    """1 for an object's first version, counted upwards."""
    body: bytes
    sealed: bytes

    @property
    def key(self) -> str:
        """The name in the form in which names are compared and ordered."""
        return self.name.lower()
