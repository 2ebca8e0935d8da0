"""What can be told of the jobs, which nobody asks for: how each is doing on this node. Nothing in it is secret."""

from __future__ import annotations

from dataclasses import dataclass

OK = "ok"
ELSEWHERE = "elsewhere"
"""Another node had the lease, so there was nothing to do here."""


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job is doing. Times are Unix seconds."""

    name: str
    about: str
    """What it does, in one sentence."""
    interval_s: float
    is_shared: bool
    """Whether one node does it of those that share a store."""
    is_running: bool = False
    began: float | None = None
    """When its last turn began; None if it had none since this node started."""
    ended: float | None = None
    duration_s: float | None = None
    outcome: str = ""
    """How its last turn ended: `ok`, `elsewhere`, or the class of the fault."""
    done: int | None = None
    """How much its last turn did, if it counts that."""
    done_since_start: int = 0
    failures: int = 0
    """How many turns in a row have failed."""
    next_at: float | None = None
    """When its next turn begins."""
    waiting: int | None = None
    """How much is due by now and not done, if it counts that."""
    holder: str | None = None
    """The node that has its lease now."""
