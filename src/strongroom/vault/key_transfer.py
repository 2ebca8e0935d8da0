"""Bringing your own key: a key from outside, wrapped for a key exchange key of the vault (BYOK)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from strongroom.core.errors import NotFound
from strongroom.core.key_transfer import no_such_transfer, parse_transfer_blob, require_exchange_key
from strongroom.core.keys import KeySpec, KeyType
from strongroom.core.objects import Collection
from strongroom.crypto.keys.protocol import MadeKey, Place, Undecryptable
from strongroom.flow.call import Call
from strongroom.objects.key_rows import body_of, held_key
from strongroom.objects.lookup import find_version
from strongroom.vault.keys import envelope_of


async def transfer_of(
    call: Call, key_hsm: str, target: KeyType, spec: KeySpec
) -> Callable[[Place], Awaitable[MadeKey]]:
    """
    Read a `key_hsm`, find the key it is for, and give what makes the new key of it, in that key's own place.

    Nothing is asked of the caller but the right to import: an exchange key can do nothing else, and whoever made it
    made it for this. What does not fit is refused in one sentence, so that nobody tries ciphertexts against a key.

    Raises:
        Invalid: it is not of the form, or not one for a key exchange key of this vault.
    """
    blob, vault, world = parse_transfer_blob(key_hsm, call.base), call.the_vault, call.world
    try:
        _, row = await find_version(
            world.store, world.view.sealed, vault.id, Collection.KEYS, blob.name, blob.version, call.now
        )
    except NotFound:
        raise no_such_transfer("no such key exchange key") from None
    held = held_key(envelope_of(call), vault, row)
    body = body_of(row)
    require_exchange_key(body, target)
    place = world.protections.of(body.type)

    async def make(where: Place) -> MadeKey:
        try:
            return await place.bring_in_wrapped(held, blob.wrapped, spec, where)
        except Undecryptable:
            raise no_such_transfer("does not open") from None

    return make
