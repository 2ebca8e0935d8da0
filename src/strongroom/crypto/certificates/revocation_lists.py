"""
The lists of what a CA has revoked (RFC 5280 section 5).

The library builds a list twice, once for what is to be signed and once with the signature (`signing`), and holds the
interpreter all that time: 27 ms each time for ten thousand entries, and a quarter of a second before to make them. So a
long list is built in a fork, which has no key: what it gives is signed here, wherever the key is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from strongroom.core import certificate_limits as limits
from strongroom.core.keys import KeySpec, PublicParts
from strongroom.crypto.certificates.authority import Issuer, Revoked, Span, authority_key
from strongroom.crypto.certificates.signing import sign_octets, signed_by
from strongroom.crypto.forks import Forks, Work


class Draft(msgspec.Struct, array_like=True, frozen=True):
    """What a list says, and the key that signs it."""

    spec: KeySpec
    parts: PublicParts
    issuer: bytes
    entries: tuple[tuple[bytes, int, str], ...]
    """Serial number, when it was revoked, the reason."""
    number: int
    begins: int
    ends: int
    signature: bytes


class Built(msgspec.Struct, array_like=True, frozen=True):
    """A list with the signature that it was given, and what that should be of."""

    signed: bytes
    crl: bytes


_drafts = msgspec.msgpack.Decoder(Draft)
_built = msgspec.msgpack.Decoder(Built)


async def make_list(forks: Forks, issuer: Issuer, revoked: Iterable[Revoked], number: int, span: Span) -> bytes:
    """
    Make the list of what a CA has revoked, in DER.

    Raises:
        Unavailable, Throttled: see `KeyProtection`.
    """
    key = issuer.key
    entries = tuple((_octets(one.serial), one.revoked_at, one.reason) for one in revoked)
    draft = Draft(key.spec, key.parts, issuer.certificate, entries, number, span.begins, span.ends, b"\0")
    unsigned = await _build(forks, draft)
    signature = await sign_octets(key, unsigned.signed)
    return (await _build(forks, msgspec.structs.replace(draft, signature=signature))).crl


async def _build(forks: Forks, draft: Draft) -> Built:
    if len(draft.entries) <= limits.LIST_HERE:
        return built(draft)

    def ask() -> Built:
        return _built.decode(forks.ask(Work.BUILD_LIST, msgspec.msgpack.encode(draft), limits.LIST_CPU_S))

    return await asyncio.to_thread(ask)


def answer(question: bytes) -> bytes:
    """Build a list: for `fork_server`."""
    return msgspec.msgpack.encode(built(_drafts.decode(question)))


def built(draft: Draft) -> Built:
    """Build a list with the signature that it is given."""
    above = x509.load_der_x509_certificate(draft.issuer)
    # All entries at once, since a builder that is given one after the other copies all those before it each time.
    builder = (
        x509.CertificateRevocationListBuilder(revoked_certificates=[_entry(*one) for one in draft.entries])
        .issuer_name(above.subject)
        .last_update(datetime.fromtimestamp(draft.begins, UTC))
        .next_update(datetime.fromtimestamp(draft.ends, UTC))
        .add_extension(x509.CRLNumber(draft.number), critical=False)
        .add_extension(authority_key(above), critical=False)
    )
    crl, octets = signed_by(draft.spec, draft.parts, draft.signature, builder.sign)
    return Built(octets, crl.public_bytes(Encoding.DER))


def _entry(serial: bytes, revoked_at: int, reason: str) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(int.from_bytes(serial, "big"))
    entry = entry.revocation_date(datetime.fromtimestamp(revoked_at, UTC))
    flag = x509.ReasonFlags(reason)
    if flag is not x509.ReasonFlags.unspecified:
        # That nothing is known is said by saying nothing (RFC 5280 section 5.3.1).
        entry = entry.add_extension(x509.CRLReason(flag), critical=False)
    return entry.build()


def _octets(serial: int) -> bytes:
    return serial.to_bytes((serial.bit_length() + 7) // 8, "big")
