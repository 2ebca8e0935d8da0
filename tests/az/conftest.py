"""
Azure CLI as it is published, a process for each command, and a live service on its own names.

Most processes are forked from one that has Azure CLI's modules (`standby.py`). How people sign in, the commands under
`strongroom run` and one command of each transcript file are those of `az` itself.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.az.standby import Standby
from tests.live import Service, clean_environment
from tests.plugins.canary import remember
from tests.plugins.toolchain import AZ
from tests.sdk.conftest import RESOLVER, Live

_NOBODY = "http://127.0.0.1:9"
"""The port that discards: what is not of this machine goes there, so that no test depends on the world outside."""
_TIME_S = 100


def _environment(live: Live) -> dict[str, str]:
    """Give the variables that lead to the service, none of which names an endpoint, and say what to leave alone."""
    return {
        **clean_environment(),
        # The one hosts line that a user needs.
        "PYTHONPATH": str(RESOLVER),
        "REQUESTS_CA_BUNDLE": live.service.first["caFile"],
        "SSL_CERT_FILE": live.service.first["caFile"],
        "HTTPS_PROXY": _NOBODY,
        "HTTP_PROXY": _NOBODY,
        "NO_PROXY": ".localhost,127.0.0.1",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_SURVEY_MESSAGE": "false",
        "AZURE_CORE_NO_COLOR": "true",
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "false",
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
    }


@dataclass(frozen=True)
class Az:
    """Azure CLI, with what it remembers in a folder of its own."""

    live: Live
    folder: Path
    standby: Standby | None
    """Where commands are forked from, in the place of `az`, as long as they need no further variables."""

    @property
    def first(self) -> dict[str, str]:
        """What `init` printed."""
        return self.live.service.first

    @property
    def subscription(self) -> str:
        """The subscription's scope."""
        return f"/subscriptions/{self.first['subscriptionId']}"

    def environment(self, **more: str) -> dict[str, str]:
        """Give the variables of one command."""
        return {**_environment(self.live), "AZURE_CONFIG_DIR": str(self.folder), "HOME": str(self.folder), **more}

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, whatever that is."""
        if self.standby and not more:
            return self.standby.run(words, self.folder, _TIME_S)
        return subprocess.run(
            [str(AZ), *words],
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME_S,
            check=False,
        )

    def __call__(self, command: str, *words: str, **more: str) -> Any:
        """
        Run a command that succeeds, such as `keyvault list`, and decode what it prints; None for nothing.

        *command* is split at blanks; *words* are not.
        """
        result = self.run(*command.split(), *words, "--output", "json", **more)
        assert result.returncode == 0, (command, result.stderr)
        return json.loads(result.stdout) if result.stdout.strip() else None

    def refused(self, command: str, *words: str, **more: str) -> str:
        """Run a command that is well written and fails without a traceback, and give what it says of it."""
        result = self.run(*command.split(), *words, **more)
        assert result.returncode in {1, 3}, (command, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr, result.stderr
        return result.stderr

    def anew(self, folder: Path) -> Az:
        """Give one that remembers the cloud alone, and nobody who signed in."""
        folder.mkdir(exist_ok=True)
        other = replace(self, folder=folder)
        other("cloud register -n Local --endpoint-resource-manager", self.first["armUri"])
        other("cloud set -n Local")
        return other

    def apart(self) -> Az:
        """Give the same one as users have it, which starts `az` for each command."""
        return replace(self, standby=None)

    def sign_in(self) -> None:
        """Sign in as the first application."""
        first = self.first
        self(f"login --service-principal --tenant {first['tenantId']} -u {first['clientId']} -p", first["clientSecret"])


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run one service for all transcripts of this process. Its log is searched for secrets when they are done."""
    with Service(tmp_path_factory.mktemp("az-live") / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield Live(service)


@pytest.fixture(scope="session")
def standby(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    """Keep an Azure CLI waiting for the transcripts of this process."""
    with Standby(tmp_path_factory.mktemp("az-standby"), _environment(live)) as waiting:
        yield waiting


@pytest.fixture(scope="session")
def az(live: Live, standby: Standby, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """Give an Azure CLI in which the first application is signed in to the registered cloud."""
    ready = Az(live, tmp_path_factory.mktemp("none"), standby).anew(tmp_path_factory.mktemp("az"))
    ready.sign_in()
    return ready


@pytest.fixture
def tag() -> str:
    """Give the end of names that no other test uses."""
    return secrets.token_hex(4)


@pytest.fixture(scope="session")
def group(az: Az) -> str:
    """Give the name of a resource group that the transcripts share."""
    return _make_group(az, "shared")


@pytest.fixture
def own_group(az: Az, tag: str) -> str:
    """Give the name of a new resource group."""
    return _make_group(az, tag)


def _make_group(az: Az, tag: str) -> str:
    made = az(f"group create -l local -n g-{tag}")
    assert made["properties"]["provisioningState"] == "Succeeded"
    name: str = made["name"]
    return name
