"""Keys in software: how they come to be, how they leave, and what is kept of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from strongroom.core import limits
from strongroom.core.errors import Invalid, Throttled
from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys import key_wrap
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, KeyProtection, MadeKey, Place, Undecryptable
from strongroom.crypto.keys.public import PublicOperations, oaep, public_parts
from strongroom.crypto.keys.software import SoftwareKeys
from strongroom.crypto.pool import BoundedPool

HERE = Place("vault", "subscription", "name", "version")
P256 = KeySpec(KeyKind.EC, curve=Curve.P256)
DIGEST = bytes(range(32))


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    """Make an RSA key for the module."""
    return rsa.generate_private_key(65537, 2048)


def encoded(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Give a private key as it is sealed."""
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def held(made: MadeKey, opened: Callable[[], None] = lambda: None, *, version: str = "1") -> HeldKey:
    """Give a key as a vault holds it; *opened* is told of every opening."""

    def open_it() -> bytes:
        opened()
        return made.material

    return HeldKey(("vault", "object", version), made.spec, made.parts, b"sealed", open_it)


def held_rsa(private: rsa.RSAPrivateKey) -> HeldKey:
    """Give an RSA key as a vault holds it."""
    spec = KeySpec(KeyKind.RSA, private.key_size)
    return held(MadeKey(spec, public_parts(private.public_key()), encoded(private)))


def run(work: Callable[[SoftwareKeys], Any]) -> Any:
    """Run something with keys in software, as the protocol has them."""

    async def main() -> Any:
        keys = SoftwareKeys(threads=1)
        place: KeyProtection = keys
        try:
            return await work(keys)
        finally:
            await place.close()

    return asyncio.run(main())


# ---- coming to be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        KeySpec(KeyKind.RSA, 2048),
        KeySpec(KeyKind.RSA, 2048, public_exponent=3),
        *(KeySpec(KeyKind.EC, curve=curve) for curve in Curve),
        *(KeySpec(KeyKind.OCT, bits) for bits in (128, 192, 256)),
    ],
    ids=str,
)
def test_makes_what_is_asked_for(spec: KeySpec) -> None:
    """A new key is of the kind, size, curve and exponent that were asked for, and its parts are its own."""
    made: MadeKey = run(lambda keys: keys.make(spec, HERE))
    assert made.spec == spec
    if spec.kind is KeyKind.OCT:
        assert (len(made.material) * 8, made.parts) == (spec.bits, PublicParts())
        return
    private = load_der_private_key(made.material, None)
    assert isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    assert public_parts(private.public_key()) == made.parts
    if isinstance(private, rsa.RSAPrivateKey):
        assert (private.key_size, private.public_key().public_numbers().e) == (spec.bits, spec.public_exponent)


def test_makes_no_key_with_a_strange_exponent() -> None:
    """An exponent that the library makes no keys with is refused before any work."""
    with pytest.raises(Invalid) as excinfo:
        run(lambda keys: keys.make(KeySpec(KeyKind.RSA, 2048, public_exponent=17), HERE))
    assert excinfo.value.code == "BadParameter"


@asynccontextmanager
async def full(pool: BoundedPool, waiting: int) -> AsyncIterator[None]:
    """Keep a pool of one thread at work, and as many places before it taken as it has."""
    over = threading.Event()
    taken = [asyncio.ensure_future(pool.run(over.wait)) for _ in range(1 + waiting)]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*taken)


def test_keys_being_made_have_a_line_of_limited_length() -> None:
    """As many keys as the limit says wait to be made; the next is refused, and what is long to sign is still signed."""

    async def work(keys: SoftwareKeys) -> None:
        point = held(await keys.make(KeySpec(KeyKind.EC, curve=Curve.P384), HERE))
        async with full(keys._making, limits.KEYS_MADE_WAITING):
            with pytest.raises(Throttled):
                await keys.make(KeySpec(KeyKind.RSA, 2048), HERE)
            assert len(await keys.sign(point, ALGORITHMS["ES384"], bytes(48))) == 96
        assert (await keys.make(KeySpec(KeyKind.RSA, 2048), HERE)).material

    run(work)


def test_uses_have_a_line_of_limited_length(rsa_key: rsa.RSAPrivateKey) -> None:
    """As many uses as the limit says wait for a thread; the next is refused, and P-256 needs none."""
    key = held_rsa(rsa_key)

    async def work(keys: SoftwareKeys) -> None:
        point = held(await keys.make(P256, HERE), version="2")
        async with full(keys._pool, limits.KEY_OPERATIONS_WAITING):
            with pytest.raises(Throttled):
                await keys.sign(key, ALGORITHMS["RS256"], DIGEST)
            assert len(await keys.sign(point, ALGORITHMS["ES256"], DIGEST)) == 64
        assert len(await keys.sign(key, ALGORITHMS["RS256"], DIGEST)) == 256

    run(work)


# ---- what is kept ---------------------------------------------------------------------------------------------------


def test_a_key_is_opened_once_and_kept_ready() -> None:
    """A second use of a key does not open its material again; another version's does."""
    opened: list[int] = []

    async def work(keys: SoftwareKeys) -> None:
        made = await keys.make(P256, HERE)
        for version in ("1", "1", "2"):
            await keys.sign(held(made, lambda: opened.append(1), version=version), ALGORITHMS["ES256"], DIGEST)

    run(work)
    assert len(opened) == 2


def test_keys_are_kept_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the keys that are kept ready, the one that was not used for the longest time goes first."""
    monkeypatch.setattr(limits, "PRIVATE_KEYS_KEPT", 2)
    opened: list[str] = []

    async def work(keys: SoftwareKeys) -> None:
        made = await keys.make(P256, HERE)
        for version in ("1", "2", "1", "3", "1", "2"):
            key = held(made, lambda version=version: opened.append(version), version=version)
            await keys.sign(key, ALGORITHMS["ES256"], DIGEST)

    run(work)
    assert opened == ["1", "2", "3", "2"]


def test_nothing_is_kept_of_what_was_destroyed() -> None:
    """A key that was destroyed is opened anew if anyone uses it still; its neighbours are not."""
    opened: list[str] = []

    async def work(keys: SoftwareKeys) -> None:
        first, second = await keys.make(P256, HERE), await keys.make(P256, HERE)

        async def sign_both() -> None:
            for version, made in (("1", first), ("2", second)):
                key = held(made, lambda version=version: opened.append(version), version=version)
                await keys.sign(key, ALGORITHMS["ES256"], DIGEST)

        await sign_both()
        await keys.destroy(first.material)
        await sign_both()

    run(work)
    assert opened == ["1", "2", "1"]


# ---- decryption gives nothing away ----------------------------------------------------------------------------------


def test_bad_padding_and_a_wrong_key_look_the_same(rsa_key: rsa.RSAPrivateKey) -> None:
    """RSA1_5 refuses neither: both give bytes that follow from key and ciphertext, and say nothing (SEC-BOOT-21)."""
    key, other = held_rsa(rsa_key), rsa.generate_private_key(65537, 2048).public_key()
    row = ALGORITHMS["RSA1_5"]
    parts = key.parts
    badly_padded = pow(2, 65537, int.from_bytes(parts.n or b"", "big")).to_bytes(256, "big")
    public = PublicOperations(threads=1)
    elsewhere = b"\0" + public.encrypt(public_parts(other), row, b"secret")[1:]

    async def work(keys: SoftwareKeys) -> list[bytes]:
        return [
            await keys.decrypt(key, row, Ciphertext(value))
            for value in (badly_padded, badly_padded, elsewhere, elsewhere)
        ]

    first, again, wrong, wrong_again = run(work)
    assert first == again
    assert wrong == wrong_again
    assert b"secret" not in (first, wrong)


@pytest.mark.parametrize("name", ["RSA-OAEP", "RSA-OAEP-256"])
def test_what_does_not_decrypt_has_one_fault(rsa_key: rsa.RSAPrivateKey, name: str) -> None:
    """OAEP has one fault for every ciphertext that is not right, without the library's own behind it."""
    with pytest.raises(Undecryptable) as excinfo:
        run(lambda keys: keys.decrypt(held_rsa(rsa_key), ALGORITHMS[name], Ciphertext(bytes(255) + b"\2")))
    assert excinfo.value.__cause__ is None
    assert excinfo.value.__suppress_context__


# ---- leaving and coming back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [KeySpec(KeyKind.RSA, 2048), P256, KeySpec(KeyKind.OCT, 256)], ids=str)
def test_a_backup_comes_back(spec: KeySpec) -> None:
    """What was backed up is restored as the same key; for another key it is refused."""

    async def work(keys: SoftwareKeys) -> None:
        made = await keys.make(spec, HERE)
        saved = await keys.back_up(held(made), HERE)
        assert await keys.restore(saved, made.spec, made.parts, HERE) == made
        other = PublicParts(n=b"\3", e=b"\3", x=b"\1", y=b"\2")
        wrong = KeySpec(spec.kind, 128, spec.curve)
        for blob, parts in ((saved, other), (saved[:-1], made.parts), (b"", made.parts)):
            with pytest.raises(Invalid):
                await keys.restore(blob, wrong, parts, HERE)

    run(work)


@pytest.mark.parametrize("method", list(key_wrap.METHODS))
@pytest.mark.parametrize("spec", [P256, KeySpec(KeyKind.OCT, 192)], ids=str)
def test_a_released_key_opens_for_its_recipient(rsa_key: rsa.RSAPrivateKey, method: str, spec: KeySpec) -> None:
    """A key leaves wrapped in two steps, and the recipient's own key opens it; no two releases are alike."""
    recipient = public_parts(rsa_key.public_key())

    async def work(keys: SoftwareKeys) -> tuple[bytes, bytes, bytes]:
        made = await keys.make(spec, HERE)
        key = held(made)
        released = [await keys.release(key, recipient, method) for _ in range(2)]
        return made.material, released[0], released[1]

    material, first, second = run(work)
    assert first != second
    assert key_wrap.unwrap(rsa_key, method, first) == material


def test_a_release_is_for_an_rsa_key_alone() -> None:
    """A recipient that is no RSA key of a size in use is refused."""
    small = public_parts(rsa.generate_private_key(65537, 1024).public_key())  # noqa: S505  it is to be refused
    for parts in (PublicParts(), PublicParts(n=b"\4" * 256, e=b"\2"), small):

        async def work(keys: SoftwareKeys, parts: PublicParts = parts) -> bytes:
            return await keys.release(held(await keys.make(P256, HERE)), parts, "CKM_RSA_AES_KEY_WRAP")

        with pytest.raises(Invalid):
            run(work)


def test_a_wrapped_key_comes_in(rsa_key: rsa.RSAPrivateKey) -> None:
    """A key that was wrapped for a key here comes in as what it is, its size open or given."""
    kek, recipient = held_rsa(rsa_key), rsa_key.public_key()
    point, octet = ec.generate_private_key(ec.SECP521R1()), bytes(range(24))

    async def work(keys: SoftwareKeys) -> None:
        for private, spec, found in (
            (encoded(rsa_key), KeySpec(KeyKind.RSA), KeySpec(KeyKind.RSA, 2048)),
            (encoded(rsa_key), KeySpec(KeyKind.RSA, 2048), KeySpec(KeyKind.RSA, 2048)),
            (encoded(point), KeySpec(KeyKind.EC, curve=Curve.P521), KeySpec(KeyKind.EC, curve=Curve.P521)),
            (octet, KeySpec(KeyKind.OCT), KeySpec(KeyKind.OCT, 192)),
        ):
            blob = key_wrap.wrap(recipient, key_wrap.BYOK_METHOD, private)
            made = await keys.bring_in_wrapped(kek, blob, spec, HERE)
            assert (made.spec, made.material) == (found, private)

    run(work)


def test_a_wrapped_key_that_is_wrong_has_one_fault(rsa_key: rsa.RSAPrivateKey) -> None:
    """Whatever of a wrapped key is wrong, either step of the wrap or the key in it, the fault is the same."""
    kek, recipient = held_rsa(rsa_key), rsa_key.public_key()
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505  it is to be refused
    right = key_wrap.wrap(recipient, key_wrap.BYOK_METHOD, encoded(rsa_key))
    once = recipient.encrypt(bytes(17), oaep("sha1"))

    def wrapped(private: bytes) -> bytes:
        return key_wrap.wrap(recipient, key_wrap.BYOK_METHOD, private)

    wrong = [
        (b"", KeySpec(KeyKind.RSA)),
        (right[:256], KeySpec(KeyKind.RSA)),
        (right[:-1], KeySpec(KeyKind.RSA)),
        (right[:-1] + bytes([right[-1] ^ 1]), KeySpec(KeyKind.RSA)),
        (bytes([right[0] ^ 1]) + right[1:], KeySpec(KeyKind.RSA)),
        (once + aes_key_wrap_with_padding(bytes(16), encoded(rsa_key)), KeySpec(KeyKind.RSA)),
        (key_wrap.wrap(recipient, "RSA_AES_KEY_WRAP_256", encoded(rsa_key)), KeySpec(KeyKind.RSA)),
        (right, KeySpec(KeyKind.RSA, 3072)),
        (right, P256),
        (wrapped(encoded(small)), KeySpec(KeyKind.RSA)),
        (wrapped(encoded(ec.generate_private_key(ec.SECP224R1()))), KeySpec(KeyKind.EC)),
        (wrapped(encoded(ec.generate_private_key(ec.SECP384R1()))), P256),
        (wrapped(b"not a key"), KeySpec(KeyKind.RSA)),
        (wrapped(bytes(17)), KeySpec(KeyKind.OCT)),
        (wrapped(bytes(16)), KeySpec(KeyKind.OCT, 256)),
    ]

    async def work(keys: SoftwareKeys) -> None:
        for blob, spec in wrong:
            with pytest.raises(Undecryptable):
                await keys.bring_in_wrapped(kek, blob, spec, HERE)

    run(work)


def test_a_key_of_another_kind_is_our_own_mistake(rsa_key: rsa.RSAPrivateKey) -> None:
    """What only a key of another kind can do is no request's fault: it was to be refused before."""
    with pytest.raises(TypeError):
        run(lambda keys: keys.verify(held_rsa(rsa_key), ALGORITHMS["HS256"], DIGEST, DIGEST))


def test_what_shows_itself_shows_nothing_secret() -> None:
    """A plaintext, its `aad` and a sealed key are in no text that something is shown by."""
    given = Ciphertext(b"plaintext", b"iv", b"tag", b"additional")
    key = HeldKey(("vault", "object", "1"), KeySpec(KeyKind.OCT, 256), PublicParts(), b"sealed", lambda: b"opened")
    shown = f"{given} {given!r} {key} {[given, key]}"
    assert "('vault', 'object', '1')" in shown
    for secret in ("plaintext", "additional", "sealed", "opened"):
        assert secret not in shown
