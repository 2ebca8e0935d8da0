import ctypes
import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.crypto import process

PROGRAM = """
import ctypes, json, os, resource, sys
from pathlib import Path
from strongroom.crypto.process import protect_process

done = protect_process()
Path(sys.argv[1]).write_text("x")
print(json.dumps({
    "done": done,
    "mode": os.stat(sys.argv[1]).st_mode & 0o777,
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0,
}))
"""


def test_the_process_keeps_its_memory_and_files_to_itself(tmp_path: Path) -> None:
    """SEC-BOOT-12: umask 077, no core dumps, and on Linux no tracing; what was done is what is reported."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"{tmp_path}/file"], capture_output=True, check=True, text=True, timeout=60
    )
    found = json.loads(run.stdout)
    assert found["mode"] == 0o600
    assert found["core"] == [0, 0]
    assert found["dumpable"] == 0
    expected = ["umask 077", "no core dumps"] + (["not traceable"] if sys.platform == "linux" else [])
    assert found["done"] == expected


def test_a_refused_measure_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that refuses to forbid tracing stops the start instead of leaving the process open in silence."""

    class Refusing:
        """Stand in for a C library whose prctl fails with EPERM."""

        def prctl(self, *arguments: int) -> int:
            """Fail as the C function does."""
            ctypes.set_errno(errno.EPERM)
            return -1

    monkeypatch.setattr(process.ctypes, "CDLL", lambda *_, **__: Refusing())
    with pytest.raises(PermissionError, match="prctl"):
        process._forbid_tracing()
