"""
Keys on their way: into the token from outside, into backups and out of them, and out to whoever a release is for.

On none of these ways is a key in the clear outside the token, unless it came in the clear.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PyKCS11 import CKG_MGF1_SHA1, ECDH1_DERIVE_Mechanism, LowLevel, RSAOAEPMechanism

from strongroom.core import limits
from strongroom.core.keys import OCT_BITS, RSA_BITS, Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys import key_wrap
from strongroom.crypto.keys.pkcs11 import refusals, wire
from strongroom.crypto.keys.pkcs11.mechanisms import Mechanisms
from strongroom.crypto.keys.pkcs11.objects import (
    EC_PARAMETERS,
    mechanism,
    object_class,
    plain_secret_template,
    private_template,
    public_template,
    value_template,
    wrap_key_template,
)
from strongroom.crypto.keys.pkcs11.refusals import TokenRefusal
from strongroom.crypto.keys.pkcs11.session import Handle, Session
from strongroom.crypto.keys.public import CURVES, oaep, public_parts, rsa_public_key

ID_BYTES = 16
_IV_BYTES = 16
_TRANSPORT_BITS = 2048
_WRAP_OVERHEAD = 8
"""By so much is a wrapped key longer: RFC 3394 section 2.2.1."""


class _Saved(msgspec.Struct, array_like=True, frozen=True):
    """A key wrapped for a backup, with what it was wrapped by."""

    mechanism: int
    iv: bytes
    wrapped: bytes


# ---- from outside ---------------------------------------------------------------------------------------------------


def bring_in(session: Session, known: Mechanisms, asked: wire.BringIn) -> wire.Made:
    """
    Take a key that is in the clear.

    A token may forbid keys to be made of what they consist of; then the key goes in as one wrapped for it would.
    """
    key_id = os.urandom(ID_BYTES)
    try:
        session.create(
            [*private_template(asked.spec, key_id, asked.label), *value_template(asked.spec.kind, asked.private)]
        )
    except TokenRefusal as refusal:
        if refusal.kind != refusals.INVALID:
            raise
        _bring_in_by_wrap(session, known, asked, key_id)
    return wire.Made(key_id, asked.spec, asked.parts)


def _bring_in_by_wrap(session: Session, known: Mechanisms, asked: wire.BringIn, key_id: bytes) -> None:
    spec = KeySpec(KeyKind.RSA, _TRANSPORT_BITS)
    public, private = session.generate_pair(
        public_template(spec, key_id, "", lasting=False),
        private_template(spec, key_id, "", lasting=False),
        mechanism(LowLevel.CKM_RSA_PKCS_KEY_PAIR_GEN),
    )
    with session.passing(private), session.passing(public):
        transport = rsa_public_key(rsa_parts(session, private))
        wrapped = key_wrap.wrap(transport, key_wrap.BYOK_METHOD, asked.private)
        with _aes_unwrapped(session, private, wrapped[: _TRANSPORT_BITS // 8]) as once:
            session.unwrap(
                once,
                wrapped[_TRANSPORT_BITS // 8 :],
                private_template(asked.spec, key_id, asked.label),
                mechanism(_padded(known)),
            )


class _Unfit(Exception):
    """What came in is no such key. No refusal of the token's: its temporary objects are there, and are deleted."""


def bring_in_wrapped(session: Session, known: Mechanisms, asked: wire.BringInWrapped) -> wire.Made:
    """
    Take a key that was wrapped for one in the token (CKM_RSA_AES_KEY_WRAP), unwrapped there and nowhere else.

    It is examined as a temporary object: whatever comes of that, even the end of this process, leaves none behind.

    Raises:
        TokenRefusal: it was not wrapped for it, or is not such a key.
    """
    kek = session.find(LowLevel.CKO_PRIVATE_KEY, key_id=asked.kek)
    first, second = asked.wrapped[: asked.kek_bytes], asked.wrapped[asked.kek_bytes :]
    key_id, padded = os.urandom(ID_BYTES), mechanism(_padded(known))
    passing = private_template(asked.spec, key_id, "", lasting=False)
    if asked.spec.kind is KeyKind.EC:
        passing.append((LowLevel.CKA_DERIVE, True))
    try:
        with _aes_unwrapped(session, kek, first) as once:
            with session.passing(session.unwrap(once, second, passing, padded)) as made:
                spec, parts = _examined(session, known, made, asked.spec)
            session.unwrap(once, second, private_template(asked.spec, key_id, asked.label), padded)
    except TokenRefusal as refusal:
        # Whatever the token refuses of bytes that it was given is one answer: of which step it was would be an oracle.
        if refusal.kind in {refusals.GONE, refusals.PIN}:
            raise
        raise TokenRefusal(refusals.UNDECRYPTABLE, "", refusal.name) from None
    except _Unfit as unfit:
        raise TokenRefusal(refusals.UNDECRYPTABLE, "", str(unfit)) from None
    return wire.Made(key_id, spec, parts)


def _aes_unwrapped(session: Session, kek: Handle, wrapped: bytes) -> AbstractContextManager[Handle]:
    """Unwrap the AES key of the first step into the token, for as long as the second takes."""
    template = [
        (LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY),
        (LowLevel.CKA_KEY_TYPE, LowLevel.CKK_AES),
        (LowLevel.CKA_TOKEN, False),
        (LowLevel.CKA_PRIVATE, True),
        (LowLevel.CKA_SENSITIVE, True),
        (LowLevel.CKA_EXTRACTABLE, False),
        (LowLevel.CKA_UNWRAP, True),
    ]
    sha1 = RSAOAEPMechanism(LowLevel.CKM_SHA_1, CKG_MGF1_SHA1)
    return session.passing(session.unwrap(kek, wrapped, template, sha1))


def _examined(session: Session, known: Mechanisms, made: Handle, wanted: KeySpec) -> tuple[KeySpec, PublicParts]:
    """
    Say what a key is that the token unwrapped, and its public part.

    Raises:
        _Unfit: it is not what was wanted.
    """
    if wanted.kind is KeyKind.OCT:
        bits = _oct_bits(session, known, made)
        found, parts = KeySpec(KeyKind.OCT, bits), PublicParts()
        fits = bits in OCT_BITS
    elif wanted.kind is KeyKind.RSA:
        parts = rsa_parts(session, made)
        found = _examined_rsa(session, made, parts)
        fits = True
    else:
        parameters = session.attribute(made, LowLevel.CKA_EC_PARAMS)
        curve = next((name for name, value in EC_PARAMETERS.items() if value == parameters), None)
        if curve is None:
            raise _Unfit("curve")
        found, parts = KeySpec(KeyKind.EC, curve=curve), _ec_parts(session, made, curve)
        fits = True
    if not fits or wanted.bits not in {None, found.bits} or wanted.curve not in {None, found.curve}:
        raise _Unfit("another key than was asked for")
    return found, parts


def _examined_rsa(session: Session, made: Handle, parts: PublicParts) -> KeySpec:
    """
    Say what an RSA key is, as `crypto.keys.material` would of one in the clear: a token may take any numbers.

    That the private part belongs to the public one shows in a signature. It comes last: SoftHSM ends with this process
    when it uses some keys that are none.

    Raises:
        _Unfit: it is none of a sound size and exponent, or its parts do not belong together.
    """
    n, e = (int.from_bytes(number or b"", "big") for number in (parts.n, parts.e))
    bits, digest = n.bit_length(), os.urandom(SHA256.digest_size)
    if bits not in RSA_BITS or n % 2 == 0:
        raise _Unfit("modulus")
    if e < 3 or e % 2 == 0 or e.bit_length() > limits.RSA_EXPONENT_BITS:
        raise _Unfit("exponent")
    signature = session.sign(made, digest, mechanism(LowLevel.CKM_RSA_PKCS), bits // 8)
    try:
        signed = rsa_public_key(parts).recover_data_from_signature(signature, PKCS1v15(), None)
    except (ValueError, InvalidSignature):
        signed = b""
    if signed != digest:
        raise _Unfit("private part of another key")
    return KeySpec(KeyKind.RSA, bits, public_exponent=e)


def _oct_bits(session: Session, known: Mechanisms, made: Handle) -> int:
    """Say how long an oct key is: some tokens tell it of keys that they made, and not of those that they unwrapped."""
    said = session.attribute_number(made, LowLevel.CKA_VALUE_LEN)
    if said:
        return said * 8
    number = known.key_wrap_padded
    if number is None:
        raise TokenRefusal(refusals.INVALID, refusals.UNSUPPORTED_TEXT, "CKA_VALUE_LEN")
    with session.passing(session.generate(wrap_key_template(), mechanism(LowLevel.CKM_AES_KEY_GEN))) as under:
        return (len(session.wrap(under, made, mechanism(number))) - _WRAP_OVERHEAD) * 8


# ---- public parts ---------------------------------------------------------------------------------------------------


def rsa_parts(session: Session, handle: Handle) -> PublicParts:
    """Read the public part of an RSA key, of either half."""
    return PublicParts(
        n=session.attribute(handle, LowLevel.CKA_MODULUS).lstrip(b"\0"),
        e=session.attribute(handle, LowLevel.CKA_PUBLIC_EXPONENT).lstrip(b"\0"),
    )


def point_parts(curve: Curve, point: bytes) -> PublicParts:
    """Read CKA_EC_POINT: the point in an OCTET STRING, or, by some tokens, the point alone."""
    size = (CURVES[curve].key_size + 7) // 8
    return public_parts(ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], point[-(2 * size + 1) :]))


def _ec_parts(session: Session, private: Handle, curve: Curve) -> PublicParts:
    """
    Find out the public part of an elliptic curve key whose private part alone the token has, with CKA_DERIVE.

    A token keeps no point with such a key. But key agreement with the curve's base point G as the other's public key
    gives the x of d*G, which is that of the public key (SEC 1 section 3.3.1). Two points have it: a signature made in
    the token tells which is the key's. No arithmetic of ours is in it.
    """
    size = (CURVES[curve].key_size + 7) // 8
    base = ec.derive_private_key(1, CURVES[curve]).public_key()
    template = [*plain_secret_template(), (LowLevel.CKA_VALUE_LEN, size)]
    agreement = ECDH1_DERIVE_Mechanism(base.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    with session.passing(session.derive(private, template, agreement)) as shared:
        x = session.attribute(shared, LowLevel.CKA_VALUE).rjust(size, b"\0")
    for sign in (b"\2", b"\3"):
        candidate = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], sign + x)
        if _signs_for(session, private, candidate):
            return public_parts(candidate)
    raise _Unfit("no public part")


def _signs_for(session: Session, private: Handle, public: ec.EllipticCurvePublicKey) -> bool:
    """Tell whether a signature by the private part verifies by the public one."""
    digest, size = os.urandom(SHA256.digest_size), (public.key_size + 7) // 8
    signature = session.sign(private, digest, mechanism(LowLevel.CKM_ECDSA), 2 * size)
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    try:
        public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    except InvalidSignature:
        return False
    return True


# ---- backups --------------------------------------------------------------------------------------------------------


def ensure_wrap_key(session: Session, label: str) -> None:
    """Make the key with this label that wraps others, unless it is there."""
    if not _wrap_keys(session, label):
        session.generate(wrap_key_template(label), mechanism(LowLevel.CKM_AES_KEY_GEN))


def wrap_key(session: Session, label: str) -> Handle:
    """
    Give the key with this label that wraps others.

    Raises:
        TokenRefusal: there is none.
    """
    found = _wrap_keys(session, label)
    if not found:
        text = "The key that this was wrapped under is not in the token (HSM)."
        raise TokenRefusal(refusals.INVALID, text, refusals.NO_WRAP_KEY)
    return found[0]


def _wrap_keys(session: Session, label: str) -> list[Handle]:
    return session.find_all(
        [(LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY), (LowLevel.CKA_LABEL, label), (LowLevel.CKA_WRAP, True)]
    )


def back_up(session: Session, known: Mechanisms, asked: wire.BackUp) -> bytes:
    """Wrap a key under the one of its subscription, which does not leave the token."""
    key = session.find(object_class(asked.spec.kind), key_id=asked.id)
    number = known.key_wrap_padded
    # CBC guards nothing against change: the caller's seal does.
    number, iv = (number, b"") if number is not None else (LowLevel.CKM_AES_CBC_PAD, os.urandom(_IV_BYTES))
    wrapped = session.wrap(wrap_key(session, asked.under), key, mechanism(number, iv or None))
    return msgspec.msgpack.encode(_Saved(number, iv, wrapped))


def restore(session: Session, known: Mechanisms, asked: wire.Restore) -> wire.Made:
    """
    Take back what `back_up` gave.

    Raises:
        TokenRefusal: it is not that, or was wrapped under a key that is not in this token.
    """
    wrong = TokenRefusal(refusals.INVALID, "The backup is not one of a key of this token (HSM).", "not a backup")
    try:
        saved = msgspec.msgpack.decode(asked.saved, type=_Saved)
    except msgspec.MsgspecError:
        raise wrong from None
    if saved.mechanism not in {known.key_wrap_padded, LowLevel.CKM_AES_CBC_PAD}:
        raise wrong
    wrap_key(session, asked.under)
    for number in range(len(_wrap_keys(session, asked.under))):
        made = _restored(session, known, asked, saved, number)
        if made is not None:
            return made
    raise wrong


def _restored(session: Session, known: Mechanisms, asked: wire.Restore, saved: _Saved, number: int) -> wire.Made | None:
    """
    Take back what one of the keys with the label has wrapped; None if another did, or it is no such key.

    There is more than one where two nodes that share a token each made theirs, at the first backup of a subscription.
    """
    key_id = os.urandom(ID_BYTES)
    # Found anew each time: a refusal ends the session that the last ones were found in.
    under = _wrap_keys(session, asked.under)[number]
    template = private_template(asked.spec, key_id, asked.label)
    try:
        made = session.unwrap(under, saved.wrapped, template, mechanism(saved.mechanism, saved.iv or None))
    except TokenRefusal as refusal:
        if refusal.kind in {refusals.GONE, refusals.PIN, refusals.INVALID} or refusal.name == "CKR_DEVICE_MEMORY":
            raise
        return None
    fits = False
    try:
        fits = _is_private_part(session, known, made, asked.spec, asked.parts)
    finally:
        if not fits:
            session.destroy_all(key_id)
    return wire.Made(key_id, asked.spec, asked.parts) if fits else None


def _is_private_part(session: Session, known: Mechanisms, made: Handle, spec: KeySpec, parts: PublicParts) -> bool:
    if spec.kind is KeyKind.RSA:
        return rsa_parts(session, made) == parts
    if spec.kind is KeyKind.OCT:
        return _oct_bits(session, known, made) == spec.bits
    curve = spec.curve or Curve.P256
    x, y = int.from_bytes(parts.x or b"", "big"), int.from_bytes(parts.y or b"", "big")
    return session.attribute(made, LowLevel.CKA_EC_PARAMS) == EC_PARAMETERS[curve] and _signs_for(
        session, made, ec.EllipticCurvePublicNumbers(x, y, CURVES[curve]).public_key()
    )


# ---- release --------------------------------------------------------------------------------------------------------


def release(session: Session, known: Mechanisms, asked: wire.Release) -> bytes:
    """
    Wrap a key for an RSA key outside, in the two steps of CKM_RSA_AES_KEY_WRAP.

    The key is wrapped in the token by a fresh AES key that is for this alone. That AES key is read and put under
    RSA-OAEP by the library, since tokens lack OAEP with SHA-256 and SHA-384 and take no foreign key as one to wrap by.
    Nothing is lost by it: whoever can read this process could ask the token for the same with an RSA key of his own.
    """
    key = session.find(object_class(asked.spec.kind), key_id=asked.id)
    number = _padded(known)
    # An oct key fills whole blocks, and there is nothing to pad.
    whole = known.pads or asked.spec.kind is KeyKind.OCT
    if not whole and session.in_hardware:
        raise TokenRefusal(refusals.INVALID, refusals.UNSUPPORTED_TEXT, "CKM_AES_KEY_WRAP_KWP")
    template = [
        (LowLevel.CKA_CLASS, LowLevel.CKO_SECRET_KEY),
        (LowLevel.CKA_KEY_TYPE, LowLevel.CKK_AES),
        (LowLevel.CKA_VALUE_LEN, 32),
        (LowLevel.CKA_TOKEN, False),
        (LowLevel.CKA_PRIVATE, True),
        (LowLevel.CKA_SENSITIVE, False),
        (LowLevel.CKA_EXTRACTABLE, True),
        (LowLevel.CKA_WRAP, True),
    ]
    with session.passing(session.generate(template, mechanism(LowLevel.CKM_AES_KEY_GEN))) as once:
        wrapped = session.wrap(once, key, mechanism(number))
        value = session.attribute(once, LowLevel.CKA_VALUE)
    if not whole:
        wrapped = _padded_again(value, wrapped)
    recipient: rsa.RSAPublicKey = rsa_public_key(asked.recipient)
    return recipient.encrypt(value, oaep(key_wrap.METHODS[asked.method])) + wrapped


def _padded_again(key: bytes, wrapped: bytes) -> bytes:
    """
    Have the library wrap what a token that is a program has padded as nobody else does.

    It is in the clear here meanwhile: in the process whose memory it was in before, since that program's is this one's.
    A device's keys never are.
    """
    loaded = keywrap.aes_key_unwrap_with_padding(key, wrapped)
    # PKCS#8 says how long it is (X.690 section 8.1.3): zeros behind it are the token's.
    length_bytes = loaded[1] & 0x7F if loaded[1] & 0x80 else 0
    length = int.from_bytes(loaded[2 : 2 + length_bytes], "big") if length_bytes else loaded[1]
    return keywrap.aes_key_wrap_with_padding(key, loaded[: 2 + length_bytes + length])


def _padded(known: Mechanisms) -> int:
    if known.key_wrap_padded is None:
        raise TokenRefusal(refusals.INVALID, refusals.UNSUPPORTED_TEXT, "CKM_AES_KEY_WRAP_KWP")
    return known.key_wrap_padded
