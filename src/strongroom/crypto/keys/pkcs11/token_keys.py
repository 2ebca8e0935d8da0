"""
Keys in a token: the `KeyProtection` in the service, which asks the token's workers.

What the vault seals of such a key is where it is: in which token, and under which id.
"""

from __future__ import annotations

import asyncio
import hmac

import msgspec

from strongroom.core import limits
from strongroom.core.errors import Invalid, Unavailable
from strongroom.core.keys import KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys.algorithms import Algorithm, Family
from strongroom.crypto.keys.key_wrap import METHODS
from strongroom.crypto.keys.pkcs11 import paddings, refusals, wire
from strongroom.crypto.keys.pkcs11.workers import PAUSE_S, NeedsRemover, Report, TokenSettings, Workers
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, MadeKey, Place, PlainKey
from strongroom.crypto.keys.public import rsa_public_key

_FORMAT = 1
_MAKING_TIMES = 6
"""Keys of RSA-4096 take this much longer to make than anything else takes."""


class _Material(msgspec.Struct, array_like=True, frozen=True):
    """What the vault seals of a key in a token: where it is. No part of the key."""

    format: int
    serial: str
    id: bytes


class TokenKeys:
    """Private parts in a token: a `KeyProtection`."""

    def __init__(
        self,
        settings: TokenSettings,
        report: Report = lambda _: None,
        *,
        waiting: int = limits.TOKEN_REQUESTS_WAITING,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._settings = settings
        self._workers = Workers(settings, report, waiting=waiting, pause_s=pause_s)
        self._making = asyncio.Lock()
        self._removers: dict[int, bytes] = {}

    @property
    def platform(self) -> str:
        """What the operator says that the token is certified as."""
        return self._settings.platform

    @property
    def token(self) -> wire.Started | None:
        """What the token said of itself when it was last reached."""
        return self._workers.token

    @property
    def fault(self) -> str | None:
        """Why the token could not be reached when it was last tried."""
        return self._workers.fault

    async def reach(self) -> bool:
        """Reach the token now, rather than when a key is first used; tell whether that succeeded."""
        try:
            await self._workers.ask(wire.Look())
        except Unavailable:
            # It has been reported.
            return False
        return True

    # ---- coming to be -----------------------------------------------------------------------------------------------

    async def make(self, spec: KeySpec, place: Place) -> MadeKey:
        """
        Make a key.

        Raises:
            Invalid: the token makes no such keys.
        """
        return self._made(await self._workers.ask(wire.Make(spec, _label(place)), times=_MAKING_TIMES))

    async def bring_in(self, key: PlainKey, place: Place) -> MadeKey:
        """
        Take a key from outside.

        Raises:
            Invalid: the token takes no such keys.
        """
        return self._made(await self._workers.ask(wire.BringIn(key.spec, key.parts, key.private, _label(place))))

    async def restore(self, saved: bytes, spec: KeySpec, parts: PublicParts, place: Place) -> MadeKey:
        """
        Take back what `back_up` gave for the same subscription.

        Raises:
            Invalid: it is not that, or the key that it is wrapped under is not in this token.
        """
        return self._made(
            await self._workers.ask(wire.Restore(saved, spec, parts, _backup_label(place), _label(place)))
        )

    async def bring_in_wrapped(self, kek: HeldKey, wrapped: bytes, spec: KeySpec, place: Place) -> MadeKey:
        """
        Take a key that was wrapped for *kek* with CKM_RSA_AES_KEY_WRAP. A size that *spec* leaves open is the key's.

        Raises:
            Undecryptable: it was not, or what is in it is not such a key.
        """
        kek_bytes = (kek.spec.bits or 2048) // 8
        return self._made(
            await self._workers.ask(wire.BringInWrapped(self._id(kek.open()), kek_bytes, wrapped, spec, _label(place)))
        )

    # ---- use --------------------------------------------------------------------------------------------------------

    async def sign(self, key: HeldKey, algorithm: Algorithm, digest: bytes) -> bytes:
        """Sign a digest, or make its keyed tag (HS*). ECDSA signatures are r and s joined (RFC 7518 section 3.4)."""
        return await self._octets(wire.Sign(self._id(key.open()), key.spec, algorithm.name, digest))

    async def verify(self, key: HeldKey, algorithm: Algorithm, digest: bytes, signature: bytes) -> bool:
        """Compare a keyed tag (HS*), in constant time."""
        return hmac.compare_digest(await self.sign(key, algorithm, digest), signature)

    async def encrypt(self, key: HeldKey, algorithm: Algorithm, plaintext: bytes, given: Ciphertext) -> Ciphertext:
        """Encrypt or wrap under a symmetric key; *given* has the `iv` and `aad` of the request, its value is empty."""
        answer = await self._workers.ask(
            wire.Encrypt(self._id(key.open()), algorithm.name, plaintext, given.iv, given.aad)
        )
        if not isinstance(answer, wire.Encrypted):
            raise _unexpected(answer)
        return Ciphertext(answer.value, answer.iv, answer.tag, given.aad if answer.tag is not None else None)

    async def decrypt(self, key: HeldKey, algorithm: Algorithm, ciphertext: Ciphertext) -> bytes:
        """
        Decrypt or unwrap, by a private or a symmetric key. How RSA paddings are taken off: `paddings`.

        Raises:
            Undecryptable: whatever does not fit.
        """
        question = wire.Decrypt(
            self._id(key.open()),
            key.spec,
            algorithm.name,
            ciphertext.value,
            ciphertext.iv,
            ciphertext.tag,
            ciphertext.aad,
        )
        bits = key.spec.bits or 2048
        remover = self._removers.get(bits) if key.spec.kind is KeyKind.RSA else None
        if remover is None and algorithm.family is Family.RSA_PKCS1_ENCRYPTION:
            remover = await self._remover(bits)
        try:
            return await self._octets(msgspec.structs.replace(question, remover=remover))
        except NeedsRemover:
            remover = await self._remover(bits)
            return await self._octets(msgspec.structs.replace(question, remover=remover))

    # ---- leaving ----------------------------------------------------------------------------------------------------

    async def back_up(self, key: HeldKey, place: Place) -> bytes:
        """Give a key's private part for a backup, wrapped under a key of its subscription that the token keeps."""
        under = _backup_label(place)
        await self.ensure_wrap_key(under)
        return await self._octets(wire.BackUp(self._id(key.open()), key.spec, under))

    async def release(self, key: HeldKey, recipient: PublicParts, method: str) -> bytes:
        """
        Wrap a key for an RSA key outside, by *method* (section 5.2).

        Raises:
            Invalid: the recipient is no RSA key, or there is no such method.
        """
        try:
            rsa_public_key(recipient)
        except ValueError:
            raise Invalid(
                "The key that is to receive the release is not an RSA key that can.", code="BadParameter"
            ) from None
        if method not in METHODS:
            raise Invalid("There is no such method of wrapping a key.", code="BadParameter")
        return await self._octets(wire.Release(self._id(key.open()), key.spec, recipient, method))

    async def destroy(self, material: bytes) -> None:
        """
        Delete a key from the token, for ever. That there is none is no fault: it is what was wanted.

        Raises:
            Unavailable: it is in another token, where it still is.
        """
        try:
            await self._octets(wire.Destroy(self._id(material)))
        except Unavailable as failure:
            if failure.reason != refusals.NO_OBJECT:
                raise
            # It was not known before which token there is, if this was the first question; or it is another by now.
            self._id(material)

    def forget(self, vault: str, name: str) -> None:
        """Nothing of a key is in this process's memory."""

    async def ensure_wrap_key(self, label: str) -> None:
        """Make a key that wraps others, unless it is there. One at a time, so that there are not two."""
        async with self._making:
            if label in self._workers.ensured:
                return
            try:
                await self._octets(wire.FindWrapKey(label))
            except Invalid:
                # Now it is known not to be there: a worker that only does not see it would make another one.
                await self._octets(wire.EnsureWrapKey(label))
            self._workers.ensured.add(label)

    async def close(self) -> None:
        """End every worker, and refuse whoever waits or comes later."""
        await self._workers.close()

    # ---- questions --------------------------------------------------------------------------------------------------

    def _id(self, material: bytes) -> bytes:
        """
        Say which key of the token some material means.

        Raises:
            Unavailable: it is in another token than the one that is there.
        """
        known = msgspec.msgpack.decode(material, type=_Material)
        if self.token is not None and known.serial != self.token.serial:
            raise Unavailable(refusals.ANOTHER_TEXT, reason="another token")
        return known.id

    def _made(self, answer: wire.Answer) -> MadeKey:
        if not isinstance(answer, wire.Made) or self.token is None:
            raise _unexpected(answer)
        material = msgspec.msgpack.encode(_Material(_FORMAT, self.token.serial, answer.id))
        return MadeKey(answer.spec, answer.parts, material)

    async def _octets(self, question: wire.Question) -> bytes:
        answer = await self._workers.ask(question)
        if not isinstance(answer, wire.Octets):
            raise _unexpected(answer)
        return answer.value

    async def _remover(self, bits: int) -> bytes:
        async with self._making:
            if bits not in self._removers:
                self._removers[bits] = await asyncio.to_thread(paddings.make_remover, bits)
        return self._removers[bits]


def _label(place: Place) -> str:
    """Label a key so that an operator can tell what it is."""
    return f"{place.vault}/{place.name}/{place.version}"


def _backup_label(place: Place) -> str:
    return f"strongroom backup {place.subscription}"


def _unexpected(answer: wire.Answer) -> TypeError:
    return TypeError(f"the worker answered with {type(answer).__name__}")
