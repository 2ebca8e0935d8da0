"""
Signatures by known answers, judged by the public part alone: Wycheproof, NIST's CAVP for FIPS 186.

These vectors have no private keys, and the API imports nothing else: so the test puts the keys into the vault past the
API (`Place.hold_public`), and asks the API for every verification. That goes one way for keys in software and in a
token, which is not asked: tests/flow/test_token_keys.py has it away meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from strongroom.core.keys import RSA_BITS
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.public import PublicKey
from tests.flow.vectors.places import InSoftware, Place
from tests.vectors import blocks, vectors

BITS = {"SHA-256": 256, "SHA-384": 384, "SHA-512": 512, "SHA256": 256, "SHA384": 384, "SHA512": 512}
"""Of the hashes that signatures here are made with, as Wycheproof and NIST write them."""
EC_ALGORITHMS = {
    "secp256r1": "ES256",
    "secp256k1": "ES256K",
    "secp384r1": "ES384",
    "secp521r1": "ES512",
    "P-256": "ES256",
    "P-384": "ES384",
    "P-521": "ES512",
}
CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Give a vault."""
    with InSoftware() as place:
        yield place


def says(place: Place, public: PublicKey, algorithm: str, digest: bytes, signature: bytes) -> bool:
    """Ask whether a signature is a key's."""
    answer = place.use(place.hold_public(public), "verify", algorithm, signature, digest=digest)
    assert answer.status == 200, answer.body
    verdict: bool = answer.json["value"]
    return verdict


def rsa_public_key(group: dict[str, Any]) -> rsa.RSAPublicKey:
    """Give a group's key, which some have in an encoding of PSS's own."""
    numbers = group.get("publicKey") or group["privateKey"]
    return rsa.RSAPublicNumbers(int(numbers["publicExponent"], 16), int(numbers["modulus"], 16)).public_key()


# ---- Wycheproof -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [256, 384, 512])
@pytest.mark.parametrize("size", RSA_BITS)
def test_pkcs1(place: Place, size: int, bits: int) -> None:
    """RS256, RS384 and RS512: every signature is judged as the file does; a wrong one is False, whatever is wrong."""
    for group in vectors("Signature", f"rsa_signature_{size}_sha{bits}"):
        public = rsa_public_key(group)
        for test in group["tests"]:
            digest = hashlib.new(f"sha{bits}", bytes.fromhex(test["msg"])).digest()
            # "Acceptable" is a DigestInfo without its NULL, as old signers wrote it: no signature here.
            is_right = test["result"] == "valid"
            assert says(place, public, f"RS{bits}", digest, bytes.fromhex(test["sig"])) == is_right, test["tcId"]


@pytest.mark.parametrize("size", RSA_BITS)
def test_pkcs1_by_small_exponents(place: Place, size: int) -> None:
    """Signatures of keys with the exponent 3 that are small, or close to the modulus, verify."""
    for group in vectors("Signature", f"rsa_pkcs1_{size}_sig_gen"):
        bits = BITS.get(group["sha"])
        for test in group["tests"] if bits else ():
            digest = hashlib.new(f"sha{bits}", bytes.fromhex(test["msg"])).digest()
            assert says(place, rsa_public_key(group), f"RS{bits}", digest, bytes.fromhex(test["sig"])), test["tcId"]


@pytest.mark.parametrize(
    "file",
    [
        *(f"2048_{one}" for one in ("sha256_mgf1_0", "sha256_mgf1sha1_20", "sha384_mgf1_48")),
        *(f"{size}_sha256_mgf1_32" for size in RSA_BITS),
        *(f"4096_{one}" for one in ("sha384_mgf1_48", "sha512_mgf1_32", "sha512_mgf1_64")),
        *(f"{one}_params" for one in ("2048_sha256_mgf1_32", "3072_sha256_mgf1_32", "4096_sha512_mgf1_64")),
        "2048_sha512_mgf1sha256_32_params",
        "misc",
        "misc_params",
    ],
)
def test_pss(place: Place, file: str) -> None:
    """
    PS256, PS384 and PS512: every signature is judged as the file does, if its mask and its salt are theirs.

    The mask is of the same hash, and the salt as long as the digest (RFC 7518 section 3.5): what has others is False.
    """
    for group in vectors("Signature", f"rsa_pss_{file}"):
        if (bits := BITS.get(group["sha"])) is None:
            continue
        public, has_own_mask, has_own_salt = (
            rsa_public_key(group),
            group["mgfSha"] == group["sha"],
            group["sLen"] == bits // 8,
        )
        for test in group["tests"]:
            digest = hashlib.new(f"sha{bits}", bytes.fromhex(test["msg"])).digest()
            # What a file of another salt has wrong in its salt may be right here.
            is_wrong_there = test["comment"] == f"s_len changed to {bits // 8}"
            is_right = has_own_mask and (is_wrong_there or (has_own_salt and test["result"] == "valid"))
            assert says(place, public, f"PS{bits}", digest, bytes.fromhex(test["sig"])) == is_right, test["tcId"]


@pytest.mark.parametrize("curve", ["secp256r1", "secp256k1", "secp384r1", "secp521r1"])
def test_ecdsa(place: Place, curve: str) -> None:
    """ES256, ES256K, ES384 and ES512: every signature is judged as the file does; a wrong one is False."""
    algorithm = EC_ALGORITHMS[curve]
    hashed = ALGORITHMS[algorithm].hash
    for group in vectors("Signature", f"ecdsa_{curve}_{hashed}_p1363"):
        public = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
        assert isinstance(public, ec.EllipticCurvePublicKey)
        for test in group["tests"]:
            digest = hashlib.new(hashed or "", bytes.fromhex(test["msg"])).digest()
            is_right = test["result"] == "valid"
            assert says(place, public, algorithm, digest, bytes.fromhex(test["sig"])) == is_right, test["tcId"]


# ---- NIST -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "file"), [("RS", "PKCS1-v1.5/SigVer15_186-3"), ("PS", "PKCS1-PSS/SigVerPSS_186-3")])
def test_rsa_by_nist(place: Place, family: str, file: str) -> None:
    """RSA signatures are judged as NIST does; those of PSS whose salt is not as long as the digest are False."""
    modulus, judged = 0, []
    for block in blocks(f"Signature/{file}.rsp"):
        modulus = int(block.get("n", f"{modulus:x}"), 16)
        bits = BITS.get(block.get("SHAAlg", ""))
        if bits is None or modulus.bit_length() not in RSA_BITS:
            continue
        public = rsa.RSAPublicNumbers(int(block["e"], 16), modulus).public_key()
        # Some messages were changed by leaving out a digit; signatures are numbers, without zeros in front.
        message = bytes.fromhex(block["Msg"] + "0" * (len(block["Msg"]) % 2))
        signature = bytes.fromhex(block["S"].zfill(modulus.bit_length() // 4))
        digest = hashlib.new(f"sha{bits}", message).digest()
        is_theirs = family == "RS" or len(block["SaltVal"]) == bits // 4
        is_right = says(place, public, f"{family}{bits}", digest, signature)
        assert is_right == (is_theirs and block["Result"].startswith("P")), block["Msg"]
        judged.append(is_right)
    assert len(judged) > 30


@pytest.mark.parametrize("heading", ["P-256,SHA-256", "P-384,SHA-384", "P-521,SHA-512"])
def test_ecdsa_by_nist(place: Place, heading: str) -> None:
    """ES256, ES384 and ES512: every signature is judged as NIST does."""
    named, _, hashed = heading.partition(",")
    curve = CURVES[named]
    size = (curve.key_size + 7) // 8
    found = [block for block in blocks("Signature/ECDSA/SigVer.rsp") if block["heading"] == heading]
    for block in found:
        x, y, r, s = (int(block[name], 16) for name in ("Qx", "Qy", "R", "S"))
        public = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
        digest = hashlib.new(f"sha{BITS[hashed]}", bytes.fromhex(block["Msg"])).digest()
        signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        is_right = block["Result"].startswith("P")
        assert says(place, public, EC_ALGORITHMS[named], digest, signature) == is_right, block["Msg"]
    assert len(found) == 15
