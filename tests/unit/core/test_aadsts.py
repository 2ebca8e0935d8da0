"""The numbers of the token service, held against the table of reference clients.md section 7, "Error JSON"."""

from __future__ import annotations

import pytest

from strongroom.core.aadsts import REFUSALS
from strongroom.http.problems import OAUTH, status_of

TABLE = [
    ((7000215, 7000222), ("invalid_client",), 401),
    ((7000216, 7000218), ("invalid_client",), 401),
    ((700016, 7000112), ("unauthorized_client",), 400),
    ((90002, 900023), ("invalid_request",), 400),
    ((900144, 90014), ("invalid_request",), 400),
    ((70003,), ("unsupported_grant_type",), 400),
    ((70011, 1002012), ("invalid_scope",), 400),
    ((500011, 650057), ("invalid_resource",), 400),
    ((50126, 50034, 50053, 50055, 50057), ("invalid_grant",), 400),
    ((50076, 50079), ("interaction_required", "invalid_grant"), 400),
    ((65001, 50105, 501051), ("invalid_grant",), 400),
    ((65004,), ("access_denied",), 400),
    ((700024, 700027, 700021, 700023), ("invalid_client",), 401),
    ((700211, 700213, 700212), ("invalid_client",), 401),
    ((50027, 5002710), ("invalid_request", "invalid_client"), 400),
    ((50013, 500131, 500133), ("invalid_grant",), 400),
    ((54005, 70008, 700082, 50173, 70000), ("invalid_grant",), 400),
    ((50148, 501481), ("invalid_grant",), 400),
    ((50011,), ("invalid_request",), 400),
    ((70016,), ("authorization_pending",), 400),
    ((70018,), ("bad_verification_code",), 400),
    ((70020,), ("expired_token",), 400),
    ((50049,), ("invalid_instance",), 400),
]
"""Numbers, the words that the reference has for them, and the status, row by row."""

IN_THE_PLACE_OF = {50034: 50126, 50053: 50126, 50148: 501481}
"""Numbers that are never given, and which is: security.md "Tokens and sign-in"; the newer number of two (ADR 0014)."""


@pytest.mark.parametrize(("numbers", "words", "status"), TABLE, ids=[str(row[0][0]) for row in TABLE])
def test_a_row_of_the_reference(numbers: tuple[int, ...], words: tuple[str, ...], status: int) -> None:
    """Every number has the reference's word and status; one of the exceptions is not there, and another one is."""
    for number in numbers:
        assert (number in REFUSALS) == (number not in IN_THE_PLACE_OF)
        given = REFUSALS[IN_THE_PLACE_OF.get(number, number)]
        assert given.error in words
        assert status_of(given.kind(""), OAUTH) == status


def test_consent_is_told_by_a_second_word() -> None:
    """`suberror` of 65001."""
    assert REFUSALS[65001].suberror == "consent_required"


@pytest.mark.parametrize("number", [50173, 70000, 700082, 700084])
def test_a_token_that_is_over_is_told_by_a_second_word(number: int) -> None:
    """MSAL for JavaScript asks nobody to sign in again without it, and forgets no refresh token."""
    assert REFUSALS[number].suberror == "bad_token"
