"""Every key, every algorithm, every way in and out, in every place; judged by the public part, and by the library."""

from __future__ import annotations

import hmac
import os

import pytest
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from strongroom.core.errors import Invalid
from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys import key_wrap
from strongroom.crypto.keys.algorithms import ALGORITHMS, Family
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, PlainKey, Undecryptable
from strongroom.crypto.keys.public import CURVES, public_parts, rsa_public_key
from tests.conformance.keys.conftest import OCT, P256, PLACE, RSA, Keys, held

EC = [KeySpec(KeyKind.EC, curve=curve) for curve in Curve]
OCTS = [KeySpec(KeyKind.OCT, bits) for bits in (128, 192, 256)]
OUTSIDE = rsa.generate_private_key(65537, 2048)


def specs(algorithm: str) -> list[KeySpec]:
    """Give the kinds of key that an algorithm is for."""
    row = ALGORITHMS[algorithm]
    if row.kind is KeyKind.RSA:
        return [RSA]
    if row.kind is KeyKind.EC:
        return [KeySpec(KeyKind.EC, curve=row.curve)]
    return [KeySpec(KeyKind.OCT, row.key_bits)] if row.key_bits else OCTS


def digest_for(algorithm: str) -> bytes:
    """Give something of the length that the algorithm signs."""
    return os.urandom(ALGORITHMS[algorithm].digest_bytes or 51)


SIGNS = [name for name, row in ALGORITHMS.items() if row.signs]
DECRYPTS = [name for name, row in ALGORITHMS.items() if row.encrypts or row.wraps]


def wrapped_for(keys: Keys, kek: HeldKey, private: bytes) -> bytes:
    """Wrap as a client does that brings its own key."""
    return key_wrap.wrap(rsa_public_key(kek.parts), key_wrap.BYOK_METHOD, private)


def plain(spec: KeySpec) -> PlainKey:
    """Make a key outside."""
    if spec.kind is KeyKind.OCT:
        return PlainKey(spec, PublicParts(), os.urandom((spec.bits or 0) // 8))
    private = OUTSIDE if spec.kind is KeyKind.RSA else ec.generate_private_key(CURVES[spec.curve or Curve.P256])
    encoded = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return PlainKey(spec, public_parts(private.public_key()), encoded)


def works(keys: Keys, key: HeldKey) -> bool:
    """Use a key, and judge it by its public part or by what comes back."""
    if key.spec.kind is KeyKind.OCT:
        sealed = keys.encrypt(key, f"A{key.spec.bits}GCM", b"message", aad=b"about it")
        return keys.decrypt(key, f"A{key.spec.bits}GCM", sealed) == b"message"
    names = {Curve.P256: "ES256", Curve.P256K: "ES256K", Curve.P384: "ES384", Curve.P521: "ES512"}
    algorithm = names[key.spec.curve] if key.spec.curve is not None else "PS256"
    digest = digest_for(algorithm)
    return keys.verifies(key, algorithm, digest, keys.sign(key, algorithm, digest))


@pytest.mark.parametrize("algorithm", [name for name in SIGNS if not name.startswith("HS")])
def test_what_is_signed_verifies_and_nothing_else_does(keys: Keys, algorithm: str) -> None:
    """By the public part of the key, with a digest of the algorithm's length; not one that was altered."""
    for spec in specs(algorithm):
        key, digest = keys.key(spec), digest_for(algorithm)
        signature = keys.sign(key, algorithm, digest)
        assert keys.verifies(key, algorithm, digest, signature)
        assert not keys.verifies(key, algorithm, digest[:-1] + bytes([digest[-1] ^ 1]), signature)


def test_a_keyed_tag_is_made_or_refused(keys: Keys) -> None:
    """HS* by an oct key: a tag that verifies, and no altered one. A token may want a key as long as the tag."""
    for algorithm in ("HS256", "HS384", "HS512"):
        for spec in OCTS:
            key, digest = keys.key(spec), digest_for(algorithm)
            if keys.wants_long_keys and (spec.bits or 0) < len(digest) * 8:
                with pytest.raises(Invalid, match="does not support"):
                    keys.sign(key, algorithm, digest)
                continue
            tag = keys.sign(key, algorithm, digest)
            assert len(tag) == len(digest)
            assert keys.verifies(key, algorithm, digest, tag)
            assert not keys.verifies(key, algorithm, digest, bytes(len(tag)))


def test_a_keyed_tag_is_the_librarys(keys: Keys) -> None:
    """HMAC under the key's own bytes (RFC 2104), over the digest that was sent."""
    outside = plain(OCT)
    key = held(keys.run(keys.protection.bring_in(outside, PLACE)))
    digest = os.urandom(32)
    assert keys.sign(key, "HS256", digest) == hmac.digest(outside.private, digest, "sha256")


def test_padded_key_wrap_of_any_length_is_done_or_refused(keys: Keys) -> None:
    """RFC 5649 of lengths that want padding: right, or not at all. Unwrapped it always is."""
    outside = plain(OCT)
    key = held(keys.run(keys.protection.bring_in(outside, PLACE)))
    for length in (1, 7, 13, 100):
        data = os.urandom(length)
        wrapped = keywrap.aes_key_wrap_with_padding(outside.private, data)
        assert keys.decrypt(key, "CKM_AES_KEY_WRAP_PAD", Ciphertext(wrapped)) == data
        if keys.pads:
            assert keys.encrypt(key, "CKM_AES_KEY_WRAP_PAD", data).value == wrapped
        else:
            with pytest.raises(Invalid, match="a multiple of 8 bytes alone"):
                keys.encrypt(key, "CKM_AES_KEY_WRAP_PAD", data)


@pytest.mark.parametrize("algorithm", DECRYPTS)
def test_what_is_encrypted_comes_back(keys: Keys, algorithm: str) -> None:
    """Every size of key, every length that the algorithm takes."""
    family = ALGORITHMS[algorithm].family
    lengths = {
        Family.AES_GCM: (0, 1, 16, 100),
        Family.AES_CBC: (16, 64),
        Family.AES_CBC_PAD: (0, 1, 15, 16, 33),
        Family.AES_KW: (16, 24, 32, 64),
        Family.AES_KWP: (8, 16, 104),
    }.get(family, (1, 32, 190))
    for spec in specs(algorithm):
        for length in lengths:
            key, plaintext = keys.key(spec), os.urandom(length)
            sealed = keys.encrypt(key, algorithm, plaintext, **({"aad": b"x"} if family is Family.AES_GCM else {}))
            assert keys.decrypt(key, algorithm, sealed) == plaintext, (spec, length)


@pytest.mark.parametrize("algorithm", [name for name in DECRYPTS if "CBC" not in name and name != "RSA1_5"])
def test_what_was_altered_does_not_decrypt(keys: Keys, algorithm: str) -> None:
    """One bit anywhere, or another length, and the answer is the same: Undecryptable."""
    for spec in specs(algorithm):
        key = keys.key(spec)
        sealed = keys.encrypt(key, algorithm, bytes(32))
        values = [sealed.value[:-1] + bytes([sealed.value[-1] ^ 1]), os.urandom(len(sealed.value))]
        for value in values:
            with pytest.raises(Undecryptable):
                keys.decrypt(key, algorithm, Ciphertext(value, sealed.iv, sealed.tag, sealed.aad))
    assert works(keys, key)


def test_an_empty_plaintext_has_a_tag_that_counts(keys: Keys) -> None:
    """GCM of nothing is a tag, and it is looked at."""
    sealed = keys.encrypt(keys.key(OCT), "A256GCM", b"", aad=b"about nothing")
    assert sealed.tag is not None
    with pytest.raises(Undecryptable):
        keys.decrypt(keys.key(OCT), "A256GCM", Ciphertext(b"", sealed.iv, bytes(16), b"about nothing"))


def test_a_bad_cbc_padding_is_undecryptable(keys: Keys) -> None:
    """PKCS#7 padding that is none."""
    sealed = keys.encrypt(keys.key(OCT), "A256CBC", bytes(32), iv=bytes(16))
    with pytest.raises(Undecryptable):
        keys.decrypt(keys.key(OCT), "A256CBCPAD", Ciphertext(sealed.value, sealed.iv))


def test_a_bad_rsa_padding_gives_the_same_bytes_each_time(keys: Keys) -> None:
    """PKCS#1 v1.5 that does not fit is no error, and asking again, of another worker too, tells nothing."""
    key = keys.key(RSA)
    value = b"\0" + os.urandom(255)

    def ask() -> bytes:
        return keys.decrypt(key, "RSA1_5", Ciphertext(value))

    assert len({ask() for _ in range(4)}) == 1


def test_aes_wraps_as_the_rfcs_say(keys: Keys) -> None:
    """A key from outside wraps what the library unwraps (RFC 3394, RFC 5649)."""
    outside = plain(OCT)
    key = held(keys.run(keys.protection.bring_in(outside, PLACE)))
    data = os.urandom(32)
    assert keywrap.aes_key_unwrap(outside.private, keys.encrypt(key, "A256KW", data).value) == data
    padded = keys.encrypt(key, "CKM_AES_KEY_WRAP_PAD", data).value
    assert keywrap.aes_key_unwrap_with_padding(outside.private, padded) == data


@pytest.mark.parametrize("spec", [RSA, *EC, *OCTS], ids=str)
def test_a_key_travels(keys: Keys, spec: KeySpec) -> None:
    """In in the clear, into a backup and out of it, out to a recipient, in again wrapped: the same key all along."""
    outside = plain(spec)
    key = held(keys.run(keys.protection.bring_in(outside, PLACE)))
    assert works(keys, key)
    saved = keys.run(keys.protection.back_up(key, PLACE))
    keys.run(keys.protection.destroy(key.open()))
    again = held(keys.run(keys.protection.restore(saved, key.spec, key.parts, PLACE)))
    assert (again.spec, again.parts) == (outside.spec, outside.parts)
    assert works(keys, again)
    for method in key_wrap.METHODS:
        released = keys.run(keys.protection.release(again, public_parts(OUTSIDE.public_key()), method))
        private = key_wrap.unwrap(OUTSIDE, method, released)
        assert _numbers(spec, private) == _numbers(spec, outside.private)
    wrapped = wrapped_for(keys, keys.key(RSA), private)
    third = held(keys.run(keys.protection.bring_in_wrapped(keys.key(RSA), wrapped, KeySpec(spec.kind), PLACE)))
    assert (third.spec, third.parts) == (outside.spec, outside.parts)
    assert works(keys, third)


def _numbers(spec: KeySpec, private: bytes) -> object:
    if spec.kind is KeyKind.OCT:
        return private
    loaded = load_der_private_key(private, None)
    assert isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return loaded.private_numbers()


def test_a_made_key_travels(keys: Keys) -> None:
    """What was made here can be backed up and released as what was brought here can."""
    for spec in (P256, OCT):
        key = keys.new(spec)
        saved = keys.run(keys.protection.back_up(key, PLACE))
        assert works(keys, held(keys.run(keys.protection.restore(saved, key.spec, key.parts, PLACE))))
        released = keys.run(keys.protection.release(key, public_parts(OUTSIDE.public_key()), "RSA_AES_KEY_WRAP_256"))
        assert key_wrap.unwrap(OUTSIDE, "RSA_AES_KEY_WRAP_256", released)


def test_a_backup_of_another_key_is_refused(keys: Keys) -> None:
    """The private part has to be the one of the public part that it is restored for."""
    one, other = keys.key(P256), keys.new(P256)
    saved = keys.run(keys.protection.back_up(one, PLACE))
    with pytest.raises(Invalid):
        keys.run(keys.protection.restore(saved, other.spec, other.parts, PLACE))
    with pytest.raises(Invalid):
        keys.run(keys.protection.restore(b"\x93nonsense", one.spec, one.parts, PLACE))


@pytest.mark.parametrize(
    "wanted", [KeySpec(KeyKind.EC, curve=Curve.P384), KeySpec(KeyKind.RSA, 3072), KeySpec(KeyKind.OCT, 256)], ids=str
)
def test_a_wrapped_key_of_another_kind_is_refused(keys: Keys, wanted: KeySpec) -> None:
    """Of another curve, another size, or another kind than was asked for."""
    inside = {KeyKind.EC: P256, KeyKind.RSA: RSA, KeyKind.OCT: KeySpec(KeyKind.OCT, 128)}[wanted.kind]
    wrapped = wrapped_for(keys, keys.key(RSA), plain(inside).private)
    with pytest.raises(Undecryptable):
        keys.run(keys.protection.bring_in_wrapped(keys.key(RSA), wrapped, wanted, PLACE))


def der(tag: int, *contents: bytes) -> bytes:
    """Write an element."""
    content = b"".join(contents)
    length = len(content)
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, length] if length < 128 else [tag, 0x80 | len(octets), *octets]) + content


def integer(number: int) -> bytes:
    """Write a number that is not negative."""
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def rsa_pkcs8(**changes: int) -> bytes:
    """Write an RSA key as no library would: `OUTSIDE`, with some of its numbers changed."""
    own = OUTSIDE.private_numbers()
    numbers = {"n": own.public_numbers.n, "e": own.public_numbers.e, "d": own.d, "p": own.p, "q": own.q}
    numbers |= {"dp": own.dmp1, "dq": own.dmq1, "qi": own.iqmp} | changes
    key = der(0x30, integer(0), *map(integer, numbers.values()))
    return der(0x30, integer(0), bytes.fromhex("300d06092a864886f70d0101010500"), der(4, key))


_N, _D = OUTSIDE.private_numbers().public_numbers.n, OUTSIDE.private_numbers().d


@pytest.mark.parametrize(
    "changes",
    [
        {"e": 0},
        {"e": 1, "d": 1, "dp": 1, "dq": 1},
        {"e": 65536},
        {"e": _N - 2},
        {"n": _N - 1},
        {"n": _N + 2},
        {"d": _D + 2, "dp": 3, "dq": 3},
    ],
    ids=[
        "exponent 0",
        "exponent 1",
        "even exponent",
        "huge exponent",
        "even modulus",
        "another modulus",
        "another private exponent",
    ],
)
def test_a_wrapped_key_that_is_none_is_refused(keys: Keys, changes: dict[str, int]) -> None:
    """What is checked of an RSA key in the clear is checked of one that comes wrapped; the place goes on working."""
    kek = keys.key(RSA)
    assert keys.run(keys.protection.bring_in_wrapped(kek, wrapped_for(keys, kek, rsa_pkcs8()), RSA, PLACE)).spec == RSA
    with pytest.raises(Undecryptable):
        keys.run(
            keys.protection.bring_in_wrapped(
                kek, wrapped_for(keys, kek, rsa_pkcs8(**changes)), KeySpec(KeyKind.RSA), PLACE
            )
        )
    assert works(keys, kek)


def test_a_wrapped_key_under_a_password_is_refused(keys: Keys) -> None:
    """PKCS#8 that is encrypted once more is no key that anybody here can read."""
    once_more = OUTSIDE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    kek = keys.key(RSA)
    with pytest.raises(Undecryptable):
        keys.run(keys.protection.bring_in_wrapped(kek, wrapped_for(keys, kek, once_more), RSA, PLACE))


def test_what_was_wrapped_for_another_is_refused(keys: Keys) -> None:
    """And what is no wrapped key at all."""
    wrapped = key_wrap.wrap(OUTSIDE.public_key(), key_wrap.BYOK_METHOD, plain(P256).private)
    for value in (wrapped, os.urandom(300), b""):
        with pytest.raises(Undecryptable):
            keys.run(keys.protection.bring_in_wrapped(keys.key(RSA), value, P256, PLACE))


def test_rsa_keys_have_the_exponent_and_size_that_were_asked_for(keys: Keys) -> None:
    """Size and public exponent are in the public part."""
    made = keys.new(KeySpec(KeyKind.RSA, 3072, public_exponent=3))
    numbers = rsa_public_key(made.parts).public_numbers()
    assert (numbers.n.bit_length(), numbers.e) == (3072, 3)


def test_nothing_shows_a_key(keys: Keys) -> None:
    """What is printed of a made key names none of its material."""
    made = keys.run(keys.protection.make(P256, PLACE))
    assert repr(made.material)[2:-1] not in repr(made)
