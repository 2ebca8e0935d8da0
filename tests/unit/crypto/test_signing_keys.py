import base64
import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from strongroom.crypto.signing_keys import NewSigningKey, new_signing_key, public_jwk

TENANT = "11111111-2222-3333-4444-555555555555"
NOW = 1_800_000_000
ISSUER = f"https://login.localhost:8443/{TENANT}/v2.0"


@pytest.fixture(scope="module")
def key() -> NewSigningKey:
    """Make one key for the facts of this module."""
    return new_signing_key(TENANT, NOW)


def from_base64url(text: object) -> bytes:
    """Decode a member of a key set."""
    assert isinstance(text, str)
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_key_is_rsa_2048(key: NewSigningKey) -> None:
    """Entra's tokens are signed with RSA-2048, exponent 65537."""
    private_key = load_der_private_key(key.private_key, password=None)
    assert isinstance(private_key, RSAPrivateKey)
    assert private_key.key_size == 2048
    assert private_key.public_key().public_numbers().e == 65537


def test_the_kid_is_the_certificates_sha1_thumbprint(key: NewSigningKey) -> None:
    """As Entra's v1 tokens have it: `kid` equals `x5t` (reference clients.md section 7)."""
    assert from_base64url(key.kid) == hashlib.sha1(key.certificate, usedforsecurity=False).digest()


def test_the_certificate_holds_the_key_and_signs_itself(key: NewSigningKey) -> None:
    """The certificate is self-signed with the very key, and is no CA."""
    certificate = x509.load_der_x509_certificate(key.certificate)
    certificate.verify_directly_issued_by(certificate)
    assert load_der_private_key(key.private_key, password=None).public_key() == certificate.public_key()
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_the_certificate_begins_at_the_given_time(key: NewSigningKey) -> None:
    """Time is an argument."""
    certificate = x509.load_der_x509_certificate(key.certificate)
    assert certificate.not_valid_before_utc == dt.datetime.fromtimestamp(NOW, dt.UTC)


def test_two_keys_differ(key: NewSigningKey) -> None:
    """SEC: one signing key set per tenant, never shared: no key is made twice."""
    assert new_signing_key(TENANT, NOW).kid != key.kid


def test_only_public_members_are_published(key: NewSigningKey) -> None:
    """SEC (pitfalls, "Key set endpoint publishing private members"): exactly the eight public ones."""
    assert list(public_jwk(key.certificate, ISSUER)) == ["kty", "use", "kid", "x5t", "n", "e", "x5c", "issuer"]


def test_no_private_number_is_in_a_published_value(key: NewSigningKey) -> None:
    """SEC: nor does a private number hide in another member."""
    private_key = load_der_private_key(key.private_key, password=None)
    assert isinstance(private_key, RSAPrivateKey)
    numbers = private_key.private_numbers()
    published = repr(public_jwk(key.certificate, ISSUER))
    for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp):
        assert base64.urlsafe_b64encode(number.to_bytes(256, "big").lstrip(b"\0")).decode().rstrip("=") not in published


def test_the_published_members_describe_the_key(key: NewSigningKey) -> None:
    """Modulus, exponent, names and certificate are those of the key."""
    jwk = public_jwk(key.certificate, ISSUER)
    public_key = x509.load_der_x509_certificate(key.certificate).public_key()
    assert isinstance(public_key, RSAPublicKey)
    assert int.from_bytes(from_base64url(jwk["n"])) == public_key.public_numbers().n
    assert jwk["e"] == "AQAB"
    assert jwk["kid"] == jwk["x5t"] == key.kid
    # x5c is the one member in plain base64 with padding (RFC 7517 section 4.7).
    assert jwk["x5c"] == [base64.b64encode(key.certificate).decode()]
    assert (jwk["kty"], jwk["use"], jwk["issuer"]) == ("RSA", "sig", ISSUER)


def test_the_private_key_does_not_show(key: NewSigningKey) -> None:
    """Printing a new key prints no private key."""
    assert "private_key" not in repr(key)
