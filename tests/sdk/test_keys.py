"""azure-keyvault-keys and its kin: every operation, and every algorithm there and here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.conftest import EXAMPLES, PROGRAMS, RESOLVER, Live

PROJECT = EXAMPLES / "node"
GO = Path(__file__).parent / "go"


def require_done(result: subprocess.CompletedProcess[str]) -> None:
    """Demand that a program came to its end."""
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


def test_every_operation_and_algorithm(live: Live) -> None:
    """
    azure-keyvault-keys does all it can, as the managed identity, on the instance's own names.

    What a CryptographyClient does here with the public part, or with a key of its own, is undone there, and the other
    way about: issue 6, "remote and local agree".
    """
    result = subprocess.run(
        [sys.executable, str(PROGRAMS / "keys_sync.py"), "keys-sync"],
        env={"PYTHONPATH": str(RESOLVER), **live.environment()},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    require_done(result)


def test_the_asynchronous_client(live: Live) -> None:
    """So does its asynchronous half, under Azure's names."""
    require_done(live.run([sys.executable, PROGRAMS / "keys_aio.py", "keys-aio"]))


def test_the_example_runs_as_it_is(live: Live) -> None:
    """A program as anyone writes it for Azure signs with a key that never leaves the vault."""
    result = live.run([sys.executable, EXAMPLES / "sign_with_a_key.py"])
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "  gone"


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.skipif(not (PROJECT / "node_modules").is_dir(), reason="needs the clients: run make node")
def test_the_javascript_client(live: Live) -> None:
    """@azure/keyvault-keys: a key's life, and CryptographyClient there and here."""
    require_done(live.run(["node", PROGRAMS / "keys.mjs", "by-node-keys"], NODE_PROJECT=str(PROJECT)))


@pytest.mark.slow
@pytest.mark.toolchain("go")
@pytest.mark.timeout(600)
def test_the_go_client(live: Live, tmp_path: Path) -> None:
    """Azkeys creates, signs, verifies, wraps, unwraps, rotates, backs up, deletes and purges."""
    program = tmp_path / "keys"
    # Fetching and compiling the clients is what takes its time.
    subprocess.run(["go", "build", "-o", str(program), "./keys"], cwd=GO, check=True, timeout=580)
    require_done(live.run([program], "--endpoint", "app-service"))
