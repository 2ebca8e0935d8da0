"""
Key wrap in two steps: a fresh AES key under RSA-OAEP, and the key itself under that AES key (RFC 5649).

PKCS#11's CKM_RSA_AES_KEY_WRAP, which release and BYOK use (reference azure-key-vault.md sections 5.2 and 5.3). What is
wrapped is PKCS#8 in DER, or an oct key's own bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import rsa

from strongroom.crypto.keys.protocol import Undecryptable
from strongroom.crypto.keys.public import oaep

METHODS: Mapping[str, str] = {
    "CKM_RSA_AES_KEY_WRAP": "sha1",
    "RSA_AES_KEY_WRAP_256": "sha256",
    "RSA_AES_KEY_WRAP_384": "sha384",
}
"""The methods by their names in requests, and the hash of each one's OAEP."""
BYOK_METHOD = "CKM_RSA_AES_KEY_WRAP"
_AES_BYTES = 32
_AES_SIZES = frozenset({16, 24, 32})


def wrap(recipient: rsa.RSAPublicKey, method: str, private: bytes) -> bytes:
    """Wrap a private part for the holder of an RSA key."""
    once = os.urandom(_AES_BYTES)
    return recipient.encrypt(once, oaep(METHODS[method])) + keywrap.aes_key_wrap_with_padding(once, private)


def unwrap(holder: rsa.RSAPrivateKey, method: str, wrapped: bytes) -> bytes:
    """
    Unwrap what was wrapped for an RSA key.

    Raises:
        Undecryptable: whatever does not fit, in either step.
    """
    size = holder.key_size // 8
    try:
        once = holder.decrypt(wrapped[:size], oaep(METHODS[method]))
        if len(once) in _AES_SIZES:
            return keywrap.aes_key_unwrap_with_padding(once, wrapped[size:])
    except (ValueError, keywrap.InvalidUnwrap):
        # What is raised below says the same of every fault, and is outside of this one's context.
        pass
    raise Undecryptable
