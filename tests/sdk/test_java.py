"""Azure's clients for Java under `strongroom run`, as Maven has them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.sdk.conftest import Live

JAVA = Path(__file__).parent / "java"
BRIEF = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""For a virtual machine that lives for a second: nothing is compiled to last."""

pytestmark = [pytest.mark.slow, pytest.mark.toolchain("mvn", "javac"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Fetch the clients, compile the programs, and give the command that runs one, but for its name."""
    folder = tmp_path_factory.mktemp("java")
    libraries = f"{folder / 'lib'}"
    fetch = ["mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"]
    subprocess.run(fetch, cwd=JAVA, check=True, timeout=500)
    classes = f"{libraries}/*"
    sources = map(str, sorted(JAVA.glob("*.java")))
    subprocess.run(
        ["javac", *(f"-J{flag}" for flag in BRIEF), "-cp", classes, "-d", str(folder), *sources], check=True, timeout=80
    )
    return ["java", *BRIEF, "-cp", f"{classes}{os.pathsep}{folder}"]


@pytest.mark.parametrize(
    "options", [(), ("--service-principal",), ("--endpoint", "imds"), ("--endpoint", "workload-identity")]
)
def test_secrets(live: Live, java: list[str], options: tuple[str, ...]) -> None:
    """They set, get, delete and purge a secret, as the managed identity and as the environment's service principal."""
    result = live.run([*java, "Quickstart"], *options)
    assert (result.returncode, result.stdout.splitlines()[-1:]) == (0, ["purged"]), result.stderr


@pytest.mark.parametrize("program", ["Keys", "Certificates"])
def test_keys_and_certificates(live: Live, java: list[str], program: str) -> None:
    """They live through a key and a certificate, and CryptographyClient works there and here."""
    result = live.run([*java, program])
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
