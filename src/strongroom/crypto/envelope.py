"""
The envelope: each value under a data key of its own, each data key under its vault's key.

A sealed value is, in bytes:

    1   format, FORMAT
    12  nonce of the data key
    48  the data key, AES-256-GCM under the vault key, with its tag
    12  nonce of the value
    n   the value, AES-256-GCM under the data key
    16  its tag

Both layers authenticate the format, their own role and the context, so neither opens anywhere else.
"""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.core.limits import DATA_KEYS_KEPT
from strongroom.crypto.protocol import Unsealable

FORMAT = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

_HEADER = bytes([FORMAT])
_KEY_ROLE = _HEADER + b"data key\0"
_VALUE_ROLE = _HEADER + b"value\0"
_KEY_AT = len(_HEADER) + NONCE_BYTES
_VALUE_NONCE_AT = _KEY_AT + KEY_BYTES + TAG_BYTES
_VALUE_AT = _VALUE_NONCE_AT + NONCE_BYTES

OVERHEAD_BYTES = _VALUE_AT + TAG_BYTES
"""How much longer a sealed value is than the value."""


class VaultEnvelope:
    """One vault's key, ready for use: an `Envelope`."""

    __slots__ = ("_cipher",)

    def __init__(self, vault_key: bytes) -> None:
        if len(vault_key) != KEY_BYTES:
            # AESGCM would take a shorter key and quietly be AES-128.
            raise ValueError(f"a vault key has {KEY_BYTES} bytes")
        # Building the cipher costs twice what using it does, so it is kept.
        self._cipher = AESGCM(vault_key)

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """Seal under a new data key of its own."""
        chance = os.urandom(KEY_BYTES + 2 * NONCE_BYTES)
        data_key = chance[:KEY_BYTES]
        key_nonce = chance[KEY_BYTES : KEY_BYTES + NONCE_BYTES]
        value_nonce = chance[KEY_BYTES + NONCE_BYTES :]
        wrapped = self._cipher.encrypt(key_nonce, data_key, _KEY_ROLE + context)
        sealed = AESGCM(data_key).encrypt(value_nonce, plaintext, _VALUE_ROLE + context)
        return b"".join((_HEADER, key_nonce, wrapped, value_nonce, sealed))

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """
        Open what `seal` made with the same context.

        Raises:
            Unsealable: wrong vault, wrong context, another format, cut or altered.
        """
        if len(sealed) < OVERHEAD_BYTES or sealed[0] != FORMAT:
            raise Unsealable
        try:
            cipher = _data_cipher(self._cipher, context, sealed[:_VALUE_NONCE_AT])
            return cipher.decrypt(sealed[_VALUE_NONCE_AT:_VALUE_AT], sealed[_VALUE_AT:], _VALUE_ROLE + context)
        except InvalidTag:
            raise Unsealable from None


@lru_cache(maxsize=DATA_KEYS_KEPT)
def _data_cipher(vault_cipher: AESGCM, context: bytes, head: bytes) -> AESGCM:
    """
    Unwrap a data key and make its cipher ready; those used most recently are kept, which halves what opening costs.

    Each is kept with its vault's cipher, which opens everything that it does.

    Raises:
        InvalidTag: the data key is not one of this vault's and this context's. That is not remembered.
    """
    return AESGCM(vault_cipher.decrypt(head[1:_KEY_AT], head[_KEY_AT:], _KEY_ROLE + context))
