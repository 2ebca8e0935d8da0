"""What the service asks of a token, made of calls to it: one function for each question of `wire`."""

from __future__ import annotations

import os
from collections.abc import Mapping

import PyKCS11
from cryptography.hazmat.primitives import padding
from PyKCS11 import LowLevel

from strongroom.core.keys import CURVE_BITS, Curve, KeyKind, PublicParts
from strongroom.crypto.keys.algorithms import ALGORITHMS, CBC_IV_BYTES, GCM_IV_BYTES, GCM_TAG_BYTES, Algorithm, Family
from strongroom.crypto.keys.pkcs11 import paddings, refusals, travel, wire
from strongroom.crypto.keys.pkcs11.mechanisms import Mechanisms
from strongroom.crypto.keys.pkcs11.objects import (
    mechanism,
    object_class,
    plain_secret_template,
    private_template,
    public_template,
    wrap_key_template,
)
from strongroom.crypto.keys.pkcs11.refusals import TokenRefusal
from strongroom.crypto.keys.pkcs11.session import Handle, Session
from strongroom.crypto.keys.protocol import Undecryptable
from strongroom.crypto.keys.public import RSA_ENCRYPTIONS

_DIGEST_INFO: Mapping[str, bytes] = {
    # RFC 8017 section 9.2, note 1.
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_HASHES: Mapping[str, tuple[int, int, int]] = {
    "sha1": (LowLevel.CKM_SHA_1, PyKCS11.CKG_MGF1_SHA1, 20),
    "sha256": (LowLevel.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, 32),
    "sha384": (LowLevel.CKM_SHA384, PyKCS11.CKG_MGF1_SHA384, 48),
    "sha512": (LowLevel.CKM_SHA512, PyKCS11.CKG_MGF1_SHA512, 64),
}
_HMACS = {"sha256": LowLevel.CKM_SHA256_HMAC, "sha384": LowLevel.CKM_SHA384_HMAC, "sha512": LowLevel.CKM_SHA512_HMAC}
_BLOCK_BITS = 128
_SEMIBLOCK = 8
"""What key wrap works in: RFC 3394 section 2."""


class Operations:
    """A token, ready for questions."""

    def __init__(self, start: wire.Start) -> None:
        self._session = Session(start.module, start.token, start.pin)
        self._known = Mechanisms(self._session)

    def describe(self) -> wire.Started:
        """Say which token it is."""
        info = self._session.info
        return wire.Started(
            info.label.strip(),
            info.serialNumber.strip(),
            info.manufacturerID.strip(),
            info.model.strip(),
            f"{info.firmwareVersion[0]}.{info.firmwareVersion[1]}",
            self._known.missing,
        )

    def answer(self, asked: wire.Question) -> wire.Answer:
        """Do what is asked; a refusal is an answer too."""
        try:
            return self._answer(asked)
        except Undecryptable:
            return wire.Refused(refusals.UNDECRYPTABLE, "", "")
        except TokenRefusal as refusal:
            return wire.Refused(refusal.kind, refusal.text, refusal.name)

    def _answer(self, asked: wire.Question) -> wire.Answer:
        session, known = self._session, self._known
        match asked:
            case wire.Make():
                return self._make(asked)
            case wire.BringIn():
                return travel.bring_in(session, known, asked)
            case wire.Restore():
                return travel.restore(session, known, asked)
            case wire.BringInWrapped():
                return travel.bring_in_wrapped(session, known, asked)
            case wire.Encrypt():
                return self._encrypt(asked)
            case wire.Look() | wire.Start():
                return self.describe()
            case _:
                return wire.Octets(self._octets(asked))

    def _octets(self, asked: wire.OctetsQuestion) -> bytes:
        session, known = self._session, self._known
        match asked:
            case wire.Sign():
                return self._sign(asked)
            case wire.Decrypt():
                return self._decrypt(asked)
            case wire.BackUp():
                return travel.back_up(session, known, asked)
            case wire.Release():
                return travel.release(session, known, asked)
            case wire.WrapBytes():
                return self._wrap(travel.wrap_key(session, asked.under), asked.plaintext, self._kw())
            case wire.UnwrapBytes():
                return self._unwrap(travel.wrap_key(session, asked.under), asked.wrapped, self._kw())
            case wire.FindWrapKey():
                travel.wrap_key(session, asked.label)
            case wire.EnsureWrapKey():
                travel.ensure_wrap_key(session, asked.label)
            case wire.Destroy():
                self._destroy(asked)
        return b""

    def _destroy(self, asked: wire.Destroy) -> None:
        """Delete a key; that its private part was not there is told, for another process may see it."""
        if not self._session.destroy_all(asked.id):
            raise TokenRefusal(refusals.UNAVAILABLE, refusals.KEY_GONE_TEXT, refusals.NO_OBJECT)

    # ---- making -----------------------------------------------------------------------------------------------------

    def _make(self, asked: wire.Make) -> wire.Made:
        spec, session, key_id = asked.spec, self._session, os.urandom(travel.ID_BYTES)
        private = private_template(spec, key_id, asked.label)
        if spec.kind is KeyKind.OCT:
            template = [*private, (LowLevel.CKA_VALUE_LEN, (spec.bits or 256) // 8)]
            session.generate(template, mechanism(LowLevel.CKM_AES_KEY_GEN))
            return wire.Made(key_id, spec, PublicParts())
        number = LowLevel.CKM_RSA_PKCS_KEY_PAIR_GEN if spec.kind is KeyKind.RSA else LowLevel.CKM_EC_KEY_PAIR_GEN
        made, _ = session.generate_pair(public_template(spec, key_id, asked.label), private, mechanism(number))
        if spec.kind is KeyKind.RSA:
            return wire.Made(key_id, spec, travel.rsa_parts(session, made))
        curve = spec.curve or Curve.P256
        return wire.Made(key_id, spec, travel.point_parts(curve, session.attribute(made, LowLevel.CKA_EC_POINT)))

    # ---- signing ----------------------------------------------------------------------------------------------------

    def _sign(self, asked: wire.Sign) -> bytes:
        algorithm, session, digest = ALGORITHMS[asked.algorithm], self._session, asked.digest
        key = session.find(object_class(asked.spec.kind), key_id=asked.id)
        if algorithm.family is Family.HMAC:
            return self._keyed_tag(key, algorithm, digest)
        if algorithm.family is Family.ECDSA:
            size = (CURVE_BITS[asked.spec.curve or Curve.P256] + 7) // 8
            return session.sign(key, digest, mechanism(LowLevel.CKM_ECDSA), 2 * size)
        size = (asked.spec.bits or 2048) // 8
        if algorithm.family is Family.RSA_PSS:
            hashed, mask, salt = _HASHES[algorithm.hash or ""]
            pss = PyKCS11.RSA_PSS_Mechanism(LowLevel.CKM_RSA_PKCS_PSS, hashed, mask, salt)
            return session.sign(key, digest, pss, size)
        prefix = _DIGEST_INFO[algorithm.hash] if algorithm.hash is not None else b""
        return session.sign(key, prefix + digest, mechanism(LowLevel.CKM_RSA_PKCS), size)

    def _keyed_tag(self, key: Handle, algorithm: Algorithm, digest: bytes) -> bytes:
        """
        Make a keyed tag by an oct key, which is an AES key to the token, and as such makes none.

        So it is wrapped, by a key that is for this alone, and unwrapped as a generic secret for the one call: all in
        the token. A token may ask for a key as long as the tag, as RFC 7518 section 3.2 does, and refuse a shorter one.
        """
        session, wrap = self._session, mechanism(self._kw())
        template = [
            (LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY),
            (LowLevel.CKA_KEY_TYPE, LowLevel.CKK_GENERIC_SECRET),
            (LowLevel.CKA_TOKEN, False),
            (LowLevel.CKA_PRIVATE, True),
            (LowLevel.CKA_SENSITIVE, True),
            (LowLevel.CKA_EXTRACTABLE, False),
            (LowLevel.CKA_SIGN, True),
        ]
        with session.passing(session.generate(wrap_key_template(), mechanism(LowLevel.CKM_AES_KEY_GEN))) as under:
            wrapped = session.wrap(under, key, wrap)
            with session.passing(session.unwrap(under, wrapped, template, wrap)) as twin:
                size = _HASHES[algorithm.hash or ""][2]
                return session.sign(twin, digest, mechanism(_HMACS[algorithm.hash or ""]), size)

    # ---- encryption -------------------------------------------------------------------------------------------------

    def _encrypt(self, asked: wire.Encrypt) -> wire.Encrypted:
        algorithm, session, plaintext = ALGORITHMS[asked.algorithm], self._session, asked.plaintext
        key = session.find(LowLevel.CKO_SECRET_KEY, key_id=asked.id)
        if algorithm.family is Family.AES_GCM:
            iv = os.urandom(GCM_IV_BYTES)
            sealed = session.encrypt(key, plaintext, _gcm(iv, asked.aad))
            return wire.Encrypted(sealed[:-GCM_TAG_BYTES], iv, sealed[-GCM_TAG_BYTES:])
        if algorithm.family in {Family.AES_CBC, Family.AES_CBC_PAD}:
            iv = asked.iv or os.urandom(CBC_IV_BYTES)
            if algorithm.family is Family.AES_CBC_PAD:
                padder = padding.PKCS7(_BLOCK_BITS).padder()
                plaintext = padder.update(plaintext) + padder.finalize()
            if not plaintext:
                return wire.Encrypted(b"", iv)
            return wire.Encrypted(session.encrypt(key, plaintext, mechanism(LowLevel.CKM_AES_CBC, iv)), iv)
        if algorithm.family is Family.AES_KWP and len(plaintext) % _SEMIBLOCK and not self._known.pads:
            raise TokenRefusal(
                refusals.INVALID,
                "The key's token (HSM) wraps keys whose length is a multiple of 8 bytes alone.",
                "CKM_AES_KEY_WRAP_KWP",
            )
        return wire.Encrypted(self._wrap(key, plaintext, self._wrapping(algorithm)))

    def _decrypt(self, asked: wire.Decrypt) -> bytes:
        algorithm, session, value = ALGORITHMS[asked.algorithm], self._session, asked.value
        key = session.find(object_class(asked.spec.kind), key_id=asked.id)
        if asked.spec.kind is KeyKind.RSA:
            return self._decrypt_rsa(key, algorithm, asked)
        if algorithm.family is Family.AES_GCM:
            return session.decrypt(key, value + (asked.tag or b""), _gcm(asked.iv or b"", asked.aad))
        if algorithm.family in {Family.AES_CBC, Family.AES_CBC_PAD}:
            if not value:
                return self._unpadded(b"", algorithm)
            plaintext = session.decrypt(key, value, mechanism(LowLevel.CKM_AES_CBC, asked.iv))
            return self._unpadded(plaintext, algorithm)
        return self._unwrap(key, value, self._wrapping(algorithm))

    @staticmethod
    def _unpadded(plaintext: bytes, algorithm: Algorithm) -> bytes:
        """Take PKCS#7 padding off, where there is one: by the library, which takes as long for a bad one."""
        if algorithm.family is Family.AES_CBC:
            return plaintext
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        try:
            return unpadder.update(plaintext) + unpadder.finalize()
        except ValueError:
            raise Undecryptable from None

    def _decrypt_rsa(self, key: Handle, algorithm: Algorithm, asked: wire.Decrypt) -> bytes:
        session, hashed = self._session, algorithm.hash
        if hashed is not None and hashed not in self._known.oaep_refused:
            number, mask, _ = _HASHES[hashed]
            try:
                return session.decrypt(key, asked.value, PyKCS11.RSAOAEPMechanism(number, mask))
            except TokenRefusal as refusal:
                if refusal.kind == refusals.UNDECRYPTABLE or refusal.name not in refusals.UNSUPPORTED_BY_TOKEN:
                    raise
                self._known.oaep_refused.add(hashed)
                key = session.find(LowLevel.CKO_PRIVATE_KEY, key_id=asked.id)
        if asked.remover is None:
            raise TokenRefusal(refusals.NEEDS_REMOVER, refusals.FAILED_TEXT)
        block = session.decrypt(key, asked.value, mechanism(LowLevel.CKM_RSA_X_509))
        return paddings.remove(asked.remover, block, RSA_ENCRYPTIONS[algorithm.name])

    # ---- wrapping of bytes ------------------------------------------------------------------------------------------
    # Tokens wrap keys, so what a caller wraps becomes a temporary object first. It is not secret from this process.

    def _wrapping(self, algorithm: Algorithm) -> int:
        if algorithm.family is Family.AES_KW:
            return self._kw()
        if self._known.key_wrap_padded is None:
            raise TokenRefusal(refusals.INVALID, refusals.UNSUPPORTED_TEXT, "CKM_AES_KEY_WRAP_KWP")
        return self._known.key_wrap_padded

    def _kw(self) -> int:
        if self._known.key_wrap is None:
            raise TokenRefusal(refusals.INVALID, refusals.UNSUPPORTED_TEXT, "CKM_AES_KEY_WRAP")
        return self._known.key_wrap

    def _wrap(self, under: Handle, plaintext: bytes, number: int) -> bytes:
        session = self._session
        with session.passing(session.create(plain_secret_template(plaintext))) as passing:
            return session.wrap(under, passing, mechanism(number))

    def _unwrap(self, under: Handle, wrapped: bytes, number: int) -> bytes:
        session = self._session
        try:
            made = session.unwrap(under, wrapped, plain_secret_template(), mechanism(number))
        except TokenRefusal as refusal:
            if refusal.kind in {refusals.GONE, refusals.PIN}:
                raise
            raise TokenRefusal(refusals.UNDECRYPTABLE, "", refusal.name) from None
        with session.passing(made) as passing:
            return session.attribute(passing, LowLevel.CKA_VALUE)


def _gcm(iv: bytes, aad: bytes | None) -> PyKCS11.AES_GCM_Mechanism:
    return PyKCS11.AES_GCM_Mechanism(iv, aad or b"", GCM_TAG_BYTES * 8)
