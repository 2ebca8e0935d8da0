"""
The processes that are measured: started, asked what they have used, stopped.

On Linux a process's CPU time is read from its own CPU clock, which counts nanoseconds where /proc/PID/stat counts
hundredths of a second; elsewhere `ps` is asked, which is coarser.
"""

from __future__ import annotations

import platform
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CPU_CLOCK_SCHED = 2
"""The kind of CPU clock that counts what the scheduler gave (Linux, include/linux/posix-timers.h)."""
_STOP_S = 15.0
_PS_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>[\d.]+)")


@contextmanager
def running(command: Sequence[str], *, log: Path, pipe: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Run a server for as long as the block lasts; what it says goes to *log*, but with *pipe* its output to us."""
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipe else errors,
            stderr=errors,
            text=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and see that it does."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def tree(pid: int) -> list[int]:
    """List a process and everything below it."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def cpu_s(pids: Sequence[int]) -> float:
    """Add up the CPU time that processes have used, user and system, in seconds."""
    if platform.system() == "Linux":
        # A process's clock has this number (Linux, MAKE_PROCESS_CPUCLOCK); clock_getcpuclockid(3) gives the same.
        return sum(time.clock_gettime((~pid << 3) | _CPU_CLOCK_SCHED) for pid in pids)
    listing = subprocess.run(
        ["ps", "-o", "time=", "-p", ",".join(map(str, pids))], check=True, capture_output=True, text=True
    ).stdout
    return sum(_seconds(line.strip()) for line in listing.splitlines())


def memory_bytes(pids: Sequence[int]) -> int:
    """
    Add up what processes hold in memory.

    Where the system says so it is the proportional share: a page that several processes have counts once among them.
    """
    return sum(_share(pid) for pid in pids)


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _share(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if rollup.exists():
        lines = rollup.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    listing = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True).stdout
    return int(listing) * 1024


def _seconds(text: str) -> float:
    match = _PS_TIME.fullmatch(text)
    assert match is not None, f"ps told a time that is none: {text!r}"
    days, hours, minutes = (int(match[name] or 0) for name in ("days", "hours", "minutes"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + float(match["seconds"])
