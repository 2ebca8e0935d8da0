"""
What an oct key does: AES in the modes that the algorithms name, and keyed tags.

All of it takes microseconds. What does not decrypt is `Undecryptable` and nothing more: who is told whether it was the
padding can read a ciphertext by asking often enough. Values come with the sizes that `algorithms` demands.
"""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import keywrap, padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from strongroom.crypto.keys.algorithms import CBC_IV_BYTES, GCM_IV_BYTES, GCM_TAG_BYTES, Algorithm, Family
from strongroom.crypto.keys.protocol import Ciphertext, Undecryptable

_BLOCK_BITS = 128
_CBC = frozenset({Family.AES_CBC, Family.AES_CBC_PAD})


def keyed_tag(key: bytes, algorithm: Algorithm, digest: bytes) -> bytes:
    """Make the keyed tag of a digest: HMAC with the algorithm's hash, over the digest, since that is what is sent."""
    return hmac.digest(key, digest, algorithm.hash or "")


def is_keyed_tag(key: bytes, algorithm: Algorithm, digest: bytes, tag: bytes) -> bool:
    """Compare a keyed tag in constant time."""
    return hmac.compare_digest(keyed_tag(key, algorithm, digest), tag)


def encrypt(key: bytes, algorithm: Algorithm, plaintext: bytes, given: Ciphertext) -> Ciphertext:
    """Encrypt, or wrap. The `iv` of GCM is always made here: a second use of one gives the key of its tags away."""
    family = algorithm.family
    if family is Family.AES_GCM:
        iv = os.urandom(GCM_IV_BYTES)
        sealed = AESGCM(key).encrypt(iv, plaintext, given.aad)
        return Ciphertext(sealed[:-GCM_TAG_BYTES], iv, sealed[-GCM_TAG_BYTES:], given.aad)
    if family in _CBC:
        iv = given.iv or os.urandom(CBC_IV_BYTES)
        if family is Family.AES_CBC_PAD:
            padder = padding.PKCS7(_BLOCK_BITS).padder()
            plaintext = padder.update(plaintext) + padder.finalize()
        encryptor = Cipher(AES(key), modes.CBC(iv)).encryptor()
        return Ciphertext(encryptor.update(plaintext) + encryptor.finalize(), iv)
    if family is Family.AES_KW:
        return Ciphertext(keywrap.aes_key_wrap(key, plaintext))
    return Ciphertext(keywrap.aes_key_wrap_with_padding(key, plaintext))


def decrypt(key: bytes, algorithm: Algorithm, ciphertext: Ciphertext) -> bytes:
    """
    Decrypt, or unwrap.

    Raises:
        Undecryptable: whatever does not fit.
    """
    try:
        return _decrypt(key, algorithm.family, ciphertext)
    except (InvalidTag, keywrap.InvalidUnwrap, ValueError):
        # ValueError: the padding. The context goes, so that no trace can tell what the answer does not.
        raise Undecryptable from None


def _decrypt(key: bytes, family: Family, ciphertext: Ciphertext) -> bytes:
    value, iv = ciphertext.value, ciphertext.iv or b""
    if family is Family.AES_GCM:
        return AESGCM(key).decrypt(iv, value + (ciphertext.tag or b""), ciphertext.aad)
    if family in _CBC:
        decryptor = Cipher(AES(key), modes.CBC(iv)).decryptor()
        plaintext = decryptor.update(value) + decryptor.finalize()
        if family is Family.AES_CBC:
            return plaintext
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        return unpadder.update(plaintext) + unpadder.finalize()
    if family is Family.AES_KW:
        return keywrap.aes_key_unwrap(key, value)
    return keywrap.aes_key_unwrap_with_padding(key, value)
