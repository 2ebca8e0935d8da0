"""SEC-KEY-9: whatever is wrong with a certificate from outside, or with its key, is one refusal and nothing else."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.core.certificate_limits import IMPORT_CHARS
from strongroom.core.errors import Invalid
from strongroom.crypto.certificates.incoming import Incoming, read_incoming
from tests.flow.imported import key_pem, self_signed
from tests.world import START

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
    return read_incoming(text, None, int(START), keep_order=False)


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
        read_incoming(value, None, int(START), keep_order=False)
    assert time.thread_time() - begun < 1
