"""What the layers above know of the root key and of vaults' keys: the RootKey and Envelope protocols."""

from __future__ import annotations

from typing import Protocol


class Unsealable(Exception):
    """A sealed value does not open: wrong key, wrong place, or altered. It says nothing more."""


class RootKeyUnusable(Exception):
    """The root key cannot be made or used. The message says why and what to do about it, and names no key."""


class Envelope(Protocol):
    """The key of one vault, ready for use. *context* binds a value to its place: it does not open anywhere else."""

    def seal(self, context: bytes, plaintext: bytes) -> bytes:
        """Seal under a new data key of its own."""
        ...

    def open(self, context: bytes, sealed: bytes) -> bytes:
        """
        Open what `seal` made with the same context.

        Raises:
            Unsealable: anything does not fit.
        """
        ...


class RootKey(Protocol):
    """The root key, whatever holds it. Nothing here gives the key away."""

    @property
    def description(self) -> str:
        """How the root key is protected, for health and `doctor`: `file (development)`."""
        ...

    def tag(self, purpose: str, message: bytes) -> bytes:
        """Make a 32-byte keyed tag (HMAC-SHA-256 under a key derived for *purpose*)."""
        ...

    def seal(self, purpose: str, context: bytes, plaintext: bytes) -> bytes:
        """Seal under the root key's branch for *purpose*: signing keys, the CA key, backups, skip tokens."""
        ...

    def open(self, purpose: str, context: bytes, sealed: bytes) -> bytes:
        """
        Open what `seal` made with the same purpose and context.

        Raises:
            Unsealable: anything does not fit.
        """
        ...

    def new_vault_key(self, vault: str) -> bytes:
        """Make a key for the vault with this GUID and return it wrapped."""
        ...

    def envelope(self, vault: str, wrapped_key: bytes) -> Envelope:
        """
        Unwrap a vault's key for use; cached, bounded.

        Raises:
            Unsealable: the wrapped key is not this vault's.
        """
        ...
