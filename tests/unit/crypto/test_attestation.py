"""Attestation tokens and the key sets of their authorities (RFC 7515, RFC 7517)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.core import limits, release_limits
from strongroom.crypto.attestation import (
    AttestationRefused,
    parse_attestation,
    parse_authority_keys,
    read_authority_keys,
    recipient_of,
    verify_attestation,
)
from strongroom.crypto.jwk import BadKeySet
from tests.assertions import b64url, ec_key, make_signer, rsa_key, sign

NOW = 1_790_000_000
CLAIMS = {"iss": "https://attest.example", "exp": NOW + 60}


def jwk(key: Any = None, **members: Any) -> dict[str, Any]:
    """Write a public key."""
    public = (key or rsa_key()).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = {"n": public.public_numbers().n, "e": public.public_numbers().e}
        said = {"kty": "RSA"}
    else:
        numbers = {"x": public.public_numbers().x, "y": public.public_numbers().y}
        said = {"kty": "EC", "crv": "P-256"}
    # A coordinate is as long as the curve's are, whatever it begins with: RFC 7518 section 6.2.1.2.
    sizes = {name: 32 if name in {"x", "y"} else (number.bit_length() + 7) // 8 for name, number in numbers.items()}
    coded = {name: b64url(number.to_bytes(sizes[name], "big")) for name, number in numbers.items()}
    return {"kid": "k1", **said, **coded, **members}


def certified(key: Any = None, **members: Any) -> dict[str, Any]:
    """Write a public key as Azure's authorities do: by its certificate alone."""
    signer = make_signer(key or rsa_key(), now=NOW)
    return {"kid": "k1", "kty": "RSA", "x5c": [signer.base64, "second"], **members}


def verified(key: Any, header: dict[str, Any], members: dict[str, Any], **claims: Any) -> dict[str, object]:
    """Sign by a key, and verify by what a key set says of it."""
    text = sign(key, {"kid": "k1", **header}, {**CLAIMS, **claims})
    (found,) = read_authority_keys({"keys": [members]})
    return verify_attestation(parse_attestation(text), found, NOW)


@pytest.mark.parametrize(
    ("algorithm", "key", "write"),
    [("RS256", rsa_key, jwk), ("PS256", rsa_key, jwk), ("RS256", rsa_key, certified), ("ES256", ec_key, jwk)],
)
def test_who_signed_it(algorithm: str, key: Any, write: Any) -> None:
    """By its members or by its certificate, the key that signed verifies and another does not."""
    assert verified(key(), {"alg": algorithm}, write(key()))["iss"] == "https://attest.example"
    with pytest.raises(AttestationRefused, match="signature"):
        verified(key(), {"alg": algorithm}, write(key(1)))


def test_an_ec_key_by_its_certificate() -> None:
    """The kind is the certificate's."""
    assert verified(ec_key(), {"alg": "ES256"}, certified(ec_key(), kty="EC"))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS384", "RS512", "PS512", "ES256", "EdDSA", ""])
def test_other_algorithms(algorithm: str) -> None:
    """The key decides which there are, not the token."""
    text = sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, CLAIMS).split(".")
    header = b64url(json.dumps({"alg": algorithm, "kid": "k1"}).encode())
    (key,) = read_authority_keys({"keys": [jwk()]})
    with pytest.raises(AttestationRefused):
        verify_attestation(parse_attestation(".".join([header, *text[1:]])), key, NOW)


@pytest.mark.parametrize(
    "header", [{"kid": None}, {"kid": ""}, {"kid": 1}, {"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}]
)
def test_headers_that_are_not_listened_to(header: dict[str, Any]) -> None:
    """A token names its key, and nothing in it changes how it is read."""
    with pytest.raises(AttestationRefused):
        parse_attestation(sign(rsa_key(), {"alg": "RS256", "kid": "k1", **header}, CLAIMS))


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"exp": NOW - limits.ATTESTATION_LEEWAY_S + 1}, True),
        ({"exp": NOW - limits.ATTESTATION_LEEWAY_S}, False),
        ({"nbf": NOW + limits.ATTESTATION_LEEWAY_S}, True),
        ({"nbf": NOW + limits.ATTESTATION_LEEWAY_S + 1}, False),
        ({"iat": NOW + limits.ATTESTATION_LEEWAY_S}, True),
        ({"iat": NOW + limits.ATTESTATION_LEEWAY_S + 1}, False),
        ({"exp": None}, False),
        ({"exp": "1900000000"}, False),
        ({"exp": True}, False),
        ({"nbf": "0"}, False),
    ],
    ids=repr,
)
def test_its_times(claims: dict[str, Any], good: bool) -> None:  # noqa: FBT001  a column of the table
    """It has an end, and counts from `nbf` and `iat` to `exp`, give or take the leeway."""
    if good:
        assert verified(rsa_key(), {"alg": "RS256"}, jwk(), **claims)
        return
    with pytest.raises(AttestationRefused):
        verified(rsa_key(), {"alg": "RS256"}, jwk(), **claims)


def test_how_long_it_may_be() -> None:
    """A token at the limit is read, and one character more is not."""
    text = sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, CLAIMS)
    space = release_limits.ATTESTATION_CHARS - len(text)
    assert parse_attestation(text + " " * space).kid == "k1"
    with pytest.raises(AttestationRefused, match="long"):
        parse_attestation(text + " " * (space + 1))


def test_it_does_not_show_itself() -> None:
    """A token is a credential while it lasts: no representation has it."""
    text = sign(rsa_key(), {"alg": "RS256", "kid": "k1"}, CLAIMS)
    assert text not in repr(parse_attestation(text))


# ---- key sets -------------------------------------------------------------------------------------------------------


def test_keys_that_are_passed_over() -> None:
    """Sets have keys of other kinds and uses; those without a kid, of an unsound size or on another curve as well."""
    other_curve = jwk(ec_key(), crv="P-384")
    # A version 10, of which X.509 has none.
    der = base64.b64decode(make_signer(rsa_key(), now=NOW).base64).replace(b"\2\1\2", b"\2\1\x09", 1)
    odd = base64.b64encode(der).decode("ascii")
    unlike = [jwk(kid=None), jwk(kid=""), jwk(use="enc"), {"kty": "oct", "kid": "o"}, other_curve, certified(x5c=[]),
              certified(x5c=["*"]), certified(x5c=[1]), certified(x5c="x"), certified(x5c=[odd]),
              jwk(e="AQ"), {"kid": "k"}]  # fmt: skip
    assert [key.kid for key in read_authority_keys({"keys": [*unlike, jwk(kid="good", use="sig")]})] == ["good"]
    for one in unlike:
        with pytest.raises(BadKeySet, match="no RSA or P-256"):
            read_authority_keys({"keys": [one]})


def test_one_key_twice() -> None:
    """The same key under the same kid is one key, as with two chains of certificates; two keys of a kid are none."""
    assert len(read_authority_keys({"keys": [certified(), certified(), jwk()]})) == 1
    with pytest.raises(BadKeySet, match="same kid"):
        read_authority_keys({"keys": [jwk(), jwk(rsa_key(1))]})


@pytest.mark.parametrize(
    "members",
    [{}, {"keys": {}}, {"keys": ["k"]}, {"keys": []}, {"keys": [jwk(d="AQ")]}],
    ids=["nothing", "an object", "no key", "empty", "a private member"],
)
def test_what_is_no_key_set(members: dict[str, Any]) -> None:
    """It is refused, and so is one with a private key in it."""
    with pytest.raises(BadKeySet):
        read_authority_keys(members)


def test_how_many_keys_there_may_be() -> None:
    """At the limit a set is read, and with one more it is not."""
    keys = [jwk(ec_key(), kid=f"k{number}") for number in range(limits.ISSUER_KEYS + 1)]
    assert len(read_authority_keys({"keys": keys[1:]})) == limits.ISSUER_KEYS
    with pytest.raises(BadKeySet, match="at most"):
        read_authority_keys({"keys": keys})


@pytest.mark.parametrize("document", [b"", b"[]", b"\xff", b'{"keys":[],"keys":[]}'])
def test_documents_that_are_none(document: bytes) -> None:
    """What was fetched is read strictly."""
    with pytest.raises(BadKeySet):
        parse_authority_keys(document)


# ---- the key to release to ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", [{"key_use": "enc"}, {"use": "enc"}, {"key_ops": ["sign", "encrypt"]}])
def test_the_key_of_what_is_attested(use: dict[str, Any]) -> None:
    """The first RSA key for encryption, by whichever member says so."""
    later = jwk(rsa_key(1), kid="later", key_use="enc")
    found = recipient_of({"x-ms-runtime": {"keys": ["x", jwk(kid="no use"), jwk(kid="mine", **use), later]}})
    assert found.kid == "mine"
    assert found.parts.n == rsa_key().public_key().public_numbers().n.to_bytes(256, "big")


def test_how_many_keys_are_looked_at() -> None:
    """The last that counts is at the limit."""
    before: list[Any] = [None] * (limits.ATTESTATION_RUNTIME_KEYS - 1)
    mine = jwk(key_use="enc")
    assert recipient_of({"x-ms-runtime": {"keys": [*before, mine]}})
    with pytest.raises(AttestationRefused):
        recipient_of({"x-ms-runtime": {"keys": [*before, None, mine]}})


@pytest.mark.parametrize(
    "members",
    [
        jwk(ec.generate_private_key(ec.SECP256R1()), key_use="enc"),
        jwk(kid=None, key_use="enc"),
        jwk(key_use="sig"),
        jwk(key_ops=["wrapKey"]),
        jwk(key_ops="encrypt"),
        jwk(key_use="enc", n=b64url(b"\xff" * 128)),
        jwk(key_use="enc", n=b64url(b"\xff" * 255 + b"\xfe")),
        jwk(key_use="enc", n="*"),
        jwk(key_use="enc", n=1),
        jwk(key_use="enc", e="AQ"),
        jwk(key_use="enc", e="Ag"),
        jwk(key_use="enc", e=b64url(b"\xff" * 5)),
        jwk(key_use="enc", e=None),
    ],
    ids=["EC", "no kid", "signatures", "other operations", "no list", "1024 bits", "even", "no base64url", "a number",
         "exponent 1", "exponent 2", "large exponent", "no exponent"],
)  # fmt: skip
def test_keys_that_nothing_is_released_to(members: dict[str, Any]) -> None:
    """What is not an RSA key of a sound size for encryption, with a kid, is passed over."""
    for runtime in ({"keys": [members]}, {"keys": members}, {}, [], None):
        with pytest.raises(AttestationRefused, match="no key"):
            recipient_of({"x-ms-runtime": runtime})
