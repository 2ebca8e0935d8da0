"""azure-keyvault-certificates and its kin: every operation, long-running ones included."""

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


def test_every_operation(live: Live) -> None:
    """azure-keyvault-certificates does all it can, as the managed identity, on the instance's own names."""
    result = subprocess.run(
        [sys.executable, str(PROGRAMS / "certificates_sync.py"), "certificates-sync"],
        env={"PYTHONPATH": str(RESOLVER), **live.environment()},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    require_done(result)


def test_the_asynchronous_client(live: Live) -> None:
    """So does its asynchronous half, under Azure's names."""
    require_done(live.run([sys.executable, PROGRAMS / "certificates_aio.py", "certificates-aio"]))


@pytest.mark.node
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.skipif(not (PROJECT / "node_modules").is_dir(), reason="needs the clients: run make node")
def test_the_javascript_client(live: Live) -> None:
    """@azure/keyvault-certificates: a certificate's life, with its key and its secret."""
    require_done(live.run(["node", PROGRAMS / "certificates.mjs", "by-node-certificates"], NODE_PROJECT=str(PROJECT)))


@pytest.mark.slow
@pytest.mark.toolchain("go")
@pytest.mark.timeout(600)
def test_the_go_client(live: Live, tmp_path: Path) -> None:
    """Azcertificates makes a certificate, and a TLS server shakes hands with what it got from the vault."""
    program = tmp_path / "certificates"
    # Fetching and compiling the clients is what takes its time.
    subprocess.run(["go", "build", "-o", str(program), "./certificates"], cwd=GO, check=True, timeout=580)
    require_done(live.run([program], "--endpoint", "app-service"))
