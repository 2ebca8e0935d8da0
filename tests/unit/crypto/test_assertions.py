"""Client assertions: which keys they are checked with, and that only their own algorithms are."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from strongroom.core import limits
from strongroom.crypto.assertions import (
    AssertionFault,
    AssertionRefused,
    algorithms_of,
    parse_assertion,
    require_usable,
    verify_assertion,
)
from strongroom.crypto.client_certificates import BadCertificate, names_certificate, read_certificate
from tests.assertions import b64url, ec_key, make_signer, rsa_key, sign

NOW = 1_790_000_000
RFC_7515_A_3 = (
    "eyJhbGciOiJFUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)
MODULUS = (1 << 2048) - 1


def number(text: str) -> int:
    """Read a number of a JWK."""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


class TestSignatures:
    """Known answers, and keys that did not sign."""

    def test_the_es256_example(self) -> None:
        """RFC 7515 appendix A.3 verifies, and not with another key."""
        x, y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
        key = ec.EllipticCurvePublicNumbers(number(x), number(y), ec.SECP256R1()).public_key()
        assert verify_assertion(parse_assertion(RFC_7515_A_3), key)["exp"] == 1300819380
        with pytest.raises(AssertionRefused) as refused:
            verify_assertion(parse_assertion(RFC_7515_A_3), ec_key().public_key())
        assert refused.value.fault is AssertionFault.BAD_SIGNATURE

    def test_pinned_algorithms(self) -> None:
        """Where a caller pins algorithms, the key's others are refused too."""
        text = sign(rsa_key(), {"alg": "PS256"}, {"iss": "a"})
        assert verify_assertion(parse_assertion(text), rsa_key().public_key()) == {"iss": "a"}
        with pytest.raises(AssertionRefused) as refused:
            verify_assertion(parse_assertion(text), rsa_key().public_key(), algorithms=("RS256",))
        assert refused.value.fault is AssertionFault.ALGORITHM

    def test_it_does_not_show_itself(self) -> None:
        """An assertion's text is a credential while it lasts: no representation has it."""
        text = sign(rsa_key(), {"alg": "RS256"}, {"iss": "a"})
        assert text not in repr(parse_assertion(text))


class TestKeys:
    """Which keys are taken."""

    @pytest.mark.parametrize(
        ("bits", "taken"),
        [
            (limits.ASSERTION_RSA_MIN_BITS - 8, False),
            (limits.ASSERTION_RSA_MIN_BITS, True),
            (limits.ASSERTION_RSA_MAX_BITS, True),
            (limits.ASSERTION_RSA_MAX_BITS + 8, False),
        ],
    )
    def test_sizes_of_rsa(self, bits: int, taken: bool) -> None:  # noqa: FBT001  a column of the table
        """2048 to 8192 bits."""
        key = rsa.RSAPublicNumbers(65537, (1 << bits) - 1).public_key()
        if taken:
            assert algorithms_of(require_usable(key)) == ("RS256", "PS256")
        else:
            with pytest.raises(ValueError, match="2048 to 8192 bits"):
                require_usable(key)

    @pytest.mark.parametrize(("exponent", "taken"), [(3, True), (2**32 - 1, True), (2**32 + 1, False)])
    def test_exponents(self, exponent: int, taken: bool) -> None:  # noqa: FBT001  a column of the table
        """Pitfalls "RSA exponents of 1": the library loads no even exponent and none below 3; a huge one is refused."""
        key = rsa.RSAPublicNumbers(exponent, MODULUS).public_key()
        if taken:
            assert require_usable(key) is key
        else:
            with pytest.raises(ValueError, match="exponent"):
                require_usable(key)

    @pytest.mark.parametrize("exponent", [1, 2, 65536])
    def test_exponents_that_are_none(self, exponent: int) -> None:
        """The library loads none of these, so that no such key gets further."""
        with pytest.raises(ValueError, match="e must"):
            rsa.RSAPublicNumbers(exponent, MODULUS).public_key()

    def test_a_point_off_the_curve(self) -> None:
        """Pitfalls "points off the curve": no such key is loaded, so it cannot get here."""
        good = ec_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        bad = good[:-1] + bytes([good[-1] ^ 1])
        with pytest.raises(ValueError, match=r"."):
            load_der_public_key(bad)

    def test_other_kinds(self) -> None:
        """Other curves and other algorithms are refused."""
        for key in (
            ec.generate_private_key(ec.SECP384R1()).public_key(),
            ec.generate_private_key(ec.SECP256K1()).public_key(),
            ed25519.Ed25519PrivateKey.generate().public_key(),
            b"secret",
        ):
            with pytest.raises(ValueError, match="P-256"):
                require_usable(key)


class TestForm:
    """What is read of an assertion before anybody has checked its signature."""

    @pytest.mark.parametrize("member", ["kid", "x5t", "x5t#S256"])
    @pytest.mark.parametrize("value", [5, ["a"], {"a": "b"}, False])
    def test_a_name_of_a_key_is_text(self, member: str, value: object) -> None:
        """Nothing else names a key; None says that it is not named."""
        assert parse_assertion(sign(rsa_key(), {"alg": "RS256", member: None}, {"iss": "a"})).issuer == "a"
        assert self.fault({"alg": "RS256", member: value}, {"iss": "a"}) is AssertionFault.HEADER

    @pytest.mark.parametrize("algorithm", [None, 5, ["RS256"]])
    def test_an_algorithm_is_text(self, algorithm: object) -> None:
        """A list of algorithms is none, whatever stands in it."""
        assert self.fault({"alg": algorithm}, {"iss": "a"}) is AssertionFault.HEADER

    @pytest.mark.parametrize("issuer", [None, "", 5, ["a"]])
    def test_an_issuer_is_named(self, issuer: object) -> None:
        """An assertion from nobody is none."""
        assert self.fault({"alg": "RS256"}, {"iss": issuer}) is AssertionFault.MALFORMED

    @pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c.d", "é.é.é", "\u0131.a.a"])
    def test_it_has_three_segments_of_ascii(self, text: str) -> None:
        """Whatever else is sent is no assertion, and no failure of ours."""
        with pytest.raises(AssertionRefused) as refused:
            parse_assertion(text)
        assert refused.value.fault in {AssertionFault.MALFORMED, AssertionFault.HEADER}

    def fault(self, header: dict[str, object], claims: dict[str, object]) -> AssertionFault:
        """Give the fault of an assertion with these members, signed or not."""
        segments = [b64url(json.dumps(part).encode()) for part in (header, claims)]
        with pytest.raises(AssertionRefused) as refused:
            parse_assertion(".".join([*segments, b64url(b"signature")]))
        return refused.value.fault


class TestCertificates:
    """Certificates as clients register them."""

    def test_off_the_curve(self) -> None:
        """A certificate whose point is off the curve is none."""
        signer = make_signer(ec_key(), now=NOW)
        point = ec_key().public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        bad = signer.der.replace(point, point[:-1] + bytes([point[-1] ^ 1]))
        assert bad != signer.der
        with pytest.raises(BadCertificate):
            read_certificate(bad)

    def test_facts(self) -> None:
        """Key, dates and subject."""
        signer = make_signer(now=NOW, begins=-10, ends=20, name="mine")
        facts = read_certificate(signer.der)
        assert (facts.not_before, facts.not_after, facts.subject) == (NOW - 10, NOW + 20, "CN=mine")
        assert read_certificate(signer.certificate.public_bytes(Encoding.PEM)) == facts

    def test_two_at_once(self) -> None:
        """A chain is not a certificate: which of them counts must not depend on who reads."""
        pem = make_signer(now=NOW).certificate.public_bytes(Encoding.PEM)
        with pytest.raises(BadCertificate, match="Exactly one"):
            read_certificate(pem + pem)

    @pytest.mark.parametrize("data", [b"", b"0", b"0\x82\xff\xff", b"\x30\x80", b"-----BEGIN CERTIFICATE-----"])
    def test_rubbish(self, data: bytes) -> None:
        """Rubbish is no certificate."""
        with pytest.raises(BadCertificate):
            read_certificate(data)

    def test_names(self) -> None:
        """A name that is nearly right, or none at all, names no certificate."""
        signer = make_signer(now=NOW)
        nothing = {"kid": None, "x5t": None, "x5t_s256": None}
        assert not names_certificate(signer.der, **nothing)
        assert names_certificate(signer.der, **{**nothing, "x5t": b64url(signer.sha1)})
        for name in ("", "x", b64url(signer.sha1)[:-1], b64url(signer.sha256), signer.sha1.hex()[:-1], "é"):
            assert not names_certificate(signer.der, **{**nothing, "x5t": name})
            assert not names_certificate(signer.der, **{**nothing, "kid": name})
