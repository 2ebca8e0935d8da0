"""What others wrote, at the operator's terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.cli import trusted_services
from strongroom.cli.text import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a  b", "a  b"),
        ("\n  a\n\n\tb ", "a b"),
        ("a\x1b[2Jb", "a\N{REPLACEMENT CHARACTER}[2Jb"),
        ("a\x9b2J\N{RIGHT-TO-LEFT OVERRIDE}b", "a\N{REPLACEMENT CHARACTER}2J\N{REPLACEMENT CHARACTER}b"),
        ("a\x85b\u2028c", "a b c"),
        ("é漢", "é漢"),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    """Several lines are one, and what is not printable is shown as such."""
    assert one_line(text) == shown


def test_the_name_of_a_trusted_service_steers_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what somebody in the tenant called an application."""
    one = {"id": "i", "displayName": "a\x1b[2Jb", "objectId": "o", "service": "s", "flag": None, "operations": ["x"]}
    monkeypatch.setattr(trusted_services, "find_instance", lambda _data: None)
    monkeypatch.setattr(
        trusted_services, "list_trusted_services", lambda _instance: [one, {**one, "displayName": None}]
    )
    trusted_services.show(Path(), as_json=False)
    printed = capsys.readouterr().out
    assert "a\N{REPLACEMENT CHARACTER}[2Jb (o)" in printed
    assert "(gone) (o)" in printed
    assert printed.replace("\n", "").isprintable()
