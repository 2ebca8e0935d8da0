"""What is tracked, and so in every clone."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = "120000"


@pytest.mark.toolchain("git")
def test_no_link_is_tracked() -> None:
    """A link leads to a place that a clone may not have, and npm writes where one in its folder's place leads."""
    tracked = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--stage"], capture_output=True, text=True, check=False
    ).stdout

    # Without a repository, as in an archive of the sources, nothing is tracked.
    assert [line for line in tracked.splitlines() if line.startswith(LINK)] == []


@pytest.mark.toolchain("git")
def test_installed_clients_are_ignored_as_a_folder_and_as_a_link(tmp_path: Path) -> None:
    """A link to the clients of another checkout is no more source than the folder is."""
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "node_modules").symlink_to(tmp_path / "elsewhere")

    status = subprocess.run(
        ["git", "-C", tmp_path, "status", "--short", "node_modules"], capture_output=True, text=True, check=True
    )

    assert status.stdout == ""
