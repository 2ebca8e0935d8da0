"""
RSA encryption by known answers, in software and in a token: Wycheproof, and draft-irtf-cfrg-rsa-guidance.

Left out is what the API cannot say: RSA keys of sizes that keys here have not.
"""

from __future__ import annotations

import pytest

from strongroom.core.keys import RSA_BITS
from tests.flow.holding import private_key, result
from tests.flow.vectors.places import UNDECRYPTABLE, InToken, Place
from tests.vectors import blocks, vectors

OAEP = {"SHA-1": "RSA-OAEP", "SHA-256": "RSA-OAEP-256"}
OAEP_FILES = (
    *(f"2048_{one}" for one in ("sha1_mgf1sha1", "sha256_mgf1sha1", "sha256_mgf1sha256")),
    *(f"{size}_sha256_mgf1{mask}" for size in (3072, 4096) for mask in ("sha1", "sha256")),
    "misc",
)
"""The files of other hashes would be refused only, for which `misc` has every pair of hash and mask."""


@pytest.mark.parametrize("file", OAEP_FILES)
def test_oaep(place: Place, file: str) -> None:
    """
    RSA-OAEP and RSA-OAEP-256 decrypt what is theirs, and refuse what is not with one sentence.

    SEC-BOOT-21: what has a label, another hash or another mask is not theirs, however right it is otherwise.
    """
    groups = [group for group in vectors("Cipher", f"rsa_oaep_{file}") if group["keySize"] in RSA_BITS]
    for group in groups:
        name = place.hold(private_key(bytes.fromhex(group["privateKeyPkcs8"])))
        algorithm = OAEP.get(group["sha"], "RSA-OAEP-256")
        is_theirs = group["sha"] in OAEP and group["mgfSha"] == group["sha"]
        for test in group["tests"]:
            ciphertext = bytes.fromhex(test["ct"])
            answer = place.use(name, "decrypt", algorithm, ciphertext)
            if is_theirs and not test["label"] and test["result"] == "valid":
                assert result(answer).hex() == test["msg"], test["tcId"]
            else:
                assert answer.status == 400, test["tcId"]
                # Lengths are no secret, and a wrong one is named.
                assert answer.error == UNDECRYPTABLE or len(ciphertext) != group["keySize"] // 8, test["tcId"]


@pytest.mark.parametrize("size", RSA_BITS)
def test_pkcs1(place: Place, size: int) -> None:
    """
    RSA1_5 decrypts what is right; of what is badly padded it gives neither the message nor any refusal.

    SEC-BOOT-21: what is badly padded looks like what is not, so there is nothing to ask about.
    """
    for group in vectors("Cipher", f"rsa_pkcs1_{size}"):
        private = private_key(bytes.fromhex(group["privateKeyPkcs8"]))
        name, modulus = place.hold(private), int(group["privateKey"]["modulus"], 16)
        for test in group["tests"]:
            ciphertext = bytes.fromhex(test["ct"])
            answer = place.use(name, "decrypt", "RSA1_5", ciphertext)
            if test["result"] == "valid":
                assert result(answer).hex() == test["msg"], test["tcId"]
            elif len(ciphertext) == size // 8 and int.from_bytes(ciphertext, "big") < modulus:
                assert result(answer).hex() != test["msg"] or not test["msg"], test["tcId"]
            else:
                assert answer.status == 400, test["tcId"]
                assert answer.error == UNDECRYPTABLE or len(ciphertext) != size // 8, test["tcId"]


def test_implicit_rejection(place: Place) -> None:
    """
    RSA1_5 gives what the draft's appendix B says, of bad padding too; a token's keys give something else there.

    Their padding is taken off under another key, so what is made up follows from that one: as firmly, so that the same
    ciphertext has one answer for ever.
    """
    name = ""
    for block in blocks("Cipher/PKCS1_v1_5/implicit_rejection.txt"):
        if "Key" in block:
            private = private_key(bytes.fromhex(block["Key"]))
            name = place.hold(private) if private.key_size in RSA_BITS else ""
        elif name:
            given = result(place.use(name, "decrypt", "RSA1_5", bytes.fromhex(block["Ct"])))
            if isinstance(place, InToken) and not block["Comment"].startswith("Valid"):
                assert given == result(place.use(name, "decrypt", "RSA1_5", bytes.fromhex(block["Ct"])))
            else:
                assert given.hex() == block["Msg"], block["Comment"]
