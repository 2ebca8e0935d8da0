"""What a public part alone can do; published signatures are judged in tests/flow/vectors/test_verifying.py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.core import limits
from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys.algorithms import ALGORITHMS
from strongroom.crypto.keys.public import PublicOperations, ec_public_key, public_parts, rsa_public_key


@pytest.fixture(scope="module")
def public() -> Iterator[PublicOperations]:
    """Make what verifies."""
    operations = PublicOperations(threads=1)
    yield operations
    operations.close()


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 1), (1, 0), (0, 0), (1, 2**256 - 1), (2**256 - 1, 1)],
)
def test_numbers_out_of_range_are_no_signature(public: PublicOperations, r: int, s: int) -> None:
    """Zero, and what is not below the order, make a wrong signature, and no fault."""
    parts = public_parts(ec.generate_private_key(ec.SECP256R1()).public_key())
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    spec = KeySpec(KeyKind.EC, curve=Curve.P256)
    assert asyncio.run(public.verify(spec, parts, ALGORITHMS["ES256"], bytes(32), signature)) is False


def test_public_keys_are_kept_in_bounds() -> None:
    """No more public keys are kept ready than the limit says, of either kind."""
    bound = limits.PUBLIC_KEYS_KEPT
    assert rsa_public_key.cache_parameters()["maxsize"] == ec_public_key.cache_parameters()["maxsize"] == bound
