"""What the service runs on: Python, OpenSSL, and what it keeps others from seeing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

PYTHON_NEEDED = (3, 11)
OPENSSL_NEEDED = (3, 0)
_CORE = re.compile(r"^Max core file size\s+(\S+)\s+(\S+)", re.MULTILINE)
_UMASK = re.compile(r"^Umask:\s+([0-7]+)$", re.MULTILINE)


def judge_python(version: tuple[int, int, int]) -> Finding:
    """Judge the interpreter."""
    shown = ".".join(map(str, version))
    if version[:2] < PYTHON_NEEDED:
        return problem("python", f"{shown}, and {'.'.join(map(str, PYTHON_NEEDED))} is needed", "install a newer one")
    return ok("python", shown)


def judge_openssl(version: tuple[int, int, int], shown: str) -> Finding:
    """Judge the TLS library that Python brings."""
    if version[:2] < OPENSSL_NEEDED:
        return warning("openssl", f"{shown} is no longer maintained", "use a Python that is built with OpenSSL 3")
    return ok("openssl", shown)


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What the kernel says of the service's process; None where it does not."""

    core_bytes: str | None
    umask: int | None


def look_at_process(process: int, processes: Path = Path("/proc")) -> ProcessFacts | None:
    """Look at the service's process; None where the platform or its owner does not let us."""
    try:
        limits = (processes / str(process) / "limits").read_text(encoding="utf-8")
        status = (processes / str(process) / "status").read_text(encoding="utf-8")
    except OSError:
        return None
    core, umask = _CORE.search(limits), _UMASK.search(status)
    return ProcessFacts(core[2] if core else None, int(umask[1], 8) if umask else None)


def judge_process(facts: ProcessFacts | None, *, runs: bool) -> Finding:
    """Judge whether the running service leaves no image of its memory and no file that others can read."""
    check = "process"
    if not runs:
        return unknown(check, "it is not running; when it starts it sets umask 077 and forbids core dumps")
    if facts is None or facts.core_bytes is None or facts.umask is None:
        return unknown(check, "this platform does not show another process's limits")
    if facts.core_bytes != "0":
        return problem(check, "a crash would write the service's memory, keys included, to disk", "restart the service")
    if facts.umask & 0o077 != 0o077:
        return problem(check, f"files are made with umask {facts.umask:03o}", "restart the service")
    return ok(check, "no core dumps, umask 077")
