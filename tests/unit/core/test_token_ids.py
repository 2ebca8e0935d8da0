from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.core.identity import Credential, CredentialKind
from strongroom.core.token_ids import new_token_id, proof_of

CREDENTIAL = Credential("one", "tenant", "owner", CredentialKind.SECRET, b"", 0, 0, None)
OTHERS = [replace(CREDENTIAL, id=name) for name in ("two", "three", "")]


def tag(purpose: str, message: bytes) -> bytes:
    """Tag under one root key."""
    return hmac.digest(b"key", purpose.encode() + b"\0" + message, hashlib.sha256)


def other_tag(purpose: str, message: bytes) -> bytes:
    """Tag under another root key."""
    return hmac.digest(b"another", purpose.encode() + b"\0" + message, hashlib.sha256)


def test_an_id_leads_back_to_its_credential_alone() -> None:
    """SEC-FLOW-17: of several credentials exactly the one that made the token is found, wherever it stands."""
    token_id = new_token_id(tag, CREDENTIAL.id, secrets.token_bytes)

    assert proof_of(tag, token_id, [CREDENTIAL, *OTHERS]) == CREDENTIAL
    assert proof_of(tag, token_id, [*OTHERS, CREDENTIAL]) == CREDENTIAL


def test_a_removed_credential_is_not_found() -> None:
    """SEC-FLOW-17: without its credential a token's id leads nowhere."""
    token_id = new_token_id(tag, CREDENTIAL.id, secrets.token_bytes)

    assert proof_of(tag, token_id, OTHERS) is None
    assert proof_of(tag, token_id, []) is None


def test_no_two_ids_are_alike() -> None:
    """An id tells nobody which tokens came from one credential."""
    ids = {new_token_id(tag, CREDENTIAL.id, secrets.token_bytes) for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 27 for one in ids)


def test_only_this_instance_makes_ids() -> None:
    """An id made under another root key leads nowhere."""
    assert proof_of(tag, new_token_id(other_tag, CREDENTIAL.id, secrets.token_bytes), [CREDENTIAL]) is None


@pytest.mark.parametrize("token_id", ["", "x", "A" * 26, "A" * 27, "A" * 28, "é" * 27, "=" * 27, " " * 27, "\0" * 27])
def test_what_is_no_id_leads_nowhere(token_id: str) -> None:
    """Malformed ids are answered like unknown ones."""
    assert proof_of(tag, token_id, [CREDENTIAL, *OTHERS]) is None


@pytest.mark.parametrize("beside", ["=", "!", " ", "\n", "A"])
def test_an_id_is_written_in_one_way(beside: str) -> None:
    """What a reader of Base64 passes over is no part of an id: with it, it is nobody's."""
    token_id = new_token_id(tag, CREDENTIAL.id, lambda size: bytes(range(size)))
    for place in (0, 9, len(token_id)):
        assert proof_of(tag, f"{token_id[:place]}{beside}{token_id[place:]}", [CREDENTIAL]) is None


@given(st.integers(0, 25), st.sampled_from("ABCXYZabcxyz0189-_"))
def test_a_changed_id_leads_nowhere(place: int, character: str) -> None:
    """Another character anywhere, nonce or reference, and the id is nobody's."""
    token_id = new_token_id(tag, CREDENTIAL.id, lambda size: bytes(range(size)))
    changed = f"{token_id[:place]}{character}{token_id[place + 1 :]}"
    assert (proof_of(tag, changed, [CREDENTIAL]) is not None) == (changed == token_id)
