"""What a transfer did, secret by secret: for the table, for programs, and for whoever runs it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What became of one secret."""

    COPIED = "copied"
    """All its versions are written."""
    CONTINUED = "continued"
    """Some were there already; the others are written."""
    UNCHANGED = "unchanged"
    """All were there already."""
    CONFLICT = "conflict"
    """Another secret has its name at the destination; nothing was written."""
    SKIPPED = "skipped"
    """It cannot be taken, and no run will."""
    FAILED = "failed"
    """A request was refused or failed; the next run tries again."""
    NOT_TRIED = "not tried"
    """The transfer ended before it."""


TROUBLES = frozenset({Outcome.CONFLICT, Outcome.FAILED, Outcome.NOT_TRIED})
"""The outcomes that make a command fail. What cannot be taken at all is told and is no fault of the command's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One secret: its name where it comes from and where it goes, and what became of it. No value."""

    original: str
    name: str
    outcome: Outcome
    versions: int = 0
    """How many versions were written, or would be."""
    reason: str = ""


@dataclass(slots=True)
class Report:
    """What a transfer did or, in a rehearsal, would do."""

    source: str
    destination: str
    rehearsal: bool
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is not about one secret: keys that stay behind, values that a place does not tell."""

    @property
    def troubled(self) -> bool:
        """Tell whether something is left to do that the user wanted done."""
        return any(line.outcome in TROUBLES for line in self.lines)

    def count(self, outcome: Outcome) -> int:
        """Count the secrets with an outcome."""
        return sum(line.outcome is outcome for line in self.lines)

    def document(self) -> dict[str, Any]:
        """Write it for programs."""
        return {
            "source": self.source,
            "destination": self.destination,
            "dryRun": self.rehearsal,
            "summary": {outcome.value: self.count(outcome) for outcome in Outcome if self.count(outcome)},
            "versions": sum(line.versions for line in self.lines),
            "notes": self.notes,
            "secrets": [
                {
                    "source": line.original,
                    "name": line.name,
                    "outcome": line.outcome.value,
                    "versions": line.versions,
                    **({"reason": line.reason} if line.reason else {}),
                }
                for line in self.lines
            ],
        }
