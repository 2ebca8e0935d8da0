"""`strongroom identity-maps add --socket`: a file that is an identity, on a service that runs, stops and is killed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from tests.cli.in_process import run_in_process
from tests.live import Service

QUERY = {"api-version": "2018-02-01", "resource": "https://vault.azure.net"}
URL = "http://localhost/metadata/identity/oauth2/token"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Service]:
    """Run a service of one's own: it is stopped and killed."""
    with Service(tmp_path / "data") as service:
        yield service


def command(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the service's data directory."""
    return run_in_process("identity-maps", *words, "--data", str(service.data))


def add(service: Service, path: Path) -> dict[str, Any]:
    """Have a socket made for the first identity."""
    result = command(service, "add", "default", "--socket", str(path), "--json")
    assert result.returncode == 0, result.stderr
    made: dict[str, Any] = json.loads(result.stdout)[0]
    return made


def ask(path: Path) -> httpx.Response:
    """Ask over a socket, in IMDS's form."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=20) as client:
        return client.get(URL, params=QUERY, headers={"Metadata": "true"})


def opens(service: Service, token: str) -> bool:
    """Tell whether a token opens the first vault."""
    client = service.client()
    answer = client.ask("GET", f"{service.first['vaultUri']}secrets?api-version=7.4", token=token)
    client.close()
    return answer.status_code == 200


def test_a_life(live: Service, tmp_path: Path) -> None:
    """SEC-TOKEN-17: made, used by two clients, there again after a stop and after a kill, removed with its tokens."""
    path = tmp_path / "web.sock"
    made = add(live, path)
    assert path.is_socket()
    assert path.stat().st_mode & 0o777 == 0o600
    token = ask(path).json()["access_token"]
    assert opens(live, token)
    assert asyncio.run(_by_aiohttp(path)) == 200

    assert live.stop() == 0
    assert not path.exists()
    live.start()
    assert ask(path).status_code == 200

    live.kill()
    assert path.is_socket()
    live.start()
    assert ask(path).status_code == 200

    lines = command(live, "list").stdout.splitlines()
    assert f"socket {path}" in lines[1]
    assert command(live, "remove", made["id"]).returncode == 0
    assert not path.exists()
    assert not opens(live, token)


async def _by_aiohttp(path: Path) -> int:
    connector = aiohttp.UnixConnector(path=str(path))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(URL, params=QUERY, headers={"Metadata": "true"}) as answer,
    ):
        return answer.status


def test_what_came_in_its_place(live: Service, tmp_path: Path) -> None:
    """A start goes on without a socket that it cannot make, says so, and lists it; what is there stays."""
    path, other = tmp_path / "a.sock", tmp_path / "b.sock"
    add(live, path)
    add(live, other)
    live.stop()
    path.write_text("mine")
    live.start()
    listed = command(live, "list")
    # It is written after run.json, which a start is waited for by.
    assert f"{path} exists and is no socket" in live.output.read_text()
    assert f"socket {path} (does not listen)" in listed.stdout
    assert "no socket" in listed.stderr
    assert ask(other).status_code == 200
    assert path.read_text() == "mine"


def test_a_path_from_here(live: Service, tmp_path: Path) -> None:
    """A relative path is one from where the command is, not the service."""
    here = Path(os.path.relpath(tmp_path / "s", Path.cwd()))
    assert add(live, here)["socket"] == str(tmp_path / "s")


def test_another_owner(live: Service, tmp_path: Path) -> None:
    """Root gives the file to another user; a service of anybody else's says that it cannot, and nothing is left."""
    path = tmp_path / "s"
    result = command(live, "add", "default", "--socket", str(path), "--owner", str(os.geteuid() + 1))
    if os.geteuid() == 0:
        assert result.returncode == 0, result.stderr
        assert path.stat().st_uid == 1
        assert " of user " in result.stdout
    else:
        assert (result.returncode, "only root" in result.stderr) == (1, True)
        assert not path.exists()


def test_what_cannot_be_is_said(live: Service, tmp_path: Path) -> None:
    """With the reason, and nothing is mapped."""
    (tmp_path / "file").write_text("mine")
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(tmp_path / "taken"))
        taken.listen()
        for words, code, said in (
            (("--socket", str(tmp_path / "file")), 1, "no socket"),
            (("--socket", str(tmp_path / "taken")), 1, "somebody listens"),
            (("--socket", str(live.data / "control.sock")), 1, "somebody listens"),
            (("--socket", str(tmp_path / "none" / "s")), 1, "there is no folder"),
            (("--socket", str(tmp_path / ("x" * 120))), 1, "at most 103"),
            (("--socket", "s", "--user", "1"), 2, "one of them"),
            (("--user", "1", "--owner", "1"), 2, "--socket"),
        ):
            result = command(live, "add", "default", *words)
            assert (result.returncode, said in result.stderr) == (code, True), result.stderr
    assert json.loads(command(live, "list", "--json").stdout) == []
    assert (tmp_path / "file").read_text() == "mine"
