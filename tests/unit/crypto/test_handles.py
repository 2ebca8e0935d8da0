import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core import limits
from strongroom.crypto.context import bind
from strongroom.crypto.handles import open_handle, seal_handle
from strongroom.crypto.protocol import Unsealable
from strongroom.crypto.software import SoftwareRootKey

PROTECTION = SoftwareRootKey(bytes(range(32)))
PLACE = bind("tenant", "vault", "secrets")
SEALED_OVERHEAD = 1 + 16 + 12 + 16


@given(st.binary(max_size=200))
def test_a_handle_is_read_again(payload: bytes) -> None:
    """What was put in comes out, and the handle needs no escaping in a URL."""
    handle = seal_handle(PROTECTION, "skip token", PLACE, payload)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", handle)
    assert open_handle(PROTECTION, "skip token", PLACE, handle) == payload


@pytest.mark.parametrize(
    ("purpose", "place"),
    [
        ("backup", PLACE),
        ("skip token", bind("other", "vault", "secrets")),
        ("skip token", bind("tenant", "other", "secrets")),
        ("skip token", bind("tenant", "vault", "keys")),
    ],
)
def test_a_handle_is_of_no_use_elsewhere(purpose: str, place: bytes) -> None:
    """SEC (pitfalls, "Paths, handles"): skip tokens usable in another vault, tenant or listing."""
    with pytest.raises(Unsealable):
        open_handle(PROTECTION, purpose, place, seal_handle(PROTECTION, "skip token", PLACE, b"after this"))


@pytest.mark.parametrize("payload_bytes", [3, 4, 5])
def test_no_other_spelling_of_a_handle_is_read(payload_bytes: int) -> None:
    """Padding, blanks, the other alphabet, stray bits at the end: only the very characters that were issued."""
    handle = seal_handle(PROTECTION, "p", PLACE, b"x" * payload_bytes)
    spare = {last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if last != handle[-1]}
    spellings = [handle + "=", handle + "==", handle + "\n", " " + handle, handle + "A", handle[:-1], "", "\u00e9", "A"]
    spellings += [handle[:-1] + last for last in spare]
    for spelling in spellings:
        with pytest.raises(Unsealable):
            open_handle(PROTECTION, "p", PLACE, spelling)


def test_stray_bits_are_refused_although_the_bytes_are_right() -> None:
    """A spelling that decodes to the right bytes is still not the one we issued."""
    handle = seal_handle(PROTECTION, "p", PLACE, b"xx")
    twin = handle[:-1] + chr(ord(handle[-1]) + 1)
    pad = "=" * (-len(handle) % 4)
    assert base64.urlsafe_b64decode(twin + pad) == base64.urlsafe_b64decode(handle + pad)
    with pytest.raises(Unsealable):
        open_handle(PROTECTION, "p", PLACE, twin)


def test_the_longest_handle_is_read() -> None:
    """At the limit a handle is made and read; one byte more is refused when it is made."""
    largest = limits.HANDLE_CHARS * 3 // 4 - SEALED_OVERHEAD
    handle = seal_handle(PROTECTION, "p", PLACE, bytes(largest))
    assert len(handle) == limits.HANDLE_CHARS
    assert open_handle(PROTECTION, "p", PLACE, handle) == bytes(largest)
    with pytest.raises(ValueError, match="at most"):
        seal_handle(PROTECTION, "p", PLACE, bytes(largest + 1))


def test_a_longer_handle_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One past the limit is refused, even one that would open."""
    handle = seal_handle(PROTECTION, "p", PLACE, b"payload")
    monkeypatch.setattr(limits, "HANDLE_CHARS", len(handle))
    assert open_handle(PROTECTION, "p", PLACE, handle) == b"payload"
    monkeypatch.setattr(limits, "HANDLE_CHARS", len(handle) - 1)
    with pytest.raises(Unsealable):
        open_handle(PROTECTION, "p", PLACE, handle)
