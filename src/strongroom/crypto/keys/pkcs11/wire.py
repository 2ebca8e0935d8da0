"""
What the service and a worker say to each other: MessagePack with its length before it, over a socket pair.

One question, one answer. Keys that come from outside, plaintexts and the PIN go this way, so nothing here shows its
members when it is printed.
"""

from __future__ import annotations

import struct

import msgspec

from strongroom.core.keys import KeySpec, PublicParts

LENGTH = struct.Struct(">I")
MESSAGE_BYTES_MAX = 1 << 20
"""More than any key or ciphertext of ours; a length beyond it is a fault of the one who sent it."""


class _Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


# ---- questions ------------------------------------------------------------------------------------------------------


class Start(_Message, frozen=True):
    """Load the library, find the token, log in. The first question, and asked once."""

    module: str
    token: str
    """Its label or serial number; empty where there is only one."""
    pin: bytes


class Look(_Message, frozen=True):
    """Say which token it is."""


class Make(_Message, frozen=True):
    """Make a key."""

    spec: KeySpec
    label: str


class BringIn(_Message, frozen=True):
    """Take a key that is in the clear: PKCS#8, or the bytes of an oct key."""

    spec: KeySpec
    parts: PublicParts
    private: bytes
    label: str


class Sign(_Message, frozen=True):
    """Sign a digest, or make its keyed tag."""

    id: bytes
    spec: KeySpec
    algorithm: str
    digest: bytes


class Encrypt(_Message, frozen=True):
    """Encrypt or wrap under an oct key."""

    id: bytes
    algorithm: str
    plaintext: bytes
    iv: bytes | None
    aad: bytes | None


class Decrypt(_Message, frozen=True):
    """Decrypt or unwrap."""

    id: bytes
    spec: KeySpec
    algorithm: str
    value: bytes
    iv: bytes | None
    tag: bytes | None
    aad: bytes | None
    remover: bytes | None = None
    """The RSA key that paddings are taken off under (`paddings`), in PKCS#8."""


class FindWrapKey(_Message, frozen=True):
    """Tell whether there is a key with this label that wraps others: without an answer's bytes, or as a refusal."""

    label: str


class EnsureWrapKey(_Message, frozen=True):
    """Make the key with this label that wraps others, unless it is there."""

    label: str


class BackUp(_Message, frozen=True):
    """Wrap a key under the one with this label."""

    id: bytes
    spec: KeySpec
    under: str


class Restore(_Message, frozen=True):
    """Take back what `BackUp` gave."""

    saved: bytes
    spec: KeySpec
    parts: PublicParts
    under: str
    label: str


class Release(_Message, frozen=True):
    """Wrap a key for an RSA key outside."""

    id: bytes
    spec: KeySpec
    recipient: PublicParts
    method: str


class BringInWrapped(_Message, frozen=True):
    """Take a key that was wrapped for the RSA key *kek*."""

    kek: bytes
    kek_bytes: int
    wrapped: bytes
    spec: KeySpec
    label: str


class Destroy(_Message, frozen=True):
    """Delete a key's objects."""

    id: bytes


class WrapBytes(_Message, frozen=True):
    """Wrap what is no key of a vault, the root key, under the key with this label."""

    under: str
    plaintext: bytes


class UnwrapBytes(_Message, frozen=True):
    """Unwrap what `WrapBytes` gave."""

    under: str
    wrapped: bytes


OctetsQuestion = Sign | Decrypt | FindWrapKey | EnsureWrapKey | BackUp | Release | Destroy | WrapBytes | UnwrapBytes
"""What is answered with bytes, be they none."""
Question = Start | Look | Make | BringIn | Encrypt | Restore | BringInWrapped | OctetsQuestion

# ---- answers --------------------------------------------------------------------------------------------------------


class Started(_Message, frozen=True):
    """What the token says of itself."""

    label: str
    serial: str
    manufacturer: str
    model: str
    firmware: str
    missing: tuple[str, ...]
    """Mechanisms that some operation needs and the token has not."""


class Made(_Message, frozen=True):
    """A key that is now in the token."""

    id: bytes
    spec: KeySpec
    parts: PublicParts


class Octets(_Message, frozen=True):
    """Bytes."""

    value: bytes


class Encrypted(_Message, frozen=True):
    """What an encryption gives."""

    value: bytes
    iv: bytes | None = None
    tag: bytes | None = None


class Refused(_Message, frozen=True):
    """What could not be done; `kind` is one of `refusals`."""

    kind: str
    text: str
    name: str
    """The token's own word for it, `CKR_…`, for the log."""


Answer = Started | Made | Octets | Encrypted | Refused

encode = msgspec.msgpack.Encoder().encode
decode_question = msgspec.msgpack.Decoder(Question).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def frame(message: Question | Answer) -> bytes:
    """Give a message with its length before it."""
    body = encode(message)
    return LENGTH.pack(len(body)) + body
