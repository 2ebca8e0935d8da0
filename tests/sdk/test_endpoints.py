"""Every kind of managed identity endpoint, with the official clients as they are published."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Service
from tests.plugins.canary import remember
from tests.sdk.conftest import EXAMPLES, PROGRAMS, RESOLVER, Live

KINDS = ["app-service", "imds", "arc", "cloud-shell", "azure-ml", "workload-identity"]
PROJECT = EXAMPLES / "node"


@pytest.fixture(scope="module")
def arc_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder for key files, in place of the system's."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def with_folder(tmp_path_factory: pytest.TempPathFactory, arc_folder: Path) -> Iterator[Live]:
    """Run a service whose key files lie in that folder."""
    data = tmp_path_factory.mktemp("endpoints") / "data"
    service = Service(data)
    settings = data / "config.toml"
    settings.write_text(f'arc_key_folder = "{arc_folder}"\n{settings.read_text()}')
    with service:
        for name in ("clientSecret", "userPassword"):
            remember(service.first[name])
        yield Live(service)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", ["sync", "aio"])
def test_azure_identity(with_folder: Live, arc_folder: Path, canary: str, kind: str, client: str) -> None:
    """azure-identity gets a token in every form, which the vault takes; Arc's key file is gone after the run."""
    program = [sys.executable, PROGRAMS / "managed_identity.py", client]
    result = with_folder.run(program, "--endpoint", kind, VALUE=canary, ARC_FOLDER=str(arc_folder))
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
    assert list(arc_folder.iterdir()) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cloud-shell"])
@pytest.mark.parametrize("client", ["sync", "aio"])
def test_azure_identity_names_the_identity(
    with_folder: Live, arc_folder: Path, canary: str, kind: str, client: str
) -> None:
    """An identity that is named by its client id is the one that the run has, and another one is refused."""
    shown = with_folder.call("env", "--json", "--endpoint", kind)
    assert shown.returncode == 0, shown.stderr
    for path in arc_folder.iterdir():
        path.unlink()
    program = [sys.executable, PROGRAMS / "managed_identity.py", client, "11111111-1111-1111-1111-111111111111"]
    result = with_folder.run(program, "--endpoint", kind, VALUE=canary, ARC_FOLDER=str(arc_folder))
    assert result.returncode == 1
    assert "Error" in result.stderr


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.skipif(not (PROJECT / "node_modules").is_dir(), reason="needs the clients: run make node")
@pytest.mark.parametrize("kind", ["imds", "cloud-shell", "azure-ml", "workload-identity"])
def test_javascript(with_folder: Live, kind: str) -> None:
    """@azure/identity gets a token in every form too, with a slash at the end of IMDS's path."""
    result = with_folder.run(["node", PROJECT / "quickstart.mjs"], "--endpoint", kind)
    assert (result.returncode, result.stdout.splitlines()[-1:]) == (0, ["purged"]), result.stderr


def test_the_journal_has_no_secret_of_a_path(with_folder: Live) -> None:
    """SEC-TOKEN-19: the prefix by which IMDS's clients prove their run is in no line of the journal."""
    code = "import os; print(os.environ['AZURE_POD_IDENTITY_AUTHORITY_HOST'])"
    curl = 'curl -sS -H "Metadata: true" "$AZURE_POD_IDENTITY_AUTHORITY_HOST/metadata/identity/oauth2/token" >/dev/null'
    result = with_folder.run(["sh", "-euc", f'"$0" -c "$1"; {curl}', sys.executable, code], "--endpoint", "imds")
    secret = result.stdout.strip().rpartition("/")[2]
    remember(secret)
    assert len(secret) == 50, result.stderr
    lines = with_folder.call("audit tail", "-n", "3").stdout.splitlines()
    asked = [entry for line in lines if "ImdsRun" in (entry := json.loads(line))["operationName"]]
    assert asked, lines
    assert "/mi/REDACTED/metadata/" in asked[0]["properties"]["requestUri"]
    assert secret not in "".join(lines)


@pytest.mark.parametrize("client", ["sync", "aio"])
def test_a_mapped_user_needs_no_secret(with_folder: Live, canary: str, client: str) -> None:
    """SEC-TOKEN-20: azure-identity gets a token because of its user, with nothing in its environment but the place."""
    variables = json.loads(with_folder.call("env", "--json").stdout)
    remember(variables.pop("IDENTITY_HEADER"))
    variables.pop("IDENTITY_ENDPOINT")
    environment = {
        "PYTHONPATH": str(RESOLVER),
        "VALUE": canary,
        **variables,
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": with_folder.facts["managedIdentity"],
    }
    program = [sys.executable, str(PROGRAMS / "managed_identity.py"), client]

    def ask() -> subprocess.CompletedProcess[str]:
        return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=100, check=False)

    before = ask()
    assert (before.returncode, "Identity not found" in before.stderr) == (1, True), before.stderr
    added = with_folder.call("identity-maps add default", "--user", str(os.geteuid()), "--json")
    assert added.returncode == 0, added.stderr
    try:
        result = ask()
    finally:
        with_folder.call(f"identity-maps remove {json.loads(added.stdout)[0]['id']}")
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
