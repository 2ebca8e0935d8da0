"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and an operator should know."""
    PROBLEM = "problem"
    """Something does not work, or is not safe."""
    UNKNOWN = "unknown"
    """It could not be looked at, as when the service is stopped."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer: what was looked at, how it is, what was seen, and what mends it."""

    check: str
    state: State
    seen: str
    fix: str | None = None
    """A command, where one does it."""


def ok(check: str, seen: str) -> Finding:
    """Say that a thing is as it should be."""
    return Finding(check, State.OK, seen)


def warning(check: str, seen: str, fix: str) -> Finding:
    """Say what an operator should know."""
    return Finding(check, State.WARNING, seen, fix)


def problem(check: str, seen: str, fix: str) -> Finding:
    """Say what is wrong."""
    return Finding(check, State.PROBLEM, seen, fix)


def unknown(check: str, seen: str, fix: str | None = None) -> Finding:
    """Say what could not be looked at."""
    return Finding(check, State.UNKNOWN, seen, fix)
