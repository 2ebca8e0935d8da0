"""Chains of certificates that others made: read, judged, and put in order."""

from __future__ import annotations

import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.core.errors import Invalid
from strongroom.core.keys import Curve, KeyKind, KeySpec, PublicParts
from strongroom.crypto.certificates.chains import Held, ordered_chain, read_certificates
from tests.flow.authorities import Authority
from tests.flow.imported import signed

NOW = 1_790_000_000


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Make a CA."""
    return Authority(NOW)


def request_of(key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    """Ask for a certificate."""
    name = x509.Name.from_rfc4514_string("CN=example.com")
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())


def held(key: ec.EllipticCurvePrivateKey) -> Held:
    """Say what is held of a key."""
    point = key.public_key().public_numbers()
    parts = PublicParts(x=point.x.to_bytes(32, "big"), y=point.y.to_bytes(32, "big"))
    return Held(KeySpec(KeyKind.EC, curve=Curve.P256), parts)


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    """Make a key."""
    return ec.generate_private_key(ec.SECP256R1())


def test_an_issuer_can_have_two_certificates(authority: Authority, key: ec.EllipticCurvePrivateKey) -> None:
    """As one has that is signed by an older root as well as by itself: both belong to the chain."""
    leaf, issuing, root = authority.issue(request_of(key))
    older = authority.signer("CN=Older", None)
    crossed = authority.signer("CN=Root", older, key=authority.root.key)
    given = [x509.load_der_x509_certificate(one) for one in (root, leaf, issuing)]
    chain = ordered_chain([crossed.certificate, *given, older.certificate], held(key), NOW)
    assert chain[:2] == (leaf, issuing)
    assert len(chain) == 5


def test_a_leaf_alone_is_a_chain(authority: Authority, key: ec.EllipticCurvePrivateKey) -> None:
    """What is above it may be known to whoever trusts it."""
    leaf, *_ = authority.issue(request_of(key))
    assert ordered_chain(read_certificates([leaf]), held(key), NOW) == (leaf,)


@pytest.mark.parametrize(
    ("bits", "exponent_bits", "is_taken"), [(8192, 64, True), (8193, 17, False), (16384, 64, False), (3072, 65, False)]
)
def test_keys_whose_signatures_are_costly_are_not_verified_with(
    authority: Authority, key: ec.EllipticCurvePrivateKey, bits: int, exponent_bits: int, *, is_taken: bool
) -> None:
    """A key of anybody's choice takes its time at each certificate, so there is a largest one, and an exponent."""
    leaf, *_ = map(x509.load_der_x509_certificate, authority.issue(request_of(key)))
    costly = rsa.RSAPublicNumbers((1 << (exponent_bits - 1)) + 1, (1 << bits) - 1).public_key()
    above = signed(NOW, leaf.issuer, leaf.issuer, costly, key, is_ca=True)
    with pytest.raises(Invalid, match="issued none of the others" if is_taken else "more than 8192 bits"):
        ordered_chain([leaf, above], held(key), NOW)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("seed", range(8))
def test_what_is_altered_is_refused_or_taken_and_nothing_else(
    authority: Authority, key: ec.EllipticCurvePrivateKey, seed: int
) -> None:
    """A byte here or there: no other exception than the refusal ever comes of it."""
    chance = random.Random(seed)  # noqa: S311  the test's name says what to run again
    whole = authority.issue(request_of(key))
    for _ in range(60):
        chain = [bytearray(one) for one in whole]
        victim = chance.choice(chain)
        for _ in range(chance.randint(1, 3)):
            victim[chance.randrange(len(victim))] = chance.randrange(256)
        if chance.random() < 0.2:
            del victim[chance.randrange(len(victim)) :]
        try:
            found = ordered_chain(read_certificates([bytes(one) for one in chain]), held(key), NOW)
        except Invalid as refusal:
            assert refusal.code == "BadParameter"  # noqa: PT017  either may come of it
        else:
            assert len(found) == 3
