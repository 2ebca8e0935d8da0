"""
Keys: commands over a Transaction.

Private parts are made and used in `crypto.keys`, before a commit; here they are bytes that are sealed and opened. The
rules of names, states and texts are `core.keys` and `core.lifecycle`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from strongroom.core.errors import Failure
from strongroom.core.events import new_version
from strongroom.core.key_release import check_update, with_release
from strongroom.core.keys import GivenKeyProperties, KeyVersionBody, require_not_managed, updated_key_version
from strongroom.core.lifecycle import require_name_free
from strongroom.core.objects import Collection, StoredObject
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import KeyProtection, MadeKey
from strongroom.crypto.protocol import Envelope
from strongroom.objects.doomed_keys import remove_key
from strongroom.objects.key_rows import Key, encode_body, held_key, key_of, new_row
from strongroom.objects.key_schedule import scheduled
from strongroom.objects.lifecycle import (
    Entropy,
    delete_object,
    latest_version,
    next_version,
    purge_object,
    recover_object,
    require_not_a_certificates,
    version_to_change,
)
from strongroom.store import Transaction

__all__ = [
    "Entropy",
    "Key",
    "Unclaimed",
    "delete_key",
    "held_key",
    "key_of",
    "purge_key",
    "put_new_version",
    "recover_key",
    "update_key",
]


_logger = logging.getLogger("strongroom.keys")


@dataclass(slots=True)
class Unclaimed:
    """
    Keys that were made for versions that do not exist yet. What no change has claimed by the end is destroyed.

    A change claims them when it has done its part. From then on they stay, whatever becomes of the commit: it may have
    taken effect where that is not known, and a key without its material would be lost, whereas material without its
    key only takes up room.
    """

    claimed: bool = False
    _made: list[tuple[KeyProtection, bytes]] = field(default_factory=list, repr=False)

    def note(self, place: KeyProtection, made: MadeKey) -> MadeKey:
        """Look after a key from here on."""
        self._made.append((place, made.material))
        return made

    def claim(self) -> None:
        """Say that a change has put all of them in their place."""
        self.claimed = True

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Destroy what nobody claimed."""
        if not self.claimed:
            for place, material in self._made:
                try:
                    await place.destroy(material)
                except Failure as failure:
                    # Why there is no key is what the caller is told, not that something is left to clear up.
                    _logger.warning("a key that is nobody's is still in its token: %s", failure.reason or failure)


async def put_new_version(
    tx: Transaction,
    vault: Vault,
    envelope: Envelope,
    name: str,
    material: bytes,
    body: KeyVersionBody,
    *,
    version: str,
    now: int,
    entropy: Entropy,
    operation: str = "create",
    on_new_policy: Callable[[], None] | None = None,
) -> Key:
    """
    Make a key, or a new version of one, of material that was made before; *operation* is what a refusal calls that.

    *on_new_policy* is called if that changes the release policy of the key's other versions, and may refuse it.

    Raises:
        Conflict: the name is that of a deleted key, or of a certificate that has none yet.
        Forbidden: the name is that of a certificate's key.
        Invalid: what the version says of its release contradicts itself, or the key's other versions.
    """
    old, before = await tx.object(vault.id, Collection.KEYS, name), None
    if old is not None and old.deleted is None:
        before = key_of(old, await latest_version(tx, old)).body
        require_not_managed(before, operation)
    else:
        require_name_free(old, Collection.KEYS, name, now)
        await require_not_a_certificates(tx, vault, Collection.KEYS, name, now)
    body = with_release(body, before)
    if on_new_policy is not None and before is not None and body.release_policy != before.release_policy:
        on_new_policy()
    remove = remove_key(vault, lambda: envelope)
    stored = await next_version(tx, vault, Collection.KEYS, name, version, now=now, entropy=entropy, remove=remove)
    stored = await _put_scheduled(tx, stored, body)
    await tx.put_version(new_row(vault, envelope, stored, version, stored.versions, body, material))
    own = body.attributes
    tx.announce(new_version(vault, stored, version, nbf=own.nbf, exp=own.exp, now=now))
    return Key(stored, version, body)


async def update_key(
    tx: Transaction, vault: Vault, name: str, version: str, given: GivenKeyProperties, *, now: int
) -> Key:
    """
    Change a version's operations, attributes or tags; the key itself stays.

    Raises:
        NotFound: no active key has the name, or it has no such version.
        Invalid: a property breaks its rule.
        Forbidden: the key is a certificate's.
    """
    stored, row = await version_to_change(tx, vault, Collection.KEYS, name, version, now=now)
    before = key_of(stored, row).body
    body = updated_key_version(before, check_update(given, before, versioned=bool(version)), now)
    if row.version == stored.latest:
        stored = await _put_scheduled(tx, stored, body)
    await tx.put_version(replace(row, body=encode_body(body)))
    return Key(stored, row.version, body)


async def delete_key(tx: Transaction, vault: Vault, name: str, *, now: int) -> Key:
    """
    Delete a key with all its versions; it can be recovered until its retention ends.

    Raises:
        NotFound: no active key has the name.
        Forbidden: the key is a certificate's.
    """
    key = key_of(*await delete_object(tx, vault, Collection.KEYS, name, now=now))
    require_not_managed(key.body, "delete")
    return key


async def recover_key(tx: Transaction, vault: Vault, name: str, *, now: int) -> Key:
    """
    Make a deleted key active again, with all its versions.

    Raises:
        NotFound: no deleted key has the name.
        Forbidden: the key is a certificate's.
    """
    key = key_of(*await recover_object(tx, vault, Collection.KEYS, name, now=now))
    require_not_managed(key.body, "recover")
    return key


async def purge_key(tx: Transaction, vault: Vault, envelope: Envelope, name: str, *, now: int) -> None:
    """
    Remove a deleted key for ever; what a token holds of it goes in its time.

    Raises:
        NotFound: no deleted key has the name.
        Forbidden: the vault has purge protection, or the key is a certificate's.
    """
    old = await tx.object(vault.id, Collection.KEYS, name)
    if old is not None and old.deleted is not None:
        require_not_managed(key_of(old, await latest_version(tx, old)).body, "purge")
    await purge_object(tx, vault, Collection.KEYS, name, now=now, remove=remove_key(vault, lambda: envelope))


async def _put_scheduled(tx: Transaction, stored: StoredObject, latest: KeyVersionBody) -> StoredObject:
    """Have a key looked after when its latest version, as it is now, wants it."""
    changed = scheduled(stored, latest)
    if changed != stored:
        await tx.put_object(changed)
    return changed
