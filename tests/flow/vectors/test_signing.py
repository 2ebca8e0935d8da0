"""
Signatures by known answers, made in software and in a token: Wycheproof, NIST's CAVP for FIPS 186.

PSS and ECDSA sign by chance, so there the second judge is the library, with the public part as the vectors have it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from strongroom.core.keys import RSA_BITS
from strongroom.crypto.keys.public import octets_of
from tests.flow.holding import octets, private_key, read, result
from tests.flow.vectors.places import Place
from tests.vectors import blocks, vectors

HASHES: dict[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
SHA = {f"SHA{dash}{bits}": bits for bits in HASHES for dash in ("", "-")}
ECDSA = {
    "P-256,SHA-256": ("ES256", ec.SECP256R1()),
    "P-384,SHA-384": ("ES384", ec.SECP384R1()),
    "P-521,SHA-512": ("ES512", ec.SECP521R1()),
}


def digest_of(bits: int, message: str) -> bytes:
    """Give the digest of a message that is written in hexadecimal."""
    return hashlib.new(f"sha{bits}", bytes.fromhex(message)).digest()


def rsa_signings(path: str) -> Iterator[tuple[dict[str, str], int, dict[str, str]]]:
    """Give NIST's messages for keys and hashes that are here, each with its key, as an import has it, and its hash."""
    key: dict[str, str] = {}
    for block in blocks(path):
        if "n" in block:
            key = {"kty": "RSA", "n": block["n"]}
        # An import finds the factors, which the files do not give.
        key |= {member: block[member] for member in ("e", "d") if member in block}
        if block.get("SHAAlg") in SHA and 4 * len(key["n"]) in RSA_BITS:
            members = {member: octets(octets_of(int(key[member], 16))) for member in ("n", "e", "d")}
            yield {"kty": "RSA"} | members, SHA[block["SHAAlg"]], block


@pytest.mark.parametrize("size", RSA_BITS)
def test_pkcs1(place: Place, size: int) -> None:
    """
    RS256, RS384 and RS512 sign as Wycheproof says, byte for byte, and verify what they signed.

    "Acceptable" are those of keys whose factors differ so much in size that an import refuses them: see test_verifying.
    """
    for group in vectors("Signature", f"rsa_pkcs1_{size}_sig_gen"):
        bits = SHA.get(group["sha"])
        if bits is None or group["tests"][0]["result"] == "acceptable":
            continue
        name = place.hold(private_key(bytes.fromhex(group["privateKeyPkcs8"])))
        for test in group["tests"]:
            digest = digest_of(bits, test["msg"])
            signature = result(place.use(name, "sign", f"RS{bits}", digest))
            assert signature.hex() == test["sig"], test["tcId"]
            assert place.use(name, "verify", f"RS{bits}", signature, digest=digest).json == {"value": True}


@pytest.mark.parametrize("file", ["SigGen15_186-2.txt", "SigGen15_186-3.txt"])
def test_pkcs1_by_nist(place: Place, file: str) -> None:
    """RS256, RS384 and RS512 sign as NIST says, byte for byte."""
    for key, bits, block in rsa_signings(f"Signature/PKCS1-v1.5/{file}"):
        signature = result(place.use(place.hold(key), "sign", f"RS{bits}", digest_of(bits, block["Msg"])))
        assert signature.hex() == block["S"], block["Msg"]


@pytest.mark.parametrize("file", ["SigGenPSS_186-2.txt", "SigGenPSS_186-3.txt"])
def test_pss_by_nist(place: Place, file: str) -> None:
    """PS256, PS384 and PS512 sign NIST's messages by NIST's keys so that the library agrees, with their own salt."""
    for key, bits, block in rsa_signings(f"Signature/PKCS1-PSS/{file}"):
        digest, own = digest_of(bits, block["Msg"]), HASHES[bits]
        signature = result(place.use(place.hold(key), "sign", f"PS{bits}", digest))
        scheme = padding.PSS(padding.MGF1(own), own.digest_size)
        n, e = (int.from_bytes(read(key[member]), "big") for member in ("n", "e"))
        rsa.RSAPublicNumbers(e, n).public_key().verify(signature, digest, scheme, Prehashed(own))


@pytest.mark.parametrize("heading", ECDSA)
def test_ecdsa_by_nist(place: Place, heading: str) -> None:
    """ES256, ES384 and ES512 sign NIST's messages by NIST's keys so that the library agrees; NIST's own verify."""
    algorithm, curve = ECDSA[heading]
    bits, size = int(algorithm[2:]), (curve.key_size + 7) // 8
    found = [block for block in blocks("Signature/ECDSA/SigGen.txt") if block["heading"] == heading]
    for block in found:
        x, y, d, r, s = (int(block[name], 16) for name in ("Qx", "Qy", "d", "R", "S"))
        public = ec.EllipticCurvePublicNumbers(x, y, curve)
        name = place.hold(ec.EllipticCurvePrivateNumbers(d, public).private_key())
        digest = digest_of(bits, block["Msg"])
        signed = result(place.use(name, "sign", algorithm, digest))
        assert len(signed) == 2 * size
        own = (int.from_bytes(signed[:size], "big"), int.from_bytes(signed[size:], "big"))
        public.public_key().verify(encode_dss_signature(*own), digest, ec.ECDSA(Prehashed(HASHES[bits])))
        theirs = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        assert place.use(name, "verify", algorithm, theirs, digest=digest).json == {"value": True}
    assert len(found) == 15
