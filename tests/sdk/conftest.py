"""A live service for the official clients, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live import Service
from tests.plugins.canary import remember

PROGRAMS = Path(__file__).parent / "programs"
RESOLVER = Path(__file__).parent / "resolver"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Live:
    """A service that runs, and what a user of this machine does with it."""

    service: Service

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.service.data

    def environment(self, *options: str) -> dict[str, Any]:
        """Get the variables that `env` gives a shell."""
        result = self.call("env", "--json", *options)
        assert result.returncode == 0, result.stderr
        made: dict[str, Any] = json.loads(result.stdout)
        remember(made["IDENTITY_HEADER"])
        return made

    @property
    def facts(self) -> dict[str, Any]:
        """Read its run.json."""
        facts: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return facts

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


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run one service for all tests of this process. Its log is searched for secrets when they are done."""
    with Service(tmp_path_factory.mktemp("live") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield Live(service)
