"""What the layers above know of keys: the KeyProtection protocol, and the values it takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from strongroom.core.changes import Change, ObjectChanged
from strongroom.core.errors import Invalid
from strongroom.core.keys import KeySpec, KeyType, PublicParts
from strongroom.core.objects import Collection
from strongroom.core.vaults import Vault
from strongroom.crypto.keys.algorithms import Algorithm
from strongroom.crypto.keys.public import PublicOperations


class Undecryptable(Exception):
    """A ciphertext does not decrypt: wrong key, altered, or badly padded. Which of these is said nowhere."""


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made or brought in."""

    spec: KeySpec
    parts: PublicParts
    material: bytes = field(repr=False)
    """What the vault seals: a private part, or the name of one that a token holds."""


@dataclass(frozen=True, slots=True)
class PlainKey:
    """A private part from outside, checked by `crypto.keys.material`: PKCS#8 in DER, or an oct key's own bytes."""

    spec: KeySpec
    parts: PublicParts
    private: bytes = field(repr=False)


class HeldKey(msgspec.Struct, frozen=True):
    """A version of a key that a vault holds. A struct, like what else is made for every request: see `flow.trace`."""

    identity: tuple[str, str, str]
    """Vault, object id and version: what it may be remembered under, together with *sealed*."""
    spec: KeySpec
    parts: PublicParts
    sealed: bytes
    open: Callable[[], bytes]
    """Opens its material; raises `Unsealable`."""
    name: str = ""
    """The key of the vault's object that it goes with; empty for what is in no vault."""

    def __repr__(self) -> str:
        """Say which it is, and nothing of what is sealed."""
        return f"<HeldKey {self.identity}>"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is to live: what a token labels it with, so that an operator can tell what is what."""

    vault: str
    subscription: str
    name: str
    version: str


class Ciphertext(msgspec.Struct, frozen=True):
    """What a symmetric encryption gives, or any decryption takes: before the one, *value* is the plaintext."""

    value: bytes
    iv: bytes | None = None
    tag: bytes | None = None
    aad: bytes | None = None

    def __repr__(self) -> str:
        """Say what it is, and nothing of what is in it."""
        return "<Ciphertext>"


class KeyProtection(Protocol):
    """
    A place where private parts live and are used.

    Encryption and verification by a public part need none: `crypto.keys.public`. Of a key's use the caller has decided
    everything before: that the algorithm is one for the key, that sizes fit, that the key may be used. Every method
    may raise `Unavailable` (the place cannot be reached now) and `Throttled` (too much waits for it).
    """

    @property
    def platform(self) -> str:
        """The `hsmPlatform` of keys here."""
        ...

    async def make(self, spec: KeySpec, place: Place) -> MadeKey:
        """
        Make a key.

        Raises:
            Invalid: such keys cannot be made here.
        """
        ...

    async def bring_in(self, key: PlainKey, place: Place) -> MadeKey:
        """
        Take a key from outside.

        Raises:
            Invalid: such keys cannot live here.
        """
        ...

    async def sign(self, key: HeldKey, algorithm: Algorithm, digest: bytes) -> bytes:
        """Sign a digest, or make its keyed tag (HS*). ECDSA signatures are r and s joined (RFC 7518 section 3.4)."""
        ...

    async def verify(self, key: HeldKey, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
        """Compare a keyed tag (HS*), in constant time."""
        ...

    async def encrypt(self, key: HeldKey, algorithm: Algorithm, plaintext: bytes, given: Ciphertext) -> Ciphertext:
        """Encrypt or wrap under a symmetric key; *given* has the `iv` and `aad` of the request, its value is empty."""
        ...

    async def decrypt(self, key: HeldKey, algorithm: Algorithm, ciphertext: Ciphertext) -> bytes:
        """
        Decrypt or unwrap, by a private or a symmetric key.

        Raises:
            Undecryptable: whatever does not fit.
        """
        ...

    async def back_up(self, key: HeldKey, place: Place) -> bytes:
        """Give a key's private part for a backup, which the caller seals: in the clear, or wrapped by its token."""
        ...

    async def restore(self, saved: bytes, spec: KeySpec, parts: PublicParts, place: Place) -> MadeKey:
        """
        Take back what `back_up` gave for the same subscription.

        Raises:
            Invalid: it is not that.
        """
        ...

    async def release(self, key: HeldKey, recipient: PublicParts, method: str) -> bytes:
        """Wrap a key for an RSA key outside, by *method* (`CKM_RSA_AES_KEY_WRAP` and its kin, section 5.2)."""
        ...

    async def bring_in_wrapped(self, kek: HeldKey, wrapped: bytes, spec: KeySpec, place: Place) -> MadeKey:
        """
        Take a key that was wrapped for *kek* with CKM_RSA_AES_KEY_WRAP (section 5.3).

        Raises:
            Undecryptable: it was not, or what is in it is not such a key.
        """
        ...

    async def destroy(self, material: bytes) -> None:
        """Forget a key for ever: after its purge, or when what it was made for did not come to be."""
        ...

    def forget(self, vault: str, name: str) -> None:
        """Keep nothing of an object's keys in memory: it has changed, or is gone. One in use by then may stay."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(slots=True)
class KeyProtections:
    """The places that this instance has."""

    software: KeyProtection
    token: KeyProtection | None = None
    public: PublicOperations = field(default_factory=PublicOperations)
    """What needs none of them."""

    def follow(self, changes: Sequence[Change]) -> None:
        """Have nothing kept in memory of objects that a commit changed, as the private key of one that was purged."""
        for change in changes:
            if isinstance(change, ObjectChanged) and change.collection is not Collection.SECRETS:
                for place in (self.software, self.token):
                    if place is not None:
                        place.forget(change.vault, change.key)

    async def close(self) -> None:
        """Take no more work in this process; whoever opened the token closes it."""
        await self.software.close()
        self.public.close()

    def of(self, key_type: KeyType) -> KeyProtection:
        """
        Give the place of a key that exists.

        Raises:
            Invalid: it is in a token, and no token is configured.
        """
        if not key_type.in_token:
            return self.software
        if self.token is None:
            raise Invalid(
                f"Keys of type {key_type} live in a token (HSM), and this service has none.",
                code="BadParameter",
                reason="no token is configured",
            )
        return self.token

    def for_new(self, key_type: KeyType, vault: Vault) -> KeyProtection:
        """
        Give the place for a new key of a vault: `-HSM` types are for premium vaults, and never fall back to software.

        Raises:
            Invalid: the vault is a standard one, or no token is configured.
        """
        place = self.of(key_type)
        if key_type.in_token and vault.sku != "premium":
            raise Invalid(
                f"Keys of type {key_type} need a vault with the premium SKU.",
                code="BadParameter",
                reason="standard vault",
            )
        return place
