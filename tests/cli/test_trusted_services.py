"""`strongroom trusted-services`, on a service that runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.in_process import run_in_process
from tests.live import Service


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service."""
    with Service(tmp_path_factory.mktemp("trusted") / "data") as service:
        yield service


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process("trusted-services", *words, "--data", str(service.data))


def test_one_is_added_listed_and_removed(live: Service) -> None:
    """By the ARM id of a managed identity, for people and as JSON."""
    maps = live.command("identity-maps", "add", "default", "--user", "root", "--json", "--data", str(live.data))
    (mapped,) = json.loads(maps.stdout)
    service = "Azure Resource Manager template deployment"
    operations = ("--operation", "SecretGet", "--operation", "SecretList")
    added = command(live, "add", mapped["resourceId"], service, *operations, "--json")
    assert added.returncode == 0, added.stderr
    (made,) = json.loads(added.stdout)
    assert (made["objectId"], made["operations"]) == (mapped["objectId"], ["SecretGet", "SecretList"])
    assert json.loads(command(live, "list", "--json").stdout) == [made]
    head, line = command(live, "list").stdout.splitlines()
    assert head.split() == ["id", "principal", "service", "operations"]
    assert f"({mapped['objectId']})" in line
    assert line.endswith(f"{service} (needs enabledForTemplateDeployment)  SecretGet,SecretList")
    removed = command(live, "remove", made["id"])
    assert removed.returncode == 0, removed.stderr
    assert json.loads(command(live, "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "nobody", "Azure Backup", "--operation", "SecretGet"), "no service principal"),
        (("remove", "no-such-id"), "no such trusted service"),
        (("add", "nobody", "Azure Backup"), "operation"),
    ],
)
def test_what_cannot_be_done_is_said(live: Service, words: tuple[str, ...], told: str) -> None:
    """The service's own sentence, and a status that is not 0."""
    refused = command(live, *words)
    assert refused.returncode != 0
    assert told in (refused.stderr + refused.stdout).lower()
