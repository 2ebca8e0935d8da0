"""A live service for the official clients, in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.canary import remember

PROGRAMS = Path(__file__).parent / "programs"
RESOLVER = Path(__file__).parent / "resolver"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
START_S = 60.0


@dataclass(frozen=True)
class Live:
    """A service that runs, and how to use it."""

    data: Path
    facts: dict[str, Any]
    """Its run.json."""
    secrets: dict[str, str]
    """What its first start showed once."""

    def run(self, program: Sequence[str | Path], *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program under `strongroom run` to its end, with more variables in the shell around it."""
        return self.call("run", *options, "--", *map(str, program), **environment)

    def call(self, command: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours, such as `audit tail`, on this service's data directory."""
        return subprocess.run(
            [sys.executable, "-m", "strongroom", *command.split(), "--data", str(self.data), *words],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


def start(words: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a service whose output goes to a file, where secrets are looked for."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "strongroom", "serve", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )


def wait_until_ready(process: subprocess.Popen[bytes], pattern: Path, log: Path) -> Path:
    """Wait for the run.json that says ready, and give its path; *pattern* may have a star for a directory."""
    deadline = time.monotonic() + START_S
    while True:
        for file in pattern.parents[1].glob(str(Path(*pattern.parts[-2:]))):
            if json.loads(file.read_text())["ready"]:
                return file
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes]) -> int:
    """Stop a service as an init system does, and give its exit code."""
    process.terminate()
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run one service for all tests of this process."""
    base = tmp_path_factory.mktemp("live")
    data, log = base / "data", base / "serve.log"
    made = subprocess.run(
        [sys.executable, "-m", "strongroom", "init", "--data", str(data), "--json"], capture_output=True, check=True
    )
    secrets = json.loads(made.stdout)
    for name in ("clientSecret", "userPassword"):
        remember(secrets[name])
    process = start(["--data", str(data), "--port", "0"], log)
    try:
        facts = json.loads(wait_until_ready(process, data / "run.json", log).read_text())
        yield Live(data, facts, secrets)
    finally:
        code = stop(process)
    assert code == 0, log.read_text()
