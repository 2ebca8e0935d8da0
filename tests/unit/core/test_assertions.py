"""What a client's assertion has to claim, one claim at a time. Its form and signature are not judged here."""

from collections.abc import Callable
from typing import Any

import pytest

from strongroom.core.assertions import require_in_time, require_own_claims
from strongroom.core.errors import Failure
from strongroom.core.limits import ASSERTION_LEEWAY_S, ASSERTION_LIFE_S

CLIENT = "0f0e0d0c-0b0a-4908-8706-050403020100"
AUDIENCE = "https://login.example/tenant/v2.0"
NOW = 1_800_000_000
LONGEST = NOW + ASSERTION_LIFE_S + ASSERTION_LEEWAY_S
GOOD: dict[str, Any] = {
    "iss": CLIENT,
    "sub": CLIENT,
    "aud": AUDIENCE,
    "nbf": NOW - 10,
    "iat": NOW - 10,
    "exp": NOW + 60,
}


def number_of(judge: Callable[[], None]) -> int | None:
    """Give the number of the refusal that judging ends in, or None if there is none."""
    try:
        judge()
    except Failure as failure:
        return failure.number
    return None


def refused(**changes: Any) -> int | None:
    """Judge good claims with changes, where None takes a claim away."""
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    return number_of(lambda: require_own_claims(claims, client_id=CLIENT, audiences={AUDIENCE}, now=NOW))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iss": CLIENT.upper(), "sub": CLIENT.upper(), "aud": AUDIENCE.upper()},
        {"aud": [AUDIENCE]},
        {"nbf": None, "iat": None},
        {"exp": float(NOW + 60), "nbf": NOW - 0.5},
        {"exp": str(NOW + 60)},
        {"nbf": NOW + ASSERTION_LEEWAY_S},
        {"iat": NOW + ASSERTION_LEEWAY_S},
        {"exp": NOW - ASSERTION_LEEWAY_S + 1},
        {"exp": LONGEST},
    ],
)
def test_what_proves_a_client(changes: dict[str, Any]) -> None:
    """From and about the client, for this endpoint, within its time to the last second."""
    assert refused(**changes) is None


@pytest.mark.parametrize("name", ["iss", "sub"])
@pytest.mark.parametrize(
    ("value", "number"), [("another", 700021), ("", 700021), (None, 50027), (1, 50027), ([CLIENT], 50027)]
)
def test_whose_it_is(name: str, value: Any, number: int) -> None:
    """Issuer and subject are both the client; that one of them is does not make up for the other."""
    assert refused(**{name: value}) == number


@pytest.mark.parametrize(
    ("audience", "number"),
    [
        ("https://login.example/tenant", 700023),
        (AUDIENCE + "/", 700023),
        ("", 700023),
        (None, 50027),
        (1, 50027),
        ([], 50027),
        ([1], 50027),
        ([AUDIENCE, AUDIENCE], 50027),
        ([AUDIENCE, "https://other.example"], 50027),
    ],
)
def test_whom_it_is_for(audience: Any, number: int) -> None:
    """It is for this endpoint alone: what is for several could be sent on by any of them."""
    assert refused(aud=audience) == number


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"exp": None}, 50027),
        ({"exp": True}, 50027),
        ({"exp": "soon"}, 50027),
        ({"exp": f"{NOW + 60}\n"}, 50027),
        ({"exp": []}, 50027),
        ({"nbf": "x"}, 50027),
        ({"iat": False}, 50027),
        ({"exp": NOW - ASSERTION_LEEWAY_S}, 700024),
        ({"exp": 0}, 700024),
        ({"nbf": NOW + ASSERTION_LEEWAY_S + 1}, 700024),
        ({"iat": NOW + ASSERTION_LEEWAY_S + 1}, 700024),
        ({"exp": LONGEST + 1}, 700024),
    ],
)
def test_its_time(changes: dict[str, Any], number: int) -> None:
    """It has begun, has not ended, says when it ends, and that is not far away."""
    assert refused(**changes) == number


@pytest.mark.parametrize(("exp", "number"), [(LONGEST + 1, None), (NOW - ASSERTION_LEEWAY_S, 700024), (None, 50027)])
def test_what_another_issued_may_live_longer(exp: int | None, number: int | None) -> None:
    """How long a token of another issuer lives is that one's matter, but it ends and says when."""
    assert number_of(lambda: require_in_time({} if exp is None else {"exp": exp}, NOW)) == number
