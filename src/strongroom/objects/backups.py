"""What all backups are: a whole object, sealed by the root key for the tenant and the subscription that it is from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from strongroom.core.errors import Invalid
from strongroom.core.vaults import Vault
from strongroom.crypto.context import context
from strongroom.crypto.protocol import RootKey, Unsealable

_PURPOSE = "backup"


class Backup(Protocol):
    """What is sealed: a struct that has a format, and every version of an object."""

    @property
    def format(self) -> int:
        """Its format, which its seal is bound to as well."""
        ...

    @property
    def versions(self) -> Sequence[object]:
        """The versions, the oldest first."""
        ...


B = TypeVar("B", bound=Backup)


class Backups(Generic[B]):
    """The backups of one kind of object, in the format that is written now."""

    def __init__(self, noun: str, kind: type[B], number: int) -> None:
        self._noun = noun
        self._number = number
        self._decoder = msgspec.msgpack.Decoder(kind)

    def seal(self, keys: RootKey, vault: Vault, backup: B) -> bytes:
        """Seal a backup, for this vault's tenant and subscription: it outlives the vault."""
        return keys.seal(_PURPOSE, self._context(vault), msgspec.msgpack.encode(backup))

    def open(self, keys: RootKey, vault: Vault, sealed: bytes) -> B:
        """
        Open a backup made in this vault's tenant and subscription.

        Raises:
            Invalid: it is no backup of such an object, was altered, or belongs elsewhere; which of these is not said.
        """
        try:
            backup = self._decoder.decode(keys.open(_PURPOSE, self._context(vault), sealed))
        except (Unsealable, msgspec.DecodeError):
            backup = None
        if backup is None or backup.format != self._number or not backup.versions:
            raise Invalid(
                f"The backup blob is not a backup of a {self._noun} of this subscription.",
                code="Malformed backup blob",
            )
        return backup

    def _context(self, vault: Vault) -> bytes:
        return context(f"{self._noun}-backup", vault.tenant, vault.subscription, "", "", str(self._number))
