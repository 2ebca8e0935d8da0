"""Continuous access with official clients: a revoked session and a blocked address, told by claims challenges."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.applications import Administrator, administering
from tests.sdk.conftest import EXAMPLES, PROGRAMS, Live

NODE = EXAMPLES / "node"


def accompanied(
    live: Live, program: Sequence[str | Path], folder: Path, steps: Sequence[Callable[[], Any]], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and do each step when the program says that it is there."""
    folder.mkdir()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(live.run, program, STEPS=str(folder), **environment)
        for number, step in enumerate(steps):
            while not (folder / str(number)).exists() and not running.done():
                time.sleep(0.02)
            if not running.done():
                step()
            (folder / f"{number}.done").touch()
        return running.result()


class Person:
    """A user of a live service, and what an administrator does to it."""

    def __init__(self, administrator: Administrator) -> None:
        self._administrator = administrator
        self.name = f"u{secrets.token_hex(4)}@strongroom.localhost"
        self.password = f"Pw1!{secrets.token_urlsafe(24)}"
        remember(self.password)
        self.profile = {"password": self.password, "forceChangePasswordNextSignIn": False}
        body = {
            "accountEnabled": True,
            "displayName": "A person",
            "mailNickname": "person",
            "userPrincipalName": self.name,
            "passwordProfile": self.profile,
        }
        self.id = administrator.graph("POST", "users", body)["id"]
        administrator.give_vault(self.id, "User")
        self._policy = ""

    def revoke(self) -> None:
        """End every session: the password is set anew, and happens to be the same."""
        self._administrator.graph("PATCH", f"users/{self.id}", {"passwordProfile": self.profile})

    def block(self) -> None:
        """Block the address that this machine's programs come from."""
        here = {
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "displayName": "Here",
            "isTrusted": False,
            "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "127.0.0.0/8"}],
        }
        place = self._administrator.graph("POST", "identity/conditionalAccess/namedLocations", here)["id"]
        body = {
            "displayName": "Not from here",
            "state": "enabled",
            "conditions": {
                "clientAppTypes": ["all"],
                "users": {"includeUsers": [self.id]},
                "applications": {"includeApplications": ["All"]},
                "locations": {"includeLocations": [place]},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        }
        self._policy = self._administrator.graph("POST", "identity/conditionalAccess/policies", body)["id"]

    def unblock(self) -> None:
        """Take the policy back."""
        self._administrator.graph("DELETE", f"identity/conditionalAccess/policies/{self._policy}")


@pytest.mark.parametrize(
    "program",
    [
        pytest.param([sys.executable, PROGRAMS / "continuous.py"], id="python"),
        pytest.param(
            ["node", PROGRAMS / "continuous.mjs"],
            id="node",
            marks=[
                pytest.mark.node,
                pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
                pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="needs the clients: run make node"),
            ],
        ),
    ],
)
def test_a_client_is_told_and_asks_anew(tmp_path: Path, canary: str, program: list[str | Path]) -> None:
    """SEC-ACCESS-6: what the client does about it by itself stands in the journal."""
    with Service(tmp_path / "data") as service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        live = Live(service)
        assert live.call("sign-in", "--password-grant").returncode == 0
        with administering(live) as administrator:
            someone = Person(administrator)
            result = accompanied(
                live,
                program,
                tmp_path / "steps",
                [someone.revoke, someone.block, someone.unblock],
                TENANT=service.first["tenantId"],
                USER_NAME=someone.name,
                USER_PASSWORD=someone.password,
                VALUE=canary,
                NODE_PROJECT=str(NODE),
            )
        assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
        entries = [json.loads(line) for line in live.call("audit tail", "-n", "100").stdout.splitlines()]
        reasons = [entry["properties"].get("reason", "") for entry in entries]
        assert "credential was removed" in reasons
        assert any(reason.startswith("blocked by conditional access policy ") for reason in reasons)
        assert any(entry["resultDescription"].startswith("Access has been blocked") for entry in entries)
