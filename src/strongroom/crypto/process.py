"""
What the process does to keep its memory and files to itself, before it reads the first key.

Python cannot promise zeroised memory, so a key stays somewhere in the heap until the process ends; what can be done is
to let nobody look: no core dump, no debugger of the same user, no file that others can read.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

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


def _forbid_tracing() -> None:
    """Make the process undumpable: a crash handler gets no image, and only root may attach (prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl: {os.strerror(code)}")
