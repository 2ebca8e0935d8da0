"""`strongroom policy` and `access-policies` as an operator types them, against a live service."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.core.access_policy_templates import TEMPLATES
from tests.cli.in_process import run_in_process
from tests.live import Service

FILE = """\
[[guardrail]]
name = "protected"
rule = "purge-protection"
effect = "deny"
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service of its own: what is in force holds for all of it."""
    with Service(tmp_path_factory.mktemp("policy") / "data") as service:
        yield service


def policy(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `strongroom policy` on the service's data directory."""
    return run_in_process("policy", *words, "--data", str(service.data))


def test_from_a_file_to_a_refusal_and_back(live: Service, tmp_path: Path) -> None:
    """Checked first, put in force, kept over a restart, shown as it was declared, removed."""
    file = tmp_path / "guardrails.toml"
    file.write_text(FILE)
    checked = policy(live, "check", str(file))
    assert checked.returncode == 1, checked.stderr
    line = f"deny   {live.first['vaultName']}: protected: enablePurgeProtection must be true"
    assert line in checked.stdout
    assert "1 finding in 1 vault" in checked.stdout
    assert policy(live, "check").returncode == 0, "nothing is in force yet"

    assert "purge-protection  protected  (*)" in policy(live, "set", str(file)).stdout
    live.stop()
    live.start()
    assert policy(live, "show", "--file").stdout == FILE
    told = json.loads(policy(live, "check", "--json").stdout)
    assert [one["guardrail"] for one in told["findings"]] == ["protected"]

    assert policy(live, "remove").returncode == 0
    assert "no guardrail is in force" in policy(live, "show").stdout
    assert policy(live, "check").returncode == 0


def test_a_file_that_cannot_be_is_refused_with_every_fault(live: Service, tmp_path: Path) -> None:
    """Nothing is put in force by halves."""
    file = tmp_path / "guardrails.toml"
    file.write_text(FILE + '[[guardrail]]\nname = ""\nrule = "none"\n')
    for word in ("set", "check"):
        refused = policy(live, word, str(file))
        assert refused.returncode == 1
        assert "Guardrail 2: name must be" in refused.stderr
        assert "Guardrail 2: rule must be one of" in refused.stderr
    missing = policy(live, "set", str(tmp_path / "none"))
    assert (missing.returncode, "cannot be read" in missing.stderr) == (1, True)
    assert "no guardrail is in force" in policy(live, "show").stdout


def test_templates(live: Service) -> None:
    """As options of `az keyvault set-policy`, and as ARM's permissions."""
    told = live.command("access-policies", "templates").stdout
    assert "Secret Management\n  --secret-permissions get list set delete recover backup restore\n" in told
    asked = json.loads(live.command("access-policies", "templates", "--json").stdout)
    assert asked == {name: {kind: list(words) for kind, words in one.items()} for name, one in TEMPLATES.items()}
