"""What forks Azure CLI's processes keeps them apart, and never leaves a test waiting."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.az.standby import Standby
from tests.live import clean_environment

pytestmark = [pytest.mark.toolchain("az")]


@pytest.fixture
def standby(tmp_path: Path) -> Iterator[Standby]:
    """Give one that no other test uses."""
    environment = {**clean_environment(), "AZURE_CORE_COLLECT_TELEMETRY": "false", "HTTPS_PROXY": "http://127.0.0.1:9"}
    with Standby(tmp_path, environment) as waiting:
        yield waiting


def memory(tmp_path: Path, name: str) -> Path:
    """Make a folder for what Azure CLI remembers."""
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_a_command_leaves_nothing_for_the_next(standby: Standby, tmp_path: Path) -> None:
    """What one sets is there for those of its folder alone; codes and both outputs are each command's own."""
    one, other = memory(tmp_path, "one"), memory(tmp_path, "other")
    done = standby.run(["cloud", "set", "-n", "AzureChinaCloud"], one, 60)
    assert (done.returncode, done.stdout) == (0, "")
    for folder, cloud in ((other, "AzureCloud"), (one, "AzureChinaCloud")):
        shown = standby.run(["cloud", "show", "--query", "name", "-o", "tsv"], folder, 60)
        assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"{cloud}\n", "")
    missing = standby.run(["cloud", "show", "-n", "none"], one, 60)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "The cloud 'none' is not registered" in missing.stderr
    assert standby.run(["cloud", "show", "--none"], one, 60).returncode == 2


def test_what_does_not_end_fails_the_test(standby: Standby, tmp_path: Path) -> None:
    """It says what that was, leaves no process, and the next command has a new one."""
    folder = memory(tmp_path, "one")
    with pytest.raises(AssertionError, match=r"az \['version'\] did not end in 0 s"):
        standby.run(["version"], folder, 0)
    assert standby._process is None
    assert standby.run(["version"], folder, 60).returncode == 0


def test_what_crashes_fails_the_test(standby: Standby, tmp_path: Path) -> None:
    """Nor does an end that nobody asked for leave a process."""
    folder = memory(tmp_path, "one")
    assert standby.run(["version"], folder, 60).returncode == 0
    process = standby._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(AssertionError, match=r"az \['version'\] crashed"):
        standby.run(["version"], folder, 60)
    assert process.returncode == -signal.SIGKILL
