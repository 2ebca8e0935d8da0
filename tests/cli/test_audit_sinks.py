"""`strongroom audit-sinks`, on a service that runs, and what it then delivers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.in_process import run_in_process
from tests.live import Service

WAIT_S = 60.0
VERSION = "2021-05-01-preview"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service."""
    with Service(tmp_path_factory.mktemp("sinks") / "data") as service:
        yield service


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process("audit-sinks", *words, "--data", str(service.data))


def vault_of(service: Service) -> str:
    """Give the ARM id of the first vault."""
    first = service.first
    group = f"/subscriptions/{first['subscriptionId']}/resourceGroups/{first['resourceGroup']}"
    return f"{group}/providers/Microsoft.KeyVault/vaults/{first['vaultName']}"


def storage_of(service: Service, name: str) -> str:
    """Give the ARM id of a storage account that is nowhere."""
    return f"{vault_of(service).partition('/providers/')[0]}/providers/Microsoft.Storage/storageAccounts/{name}"


def delivered(folder: Path) -> list[dict[str, Any]]:
    """Read every record in a folder."""
    return [json.loads(line) for blob in folder.rglob("*.json") for line in blob.read_bytes().splitlines()]


def wait_for(folder: Path, operation: str, count: int = 1) -> None:
    """Wait until so many records of an operation were delivered."""
    deadline = time.monotonic() + WAIT_S
    while [one["operationName"] for one in delivered(folder)].count(operation) < count:
        assert time.monotonic() < deadline, "the records did not come"
        time.sleep(0.05)


def test_one_is_mapped_written_to_and_removed(live: Service, tmp_path: Path) -> None:
    """From the operator's word to the records in the folder, over a kill of the service, as `az` would ask for it."""
    folder = tmp_path / "blobs"
    folder.mkdir(mode=0o700)
    storage, vault = storage_of(live, "audit"), vault_of(live)
    added = command(live, "add", storage, "--folder", str(folder), "--json")
    assert added.returncode == 0, added.stderr
    (made,) = json.loads(added.stdout)
    assert (made["resource"], made["folder"]) == (storage.lower(), str(folder))
    head, line = command(live, "list").stdout.splitlines()
    assert head.split() == ["id", "resource", "goes", "to", "proof"]
    assert line.split() == [made["id"], storage.lower(), str(folder), "none"]

    with contextlib.closing(live.client()) as client:
        setting = f"{vault}/providers/Microsoft.Insights/diagnosticSettings/d"
        url = f"{live.first['armUri']}{setting}?api-version={VERSION}"
        body = {"properties": {"storageAccountId": storage, "logs": [{"categoryGroup": "audit", "enabled": True}]}}
        answer = client.ask("PUT", url, token=client.token("https://management.azure.com"), json=body)
        assert answer.status_code == 200, answer.text
        secrets = f"{live.first['vaultUri']}secrets?api-version=7.4"
        assert client.ask("GET", secrets, token=client.token()).status_code == 200
        wait_for(folder, "SecretList")
        (status,) = json.loads(command(live, "status", "--json").stdout)
        assert (status["settings"], status["fault"], status["isFollowing"]) == (1, None, True)
        assert command(live, "status").stdout.splitlines()[1].split()[2] in {"follows", "writing"}

        assert client.ask("GET", secrets, token=client.token()).status_code == 200
        live.kill()
        live.start()
        wait_for(folder, "SecretList", 2)
        assert {one["resourceId"] for one in delivered(folder)} == {vault.upper()}

    removed = command(live, "remove", made["id"])
    assert removed.returncode == 0, removed.stderr
    assert json.loads(command(live, "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "/subscriptions/x", "--url", "https://a.example/"), "is not the arm id"),
        (("add", "STORAGE"), "a folder or a url"),
        (("add", "STORAGE", "--folder", "/no/such/folder"), "cannot be used"),
        (("add", "STORAGE", "--url", "http://a.example/"), "https"),
        (("add", "STORAGE", "--url", "https://a.example/", "--bearer-file", "a", "--hmac-file", "b"), "one proof"),
        (("remove", "no-such-id"), "no such audit sink"),
    ],
)
def test_what_cannot_be_done_is_said(live: Service, words: tuple[str, ...], told: str) -> None:
    """The service's own sentence, and a status that is not 0."""
    refused = command(live, *(storage_of(live, "other") if word == "STORAGE" else word for word in words))
    assert refused.returncode != 0
    assert told in (refused.stderr + refused.stdout).lower()
