"""What the control surface answers of jobs."""

from __future__ import annotations

import msgspec


class JobEntry(msgspec.Struct, rename="camel"):
    """A job, and how it is doing on the node that answers. Times are Unix seconds."""

    name: str
    about: str
    interval_seconds: float
    shared: bool
    """Whether one node does it of those that share a store."""
    running: bool
    began: float | None
    ended: float | None
    duration_seconds: float | None
    outcome: str
    """`ok`, `elsewhere`, the class of a fault, or empty if it had no turn yet."""
    done: int | None
    done_since_start: int
    failures: int
    next_at: float | None
    waiting: int | None
    lease_holder: str | None


class JobList(msgspec.Struct):
    """Every job."""

    node: str
    value: list[JobEntry]
