"""
Keys in software: private parts sealed in the store, and used in this process.

Key objects are kept ready, a bounded number of them: to load an RSA key with its checks takes longer than to sign with
it. What is long (RSA, and every curve but P-256) runs on a bounded pool of threads, the rest inline, where it costs
less than the way to a thread (architecture section 5, decision 3). Keys are made on threads of their own, so that many
new ones of RSA-4096, which take seconds, hold up no signature.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from strongroom.core import limits
from strongroom.core.errors import Invalid
from strongroom.core.keys import RSA_BITS, Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys import key_wrap, symmetric
from strongroom.crypto.keys.algorithms import Algorithm
from strongroom.crypto.keys.material import read_apart
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, MadeKey, Place, PlainKey, Undecryptable
from strongroom.crypto.keys.public import (
    CURVES,
    ECDSA_SIGNATURES,
    RSA_ENCRYPTIONS,
    RSA_SIGNATURES,
    octets_of,
    public_parts,
    raw_signature,
    rsa_public_key,
)
from strongroom.crypto.pool import BoundedPool

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_Loaded = PrivateKey | bytes
"""A private key ready for use; an oct key is its own bytes."""
_Slot = tuple[tuple[str, str, str], bytes]
_EXPONENTS = (3, 65537)
"""The public exponents that the library makes keys with."""


class _Kept(NamedTuple):
    """A key that is ready for use."""

    loaded: _Loaded
    digest: bytes
    """Of its material."""
    goes_with: tuple[str, str]
    """The vault and the name of its object."""


class SoftwareKeys:
    """Private parts in this process's memory: a `KeyProtection`."""

    __slots__ = ("_forks", "_kept", "_making", "_of_object", "_pool")

    def __init__(self, *, threads: int | None = None, forks: Forks | None = None) -> None:
        self._forks = forks or Forks()
        threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._pool = BoundedPool("keys", threads=threads, waiting=limits.KEY_OPERATIONS_WAITING)
        self._making = BoundedPool("key-making", threads=1, waiting=limits.KEYS_MADE_WAITING)
        self._kept: OrderedDict[_Slot, _Kept] = OrderedDict()
        self._of_object: dict[tuple[str, str], set[_Slot]] = {}
        """Where those of an object are kept, by its vault and its name."""

    @property
    def platform(self) -> str:
        """Software."""
        return "0"

    # ---- coming to be -----------------------------------------------------------------------------------------------

    async def make(self, spec: KeySpec, place: Place) -> MadeKey:  # noqa: ARG002  a place has no meaning in memory
        """
        Make a key.

        Raises:
            Invalid: the library makes no RSA keys with such an exponent.
            Throttled: too many are being made.
        """
        if spec.kind is KeyKind.OCT:
            return MadeKey(spec, PublicParts(), os.urandom((spec.bits or 256) // 8))
        if spec.kind is KeyKind.EC:
            curve = spec.curve or Curve.P256
            if curve is Curve.P256:
                return _made(spec, ec.generate_private_key(CURVES[curve]))
            return _made(spec, await self._making.run(lambda: ec.generate_private_key(CURVES[curve])))
        if spec.public_exponent not in _EXPONENTS:
            raise Invalid("The public exponent of a key in software must be 3 or 65537.", code="BadParameter")
        return _made(
            spec, await self._making.run(lambda: rsa.generate_private_key(spec.public_exponent, spec.bits or 2048))
        )

    async def bring_in(self, key: PlainKey, place: Place) -> MadeKey:  # noqa: ARG002
        """Take a key from outside: `crypto.keys.material` has checked it."""
        return MadeKey(key.spec, key.parts, key.private)

    async def restore(self, saved: bytes, spec: KeySpec, parts: PublicParts, place: Place) -> MadeKey:  # noqa: ARG002
        """
        Take back what `back_up` gave. The backup was sealed by us, so this only guards against a mix-up.

        Raises:
            Invalid: it is not the private part of such a key.
        """
        try:
            fits = _is_private_part(_load(spec.kind, saved), spec, parts)
        except ValueError:
            fits = False
        if not fits:
            raise Invalid("The backup blob is not a backup of this key.", code="BadParameter")
        return MadeKey(spec, parts, saved)

    async def bring_in_wrapped(self, kek: HeldKey, wrapped: bytes, spec: KeySpec, place: Place) -> MadeKey:
        """
        Take a key that was wrapped for *kek* with CKM_RSA_AES_KEY_WRAP. A size that *spec* leaves open is the key's.

        Raises:
            Undecryptable: it was not, or what is in it is not such a key.
        """
        holder = self._rsa(kek)
        # The checks of a key from outside take longer than to use one.
        return await self.bring_in(
            await self._making.run(lambda: _unwrapped(self._forks, holder, wrapped, spec)), place
        )

    # ---- use --------------------------------------------------------------------------------------------------------

    async def sign(self, key: HeldKey, algorithm: Algorithm, digest: bytes) -> bytes:
        """Sign a digest, or make its keyed tag (HS*). ECDSA signatures are r and s joined (RFC 7518 section 3.4)."""
        loaded = self._loaded(key)
        if isinstance(loaded, bytes):
            return symmetric.keyed_tag(loaded, algorithm, digest)
        if isinstance(loaded, rsa.RSAPrivateKey):
            private, (scheme, hashed) = loaded, RSA_SIGNATURES[algorithm.name]
            return await self._pool.run(lambda: private.sign(digest, scheme, hashed), is_brief=_is_brief(key))
        if key.spec.curve is Curve.P256:
            return _sign_ecdsa(loaded, algorithm, digest)
        point = loaded
        return await self._pool.run(lambda: _sign_ecdsa(point, algorithm, digest))

    async def verify(self, key: HeldKey, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
        """Compare a keyed tag (HS*), in constant time."""
        return symmetric.is_keyed_tag(self._oct(key), algorithm, digest, signature)

    async def encrypt(self, key: HeldKey, algorithm: Algorithm, plaintext: bytes, given: Ciphertext) -> Ciphertext:
        """Encrypt or wrap under a symmetric key; *given* has the `iv` and `aad` of the request, its value is empty."""
        return symmetric.encrypt(self._oct(key), algorithm, plaintext, given)

    async def decrypt(self, key: HeldKey, algorithm: Algorithm, ciphertext: Ciphertext) -> bytes:
        """
        Decrypt or unwrap, by a private or a symmetric key.

        RSA1_5 of something badly padded gives bytes that follow from key and ciphertext and say nothing (OpenSSL's
        implicit rejection), so that there is no padding to ask about.

        Raises:
            Undecryptable: whatever does not fit.
        """
        if key.spec.kind is KeyKind.OCT:
            return symmetric.decrypt(self._oct(key), algorithm, ciphertext)
        private = self._rsa(key)
        return await self._pool.run(lambda: _decrypt_rsa(private, algorithm, ciphertext.value), is_brief=_is_brief(key))

    # ---- leaving ----------------------------------------------------------------------------------------------------

    async def back_up(self, key: HeldKey, place: Place) -> bytes:  # noqa: ARG002
        """Give a key's private part for a backup, which the caller seals."""
        return key.open()

    async def release(self, key: HeldKey, recipient: PublicParts, method: str) -> bytes:
        """
        Wrap a key for an RSA key outside, by *method* (section 5.2).

        Raises:
            Invalid: the recipient is no RSA key.
        """
        try:
            outside = rsa_public_key(recipient)
        except ValueError:
            outside = None
        if outside is None or outside.key_size not in RSA_BITS:
            raise Invalid("The key that is to receive the release is not an RSA key that can.", code="BadParameter")
        return key_wrap.wrap(outside, method, key.open())

    async def destroy(self, material: bytes) -> None:
        """Forget a key for ever: what is kept of it here. Its sealed material goes with its row."""
        digest = sha256(material).digest()
        for slot in [slot for slot, kept in self._kept.items() if kept.digest == digest]:
            self._drop(slot)

    def forget(self, vault: str, name: str) -> None:
        """Keep nothing of an object's keys: it has changed, or is gone."""
        for slot in tuple(self._of_object.get((vault, name), ())):
            self._drop(slot)

    async def close(self) -> None:
        """Take no more work, and keep nothing."""
        self._kept.clear()
        self._of_object.clear()
        self._pool.close()
        self._making.close()

    # ---- keys that are kept ready -----------------------------------------------------------------------------------

    def _loaded(self, key: HeldKey) -> _Loaded:
        """Give a key ready for use. On the loop's thread alone, which is why nothing is locked here."""
        slot = (key.identity, key.sealed)
        kept = self._kept.get(slot)
        if kept is not None:
            self._kept.move_to_end(slot)
            return kept.loaded
        material = key.open()
        loaded = _load(key.spec.kind, material)
        goes_with = (key.identity[0], key.name)
        self._kept[slot] = _Kept(loaded, sha256(material).digest(), goes_with)
        self._of_object.setdefault(goes_with, set()).add(slot)
        if len(self._kept) > limits.PRIVATE_KEYS_KEPT:
            self._drop(next(iter(self._kept)))
        return loaded

    def _drop(self, slot: _Slot) -> None:
        goes_with = self._kept.pop(slot).goes_with
        slots = self._of_object[goes_with]
        slots.discard(slot)
        if not slots:
            del self._of_object[goes_with]

    def _rsa(self, key: HeldKey) -> rsa.RSAPrivateKey:
        loaded = self._loaded(key)
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise _unlike(key.spec, KeyKind.RSA)
        return loaded

    def _oct(self, key: HeldKey) -> bytes:
        loaded = self._loaded(key)
        if not isinstance(loaded, bytes):
            raise _unlike(key.spec, KeyKind.OCT)
        return loaded


# ---- private keys ---------------------------------------------------------------------------------------------------


def _made(spec: KeySpec, private: PrivateKey) -> MadeKey:
    return MadeKey(spec, public_parts(private.public_key()), _encoded(private))


def _encoded(private: PrivateKey) -> bytes:
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _load(kind: KeyKind, material: bytes) -> _Loaded:
    """
    Load material that was sealed by us.

    Raises:
        ValueError: it is not such a key.
    """
    if kind is KeyKind.OCT:
        return material
    # The checks of an RSA key take 50 ms, and this one passed them when it was made or brought in; the seal says that
    # it is still the same.
    private = load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)
    return _of_kind(kind, private)


def _of_kind(kind: KeyKind, private: object) -> PrivateKey:
    if kind is KeyKind.RSA and isinstance(private, rsa.RSAPrivateKey):
        return private
    if kind is KeyKind.EC and isinstance(private, ec.EllipticCurvePrivateKey):
        return private
    msg = f"not a private key of kind {kind}"
    raise ValueError(msg)


def _is_private_part(loaded: _Loaded, spec: KeySpec, parts: PublicParts) -> bool:
    if isinstance(loaded, bytes):
        return len(loaded) * 8 == spec.bits
    return public_parts(loaded.public_key()) == parts


def _unlike(spec: KeySpec, wanted: KeyKind) -> TypeError:
    return TypeError(f"a key of kind {spec.kind} was given where one of kind {wanted} is needed")


def _sign_ecdsa(private: ec.EllipticCurvePrivateKey, algorithm: Algorithm, digest: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(digest, ECDSA_SIGNATURES[algorithm.name]))
    return raw_signature(private.curve, r, s)


def _is_brief(key: HeldKey) -> bool:
    """Tell whether one operation with an RSA key takes well below a millisecond."""
    return key.spec.bits == RSA_BITS[0]


def _decrypt_rsa(private: rsa.RSAPrivateKey, algorithm: Algorithm, value: bytes) -> bytes:
    try:
        return private.decrypt(value, RSA_ENCRYPTIONS[algorithm.name])
    except ValueError:
        raise Undecryptable from None


def _unwrapped(forks: Forks, holder: rsa.RSAPrivateKey, wrapped: bytes, spec: KeySpec) -> PlainKey:
    material = key_wrap.unwrap(holder, key_wrap.BYOK_METHOD, wrapped)
    try:
        plain = read_apart(forks, spec.kind, *_members(spec.kind, material))
    except (Invalid, TypeError, ValueError, UnsupportedAlgorithm):
        # A TypeError is what the library says of PKCS#8 that wants a password.
        raise Undecryptable from None
    found = plain.spec
    if spec.bits not in {None, found.bits} or spec.curve not in {None, found.curve}:
        raise Undecryptable
    return plain


def _members(kind: KeyKind, material: bytes) -> tuple[Curve | None, dict[str, bytes]]:
    """
    Give an unwrapped key's members, for the same checks as those of a JSON Web Key: they look at sizes first.

    Raises:
        ValueError: it is no such key.
    """
    if kind is KeyKind.OCT:
        return None, {"k": material}
    private = _of_kind(kind, load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True))
    if isinstance(private, rsa.RSAPrivateKey):
        own = private.private_numbers()
        numbers = {"d": own.d, "p": own.p, "q": own.q, "dp": own.dmp1, "dq": own.dmq1, "qi": own.iqmp}
        numbers |= {"n": own.public_numbers.n, "e": own.public_numbers.e}
        return None, {name: octets_of(number) for name, number in numbers.items()}
    point = private.private_numbers()
    numbers = {"x": point.public_numbers.x, "y": point.public_numbers.y, "d": point.private_value}
    curve = next((curve for curve, known in CURVES.items() if known.name == private.curve.name), None)
    return curve, {name: octets_of(number) for name, number in numbers.items()}
