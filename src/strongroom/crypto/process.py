"""
What a process of ours does before it reads the first key, to keep its memory and files to itself; how one is started.

Python cannot promise zeroised memory, so a key stays somewhere in the heap until the process ends; what can be done is
to let nobody look: no core dump, no debugger of the same user, no file that others can read.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
"""<linux/prctl.h>"""


def protect_process() -> tuple[str, ...]:
    """
    Close what can be closed on this platform, and say what was done, for health and `doctor`.

    Raises:
        OSError: the platform has the measure and refused it.
    """
    os.umask(0o077)
    # Soft and hard: nothing this process starts can raise it again.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    done = ["umask 077", "no core dumps"]
    if sys.platform == "linux":
        _forbid_tracing()
        done.append("not traceable")
    return tuple(done)


def library_environment() -> dict[str, str]:
    """Give the environment of a process of ours: libraries are configured by it. It has none of our own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}


def start_child(command: Sequence[str], stdin: socket.socket) -> subprocess.Popen[bytes]:
    """Start a process of ours that is spoken to over its standard input; what its libraries write goes nowhere."""
    return subprocess.Popen(  # noqa: S603  our own interpreter, and our own module
        command,
        stdin=stdin.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=library_environment(),
    )


def end_with_parent(parent: int) -> None:
    """Have the system end this process with *parent*, even while a call of a library's does not return."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _forbid_tracing() -> None:
    """Make the process undumpable: a crash handler gets no image, and only root may attach (prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl: {os.strerror(code)}")
