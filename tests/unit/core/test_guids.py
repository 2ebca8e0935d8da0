from __future__ import annotations

import secrets
import uuid

import pytest

from strongroom.core.guids import Guids, guid_of, new_guid, parse_guid


def test_a_new_guid_is_random_and_of_version_4() -> None:
    """RFC 9562 version 4 in lower case, out of the chance that is handed in."""
    made = new_guid(secrets.token_bytes)

    assert uuid.UUID(made).version == 4
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert made == made.lower()
    assert made != new_guid(secrets.token_bytes)
    assert new_guid(bytes) == "00000000-0000-4000-8000-000000000000"


def test_guids_made_ahead_are_random_ones_too() -> None:
    """Each is of version 4, none comes twice, also where new chance is drawn."""
    guids = Guids(secrets.token_bytes)
    made = [guids.next() for _ in range(200)]

    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == len(made)
    assert Guids(bytes).next() == new_guid(bytes)


def test_a_guid_of_a_digest_follows_from_it() -> None:
    """RFC 9562 version 8: the same digest gives the same GUID, another one another."""
    made = guid_of(b"\xff" * 32)

    assert made == "ffffffff-ffff-8fff-bfff-ffffffffffff"
    assert guid_of(b"\xff" * 16) == made
    assert guid_of(b"\xfe" * 16) != made


def test_a_guid_is_read_in_either_case() -> None:
    """Identifiers compare in lower case."""
    assert parse_guid("CFA8B339-82A2-471A-A3C9-0FC0BE7A4093") == "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cfa8b33982a2471aa3c90fc0be7a4093",
        "{cfa8b339-82a2-471a-a3c9-0fc0be7a4093}",
        "cfa8b339-82a2-471a-a3c9-0fc0be7a4093\n",
        " cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        "gfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        "cfa8b339-82a2-471a-a3c9-0fc0be7a409",
        "\u0663fa8b339-82a2-471a-a3c9-0fc0be7a4093",
    ],
)
def test_only_the_hyphened_form_is_a_guid(text: str) -> None:
    """Other spellings are refused, so that one object has one id."""
    assert parse_guid(text) is None
