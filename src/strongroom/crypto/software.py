"""
The root key as a file: development protection (security.md "Bootstrap, keys, data").

Every use of the root key has a branch of its own, HKDF-SHA256 with the use in its `info` (RFC 5869), so a tag never
doubles as a key and what one purpose sealed no other purpose opens. Sealed under a branch, in bytes:

    1   format, FORMAT
    16  salt
    12  nonce
    n   the message, AES-256-GCM under HMAC-SHA256(branch, salt)
    16  its tag

The salt gives each message its own key, so the number of messages is not bounded by what 96-bit random nonces allow
under one key (2**32, NIST SP 800-38D section 8.3): skip tokens are sealed here by the thousand each second.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.core import limits
from strongroom.crypto.context import bind
from strongroom.crypto.envelope import KEY_BYTES, NONCE_BYTES, TAG_BYTES, VaultEnvelope
from strongroom.crypto.private_files import PrivateFileRefused, create_private_file, read_private_file
from strongroom.crypto.protocol import Envelope, RootKeyUnusable, Unsealable

FORMAT = 1
ROOT_KEY_BYTES = 32

_HEADER = bytes([FORMAT])
_SALT_BYTES = 16
_NONCE_AT = len(_HEADER) + _SALT_BYTES
_MESSAGE_AT = _NONCE_AT + NONCE_BYTES
_BRANCHES = 256
"""Purposes are words in our source, some dozens; this only keeps a mistake from growing without end."""


class SoftwareRootKey:
    """A root key in this process's memory, from a file beside the data: a `RootKey`."""

    __slots__ = ("_branch", "_description", "_envelope", "_root")

    def __init__(self, root_key: bytes, description: str = "file (development)") -> None:
        if len(root_key) != ROOT_KEY_BYTES:
            raise RootKeyUnusable(f"a root key has {ROOT_KEY_BYTES} bytes")
        self._root = root_key
        self._description = description
        self._branch = lru_cache(maxsize=_BRANCHES)(self._derive)
        self._envelope = lru_cache(maxsize=limits.ENVELOPE_CACHE_ENTRIES)(self._unwrap)

    @classmethod
    def create(cls, path: Path) -> SoftwareRootKey:
        """
        Make a new root key and its file, durable before anything can be sealed under it.

        Raises:
            RootKeyUnusable: something has that name already. A root key is never overwritten.
        """
        root_key = os.urandom(ROOT_KEY_BYTES)
        try:
            create_private_file(path, root_key)
        except FileExistsError:
            raise RootKeyUnusable(f"{path} exists, and a root key is never overwritten") from None
        return cls(root_key)

    @classmethod
    def load(cls, path: Path) -> SoftwareRootKey:
        """
        Read the root key from its file.

        Raises:
            RootKeyUnusable: there is none, or `read_private_file` refuses it.
        """
        try:
            return cls(read_private_file(path, size=ROOT_KEY_BYTES))
        except FileNotFoundError:
            raise RootKeyUnusable(f"there is no root key at {path}") from None
        except PrivateFileRefused as refused:
            raise RootKeyUnusable(f"the root key is refused: {refused}") from refused

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.description}>"

    @property
    def description(self) -> str:
        """How the root key is protected, for health and `doctor`."""
        return self._description

    def tag(self, purpose: str, message: bytes) -> bytes:
        """Make a 32-byte keyed tag (HMAC-SHA-256 under a key derived for *purpose*)."""
        # `_mac`, written out: every line of the journal and every row is tagged here, and a call more would show.
        mac = self._branch("tag", purpose).copy()
        mac.update(message)
        return mac.finalize()

    def seal(self, purpose: str, context: bytes, plaintext: bytes) -> bytes:
        """Seal under the root key's branch for *purpose*."""
        chance = os.urandom(_SALT_BYTES + NONCE_BYTES)
        salt, nonce = chance[:_SALT_BYTES], chance[_SALT_BYTES:]
        cipher = AESGCM(self._mac("seal", purpose, salt))
        return b"".join((_HEADER, chance, cipher.encrypt(nonce, plaintext, _HEADER + context)))

    def open(self, purpose: str, context: bytes, sealed: bytes) -> bytes:
        """
        Open what `seal` made with the same purpose and context.

        Raises:
            Unsealable: wrong purpose, wrong context, another format, cut or altered.
        """
        if len(sealed) < _MESSAGE_AT + TAG_BYTES or sealed[0] != FORMAT:
            raise Unsealable
        cipher = AESGCM(self._mac("seal", purpose, sealed[1:_NONCE_AT]))
        try:
            return cipher.decrypt(sealed[_NONCE_AT:_MESSAGE_AT], sealed[_MESSAGE_AT:], _HEADER + context)
        except InvalidTag:
            raise Unsealable from None

    def new_vault_key(self, vault: str) -> bytes:
        """Make a key for the vault with this GUID and return it wrapped."""
        return self.seal("vault key", bind(vault), os.urandom(KEY_BYTES))

    def envelope(self, vault: str, wrapped_key: bytes) -> Envelope:
        """
        Unwrap a vault's key for use; the most recently used are kept.

        Raises:
            Unsealable: the wrapped key is not this vault's.
        """
        return self._envelope(vault, wrapped_key)

    def _mac(self, role: str, purpose: str, message: bytes) -> bytes:
        # Copying a keyed state costs less than half of keying a new one.
        mac = self._branch(role, purpose).copy()
        mac.update(message)
        return mac.finalize()

    def _derive(self, role: str, purpose: str) -> HMAC:
        # `role` is one of two words of ours and holds no zero byte, so (role, purpose) reads back in one way only.
        info = b"strongroom 1\0" + role.encode() + b"\0" + purpose.encode()
        return HMAC(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._root), SHA256())

    def _unwrap(self, vault: str, wrapped_key: bytes) -> VaultEnvelope:
        return VaultEnvelope(self.open("vault key", bind(vault), wrapped_key))
