"""Private JSON Web Keys from outside: what is read, and every way in which they can be wrong (SEC-KEY-5)."""

from __future__ import annotations

import asyncio
import random
import secrets
import threading
from collections.abc import Mapping
from math import gcd
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.core.errors import Invalid, Throttled
from strongroom.core.keys import Curve, KeyKind
from strongroom.core.limits import KEY_MEMBER_BYTES, KEYS_MADE_WAITING, RSA_EXPONENT_BITS
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys import material
from strongroom.crypto.keys.material import PrivateKeyReader, _recovered, read_private_key
from strongroom.crypto.keys.public import CURVES
from tests.plugins import canary

Numbers = dict[str, int]


def octets(number: int, zeros: int = 0) -> bytes:
    """Spell a number, with zeros in front."""
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")


def members(numbers: Mapping[str, int], zeros: int = 0) -> dict[str, bytes]:
    """Spell numbers."""
    return {name: octets(number, zeros) for name, number in numbers.items()}


@pytest.fixture(scope="module")
def rsa_key() -> Numbers:
    """Make an RSA key by another hand: the library's own members."""
    private = rsa.generate_private_key(65537, 2048).private_numbers()
    public = private.public_numbers
    canary.remember(octets(private.d).hex())
    return {
        "n": public.n,
        "e": public.e,
        "d": private.d,
        "p": private.p,
        "q": private.q,
        "dp": private.dmp1,
        "dq": private.dmq1,
        "qi": private.iqmp,
    }


def ec_key(curve: Curve) -> Numbers:
    """Make an EC key."""
    private = ec.generate_private_key(CURVES[curve]).private_numbers()
    point = private.public_numbers
    return {"x": point.x, "y": point.y, "d": private.private_value}


def refused(kind: KeyKind, given: Mapping[str, bytes], curve: Curve | None = None, seed: object = None) -> str:
    """State that a key is refused, by words without anything of the key in them; the words."""
    with pytest.raises(Invalid) as refusal:
        read_private_key(kind, curve, given)
    assert refusal.value.code == "BadParameter", seed
    assert refusal.value.__cause__ is None
    assert not any(value.hex() in refusal.value.message for value in given.values() if len(value) > 2)
    return refusal.value.message


# ---- RSA ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [0, 1, 8])
@pytest.mark.parametrize("left_out", [(), ("p", "q", "dp", "dq", "qi"), ("dp", "dq", "qi"), ("qi",)])
def test_an_rsa_key_is_read(rsa_key: Numbers, left_out: tuple[str, ...], zeros: int) -> None:
    """With all of its members, without those that follow from others, and with zeros in front: it is the same key."""
    given = {name: number for name, number in rsa_key.items() if name not in left_out}
    key = read_private_key(KeyKind.RSA, None, members(given, zeros))
    private = load_der_private_key(key.private, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.private_numbers().d == rsa_key["d"]
    assert (key.parts.n, key.parts.e) == (octets(rsa_key["n"]), octets(rsa_key["e"]))
    assert (key.spec.bits, key.spec.public_exponent) == (2048, 65537)


def bad_rsa(good: Numbers) -> dict[str, Numbers]:
    """Spoil a good key in every way that has a name."""
    n, e, d, p, q = (good[name] for name in ("n", "e", "d", "p", "q"))
    other = (1 << 2047) | 1
    return {
        "exponent 0": good | {"e": 0},
        "exponent 1": good | {"e": 1},
        "exponent 2": good | {"e": 2},
        "an even exponent": good | {"e": 65536},
        "another exponent": good | {"e": 65539},
        "an exponent of 65 bits": good | {"e": (1 << RSA_EXPONENT_BITS) + 1},
        "an even modulus": good | {"n": n - 1},
        "another modulus": good | {"n": n + 2},
        "a modulus of 2047 bits": good | {"n": n >> 1},
        "a modulus of 2049 bits": good | {"n": n << 1 | 1},
        "a modulus of 1024 bits": good | {"n": p},
        "a modulus that is no product": good | {"n": other, "p": 3, "q": other // 3},
        "d of 0": good | {"d": 0},
        "d of 1": good | {"d": 1},
        "d as large as n": good | {"d": n},
        "d mismatched": good | {"d": d + 2},
        "d mismatched, alone": {"n": n, "e": e, "d": d + 2},
        "d of another key, alone": {"n": n, "e": e, "d": d ^ (1 << 1000)},
        "p altered": good | {"p": p + 2},
        "q altered": good | {"q": q + 2},
        "p and q the same": good | {"q": p},
        "p and q exchanged": good | {"p": q, "q": p},
        "p is 1": good | {"p": 1, "q": n},
        "p is n": good | {"p": n, "q": 1},
        "dp altered": good | {"dp": good["dp"] + 2},
        "dq altered": good | {"dq": good["dq"] + 2},
        "qi altered": good | {"qi": good["qi"] ^ 1},
        "qi of 0": good | {"qi": 0},
    }


def test_a_spoilt_rsa_key_is_refused(rsa_key: Numbers) -> None:
    """Whatever is wrong with it: exponents, modulus, factors or what follows from them."""
    for what, numbers in bad_rsa(rsa_key).items():
        refused(KeyKind.RSA, members(numbers), seed=what)


def test_an_rsa_key_of_composite_factors_is_refused() -> None:
    """A key that is right in every equation, but whose factors are no primes, is none."""
    chance = random.Random(20)  # noqa: S311  the same numbers in every run
    while True:
        p, q = (chance.getrandbits(1024) | 1 << 1023 | 1 << 1022 | 1 for _ in range(2))
        try:
            d = pow(65537, -1, (p - 1) * (q - 1))
            qi = pow(q, -1, p)
        except ValueError:
            continue
        break
    numbers = {"n": p * q, "e": 65537, "d": d, "p": p, "q": q, "dp": d % (p - 1), "dq": d % (q - 1), "qi": qi}
    assert "belong together" in refused(KeyKind.RSA, members(numbers))


def test_an_rsa_key_whose_factors_are_easily_found_is_refused() -> None:
    """A small factor is found by trial, two that are close by the square root of the modulus (FIPS 186-5 A.1.1)."""
    half = 3 << 1022 | 1
    for p, q in ((13, 5 << 2041 | 1), (half + 2, half), (half + (1 << 922), half), (1 << 922 | 1, 3 << 1124 | 1)):
        assert "too easily found" in refused(KeyKind.RSA, members({"n": p * q, "e": 65537, "d": 65539, "p": p, "q": q}))


def test_no_factors_are_looked_for_where_there_are_none() -> None:
    """A prime, a power of one, and exponents made to keep the search busy are refused at once, not after minutes."""
    prime = (1 << 2203) - 1
    square = ((1 << 1279) - 1) ** 2
    slow = 1 << 2047 | 1
    for modulus, order in ((prime, prime - 1), (square, square - ((1 << 1279) - 1)), (slow, 1 << 2000)):
        with pytest.raises(Invalid):
            _recovered(modulus, 65537, pow(65537, -1, order))


def test_numbers_made_to_be_looked_for_in_vain_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All powers of 17, which the library tries first, are as a key's, and those of no other number: no long search."""
    order = 1003
    modulus = (17**order - 1) // 16
    # e*d - 1 is a multiple of the order of 17, and 60 of its factors are 2.
    d = next(found // 3 for j in range(1, 9, 2) if (found := 1 + (order * j << 4050)) % 3 == 0)
    assert pow(17, 3 * d, modulus) == 17
    powers: list[int] = []

    def counted(base: int, exponent: int, modulo: int) -> int:
        powers.append(exponent)
        return pow(base, exponent, modulo)

    monkeypatch.setattr(material, "pow", counted, raising=False)
    refused(KeyKind.RSA, members({"n": modulus, "e": 3, "d": d}))
    assert len(powers) <= 3


def test_factors_are_found_whatever_the_exponents(rsa_key: Numbers) -> None:
    """Of either definition of the private exponent."""
    n, p, q = rsa_key["n"], rsa_key["p"], rsa_key["q"]
    for order in ((p - 1) * (q - 1), (p - 1) * (q - 1) // gcd(p - 1, q - 1)):
        assert set(_recovered(n, 65537, pow(65537, -1, order))) == {p, q}


def test_no_bit_of_an_rsa_key_can_be_changed(rsa_key: Numbers) -> None:
    """One bit anywhere in any member makes another key, which is refused."""
    seed = secrets.randbits(32)
    chance = random.Random(seed)  # noqa: S311  repeatable, by the seed in the message
    for name, number in rsa_key.items():
        changed = number ^ (1 << chance.randrange(number.bit_length()))
        refused(KeyKind.RSA, members(rsa_key | {name: changed}), seed=(seed, name))


# ---- EC -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", Curve)
def test_an_ec_key_is_read(curve: Curve) -> None:
    """A key on each curve is read, with zeros in front too, and its coordinates have the curve's length."""
    numbers = ec_key(curve)
    for zeros in (0, 2):
        key = read_private_key(KeyKind.EC, curve, members(numbers, zeros))
        private = load_der_private_key(key.private, None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        assert private.private_numbers().private_value == numbers["d"]
        assert len(key.parts.x or b"") == len(key.parts.y or b"") == (CURVES[curve].key_size + 7) // 8
        assert key.spec.curve is curve


ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
FIELD_P256 = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def test_a_spoilt_ec_key_is_refused() -> None:
    """A point off the curve or at infinity, coordinates outside the field, and a scalar out of range or of another."""
    good = ec_key(Curve.P256)
    spoilt = {
        "x altered": good | {"x": good["x"] ^ 1},
        "y altered": good | {"y": good["y"] ^ 1},
        "x and y exchanged": good | {"x": good["y"], "y": good["x"]},
        "infinity": good | {"x": 0, "y": 0},
        "x beyond the field": good | {"x": good["x"] + FIELD_P256},
        "y negated": good | {"y": FIELD_P256 - good["y"]},
        "d of 0": good | {"d": 0},
        "d of the order": good | {"d": ORDER_P256},
        "d beyond the order": good | {"d": ORDER_P256 + 1},
        "d mismatched": good | {"d": good["d"] ^ 1},
        "d negated": good | {"d": ORDER_P256 - good["d"]},
        "d of 257 bits": good | {"d": good["d"] | 1 << 256},
    }
    for what, numbers in spoilt.items():
        refused(KeyKind.EC, members(numbers), Curve.P256, seed=what)


@pytest.mark.parametrize("curve", [None, Curve.P256K, Curve.P384, Curve.P521])
def test_a_point_of_another_curve_is_refused(curve: Curve | None) -> None:
    """A P-256 key is none of another curve, nor of no curve."""
    refused(KeyKind.EC, members(ec_key(Curve.P256)), curve)


# ---- oct, and what is the same for all ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 24, 32])
def test_an_oct_key_is_read(size: int) -> None:
    """Its bytes are the key, zeros in front included."""
    value = bytes(1) + secrets.token_bytes(size - 1)
    key = read_private_key(KeyKind.OCT, None, {"k": value})
    assert (key.private, key.spec.bits) == (value, size * 8)


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 33, 64])
def test_an_oct_key_has_a_size_of_aes(size: int) -> None:
    """128, 192 or 256 bits, and none that is padded to them."""
    refused(KeyKind.OCT, {"k": bytes(size)})


@pytest.mark.parametrize("kind", KeyKind)
def test_members_are_those_of_the_kind(kind: KeyKind, rsa_key: Numbers) -> None:
    """One that is missing and one of another kind are named."""
    good: dict[KeyKind, Any] = {
        KeyKind.RSA: members(rsa_key),
        KeyKind.EC: members(ec_key(Curve.P256)),
        KeyKind.OCT: {"k": secrets.token_bytes(16)},
    }
    needed = {KeyKind.RSA: ("n", "e", "d"), KeyKind.EC: ("x", "y", "d"), KeyKind.OCT: ("k",)}[kind]
    for name in needed:
        left = {other: value for other, value in good[kind].items() if other != name}
        assert f"Property {name} is missing." in refused(kind, left, Curve.P256)
    for name in {"n", "e", "d", "p", "q", "dp", "dq", "qi", "x", "y", "k"} - good[kind].keys():
        assert f"Property {name} " in refused(kind, good[kind] | {name: b"\x01"}, Curve.P256)


@pytest.mark.parametrize("left_out", [("p",), ("q",), ("p", "q")])
def test_a_factor_does_not_come_alone(rsa_key: Numbers, left_out: tuple[str, ...]) -> None:
    """Without one of the factors, or with what follows from factors that are not there, a key is not read."""
    refused(KeyKind.RSA, members({name: number for name, number in rsa_key.items() if name not in left_out}))


def test_an_enormous_member_is_refused_unread(rsa_key: Numbers) -> None:
    """A member has as many bytes as the largest key needs and no more, zeros included; at the limit it is read."""
    fits = bytes(KEY_MEMBER_BYTES - 256) + octets(rsa_key["n"])
    read_private_key(KeyKind.RSA, None, members(rsa_key) | {"n": fits})
    for name in rsa_key:
        assert "wrong length" in refused(KeyKind.RSA, members(rsa_key) | {name: b"\x00" + fits})
        assert "wrong length" in refused(KeyKind.RSA, members(rsa_key) | {name: b""})


def test_so_many_keys_wait_to_be_read_and_no_more() -> None:
    """A burst of imports waits in a line of limited length; who comes after is told to try again (429)."""

    async def burst() -> None:
        reader, gate = PrivateKeyReader(Forks()), threading.Event()
        key = members(ec_key(Curve.P256))
        busy = [asyncio.create_task(reader._pool.run(gate.wait)) for _ in range(KEYS_MADE_WAITING)]
        try:
            await asyncio.sleep(0)
            waits = asyncio.create_task(reader.read(KeyKind.EC, Curve.P256, key))
            await asyncio.sleep(0)
            with pytest.raises(Throttled):
                await reader.read(KeyKind.EC, Curve.P256, key)
            gate.set()
            assert (await waits).spec.curve is Curve.P256
        finally:
            gate.set()
            await asyncio.gather(*busy)
            reader.close()

    asyncio.run(burst())
