"""What the service does where a token lacks something: tried on one that has it, by taking it away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from PyKCS11 import LowLevel

from strongroom.core.keys import Curve, KeyKind, KeySpec
from strongroom.crypto.keys import key_wrap
from strongroom.crypto.keys.pkcs11 import paddings, refusals, travel, wire
from strongroom.crypto.keys.pkcs11.objects import mechanism, wrap_key_template
from strongroom.crypto.keys.pkcs11.operations import Operations
from strongroom.crypto.keys.pkcs11.refusals import TokenRefusal
from strongroom.crypto.keys.protocol import Undecryptable
from strongroom.crypto.keys.public import oaep, public_parts
from tests.softhsm import soft_token

P256 = KeySpec(KeyKind.EC, curve=Curve.P256)
REMOVER = paddings.make_remover(2048)
OTHER = rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def operations() -> Iterator[Operations]:
    """Use a token in this process, as a worker does in its own."""
    with soft_token() as token:
        yield Operations(wire.Start(str(token.module), "", token.pin.encode()))


def made(answer: wire.Answer) -> wire.Made:
    """Demand that a key was made."""
    assert isinstance(answer, wire.Made), getattr(answer, "name", answer)
    return answer


@pytest.mark.toolchain("softhsm2-util")
def test_a_token_that_takes_no_plain_keys_takes_wrapped_ones(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key from outside goes in by way of a transport key that the token makes for it."""
    private = ec.generate_private_key(ec.SECP256R1())
    encoded = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def refuse(_: Any) -> None:
        raise TokenRefusal(refusals.INVALID, "", "CKR_TEMPLATE_INCONSISTENT")

    monkeypatch.setattr(operations._session, "create", refuse)
    key = made(operations.answer(wire.BringIn(P256, public_parts(private.public_key()), encoded, "v/n/1")))
    signed = operations.answer(wire.Sign(key.id, P256, "ES256", bytes(32)))
    assert isinstance(signed, wire.Octets)


@pytest.mark.toolchain("softhsm2-util")
def test_a_device_that_pads_otherwise_releases_nothing(operations: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a program in this process has padded is padded again: a device's key is never in the clear here."""
    key = made(operations.answer(wire.Make(P256, "v/n/1")))
    question = wire.Release(key.id, P256, public_parts(OTHER.public_key()), key_wrap.BYOK_METHOD)
    assert isinstance(operations.answer(question), wire.Octets)
    monkeypatch.setattr(operations._session, "in_hardware", True)
    answer = operations.answer(question)
    assert isinstance(answer, wire.Refused)
    assert answer.kind == refusals.INVALID


@pytest.mark.toolchain("softhsm2-util")
def test_a_wrap_key_does_nothing_but_wrap(operations: Operations) -> None:
    """One that decrypted would show in the clear, to whoever has the PIN, what is in backups."""
    operations.answer(wire.EnsureWrapKey("only wraps"))
    session = operations._session
    (key,) = session.find_all([(LowLevel.CKA_LABEL, "only wraps")])
    for use in (LowLevel.CKA_ENCRYPT, LowLevel.CKA_DECRYPT, LowLevel.CKA_SIGN, LowLevel.CKA_DERIVE):
        assert not session.attribute_number(key, use)
    assert session.attribute_number(key, LowLevel.CKA_SENSITIVE)
    assert not session.attribute_number(key, LowLevel.CKA_EXTRACTABLE)


@pytest.mark.toolchain("softhsm2-util")
def test_a_backup_that_turns_out_wrong_leaves_nothing(operations: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps a restored key from being looked at, the key is not left in the token."""
    operations.answer(wire.EnsureWrapKey("left"))
    key = made(operations.answer(wire.Make(P256, "v/n/1")))
    saved = operations.answer(wire.BackUp(key.id, P256, "left"))
    assert isinstance(saved, wire.Octets)

    def refuse(*_: Any) -> bool:
        raise TokenRefusal(refusals.UNAVAILABLE, "", "CKR_FUNCTION_FAILED")

    monkeypatch.setattr(travel, "_is_private_part", refuse)
    answer = operations.answer(wire.Restore(saved.value, P256, key.parts, "left", "v/left/1"))
    assert isinstance(answer, wire.Refused)
    assert operations._session.find_all([(LowLevel.CKA_LABEL, "v/left/1")]) == []


@pytest.mark.toolchain("softhsm2-util")
def test_a_backup_is_restored_by_whichever_key_wrapped_it(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes that share a token may each have made a key for the backups of a subscription."""
    session, find = operations._session, travel._wrap_keys
    for _ in range(2):
        session.generate(wrap_key_template("both"), mechanism(LowLevel.CKM_AES_KEY_GEN))
    key = made(operations.answer(wire.Make(P256, "v/n/1")))
    saved = operations.answer(wire.BackUp(key.id, P256, "both"))
    assert isinstance(saved, wire.Octets)
    question = wire.Restore(saved.value, P256, key.parts, "both", "v/both/1")
    first = made(operations.answer(question))
    monkeypatch.setattr(travel, "_wrap_keys", lambda *asked: find(*asked)[::-1])
    assert made(operations.answer(question)).parts == first.parts == key.parts


@pytest.mark.toolchain("softhsm2-util")
def test_a_key_without_an_id_is_never_destroyed(operations: Operations) -> None:
    """Objects without a CKA_ID are the keys that wrap others."""
    with pytest.raises(ValueError, match="no CKA_ID"):
        operations.answer(wire.Destroy(b""))


@pytest.mark.toolchain("softhsm2-util")
def test_what_wraps_others_stays(operations: Operations) -> None:
    """A wrap key is made once for its label, and is there after a key was destroyed."""
    for _ in range(2):
        operations.answer(wire.EnsureWrapKey("label"))
    key = made(operations.answer(wire.Make(P256, "v/n/1")))
    operations.answer(wire.Destroy(key.id))
    wrapped = operations.answer(wire.WrapBytes("label", bytes(32)))
    assert isinstance(wrapped, wire.Octets)
    assert operations.answer(wire.UnwrapBytes("label", wrapped.value)) == wire.Octets(bytes(32))
    assert isinstance(operations.answer(wire.UnwrapBytes("other", wrapped.value)), wire.Refused)


def block(scheme: padding.AsymmetricPadding, plaintext: bytes) -> bytes:
    """Give a padded block, as a token's private operation does."""
    numbers = OTHER.private_numbers()
    sealed = OTHER.public_key().encrypt(plaintext, scheme)
    return pow(int.from_bytes(sealed, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")


@pytest.mark.parametrize("scheme", [oaep("sha1"), oaep("sha256"), padding.PKCS1v15()], ids=["sha1", "sha256", "v1.5"])
def test_paddings_come_off_under_another_key(scheme: padding.AsymmetricPadding) -> None:
    """A padded block is the same under every modulus of its size."""
    assert paddings.remove(REMOVER, block(scheme, b"message"), scheme) == b"message"


def test_no_block_is_told_apart_from_another() -> None:
    """Not padded at all, beginning with ones, above every modulus: one refusal, or for PKCS#1 v1.5 none."""
    for bad in (bytes(256), b"\xff" * 256, b"\0\2" + bytes(254), os.urandom(256)):
        with pytest.raises(Undecryptable):
            paddings.remove(REMOVER, bad, oaep("sha256"))
        assert paddings.remove(REMOVER, bad, padding.PKCS1v15()) == paddings.remove(REMOVER, bad, padding.PKCS1v15())


def test_every_known_refusal_is_told_in_our_words() -> None:
    """What a caller reads names no code of a vendor's, whatever the token said."""
    for name in ("CKR_DEVICE_REMOVED", "CKR_PIN_LOCKED", "CKR_MECHANISM_INVALID", "CKR_VENDOR_DEFINED", "4711"):
        _, text = refusals.meaning(name)
        assert "CKR" not in text
        assert text.endswith(".")
    assert refusals.meaning("CKR_VENDOR_DEFINED")[0] == refusals.UNAVAILABLE
