"""What `strongroom explain` and `who-can` print, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.cli import control
from strongroom.cli import explain as module

STEERING = "a\x1b[2Jb\r\nc"
CONDITION = "(@Resource[Microsoft.KeyVault/vaults/secrets:name]\n    StringEquals 'a')"
ONE_LINE = "(@Resource[Microsoft.KeyVault/vaults/secrets:name] StringEquals 'a')"


@pytest.fixture(autouse=True)
def _no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for no instance: what one answers is said here."""
    monkeypatch.setattr(module, "find_instance", lambda _data: None)


def explained(monkeypatch: pytest.MonkeyPatch, *steps: dict[str, Any]) -> None:
    """Print an explanation of these steps."""
    question = {"principalId": "p", "operation": "SecretGet", "object": None, "vault": "v", "address": "127.0.0.1"}
    found = {"allowed": True, "question": question, "steps": steps}
    monkeypatch.setattr(control, "explain", lambda _instance, _asked: found)
    module.explain(Path(), {}, as_json=False)


def test_columns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What each step found begins at the same place, however long its name and outcome are."""
    names = ("vault", "operation", "firewall", "principal", "permission")
    outcomes = ("passed", "notAsked", "passed", "passed", "passed")
    steps = [
        {"name": name, "outcome": outcome, "found": "FOUND"} for name, outcome in zip(names, outcomes, strict=True)
    ]
    explained(monkeypatch, *steps)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.endswith("FOUND")]
    assert {line.index("FOUND") for line in lines} == {25}
    assert len(lines) == len(names)


def test_a_condition_of_several_lines_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would otherwise look as if it were more evidence."""
    remedy = {"change": f"Ask for what it wants: {CONDITION}.", "commands": []}
    evidence = [{"counts": False, "id": "i", "found": f"its condition does not hold: {CONDITION}"}]
    refused = {"status": 403, "code": "ForbiddenByRbac", "remedies": [remedy], "evidence": evidence}
    explained(monkeypatch, {"name": "permission", "outcome": "refused", "found": "f", **refused})
    printed = capsys.readouterr().out
    assert f"its condition does not hold: {ONE_LINE}\n" in printed
    assert f"  Ask for what it wants: {ONE_LINE}.\n" in printed


def test_no_name_steers_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The operator reads what people of a tenant called things, at a terminal."""
    can = {"principalId": "p", "principalType": "User", "displayName": STEERING, "enabled": True, "through": STEERING}
    can |= {"right": STEERING, "role": STEERING, "condition": STEERING, "deniedBy": STEERING}
    monkeypatch.setattr(control, "who_can", lambda _instance, _asked: [can])
    module.who_can(Path(), {}, as_json=False)
    evidence = [{"counts": True, "id": STEERING, "found": STEERING}]
    remedies = [{"change": STEERING, "commands": [STEERING]}]
    step = {"outcome": "refused", "status": 403, "code": "c", "found": STEERING, "evidence": evidence}
    explained(monkeypatch, {"name": "vault", **step, "remedies": remedies})
    printed = capsys.readouterr().out
    assert printed.count("a\N{REPLACEMENT CHARACTER}[2Jb c") == 11
    assert printed.replace("\n", "").isprintable()
