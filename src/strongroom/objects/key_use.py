"""
What keys are used for: sign and verify, encrypt and decrypt, wrap and unwrap.

Nothing here writes. The order of the questions is the same for all: is there such a version, do its attributes allow
the use now, is it one of its operations, is the algorithm one for such a key, do the lengths fit (reference
azure-key-vault.md sections 4.2, 4.4 and 9). Only then is the key opened, or a place of keys asked.
"""

from __future__ import annotations

import msgspec

from strongroom.core.errors import Invalid
from strongroom.core.keys import KeyKind, KeyOperation, KeyVersionBody, require_key_usable
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.algorithms import Use, check_ciphertext, check_digest, check_plaintext, find_algorithm
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, KeyProtections, Undecryptable
from strongroom.crypto.protocol import Envelope
from strongroom.objects.key_rows import body_of, held_key
from strongroom.objects.lookup import find_version
from strongroom.store import Reader
from strongroom.view.sealed import SealedCache


class UsableKey(msgspec.Struct, frozen=True):
    """A version that may be used as was asked, now."""

    stored: StoredObject
    row: StoredVersion
    body: KeyVersionBody
    held: HeldKey


async def find_usable(
    reader: Reader,
    cache: SealedCache,
    envelope: Envelope,
    vault: Vault,
    name: str,
    version: str,
    operation: KeyOperation,
    now: int,
) -> UsableKey:
    """
    Find a version of a key for a use.

    Raises:
        NotFound: there is none.
        Forbidden: its attributes or its operations do not allow that.
    """
    stored, row = await find_version(reader, cache, vault.id, Collection.KEYS, name, version, now)
    body = body_of(row)
    require_key_usable(body, operation, now)
    return UsableKey(stored, row, body, held_key(envelope, vault, row))


async def sign(places: KeyProtections, key: UsableKey, algorithm_name: str | None, digest: bytes) -> bytes:
    """
    Sign a digest, or make its keyed tag.

    Raises:
        Invalid: the algorithm is none for this key, or the digest's length is not its own.
    """
    algorithm = find_algorithm(algorithm_name, Use.SIGN, key.held.spec)
    check_digest(algorithm, key.held.spec, digest, "value")
    return await places.of(key.body.type).sign(key.held, algorithm, digest)


async def verify(
    places: KeyProtections, key: UsableKey, algorithm_name: str | None, digest: bytes, signature: bytes
) -> bool:
    """
    Tell whether a signature, or a keyed tag, is this key's. A public part is enough for a signature.

    Raises:
        Invalid: the algorithm is none for this key, or the digest's length is not its own.
    """
    held = key.held
    algorithm = find_algorithm(algorithm_name, Use.SIGN, held.spec)
    check_digest(algorithm, held.spec, digest, "digest")
    if algorithm.kind is KeyKind.OCT:
        return await places.of(key.body.type).verify(held, algorithm, digest, signature)
    return await places.public.verify(held.spec, held.parts, algorithm, digest, signature)


async def encrypt(
    places: KeyProtections, key: UsableKey, algorithm_name: str | None, use: Use, given: Ciphertext
) -> Ciphertext:
    """
    Encrypt or wrap the value of *given*. For RSA a public part is enough.

    Raises:
        Invalid: the algorithm is none for this key and use, or something given does not fit it.
    """
    held, value = key.held, given.value
    algorithm = find_algorithm(algorithm_name, use, held.spec)
    check_plaintext(algorithm, held.spec, value, given.iv, given.aad)
    if algorithm.kind is KeyKind.RSA:
        return Ciphertext(places.public.encrypt(held.parts, algorithm, value))
    return await places.of(key.body.type).encrypt(held, algorithm, value, Ciphertext(b"", given.iv, aad=given.aad))


async def decrypt(
    places: KeyProtections, key: UsableKey, algorithm_name: str | None, use: Use, given: Ciphertext
) -> bytes:
    """
    Decrypt or unwrap.

    Raises:
        Invalid: the algorithm is none for this key and use, something given does not fit it, or it does not decrypt:
            one sentence, whatever of it is wrong and whichever algorithm.
    """
    algorithm = find_algorithm(algorithm_name, use, key.held.spec)
    check_ciphertext(algorithm, key.held.spec, given.value, given.iv, given.tag, given.aad)
    try:
        return await places.of(key.body.type).decrypt(key.held, algorithm, given)
    except Undecryptable:
        raise Invalid(
            "The value cannot be decrypted with this key and these parameters.",
            code="BadParameter",
            reason="undecryptable",
        ) from None
