from __future__ import annotations

import secrets
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from strongroom.core.limits import CODE_DIGITS, CODE_STEP_S, CODE_STEPS_BESIDE
from strongroom.crypto.totp import WrongCode, new_secret, provisioning_uri, secret_text, step_of_code

SECRET = b"12345678901234567890"
"""RFC 6238 appendix B."""
VECTORS = (
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
)
"""Times and codes of appendix B, whose eight digits end in the six that apps show."""


@pytest.mark.parametrize(("time", "code"), VECTORS)
def test_a_code_is_what_the_standard_says(time: int, code: str) -> None:
    """RFC 6238 appendix B."""
    assert len(code) == CODE_DIGITS
    assert step_of_code(SECRET, code, time) == time // CODE_STEP_S


@pytest.mark.parametrize(
    ("steps", "good"),
    [
        (-CODE_STEPS_BESIDE - 1, False),
        (-CODE_STEPS_BESIDE, True),
        (0, True),
        (CODE_STEPS_BESIDE, True),
        (CODE_STEPS_BESIDE + 1, False),
    ],
)
def test_a_clock_may_be_one_step_off(steps: int, *, good: bool) -> None:
    """CODE_STEPS_BESIDE: one step to either side is taken, and means its own step; two are not."""
    time, code = VECTORS[2]
    asked = time - steps * CODE_STEP_S
    if good:
        assert step_of_code(SECRET, code, asked) == time // CODE_STEP_S
    else:
        with pytest.raises(WrongCode):
            step_of_code(SECRET, code, asked)


@pytest.mark.parametrize("text", ["", "28708", "2870820", "287083"])
def test_anything_else_is_wrong(text: str) -> None:
    """No shorter or longer text either."""
    with pytest.raises(WrongCode):
        step_of_code(SECRET, text, 59)


def test_a_secret_has_160_bits() -> None:
    """RFC 4226 section 4: in base32 it is 32 letters without padding."""
    secret = new_secret(secrets.token_bytes)
    assert len(secret) == 20
    assert len(secret_text(secret)) == 32
    assert "=" not in secret_text(secret)


def test_the_uri_is_the_one_that_apps_read() -> None:
    """otpauth, with the issuer before the account, the secret in base32, and nothing that differs from the default."""
    parts = urlsplit(provisioning_uri(SECRET, account="ann@one.example", issuer="login.one.example:8443"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/login.one.example:8443:ann@one.example"
    query = parse_qs(parts.query)
    assert query["secret"] == ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
    assert query["issuer"] == ["login.one.example:8443"]
    assert query.get("digits", ["6"]) == ["6"]
    assert query.get("period", ["30"]) == ["30"]
