"""`strongroom identity-token`: a token file for a program that `run` does not start, against a fake service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.fake_service import FakeService


@contextmanager
def keeping(service: FakeService, path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Keep a token file while the block lasts."""
    command = [sys.executable, "-m", "strongroom", "identity-token", "--data", str(service.data)]
    process = subprocess.Popen(
        [*command, "--file", str(path), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is so, as long as the command runs."""
    deadline = time.monotonic() + 30
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
    """Tell it to stop, and give its exit code and what it said."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_life(service: FakeService, tmp_path: Path, number: signal.Signals) -> None:
    """The user's alone; the variables of workload identity; nothing is left when it is told to stop."""
    path = tmp_path / "token"
    with keeping(service, path, "--identity", "web-1") as process:
        until(path.exists, process)
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("assertion-1", 0o600)
        code, output, errors = stop(process, number)
    assert (code, errors) == (0, "")
    assert output.splitlines() == [
        "AZURE_AUTHORITY_HOST=https://login.localhost:8443",
        "AZURE_TENANT_ID=adfs",
        "AZURE_CLIENT_ID=an-identity",
        f"AZURE_FEDERATED_TOKEN_FILE={path}",
    ]
    assert not path.exists()
    assert (service.runs[0]["identity"], service.ended) == ("web-1", ["run-1"])


def test_it_is_renewed(service: FakeService, tmp_path: Path) -> None:
    """Kept longer than an assertion lives, the file always has one that is good, and is never half written."""
    path, seen = tmp_path / "token", set[str]()
    service.assertion_s = 2
    with keeping(service, path) as process:

        def several() -> bool:
            if path.exists():
                seen.add(path.read_text())
            return len(seen) >= 4

        until(several, process)
        assert stop(process)[0] == 0
    # Which of them are seen is chance, as one may be there for less time than it takes to look again.
    assert seen <= {f"assertion-{number}" for number in range(1, service.assertions + 1)}
    assert len(service.runs) == 1


def test_another_credential_takes_over(service: FakeService, tmp_path: Path) -> None:
    """What is kept longer than a credential lives goes on with another; all of them are revoked at the end."""
    path = tmp_path / "token"
    service.assertion_s, service.run_s = 1, 3600
    with keeping(service, path) as process:
        until(lambda: len(service.runs) >= 3, process)
        assert stop(process)[0] == 0
    assert service.ended == [f"run-{number + 1}" for number in range(len(service.runs))]


def test_a_service_that_is_away(service: FakeService, tmp_path: Path) -> None:
    """It is said, and what is in the file stays."""
    path = tmp_path / "token"
    service.assertion_s = 1
    with keeping(service, path) as process:
        until(path.exists, process)
        moved = service.socket.rename(service.data / "away")
        assert process.stderr is not None
        assert "could not be renewed" in process.stderr.readline()
        assert path.exists()
        moved.rename(service.socket)
        assert stop(process)[0] == 0
    assert not path.exists()


def test_what_a_killed_one_left(service: FakeService, tmp_path: Path) -> None:
    """A file of this user's, mode 0600, is taken over."""
    path = tmp_path / "token"
    path.touch(mode=0o600)
    with keeping(service, path) as process:
        until(lambda: path.read_text() == "assertion-1", process)
        assert stop(process)[0] == 0


@pytest.mark.parametrize("kind", ["open", "link", "folder", "no folder"])
def test_what_is_left_alone(service: FakeService, tmp_path: Path, kind: str) -> None:
    """Nothing else is replaced, and no credential is made."""
    path = tmp_path / "token"
    match kind:
        case "open":
            path.write_text("mine")
            path.chmod(0o644)
        case "link":
            path.symlink_to(tmp_path / "elsewhere")
        case "folder":
            path.mkdir()
        case _:
            path = tmp_path / "none" / "token"
    before = sorted(tmp_path.iterdir())
    with keeping(service, path) as process:
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert "left as it is" in errors or "there is no folder" in errors
    assert sorted(tmp_path.iterdir()) == before
    assert not (tmp_path / "elsewhere").exists()
    assert service.runs == []


def test_a_refusal(service: FakeService, tmp_path: Path) -> None:
    """The service's own words, and no file."""
    service.refusal = (404, "There is no managed identity named 'nobody'.")
    with keeping(service, tmp_path / "token", "--identity", "nobody") as process:
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert "There is no managed identity" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_wanted(service: FakeService) -> None:
    """Where it is to be has to be said."""
    command = [sys.executable, "-m", "strongroom", "identity-token", "--data", str(service.data)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert result.returncode == 2
    assert service.runs == []
