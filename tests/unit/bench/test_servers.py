"""How the benchmark asks servers, and what it takes of the processes that they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.limits import Identity, bare
from bench.load import connections, request
from bench.processes import cpu_s, memory_bytes, tree
from strongroom.crypto import x509


def test_a_process_is_measured_with_everything_below_it() -> None:
    """A server that works in its children is not a cheap one."""
    program = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(1); input()']).returncode)"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"1\n"
        pids = tree(process.pid)
        assert len(pids) == 2
        assert pids[0] == process.pid
        assert cpu_s(pids) > cpu_s(pids[:1]) > 0
        assert memory_bytes(pids) > memory_bytes(pids[:1]) > 0
        process.stdin.write(b"\n")


def test_cpu_time_of_this_process_is_what_the_system_says() -> None:
    """The clock that is read for another process is the one this process reads for itself."""
    before = os.times()
    measured = cpu_s([os.getpid()])
    after = os.times()
    assert before.user + before.system - 0.02 <= measured <= after.user + after.system + 0.02


def test_the_load_stops_at_the_first_wrong_answer(tmp_path: Path) -> None:
    """What was measured was the right answer every time, over verified TLS, or nothing was."""
    now = int(time.time())
    authority = x509.make_authority("localhost", now=now)
    leaf = x509.issue_leaf(authority, ["*.vault.localhost"], now=now)
    files = {"ca": authority.certificate, "certificate": leaf.certificate, "key": leaf.private_key}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    identity = Identity("a.vault.localhost", tmp_path / "ca", tmp_path / "certificate", tmp_path / "key")
    with bare(identity, b"{}", tmp_path) as server, connections(server.site, 3) as opened:
        content = request(server.site, "GET", "/", token="t")
        opened.send([content] * 10, b"{}")
        with pytest.raises(AssertionError, match="not the answer"):
            opened.send([content], b"[]")
