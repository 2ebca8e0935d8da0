"""azure-identity as a machine's own identity, under an identity's prefix, and over an identity's socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.plugins.canary import remember
from tests.sdk.applications import PROGRAMS, RESOLVER, administering
from tests.sdk.conftest import Live


@dataclass(frozen=True)
class Host:
    """A machine whose identity administers the vault, for whom this user is mapped to it and to another identity."""

    live: Live
    principal_id: str
    variables: dict[str, str]
    other_client_id: str

    def ask(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program with nothing in its environment that proves who it is."""
        return subprocess.run(
            [sys.executable, str(PROGRAMS / program), *arguments],
            env={"PYTHONPATH": str(RESOLVER), **self.variables, **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def issued_to(self) -> str:
        """Say whom the last managed identity's token was issued to, by the journal."""
        lines = self.live.call("audit tail", "-n", "20").stdout.splitlines()
        entries = [json.loads(line) for line in lines]
        issued = [one for one in entries if one["operationName"].startswith("ManagedIdentityTokenIssue")]
        found: str = issued[-1]["properties"]["objectId"]
        return found


@pytest.fixture(scope="module")
def host(live: Live) -> Iterator[Host]:
    """Make the machine, and map this user to its identity and to the first one."""
    facts = live.facts
    group = f"/subscriptions/{facts['subscriptionId']}/resourceGroups/{facts['resourceGroup']}"
    with administering(live) as administrator:
        path = f"{group}/providers/Microsoft.HybridCompute/machines/host"
        body = {"location": "local", "identity": {"type": "SystemAssigned"}}
        principal: str = administrator.arm("PUT", path, body)["identity"]["principalId"]
        administrator.give_vault(principal)
        other = administrator.arm("GET", f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/default")[
            "properties"
        ]["clientId"]
    variables = json.loads(live.call("env", "--json").stdout)
    remember(variables.pop("IDENTITY_HEADER"))
    variables.pop("IDENTITY_ENDPOINT")
    maps = []
    for identity in ("host", "default"):
        added = live.call(f"identity-maps add {identity}", "--user", str(os.geteuid()), "--json")
        assert added.returncode == 0, added.stderr
        maps += [one["id"] for one in json.loads(added.stdout)]
    yield Host(live, principal, variables, other)
    for one in maps:
        live.call(f"identity-maps remove {one}")


@pytest.mark.parametrize("client", ["sync", "aio"])
def test_the_machines_own(host: Host, canary: str, client: str) -> None:
    """A program that names no identity is the machine's, as on a virtual machine."""
    place = host.live.facts["managedIdentity"]
    result = host.ask("managed_identity.py", client, VALUE=canary, AZURE_POD_IDENTITY_AUTHORITY_HOST=place)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
    assert host.issued_to() == host.principal_id


@pytest.mark.parametrize("client", ["sync", "aio"])
def test_under_a_prefix(host: Host, canary: str, client: str) -> None:
    """The place that a program is given says which identity it is, where the program cannot say it."""
    place = f"{host.live.facts['managedIdentity']}/identity/{host.other_client_id}"
    result = host.ask("managed_identity.py", client, VALUE=canary, AZURE_POD_IDENTITY_AUTHORITY_HOST=place)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
    assert host.issued_to() != host.principal_id


def test_over_a_socket(host: Host, canary: str, tmp_path: Path) -> None:
    """ManagedIdentityCredential with a transport that connects to the identity's socket."""
    path = tmp_path / "host.sock"
    added = host.live.call("identity-maps add host", "--socket", str(path), "--json")
    assert added.returncode == 0, added.stderr
    result = host.ask("identity_socket.py", str(path), VALUE=canary)
    host.live.call(f"identity-maps remove {json.loads(added.stdout)[0]['id']}")
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
    assert host.issued_to() == host.principal_id


@pytest.mark.parametrize("client", ["federated", "federated_aio"])
def test_by_a_token_file_that_is_kept(host: Host, canary: str, tmp_path: Path, client: str) -> None:
    """WorkloadIdentityCredential with the file that `identity-token` keeps, and the variables that it prints."""
    command = [sys.executable, "-m", "strongroom", "identity-token", "--data", str(host.live.data)]
    path = tmp_path / "token"
    with subprocess.Popen(
        [*command, "--identity", "host", "--file", str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        printed = dict(process.stdout.readline().rstrip("\n").split("=", 1) for _ in range(4))
        remember(path.read_text())
        name = f"kept-{client}".replace("_", "-")
        result = host.ask(f"{client}.py", name, "workload", VALUE=canary, **printed)
        process.terminate()
        assert process.wait(30) == 0
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
    assert not path.exists()
