"""Purging keys that are in a token: noted in the change that removes them, done in the token afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import product

from strongroom.core.certificates import Pending
from strongroom.core.doomed_keys import DoomedKey
from strongroom.core.errors import Failure, Tampered
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.records import INSTANCE, vault_partition
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.protocol import KeyProtections
from strongroom.crypto.protocol import Envelope, RootKey, Unsealable
from strongroom.objects.certificate_rows import open_pending, upkeep_of
from strongroom.objects.key_rows import key_of, open_material
from strongroom.objects.lifecycle import Remove, each_version
from strongroom.store import Altered, ObjectState, Reader, Store, Transaction

_logger = logging.getLogger("strongroom.keys")
_READ_AT_ONCE = 100


Opened = Callable[[], Envelope]
"""Gives a vault's key. It is asked for only where a token holds something: a vault whose key is lost can be purged."""


def remove_key(vault: Vault, opened: Opened) -> Remove:
    """Make what removes keys of a vault: their rows at once, what a token holds of them in its time."""

    async def remove(tx: Transaction, stored: StoredObject) -> None:
        for one in await _keys_of(tx, vault, opened, stored):
            await tx.put(one)
        await tx.remove_object(vault.id, Collection.KEYS, stored.name)

    return remove


async def find_keys_of(store: Store, vault: Vault, root: RootKey) -> list[DoomedKey]:
    """
    Find all keys of a deleted vault that a token holds, for `doom_keys_of`.

    A hundred thousand keys take many seconds, in which one change would let nobody else read or write.
    """
    found: list[DoomedKey] = []
    async for piece in _pieces(store, vault, root):
        found += piece
        # Whoever waits is served between any two.
        await asyncio.sleep(0)
    return found


async def doom_keys_of(tx: Transaction, vault: Vault, root: RootKey, found: Sequence[DoomedKey]) -> None:
    """
    Note all keys of a vault that a token holds, in the change that removes the vault.

    *found* is what `find_keys_of` found. If the vault was recovered since, it may hold others.
    """
    if await tx.record(Vault, vault_partition(vault.id), vault.id) != vault:
        found = [one async for piece in _pieces(tx, vault, root) for one in piece]
    for one in found:
        await tx.put(one)


async def _pieces(reader: Reader, vault: Vault, root: RootKey) -> AsyncIterator[list[DoomedKey]]:
    """
    Go through what a token holds of a vault.

    A vault whose contents were altered can be purged too (`Transaction.remove_vault_objects`): what nobody can tell of
    its keys stays in the token.
    """

    def tell(fault: Tampered) -> None:
        _logger.error(
            "keys of the purged vault %s can still be in a token, labelled %s/: %s", vault.id, vault.id, fault
        )

    def opened() -> Envelope:
        return root.envelope(vault.id, vault.wrapped_key)

    for collection, state in product((Collection.KEYS, Collection.CERTIFICATES), ObjectState):
        after: str | None = None
        more = True
        while more:
            try:
                page = await reader.objects(vault.id, collection, state, after=after, limit=_READ_AT_ONCE)
            except Tampered as fault:
                tell(fault)
                break
            found: list[DoomedKey] = []
            for stored, _ in page.rows:
                try:
                    if collection is Collection.KEYS:
                        found += await _keys_of(reader, vault, opened, stored)
                    elif (pending := upkeep_of(stored).pending) is not None:
                        found += _key_of_pending(vault, opened, pending)
                except Tampered as fault:
                    tell(fault)
            yield found
            after, more = page.rows[-1][0].key if page.rows else after, page.more


async def doom_pending(tx: Transaction, vault: Vault, opened: Opened, pending: Pending) -> None:
    """
    Note the key of a certificate's operation that makes nothing any more, if a token holds it.

    One that is the key of the version before as well goes with that version.
    """
    for one in _key_of_pending(vault, opened, pending):
        await tx.put(one)


def _key_of_pending(vault: Vault, opened: Opened, pending: Pending) -> list[DoomedKey]:
    if not pending.key_type.in_token or not pending.material or pending.reused:
        return []
    try:
        material = open_pending(opened(), vault, pending)
    except Unsealable:
        _logger.error("a key of vault %s that nobody needs stays in its token: its row does not open", vault.id)  # noqa: TRY400
        return []
    return [DoomedKey(f"pending-{pending.request_id}", vault.id, material)]


async def doom_versions(tx: Transaction, vault: Vault, opened: Opened, stored: StoredObject, limit: int) -> None:
    """
    Note what a token holds of a key's oldest versions, in the change that removes these (`remove_versions`).

    What the next one that stays has as well goes with that: a token that is told twice to destroy a key has it no more
    the second time, and would be asked for ever.
    """
    rows = (await tx.versions(vault.id, Collection.KEYS, stored.name, after=0, limit=limit + 1)).rows
    staying = {one.material for one in _keys_among(rows[-1:], vault, opened, stored)}
    for one in _keys_among(rows[:-1], vault, opened, stored):
        if one.material not in staying:
            await tx.put(one)


async def _keys_of(reader: Reader, vault: Vault, opened: Opened, stored: StoredObject) -> list[DoomedKey]:
    return _keys_among([row async for row in each_version(reader, stored)], vault, opened, stored)


def _keys_among(rows: Iterable[StoredVersion], vault: Vault, opened: Opened, stored: StoredObject) -> list[DoomedKey]:
    # Versions of a certificate that was renewed with the same key name the same key of the token.
    doomed: dict[bytes, DoomedKey] = {}
    for row in rows:
        if not key_of(stored, row).body.type.in_token:
            continue
        try:
            material = open_material(opened(), vault, row)
        except Unsealable:
            # Nobody can tell what the token calls it. That must not keep anyone from purging what is here.
            _logger.error("a purged key of vault %s stays in its token: its row does not open", vault.id)  # noqa: TRY400
            continue
        doomed.setdefault(material, DoomedKey(f"{row.object_id}-{row.version}", vault.id, material))
    return list(doomed.values())


async def destroy_doomed_keys(store: Store, protections: KeyProtections, *, altered: Altered | None = None) -> int:
    """
    Destroy in the token what was purged here; the number destroyed.

    What the token does not do now stays noted, and is tried again. A row that was altered names no key that anybody
    doomed: it is told of and never acted on. Any other says the truth whatever became of those beside it, since a key
    that was purged is never one again.

    Raises:
        Tampered: without *altered*, a row was altered.
    """
    token, destroyed, left, reason = protections.token, 0, 0, ""
    if token is None:
        return 0
    for doomed in await store.records(DoomedKey, INSTANCE, altered=altered):
        try:
            await token.destroy(doomed.material)
        except Failure as failure:
            # The next one may go: this one can be of a token that was there before, and then it stays noted.
            left, reason = left + 1, failure.reason or failure.message
            continue
        await store.commit(lambda tx, doomed=doomed: tx.remove(doomed))  # type: ignore[misc]  # the default binds it
        destroyed += 1
    if left:
        _logger.warning("%d purged keys are still in their token: %s", left, reason)
    return destroyed
