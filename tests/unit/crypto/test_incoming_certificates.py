"""SEC-KEY-9: whatever is wrong with a certificate from outside, or with its key, is one refusal and nothing else."""

from __future__ import annotations

import base64
import time
from math import lcm

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.core.certificate_limits import IMPORT_CHARS
from strongroom.core.errors import Invalid
from strongroom.crypto.certificates.incoming import Incoming, read_incoming
from strongroom.crypto.forks import Forks
from tests.flow.imported import key_pem, self_signed, signed
from tests.world import START

FORKS = Forks()
KEY, CERTIFICATE = self_signed(START)
key_pem(KEY)
KEY_OCTETS = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
OCTETS = CERTIFICATE.public_bytes(Encoding.DER)


def read(key: bytes, certificate: bytes) -> Incoming:
    """Read both as PEM."""
    blocks = (("PRIVATE KEY", key), ("CERTIFICATE", certificate))
    text = "".join(
        f"-----BEGIN {label}-----\n{base64.b64encode(octets).decode()}\n-----END {label}-----\n"
        for label, octets in blocks
    )
    return read_incoming(FORKS, text, None, int(START), keep_order=False)


def spoilt(octets: bytes, place: int, value: int, length: int) -> bytes:
    """Put a byte in the place of so many."""
    place %= len(octets)
    return octets[:place] + bytes((value,)) + octets[place + length :]


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.integers(0, 2000), st.integers(0, 255), st.integers(0, 2))
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_byte_that_is_wrong_is_refused_or_means_nothing(is_key: bool, place: int, value: int, length: int) -> None:  # noqa: FBT001  hypothesis gives it
    """A byte more, less or other than it was is a refusal in a sentence, or what is read is the key that it was."""
    key, certificate = KEY_OCTETS, OCTETS
    if is_key:
        key = spoilt(key, place, value, length)
    else:
        certificate = spoilt(certificate, place, value, length)
    try:
        incoming = read(key, certificate)
    except Invalid as refusal:
        assert refusal.message.endswith(".")  # noqa: PT017  either may come of it
        assert refusal.code == "BadParameter"  # noqa: PT017
    else:
        numbers = KEY.public_key().public_numbers()
        assert incoming.key.parts.x == numbers.x.to_bytes(32, "big")


def test_a_version_that_there_is_not_is_refused() -> None:
    """A certificate of X.509's version 21 is none."""
    unknown = OCTETS.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x14")
    with pytest.raises(Invalid, match=r"X\.509"):
        read(KEY_OCTETS, unknown)


@pytest.mark.parametrize(
    "piece",
    [
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN A-----\n-----END B-----\n",
        "-----BEGIN " + "A" * 41,
        "-----BEGIN A-----\n",
    ],
)
def test_blocks_without_an_end_cost_no_more_than_they_are_long(piece: str) -> None:
    """A value as long as it may be, of beginnings alone, is refused at once: nobody else is served meanwhile."""
    value = (piece * (IMPORT_CHARS // len(piece)))[:IMPORT_CHARS]
    begun = time.thread_time()
    with pytest.raises(Invalid, match="does not end"):
        read_incoming(FORKS, value, None, int(START), keep_order=False)
    assert time.thread_time() - begun < 1


def test_whoever_opens_a_file_checks_its_rsa_key() -> None:
    """A factor that is no prime is found in a process of its own, be the key in a PKCS#12 file or in PEM."""
    q = rsa.generate_private_key(65537, 2048).private_numbers().q
    p = 0
    # The product is a bit short one time in some, and would be refused for its size.
    while (p * q).bit_length() != 2048:
        other = rsa.generate_private_key(65537, 1024).private_numbers()  # noqa: S505  its factors' product is the factor
        p = other.p * other.q
    d = pow(65537, -1, lcm(p - 1, q - 1))
    public = rsa.RSAPublicNumbers(65537, p * q)
    composite = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    key = composite.private_key(unsafe_skip_rsa_key_validation=True)
    name = x509.Name.from_rfc4514_string("CN=example.com")
    certificate = signed(START, name, name, key.public_key(), KEY)
    octets = pkcs12.serialize_key_and_certificates(None, key, certificate, None, NoEncryption())
    with pytest.raises(Invalid, match="no PKCS#12 file"):
        read_incoming(FORKS, base64.b64encode(octets).decode(), None, int(START), keep_order=False)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(Invalid, match="is not taken"):
        read(private, certificate.public_bytes(Encoding.DER))
