"""The plugin that leaves out tests in networks of their own, and what makes those networks."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.namespaces import Namespaces

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
import pytest

@pytest.mark.namespaces
def test_there():
    pass

def test_anywhere():
    pass
"""


def test_without_the_programs_such_tests_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    """Where there is no `ip`, the tests are not selected, none counts as skipped, and the run says what is missing."""
    (tmp_path / "test_it.py").write_text(SOURCE, encoding="utf-8")

    result = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "tests.plugins.no_skips", "-p", "tests.plugins.namespaces",
            "--rootdir", tmp_path, tmp_path,
        ],
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "STRONGROOM_NO_SKIPS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert result.returncode == 0, result.stdout
    assert "left out: 1 tests that need network namespaces" in result.stdout
    assert "1 passed, 1 deselected" in result.stdout


@pytest.mark.namespaces
def test_nothing_is_left_of_a_namespace() -> None:
    """When the block ends the processes that hold the namespaces are gone, and so are the cables."""
    with Namespaces() as networks:
        one, other = networks.add(), networks.add()
        networks.join(one, ["203.0.113.1/24"], other, ["203.0.113.2/24"])
        assert "cable1" in one.run("ip", "-brief", "link")

    assert [one.holder.poll(), other.holder.poll()] == [0, 0]
    ip = shutil.which("ip")
    assert ip is not None
    links = subprocess.run([ip, "-brief", "link"], capture_output=True, text=True, check=True).stdout
    assert "cable1" not in links
