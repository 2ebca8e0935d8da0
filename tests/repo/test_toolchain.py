"""The plugin that leaves out tests of programs that are missing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARKS = 'markers = ["toolchain(program): drives a program."]'
# What make installs is found in the checkout, so the test's own folder says that it is not there.
ABSENT = """
from pathlib import Path
from tests.plugins import toolchain

toolchain.INSTALLED_BY_MAKE["az"] = (Path(__file__).with_name("no-az"), "make azure-cli")
toolchain.INSTALLED_BY_MAKE["azmcp"] = (Path(__file__).with_name("no-azmcp"), "make dotnet")
toolchain.BUILT_BY_HAND["azurerm"] = Path(__file__).with_name("no-azurerm")
"""


def run(folder: Path, program: str, *, no_skips: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a test that needs *program* and one that needs none, where there is no program."""
    source = f"import pytest\n\n@pytest.mark.toolchain({program!r})\ndef test_it(): pass\n\ndef test_other(): pass\n"
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    (folder / "conftest.py").write_text(ABSENT, encoding="utf-8")
    (folder / "pytest.toml").write_text(f"[pytest]\n{MARKS}\n", encoding="utf-8")
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "tests.plugins.no_skips", "-p", "tests.plugins.toolchain",
            "--rootdir", folder, folder,
        ],
        cwd=folder,
        env={
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONPATH": str(ROOT),
            "STRONGROOM_NO_SKIPS": no_skips,
            "PATH": "",
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("program", "no_skips"), [("go", ""), ("go", "1"), ("az", ""), ("azmcp", ""), ("azurerm", "1")]
)
def test_what_a_machine_need_not_have_is_left_out_and_it_is_said(tmp_path: Path, program: str, no_skips: str) -> None:
    """A compiler counts nowhere, nor does what is long in building; a client does not where skips are allowed."""
    result = run(tmp_path, program, no_skips=no_skips)

    assert result.returncode == 0, result.stdout
    assert f"left out: tests that need {program}" in result.stdout
    assert "1 passed, 1 deselected" in result.stdout


@pytest.mark.parametrize(
    ("program", "way"), [("az", "make azure-cli"), ("azmcp", "make dotnet"), ("openssl", "apt-get install openssl")]
)
def test_what_the_ci_installs_is_demanded_there(tmp_path: Path, program: str, way: str) -> None:
    """Where no skip is allowed, what it installs and is not there fails the run, and says how to get it."""
    result = run(tmp_path, program, no_skips="1")

    assert result.returncode == 1
    assert f"there is no {program}, and STRONGROOM_NO_SKIPS is set: {way}" in result.stdout


def test_who_runs_openssl_says_so() -> None:
    """Python and make are all that a machine must have: each module of tests that starts the command has the mark."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    starts = {path for path, text in texts.items() if re.search(r'\[["]openssl",|\bopenssl\(', text)}
    assert [path for path in starts if not re.search(r'toolchain\([^)]*"openssl"\)', texts[path])] == []
    assert len(starts) > 5
