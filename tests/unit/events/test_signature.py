"""The way to check a signature that the documentation gives to receivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.events.signature import sign
from tests.plugins.canary import plant

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operating" / "events.md"
NOW = 1_790_000_000
BODY = b'[{"id":"1"}]'


@pytest.fixture(scope="module")
def is_from_strongroom() -> Callable[..., bool]:
    """Give the function on the page."""
    found: dict[str, Any] = {}
    exec(PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0], found)  # noqa: S102  ours
    function: Callable[..., bool] = found["is_from_strongroom"]
    return function


def test_our_signature_is_recognised(is_from_strongroom: Callable[..., bool]) -> None:
    """SEC-EVENT-5: the function on the page takes what we sign, while it is young."""
    key = plant()
    _, header = sign(key, BODY, NOW)
    assert is_from_strongroom(key, header, BODY, now=NOW + 299)
    assert not is_from_strongroom(key, header, BODY, now=NOW + 300)


def test_another_signature_is_not(is_from_strongroom: Callable[..., bool]) -> None:
    """SEC-EVENT-5: another key, body or time, and what is no signature, do not pass."""
    key = plant()
    _, header = sign(key, BODY, NOW)
    for case in (
        (plant(), header, BODY),
        (key, header, BODY + b" "),
        (key, header.replace(str(NOW), str(NOW + 1)), BODY),
        (key, "", BODY),
        (key, "t=,v1=", BODY),
        (key, "v1=\u00e4", BODY),
    ):
        assert not is_from_strongroom(*case, now=NOW)
