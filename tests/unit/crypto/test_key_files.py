"""Keys in files: PEM and DER become JSON Web Keys, and public parts become PEM."""

from __future__ import annotations

import base64
import binascii

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from strongroom.crypto.keys.pem import BadKeyFile, octets_of, private_web_key, public_pem, text_of
from tests.assertions import rsa_key

CURVES = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}


def number(text: str) -> int:
    """Read a member."""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_rsa(encoding: Encoding, form: PrivateFormat) -> None:
    """Every member of an RSA key is there, whatever form it is in."""
    key = rsa_key()
    made = private_web_key(key.private_bytes(encoding, form, NoEncryption()))
    own = key.private_numbers()
    wanted = {"n": own.public_numbers.n, "e": own.public_numbers.e, "d": own.d, "p": own.p, "q": own.q} | {
        "dp": own.dmp1, "dq": own.dmq1, "qi": own.iqmp
    }  # fmt: skip
    assert {name: number(text) for name, text in made.items() if name != "kty"} == wanted
    assert public_pem(made) == key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("curve", CURVES)
def test_ec(curve: str) -> None:
    """A key of each curve, with members as long as the curve wants, also where they begin with zeros."""
    size = (CURVES[curve].key_size + 7) // 8
    for value in (1, 2**200 + 5):
        key = ec.derive_private_key(value, CURVES[curve])
        made = private_web_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        assert (made["crv"], number(made["d"])) == (curve, value)
        assert {len(octets_of(made[name])) for name in ("x", "y", "d")} == {size}
        wanted = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert public_pem({**made, "kty": "EC-HSM"}) == wanted


def test_refused() -> None:
    """What no vault can have is said to be none, and nothing of it is repeated."""
    other = ec.generate_private_key(ec.SECP224R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(BadKeyFile, match="its curve is none of those"):
        private_web_key(other)
    for content in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\x30\x03abc"):
        with pytest.raises(BadKeyFile, match="no private key") as refused:
            private_web_key(content)
        assert "AAAA" not in str(refused.value)
    for web_key in ({"kty": "oct"}, {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}, {"kty": "RSA"}, {}):
        with pytest.raises(BadKeyFile):
            public_pem(web_key)


def test_base64url() -> None:
    """With padding and without, and nothing that is not in it."""
    for octets in (b"", b"\xff", b"\xfb\xff", b"abc"):
        assert octets_of(text_of(octets)) == octets
        assert octets_of(base64.urlsafe_b64encode(octets).decode()) == octets
    for text in ("+", "a", "é", "a b="):
        with pytest.raises((binascii.Error, UnicodeEncodeError)):
            octets_of(text)
