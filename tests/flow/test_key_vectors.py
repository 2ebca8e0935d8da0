"""
Known answers through the API: Wycheproof, NIST SP 800-38A, RFC 3394, RFC 5649 and RFC 4231.

What the API cannot say is left out: RSA keys of sizes that keys here have not, OAEP with a label or with two hashes,
GCM with an `iv` of other than 96 bits, with another tag than one of 128, or encrypting with a given `iv`. Signatures
that are verified by a public part alone, which cannot be imported, are in tests/unit/crypto/test_key_public.py.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from tests.flow.client import Client
from tests.flow.holding import hold, octets, private_key, result, use
from tests.vectors import vectors
from tests.world import Answer, Simulation

SIZES = (128, 192, 256)


def hexadecimal(test: dict[str, Any], *members: str) -> list[bytes]:
    """Give members of a vector."""
    return [bytes.fromhex(test[member]) for member in members]


def plain(answer: Answer) -> bytes | int:
    """Give what a decryption gave, or the status that refused it."""
    return result(answer) if answer.status == 200 else answer.status


@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("rsa_oaep_2048_sha1_mgf1sha1", "RSA-OAEP"),
        ("rsa_oaep_2048_sha256_mgf1sha256", "RSA-OAEP-256"),
        ("rsa_oaep_4096_sha256_mgf1sha256", "RSA-OAEP-256"),
    ],
)
def test_oaep(world: Simulation, vault: Client, name: str, file: str, algorithm: str) -> None:
    """RSA-OAEP decrypts what is right and refuses what is not, with one sentence."""
    (group,) = vectors("Cipher", file)
    hold(world, name, private_key(bytes.fromhex(group["privateKeyPkcs8"])))
    refusals = set()
    for test in group["tests"]:
        message, ciphertext = hexadecimal(test, "msg", "ct")
        answer = use(vault, name, "decrypt", algorithm, ciphertext)
        right = test["result"] == "valid" and not test["label"]
        assert plain(answer) == (message if right else 400), f"{file} {test['tcId']}"
        if answer.status == 400 and len(ciphertext) == group["keySize"] // 8:
            refusals.add(answer.error["message"])
    assert refusals == {"The value cannot be decrypted with this key and these parameters."}


def test_pkcs1_decryption(world: Simulation, vault: Client, name: str) -> None:
    """RSA1_5 decrypts what is right; of what is badly padded it gives neither the message nor any refusal."""
    (group,) = [group for group in vectors("Cipher", "rsa_pkcs1_2048") if len(group["tests"]) > 10]
    hold(world, name, private_key(bytes.fromhex(group["privateKeyPkcs8"])))
    modulus = int(group["privateKey"]["modulus"], 16)
    for test in group["tests"]:
        message, ciphertext = hexadecimal(test, "msg", "ct")
        answer = use(vault, name, "decrypt", "RSA1_5", ciphertext)
        if test["result"] == "valid":
            assert result(answer) == message, test["tcId"]
        elif len(ciphertext) == 256 and int.from_bytes(ciphertext, "big") < modulus:
            assert result(answer) != message, test["tcId"]
        else:
            assert answer.status == 400, test["tcId"]


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_pkcs1_signatures(world: Simulation, vault: Client, name: str, size: int) -> None:
    """RS256, RS384 and RS512 sign as the vectors do, byte for byte, and verify what they signed."""
    key, seen = "", set()
    for group in vectors("Signature", f"rsa_pkcs1_{size}_sig_gen"):
        if group["sha"] not in {"SHA-256", "SHA-384", "SHA-512"}:
            continue
        bits = group["sha"][4:]
        if group["privateKeyPkcs8"] not in seen:
            key = f"{name}-{len(seen)}"
            hold(world, key, private_key(bytes.fromhex(group["privateKeyPkcs8"])))
            seen.add(group["privateKeyPkcs8"])
        for test in group["tests"]:
            message, signature = hexadecimal(test, "msg", "sig")
            digest = hashlib.new(f"sha{bits}", message).digest()
            assert result(use(vault, key, "sign", f"RS{bits}", digest)) == signature, test["tcId"]
            answer = use(vault, key, "verify", f"RS{bits}", signature, digest=digest)
            assert answer.json == {"value": True}, test["tcId"]
    assert seen


def test_gcm(world: Simulation, vault: Client, name: str) -> None:
    """AES-GCM decrypts what is right and refuses what is not, with one sentence."""
    refusals = set()
    for group in vectors("Cipher", "aes_gcm"):
        if (group["ivSize"], group["tagSize"]) != (96, 128):
            continue
        for test in group["tests"]:
            key, message, ciphertext, iv, tag, aad = hexadecimal(test, "key", "msg", "ct", "iv", "tag", "aad")
            hold(world, name, key)
            answer = use(vault, name, "decrypt", f"A{group['keySize']}GCM", ciphertext, iv=iv, tag=tag, aad=aad)
            assert plain(answer) == (message if test["result"] == "valid" else 400), test["tcId"]
            if answer.status == 400:
                refusals.add(answer.error["message"])
    assert refusals == {"The value cannot be decrypted with this key and these parameters."}


@pytest.mark.parametrize(
    ("file", "algorithms"),
    [("aes_wrap", ("A{}KW", "CKM_AES_KEY_WRAP")), ("aes_kwp", ("CKM_AES_KEY_WRAP_PAD",))],
)
def test_key_wrap(world: Simulation, vault: Client, name: str, file: str, algorithms: tuple[str, ...]) -> None:
    """Key wrap wraps as the vectors do, byte for byte, unwraps it again, and refuses what is not right."""
    for group in vectors("Cipher", file):
        for test in group["tests"]:
            key, message, ciphertext = hexadecimal(test, "key", "msg", "ct")
            algorithm = algorithms[test["tcId"] % len(algorithms)].format(group["keySize"])
            hold(world, name, key)
            unwrapped = use(vault, name, "unwrapkey", algorithm, ciphertext)
            if test["result"] != "valid":
                # Some are right by themselves but too short for the rule: RFC 3394 begins with two blocks.
                assert plain(unwrapped) in ({400, message} if test["result"] == "acceptable" else {400}), test["tcId"]
                continue
            assert result(unwrapped) == message, test["tcId"]
            assert result(use(vault, name, "wrapkey", algorithm, message)) == ciphertext, test["tcId"]


# ---- AES-CBC: NIST SP 800-38A, appendix F.2 -------------------------------------------------------------------------

NIST_PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST_IV = bytes(range(16))
NIST_KEYS = {
    128: "2b7e151628aed2a6abf7158809cf4f3c",
    192: "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    256: "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
}
NIST_CIPHERS = {
    128: "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    192: "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
    "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
    256: "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
}


@pytest.mark.parametrize("bits", SIZES)
def test_cbc(world: Simulation, vault: Client, name: str, bits: int) -> None:
    """AES-CBC gives NIST's blocks and takes them back; with padding it adds one block to them."""
    ciphertext = bytes.fromhex(NIST_CIPHERS[bits])
    hold(world, name, bytes.fromhex(NIST_KEYS[bits]))
    answer = use(vault, name, "encrypt", f"A{bits}CBC", NIST_PLAIN, iv=NIST_IV)
    assert (result(answer), answer.json["iv"]) == (ciphertext, octets(NIST_IV))
    assert result(use(vault, name, "decrypt", f"A{bits}CBC", ciphertext, iv=NIST_IV)) == NIST_PLAIN
    padded = result(use(vault, name, "encrypt", f"A{bits}CBCPAD", NIST_PLAIN, iv=NIST_IV))
    assert (padded[:64], len(padded)) == (ciphertext, 80)
    assert result(use(vault, name, "decrypt", f"A{bits}CBCPAD", padded, iv=NIST_IV)) == NIST_PLAIN


# ---- key wrap by the RFCs' own examples -----------------------------------------------------------------------------

RFC3394_KEK = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
RFC3394_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
RFC3394 = {
    128: "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
    192: "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D",
    256: "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7",
}


@pytest.mark.parametrize("bits", SIZES)
def test_rfc_3394(world: Simulation, vault: Client, name: str, bits: int) -> None:
    """A128KW, A192KW and A256KW give RFC 3394's own examples (section 4)."""
    hold(world, name, RFC3394_KEK[: bits // 8])
    wrapped = result(use(vault, name, "wrapkey", f"A{bits}KW", RFC3394_KEY))
    assert wrapped == bytes.fromhex(RFC3394[bits])
    assert result(use(vault, name, "unwrapkey", f"A{bits}KW", wrapped)) == RFC3394_KEY


@pytest.mark.parametrize(
    ("key", "wrapped"),
    [
        (
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
    ],
)
def test_rfc_5649(world: Simulation, vault: Client, name: str, key: str, wrapped: str) -> None:
    """CKM_AES_KEY_WRAP_PAD gives RFC 5649's own examples (section 6)."""
    hold(world, name, bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"))
    assert result(use(vault, name, "wrapkey", "CKM_AES_KEY_WRAP_PAD", bytes.fromhex(key))).hex() == wrapped
    assert result(use(vault, name, "unwrapkey", "CKM_AES_KEY_WRAP_PAD", bytes.fromhex(wrapped))).hex() == key


# ---- keyed tags -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_keyed_tags(world: Simulation, vault: Client, name: str, bits: int) -> None:
    """HS256, HS384 and HS512 are HMAC (RFC 2104) over the digest that is sent, and no other tag is one."""
    key, digest = bytes(range(32)), hashlib.new(f"sha{bits}", b"what do ya want for nothing?").digest()
    hold(world, name, key)
    tag = result(use(vault, name, "sign", f"HS{bits}", digest))
    assert tag == hmac.digest(key, digest, f"sha{bits}")
    assert use(vault, name, "verify", f"HS{bits}", tag, digest=digest).json == {"value": True}
    for wrong in (b"", tag[:-1], tag + b"\0", bytes([tag[0] ^ 1]) + tag[1:]):
        assert use(vault, name, "verify", f"HS{bits}", wrong, digest=digest).json == {"value": False}
