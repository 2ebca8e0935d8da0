"""What a public part alone can do, against Wycheproof's signatures."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from strongroom.core import limits
from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.public import PublicOperations, ec_public_key, public_parts, rsa_public_key
from tests.vectors import vectors

_CURVES = {"ES256": Curve.P256, "ES384": Curve.P384, "ES512": Curve.P521, "ES256K": Curve.P256K}


@pytest.fixture(scope="module")
def public() -> Iterator[PublicOperations]:
    """Make what verifies."""
    operations = PublicOperations(threads=1)
    yield operations
    operations.close()


def key_of(group: dict[str, Any], algorithm: str) -> tuple[KeySpec, PublicParts]:
    """Give a group's key."""
    key = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
    if isinstance(key, rsa.RSAPublicKey):
        return KeySpec(KeyKind.RSA, key.key_size), public_parts(key)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return KeySpec(KeyKind.EC, curve=_CURVES[algorithm]), public_parts(key)


@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("rsa_signature_2048_sha256", "RS256"),
        ("rsa_signature_3072_sha384", "RS384"),
        ("rsa_signature_4096_sha512", "RS512"),
        ("rsa_pss_2048_sha256_mgf1_32", "PS256"),
        ("rsa_pss_4096_sha384_mgf1_48", "PS384"),
        ("rsa_pss_4096_sha512_mgf1_64", "PS512"),
        ("ecdsa_secp256r1_sha256_p1363", "ES256"),
        ("ecdsa_secp384r1_sha384_p1363", "ES384"),
        ("ecdsa_secp521r1_sha512_p1363", "ES512"),
        ("ecdsa_secp256k1_sha256_p1363", "ES256K"),
    ],
)
def test_verifies_what_is_right_and_nothing_else(public: PublicOperations, file: str, algorithm: str) -> None:
    """Every signature of the file is judged as the file does; a wrong one is False, whatever is wrong with it."""
    row = ALGORITHMS[algorithm]

    async def judge() -> list[tuple[int, bool, str]]:
        found = []
        for group in vectors("Signature", file):
            spec, parts = key_of(group, algorithm)
            for test in group["tests"]:
                digest = hashlib.new(row.hash or "", bytes.fromhex(test["msg"])).digest()
                is_right = await public.verify(spec, parts, row, digest, bytes.fromhex(test["sig"]))
                found.append((test["tcId"], is_right, test["result"]))
        return found

    judged = asyncio.run(judge())
    assert len(judged) > 100
    # "Acceptable" are old encodings of a DigestInfo, which a verifier may take or not.
    assert [place for place, right, result in judged if result != "acceptable" and right != (result == "valid")] == []


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 1), (1, 0), (0, 0), (1, 2**256 - 1), (2**256 - 1, 1)],
)
def test_numbers_out_of_range_are_no_signature(public: PublicOperations, r: int, s: int) -> None:
    """Zero, and what is not below the order, make a wrong signature, and no fault."""
    parts = public_parts(ec.generate_private_key(ec.SECP256R1()).public_key())
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    spec = KeySpec(KeyKind.EC, curve=Curve.P256)
    assert asyncio.run(public.verify(spec, parts, ALGORITHMS["ES256"], bytes(32), signature)) is False


def test_public_keys_are_kept_in_bounds() -> None:
    """No more public keys are kept ready than the limit says, of either kind."""
    bound = limits.PUBLIC_KEYS_KEPT
    assert rsa_public_key.cache_parameters()["maxsize"] == ec_public_key.cache_parameters()["maxsize"] == bound
