"""Structures that are signed by a key elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from strongroom.core.certificate_limits import LIST_CPU_S, LIST_HERE
from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.certificates import revocation_lists
from strongroom.crypto.certificates.authority import Issuer, Revoked, Span, make_root
from strongroom.crypto.certificates.revocation_lists import make_list
from strongroom.crypto.certificates.signing import SigningKey, signed
from strongroom.crypto.forks import Forks
from strongroom.crypto.keys.algorithms import Algorithm
from strongroom.crypto.keys.public import public_parts


def signing_key() -> SigningKey:
    """Give a key that signs nothing, since nobody verifies here."""

    async def sign(_algorithm: Algorithm, digest: bytes) -> bytes:
        return digest * 2

    parts = public_parts(ec.generate_private_key(ec.SECP256R1()).public_key())
    return SigningKey(KeySpec(KeyKind.EC, curve=Curve.P256), parts, sign)


def built(octets: list[bytes]) -> Any:
    """Make a builder that has something to sign from a list, each time that it builds."""

    def build(key: Any, algorithm: Any) -> tuple[bytes, bytes]:
        content = octets.pop(0)
        return content, key.sign(content, ec.ECDSA(algorithm))

    return build


def test_what_was_another_one_meanwhile_is_built_again() -> None:
    """A structure that says in which second it was made has the signature of what it says."""
    key = signing_key()
    content, signature = asyncio.run(signed(key, built([b"first second", b"next second", b"same", b"same"])))
    _, expected = asyncio.run(signed(key, built([b"same", b"same"])))
    assert (content, signature) == (b"same", expected)


def test_what_never_stays_the_same_is_not_signed() -> None:
    """A builder that gives something else each time is a fault of ours."""
    with pytest.raises(RuntimeError, match="another one each time"):
        asyncio.run(signed(signing_key(), built([bytes([number]) for number in range(6)])))


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_long_list_is_built_elsewhere(beyond: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list longer than the limit is not built in this process, whose interpreter it would hold; it says the same."""
    key, here = signing_key(), []
    original = revocation_lists.built
    monkeypatch.setattr(revocation_lists, "built", lambda draft: here.append(draft) or original(draft))
    seconds = []
    ask = Forks.ask
    monkeypatch.setattr(Forks, "ask", lambda *asked: seconds.append(asked[-1]) or ask(*asked))
    forks, number = Forks(), LIST_HERE + beyond

    async def listed() -> tuple[bytes, bytes]:
        root = await make_root(key, "CN=Root", b"\x01", Span(0, 1_000_000))
        revoked = [Revoked(1 << 120 | one, 1000, "keyCompromise") for one in range(number)]
        return root, await make_list(forks, Issuer(key, root), revoked, 1, Span(0, 1000))

    root, crl = asyncio.run(listed())
    forks.end()
    read = x509.load_der_x509_crl(crl)
    assert [one.serial_number & 0xFFFF for one in read] == list(range(number))
    assert read.issuer == x509.load_der_x509_certificate(root).subject
    assert len(here) == (0 if beyond else 2)
    assert seconds == [LIST_CPU_S] * 2 * beyond
