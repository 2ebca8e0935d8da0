"""The plugin that turns skips into failures, which the CI relies on."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SKIPPING = {
    "in a test": "import pytest\n\ndef test_it():\n    pytest.skip('no node')\n",
    "by a mark": "import pytest\n\n@pytest.mark.skip(reason='no node')\ndef test_it():\n    pass\n",
    "a whole module": "import pytest\n\npytest.importorskip('no_such_module', reason='no node')\n",
}


def run(folder: Path, source: str, *, no_skips: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on *source* alone, with the plugin and nothing else of this suite."""
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "tests.plugins.no_skips", "--rootdir", folder, folder],
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
    )


@pytest.mark.parametrize("how", SKIPPING)
def test_a_skip_is_a_failure_where_none_is_allowed(tmp_path: Path, how: str) -> None:
    """A skip fails the run and says its own reason."""
    result = run(tmp_path, SKIPPING[how], no_skips="1")

    assert result.returncode in {1, 2}
    assert "STRONGROOM_NO_SKIPS is set" in result.stdout
    assert "no node" in result.stdout


@pytest.mark.parametrize("how", SKIPPING)
def test_a_skip_is_a_skip_elsewhere(tmp_path: Path, how: str) -> None:
    """Without the variable a skip stays what it is."""
    result = run(tmp_path, SKIPPING[how], no_skips="")

    assert result.returncode in {0, 5}
    assert "1 skipped" in result.stdout


def test_an_expected_failure_is_not_a_skip(tmp_path: Path) -> None:
    """An expected failure is allowed where skips are not."""
    source = "import pytest\n\n@pytest.mark.xfail(strict=True)\ndef test_it():\n    raise AssertionError\n"

    result = run(tmp_path, source, no_skips="1")

    assert result.returncode == 0
    assert "1 xfailed" in result.stdout
