"""
Symmetric keys by known answers, in software and in a token: Wycheproof, NIST's CAVP and SP 800-38A, and RFCs.

Left out is what the API cannot say: GCM with an `iv` of other than 96 bits, with another tag than one of 128, or
encrypting with a given `iv`. Of keyed tags no published vector fits, since what is signed is a digest: HMAC of the
standard library is their judge.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tests.flow.holding import octets, result
from tests.flow.vectors.places import UNDECRYPTABLE, Place
from tests.vectors import blocks, vectors
from tests.world import Answer

SIZES = (128, 192, 256)


def hexadecimal(test: dict[str, Any], *members: str) -> list[bytes]:
    """Give members of a vector."""
    return [bytes.fromhex(test[member]) for member in members]


def is_refused(answer: Answer) -> bool:
    """Tell whether something did not decrypt, of which no more is said."""
    return answer.status == 400 and answer.error == UNDECRYPTABLE


# ---- AES-GCM --------------------------------------------------------------------------------------------------------


def test_gcm(place: Place) -> None:
    """SEC-BOOT-21: AES-GCM decrypts what is right, and refuses what is not with one sentence."""
    for group in vectors("Cipher", "aes_gcm"):
        if (group["ivSize"], group["tagSize"]) != (96, 128):
            continue
        for test in group["tests"]:
            key, message, ciphertext, iv, tag, aad = hexadecimal(test, "key", "msg", "ct", "iv", "tag", "aad")
            algorithm = f"A{group['keySize']}GCM"
            answer = place.use(place.hold(key), "decrypt", algorithm, ciphertext, iv=iv, tag=tag, aad=aad)
            if test["result"] == "valid":
                assert result(answer) == message, test["tcId"]
            else:
                assert is_refused(answer), test["tcId"]


def test_gcm_by_nist(place: Place) -> None:
    """A128GCM decrypts what NIST says, and refuses what NIST says fails."""
    opened, refused = 0, 0
    for block in blocks("Cipher/AES/gcmDecrypt128.rsp"):
        if (block["IVlen"], block["Taglen"]) != ("96", "128"):
            continue
        key, ciphertext, iv, tag, aad = hexadecimal(block, "Key", "CT", "IV", "Tag", "AAD")
        answer = place.use(place.hold(key), "decrypt", "A128GCM", ciphertext, iv=iv, tag=tag, aad=aad)
        if "FAIL" in block:
            assert is_refused(answer), block["Key"]
            refused += 1
        else:
            assert result(answer).hex() == block["PT"], block["Key"]
            opened += 1
    assert min(opened, refused) > 100


# ---- key wrap -------------------------------------------------------------------------------------------------------


def test_key_wrap(place: Place) -> None:
    """AES key wrap wraps as the vectors do, byte for byte, unwraps it again, and refuses what is not right."""
    for group in vectors("Cipher", "aes_wrap"):
        for test in group["tests"]:
            key, message, ciphertext = hexadecimal(test, "key", "msg", "ct")
            # Two names of one algorithm take turns.
            algorithm = f"A{group['keySize']}KW" if test["tcId"] % 2 else "CKM_AES_KEY_WRAP"
            unwrapped = place.use(place.hold(key), "unwrapkey", algorithm, ciphertext)
            if test["result"] == "valid":
                assert result(unwrapped) == message, test["tcId"]
                assert result(place.use(place.hold(key), "wrapkey", algorithm, message)) == ciphertext, test["tcId"]
            elif len(ciphertext) < 24 or len(ciphertext) % 8:
                # Some are right by themselves but too short for the rule: RFC 3394 begins with two blocks.
                assert unwrapped.status == 400, test["tcId"]
            else:
                assert is_refused(unwrapped), test["tcId"]


def test_key_wrap_with_padding(place: Place) -> None:
    """
    RFC 5649 likewise, of every length in software.

    SoftHSM 2.6 pads in a way of its own, so a token of its wraps what needs no padding, and refuses the rest.
    """
    for group in vectors("Cipher", "aes_kwp"):
        for test in group["tests"]:
            key, message, ciphertext = hexadecimal(test, "key", "msg", "ct")
            unwrapped = place.use(place.hold(key), "unwrapkey", "CKM_AES_KEY_WRAP_PAD", ciphertext)
            if test["result"] != "valid":
                assert unwrapped.status == 400, test["tcId"]
                assert is_refused(unwrapped) or len(ciphertext) < 16 or len(ciphertext) % 8, test["tcId"]
                continue
            assert result(unwrapped) == message, test["tcId"]
            wrapped = place.use(place.hold(key), "wrapkey", "CKM_AES_KEY_WRAP_PAD", message)
            if len(message) % 8 and not place.pads:
                assert wrapped.status == 400, test["tcId"]
            else:
                assert result(wrapped) == ciphertext, test["tcId"]


RFC3394_KEK = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
RFC3394_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")


@pytest.mark.parametrize(
    ("kek", "size", "wrapped"),
    [
        (128, 128, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"),
        (192, 128, "96778B25AE6CA435F92B5B97C050AED2468AB8A17AD84E5D"),
        (256, 128, "64E8C3F9CE0F5BA263E9777905818A2A93C8191E7D6E8AE7"),
        (192, 192, "031D33264E15D33268F24EC260743EDCE1C6C7DDEE725A936BA814915C6762D2"),
        (256, 192, "A8F9BC1612C68B3FF6E6F4FBE30E71E4769C8B80A32CB8958CD5D17D6B254DA1"),
        (256, 256, "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"),
    ],
)
def test_rfc_3394(place: Place, kek: int, size: int, wrapped: str) -> None:
    """A128KW, A192KW and A256KW give RFC 3394's own examples (section 4)."""
    name, key = place.hold(RFC3394_KEK[: kek // 8]), RFC3394_KEY[: size // 8]
    assert result(place.use(name, "wrapkey", f"A{kek}KW", key)) == bytes.fromhex(wrapped)
    assert result(place.use(name, "unwrapkey", f"A{kek}KW", bytes.fromhex(wrapped))) == key


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
def test_rfc_5649(place: Place, key: str, wrapped: str) -> None:
    """CKM_AES_KEY_WRAP_PAD gives RFC 5649's own examples (section 6); SoftHSM unwraps them."""
    name = place.hold(bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"))
    if place.pads:
        assert result(place.use(name, "wrapkey", "CKM_AES_KEY_WRAP_PAD", bytes.fromhex(key))).hex() == wrapped
    assert result(place.use(name, "unwrapkey", "CKM_AES_KEY_WRAP_PAD", bytes.fromhex(wrapped))).hex() == key


# ---- AES-CBC --------------------------------------------------------------------------------------------------------

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
def test_cbc(place: Place, bits: int) -> None:
    """AES-CBC gives the blocks of NIST SP 800-38A (F.2) and takes them back; with padding it adds one block to them."""
    ciphertext, name = bytes.fromhex(NIST_CIPHERS[bits]), place.hold(bytes.fromhex(NIST_KEYS[bits]))
    answer = place.use(name, "encrypt", f"A{bits}CBC", NIST_PLAIN, iv=NIST_IV)
    assert (result(answer), answer.json["iv"]) == (ciphertext, octets(NIST_IV))
    assert result(place.use(name, "decrypt", f"A{bits}CBC", ciphertext, iv=NIST_IV)) == NIST_PLAIN
    padded = result(place.use(name, "encrypt", f"A{bits}CBCPAD", NIST_PLAIN, iv=NIST_IV))
    assert (padded[:64], len(padded)) == (ciphertext, 80)
    assert result(place.use(name, "decrypt", f"A{bits}CBCPAD", padded, iv=NIST_IV)) == NIST_PLAIN


@pytest.mark.parametrize("bits", SIZES)
@pytest.mark.parametrize("file", ["GFSbox", "KeySbox", "MMT", "VarKey", "VarTxt"])
def test_cbc_by_nist(place: Place, file: str, bits: int) -> None:
    """AES-CBC encrypts and decrypts as NIST says, byte for byte."""
    tried = 0
    # What a key is to do comes together, since not all keys stay in the token.
    for block in sorted(blocks(f"Cipher/AES/CBC{file}{bits}.rsp"), key=lambda block: block["KEY"]):
        key, iv, plaintext, ciphertext = hexadecimal(block, "KEY", "IV", "PLAINTEXT", "CIPHERTEXT")
        name = place.hold(key)
        if block["heading"] == "ENCRYPT":
            answer = place.use(name, "encrypt", f"A{bits}CBC", plaintext, iv=iv)
            assert result(answer) == ciphertext, block["COUNT"]
        else:
            answer = place.use(name, "decrypt", f"A{bits}CBC", ciphertext, iv=iv)
            assert result(answer) == plaintext, block["COUNT"]
        tried += 1
    assert tried >= 10


KERCKHOFFS = (
    b"A cipher system must not be required to be secret, "
    b"and it must be able to fall into the hands of the enemy without inconvenience"
)
RFC7518_KEY = bytes(range(64))
RFC7518_IV = bytes.fromhex("1af38c2dc2b96ffdd86694092341bc04")
RFC7518 = {
    128: "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2"
    "fc6f9b3f399a221489f16362c703233609d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b"
    "384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade54b8851ffb598f7f80074b9473c82e2db",
    192: "ea65da6b59e61edb419be62d19712ae5d303eeb50052d0dfd6697f77224c8edb000d279bdc14c1072654bd30944230c6"
    "57bed4ca0c9f4a8466f22b226d1746214bf8cfc2400add9f5126e479663fc90b3bed787a2f0ffcbf3904be2a641d5c21"
    "05bfe591bae23b1d7449e532eef60a9ac8bb6c6b01d35d49787bcd57ef484927f280adc91ac0c4e79c7b11efc60054e3",
    256: "4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd822c301dd67c373bccb584ad3e9279c2"
    "e6d12a1374b77f077553df829410446b36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3"
    "a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053d21f37ff4f51950bbe2638d09dd7a4930930806d0703b1f6",
}


@pytest.mark.parametrize("bits", SIZES)
def test_cbc_with_padding(place: Place, bits: int) -> None:
    """AES-CBC with PKCS#7 padding gives the ciphertexts of RFC 7518's examples (appendix B), and takes them back."""
    # The key is the second half of one for both a tag and the encryption.
    ciphertext, name = bytes.fromhex(RFC7518[bits]), place.hold(RFC7518_KEY[bits // 8 : bits // 4])
    assert result(place.use(name, "encrypt", f"A{bits}CBCPAD", KERCKHOFFS, iv=RFC7518_IV)) == ciphertext
    assert result(place.use(name, "decrypt", f"A{bits}CBCPAD", ciphertext, iv=RFC7518_IV)) == KERCKHOFFS


def test_bad_padding(place: Place) -> None:
    """SEC-BOOT-21: of all last bytes those that are padding are taken, and every other is refused with one sentence."""
    key = bytes.fromhex(NIST_KEYS[256])
    paddings = [bytes([last]) for last in range(256)]
    for length in range(2, 17):
        paddings += [bytes([length]) * length, bytes([length ^ 1]) + bytes([length]) * (length - 1)]
    for padding in paddings:
        encryptor, text = Cipher(AES(key), CBC(NIST_IV)).encryptor(), bytes([0x61]) * (16 - len(padding))
        ciphertext = encryptor.update(text + padding) + encryptor.finalize()
        answer = place.use(place.hold(key), "decrypt", "A256CBCPAD", ciphertext, iv=NIST_IV)
        if padding == bytes([len(padding)]) * len(padding):
            assert result(answer) == text, padding
        else:
            assert is_refused(answer), padding


# ---- keyed tags -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_keyed_tags(place: Place, bits: int) -> None:
    """
    HS256, HS384 and HS512 are HMAC (RFC 2104) over the digest that is sent, and no other tag is one.

    SoftHSM makes none by a key that is shorter than the tag, as RFC 7518 section 3.2 has it.
    """
    key, digest = bytes(range(32)), hashlib.new(f"sha{bits}", b"what do ya want for nothing?").digest()
    name = place.hold(key)
    signed = place.use(name, "sign", f"HS{bits}", digest)
    if place.in_token and bits > 256:
        assert (signed.status, signed.error["code"]) == (400, "BadParameter")
        return
    tag = result(signed)
    assert tag == hmac.digest(key, digest, f"sha{bits}")
    assert place.use(name, "verify", f"HS{bits}", tag, digest=digest).json == {"value": True}
    for wrong in (b"", tag[:-1], tag + b"\0", bytes([tag[0] ^ 1]) + tag[1:]):
        assert place.use(name, "verify", f"HS{bits}", wrong, digest=digest).json == {"value": False}
