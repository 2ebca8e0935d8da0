"""The `claims` parameter, and the claims of a challenge."""

import base64
import json

import pytest

from strongroom.core.claims_request import NOTHING, ClaimsRequest, newer_token, read_claims_request


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, NOTHING),
        ({"access_token": None}, NOTHING),
        ({"access_token": {"xms_cc": {"values": ["CP1"]}}}, ClaimsRequest(continuous=True)),
        ({"access_token": {"xms_cc": {"values": ["llt", "cp1"]}}}, ClaimsRequest(continuous=True)),
        ({"access_token": {"xms_cc": {"value": "cp1"}}}, ClaimsRequest(continuous=True)),
        ({"access_token": {"xms_cc": {"values": "cp1"}}}, NOTHING),
        ({"access_token": {"xms_cc": {"values": [1, None, {}]}}}, NOTHING),
        ({"access_token": {"xms_cc": "cp1"}}, NOTHING),
        ({"access_token": {"nbf": {"essential": True, "value": "1790000000"}}}, ClaimsRequest(not_before=1790000000)),
        ({"access_token": {"nbf": {"essential": True, "value": 1790000000}}}, ClaimsRequest(not_before=1790000000)),
        ({"access_token": {"nbf": {"essential": False, "value": "1790000000"}}}, NOTHING),
        ({"access_token": {"nbf": {"essential": True, "value": "-1"}}}, NOTHING),
        ({"access_token": {"nbf": {"essential": True, "value": "9" * 13}}}, NOTHING),
        ({"access_token": {"nbf": {"essential": True, "value": "\u0661"}}}, NOTHING),
        ({"access_token": {"nbf": {"essential": True, "value": True}}}, NOTHING),
        ({"access_token": {"nbf": {"essential": True, "value": 10**12}}}, NOTHING),
        ({"access_token": {"nbf": None}}, NOTHING),
    ],
)
def test_what_is_honoured(asked: dict[str, dict[str, object] | None], expected: ClaimsRequest) -> None:
    """`xms_cc` and an essential `nbf`, in the forms they have; everything else is passed over."""
    assert read_claims_request(asked) == expected


@pytest.mark.parametrize("moment", [0, 9, 99, 1_790_000_000, 99_999_999_999])
def test_the_challenge_is_read_alike_by_every_alphabet(moment: int) -> None:
    """Standard base64 without padding, plus or slash: what clients disagree about does not occur."""
    text = newer_token(moment)
    assert text.isalnum()
    decoded = base64.b64decode(text, validate=True)
    assert decoded == base64.urlsafe_b64decode(text)
    assert json.loads(decoded) == {"access_token": {"nbf": {"essential": True, "value": str(moment)}}}
