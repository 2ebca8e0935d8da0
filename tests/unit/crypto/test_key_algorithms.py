"""The table of algorithms: for which keys each is, and what it takes."""

from __future__ import annotations

import pytest

from strongroom.core.errors import Invalid
from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.core.limits import KEY_VALUE_BYTES
from strongroom.crypto.keys.algorithms import (
    ALGORITHMS,
    Use,
    check_ciphertext,
    check_digest,
    check_plaintext,
    find_algorithm,
)

RSA = KeySpec(KeyKind.RSA, 2048)
P256 = KeySpec(KeyKind.EC, curve=Curve.P256)
AES = KeySpec(KeyKind.OCT, 128)
SPECS = {"RSA": RSA, "oct": AES}


def refusal(excinfo: pytest.ExceptionInfo[Invalid]) -> str:
    """Give the words of a refusal, which has the one code for bad input."""
    assert excinfo.value.code == "BadParameter"
    return excinfo.value.message


def test_the_table_has_every_algorithm() -> None:
    """The algorithms are those of the official client's two enumerations (operations.md section 7)."""
    encryption = (
        "RSA-OAEP RSA-OAEP-256 RSA1_5 A128GCM A192GCM A256GCM A128KW A192KW A256KW A128CBC A192CBC A256CBC"
        " A128CBCPAD A192CBCPAD A256CBCPAD CKM_AES_KEY_WRAP CKM_AES_KEY_WRAP_PAD"
    )
    signature = "PS256 PS384 PS512 RS256 RS384 RS512 HS256 HS384 HS512 RSNULL ES256 ES384 ES512 ES256K"
    assert {name for name, row in ALGORITHMS.items() if row.encrypts or row.wraps} == set(encryption.split())
    assert {name for name, row in ALGORITHMS.items() if row.signs} == set(signature.split())


@pytest.mark.parametrize("name", [None, "", "none", "rs256", "RSA-OAEP", "A128GCM"])
def test_what_signs_is_named_exactly(name: str | None) -> None:
    """An algorithm that is none, or does not sign, is refused with the names of those that do, and not repeated."""
    with pytest.raises(Invalid) as excinfo:
        find_algorithm(name, Use.SIGN, RSA)
    assert refusal(excinfo).startswith("Property alg must be one of: RS256, RS384,")


@pytest.mark.parametrize(
    ("name", "use", "spec", "fault"),
    [
        ("ES256", Use.SIGN, RSA, "ES256 is for keys of type EC, and this key is of type RSA."),
        ("RS256", Use.SIGN, P256, "RS256 is for keys of type RSA, and this key is of type EC."),
        ("HS256", Use.SIGN, RSA, "HS256 is for keys of type oct, and this key is of type RSA."),
        ("ES384", Use.SIGN, P256, "ES384 is for keys on the curve P-384, and this key is on P-256."),
        ("ES256K", Use.SIGN, P256, "ES256K is for keys on the curve P-256K, and this key is on P-256."),
        ("A256GCM", Use.ENCRYPT, AES, "A256GCM is for keys of 256 bits, and this key has 128."),
        ("A192KW", Use.WRAP, AES, "A192KW is for keys of 192 bits, and this key has 128."),
    ],
)
def test_an_algorithm_is_for_its_keys(name: str, use: Use, spec: KeySpec, fault: str) -> None:
    """An algorithm for another type, curve or size is refused, and the refusal says what it is for."""
    with pytest.raises(Invalid) as excinfo:
        find_algorithm(name, use, spec)
    assert refusal(excinfo) == f"Key and algorithm are incompatible: {fault}"


@pytest.mark.parametrize(("name", "use"), [("A128KW", Use.ENCRYPT), ("CKM_AES_KEY_WRAP_PAD", Use.ENCRYPT)])
def test_key_wrap_does_not_encrypt(name: str, use: Use) -> None:
    """Key wrap is for keys: encrypt and decrypt do not take it."""
    with pytest.raises(Invalid):
        find_algorithm(name, use, AES)


@pytest.mark.parametrize(
    ("name", "least", "most"), [("RS256", 32, 32), ("PS384", 48, 48), ("RS512", 64, 64), ("RSNULL", 1, 245)]
)
def test_a_digest_has_the_length_of_its_hash(name: str, least: int, most: int) -> None:
    """The digest of an algorithm has its hash's length; RSNULL takes what fits into the key with its padding."""
    row = ALGORITHMS[name]
    for length in (least, most):
        check_digest(row, RSA, bytes(length), "value")
    for length in (least - 1, most + 1):
        with pytest.raises(Invalid) as excinfo:
            check_digest(row, RSA, bytes(length), "value")
        assert refusal(excinfo).startswith(f"Invalid length of 'value': {length} bytes. {name} requires ")


def test_a_wrong_digest_is_refused_in_the_services_words() -> None:
    """The sentence is the real service's (ADR 0014)."""
    with pytest.raises(Invalid) as excinfo:
        check_digest(ALGORITHMS["ES256K"], KeySpec(KeyKind.EC, curve=Curve.P256K), b"\3", "value")
    assert refusal(excinfo) == "Invalid length of 'value': 1 bytes. ES256K requires 32 bytes, encoded with base64url."


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("RSA1_5", (0, 245), (246,)),
        ("RSA-OAEP", (0, 214), (215,)),
        ("RSA-OAEP-256", (0, 190), (191,)),
        ("A128GCM", (0, 1, KEY_VALUE_BYTES), (KEY_VALUE_BYTES + 1,)),
        ("A128CBC", (16, 32, KEY_VALUE_BYTES), (0, 15, 17, KEY_VALUE_BYTES + 16)),
        ("A128CBCPAD", (0, 15, 16, KEY_VALUE_BYTES), (KEY_VALUE_BYTES + 1,)),
        ("A128KW", (16, 24, KEY_VALUE_BYTES), (0, 8, 17, KEY_VALUE_BYTES + 8)),
        ("CKM_AES_KEY_WRAP", (16, 24), (8, 17)),
        ("CKM_AES_KEY_WRAP_PAD", (1, 17, KEY_VALUE_BYTES), (0, KEY_VALUE_BYTES + 1)),
    ],
)
def test_a_plaintext_fits(name: str, fits: tuple[int, ...], does_not: tuple[int, ...]) -> None:
    """What is encrypted or wrapped fits the key (RFC 8017), has whole blocks where nothing pads it, and has an end."""
    row = ALGORITHMS[name]
    for length in fits:
        check_plaintext(row, SPECS[row.kind], bytes(length), None, None)
    for length in does_not:
        with pytest.raises(Invalid) as excinfo:
            check_plaintext(row, SPECS[row.kind], bytes(length), None, None)
        assert refusal(excinfo).startswith(f"Invalid length of 'value': {length} bytes. {name} takes ")


@pytest.mark.parametrize(
    ("name", "iv", "tag", "fits", "does_not"),
    [
        ("RSA1_5", None, None, (256,), (0, 255, 257)),
        ("RSA-OAEP-256", None, None, (256,), (0, 255, 257)),
        ("A128GCM", 12, 16, (0, 1, KEY_VALUE_BYTES), (KEY_VALUE_BYTES + 17,)),
        ("A128CBC", 16, None, (16, 32), (0, 15, 17)),
        ("A128CBCPAD", 16, None, (16, KEY_VALUE_BYTES + 16), (0, 15, 17, KEY_VALUE_BYTES + 32)),
        ("A128KW", None, None, (24, 32), (0, 16, 25)),
        ("CKM_AES_KEY_WRAP_PAD", None, None, (16, 24, KEY_VALUE_BYTES + 8), (0, 8, 17)),
    ],
)
def test_a_ciphertext_has_its_form(
    name: str, iv: int | None, tag: int | None, fits: tuple[int, ...], does_not: tuple[int, ...]
) -> None:
    """What is decrypted has the length that the algorithm gives its ciphertexts, and the `iv` and tag that it has."""
    row = ALGORITHMS[name]
    spec = SPECS[row.kind]
    given_iv, given_tag = (None if length is None else bytes(length) for length in (iv, tag))
    for length in fits:
        check_ciphertext(row, spec, bytes(length), given_iv, given_tag, None)
    for length in does_not:
        with pytest.raises(Invalid):
            check_ciphertext(row, spec, bytes(length), given_iv, given_tag, None)
    for wrong_iv, wrong_tag in (
        (bytes(12 if iv is None else iv - 1), given_tag),
        (given_iv, bytes(16 if tag is None else tag - 1)),
        *(() if iv is None else ((None, given_tag),)),
        *(() if tag is None else ((given_iv, None),)),
    ):
        with pytest.raises(Invalid):
            check_ciphertext(row, spec, bytes(fits[0]), wrong_iv, wrong_tag, None)


def test_gcm_takes_no_iv_to_encrypt() -> None:
    """A second use of an `iv` in GCM gives the key of its tags away, so the service makes it; CBC may be given one."""
    with pytest.raises(Invalid) as excinfo:
        check_plaintext(ALGORITHMS["A128GCM"], AES, b"", bytes(12), None)
    assert refusal(excinfo) == "A128GCM takes no iv to encrypt: the service makes one."
    check_plaintext(ALGORITHMS["A128CBC"], AES, bytes(16), bytes(16), None)
    with pytest.raises(Invalid):
        check_plaintext(ALGORITHMS["A128CBC"], AES, bytes(16), bytes(12), None)


def test_only_gcm_authenticates_more() -> None:
    """`aad` is GCM's, has an end, and is refused elsewhere rather than left unauthenticated."""
    check_plaintext(ALGORITHMS["A128GCM"], AES, b"", None, bytes(KEY_VALUE_BYTES))
    for name, aad in (("A128GCM", bytes(KEY_VALUE_BYTES + 1)), ("A128CBC", b"a"), ("A128KW", b"a")):
        with pytest.raises(Invalid):
            check_plaintext(ALGORITHMS[name], AES, bytes(16), None, aad)
    with pytest.raises(Invalid):
        check_plaintext(ALGORITHMS["RSA-OAEP"], RSA, b"", None, b"a")
