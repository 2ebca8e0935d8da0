"""Measures, and what is made of them: the table that people read and the file that programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

Better = Literal["lower", "higher"]
Round = tuple[float, float]
"""What was measured and its limit, taken one right after the other."""


@dataclass(frozen=True, slots=True)
class Measure:
    """
    One line of the table.

    `measured` and `limit` are medians over the rounds, in the unit that the name ends with; `ratio` is the one divided
    by the other. `spread` is the lowest and the highest ratio of a single round: what the machine's noise amounts to.
    A measure without a target is told for what it explains.
    """

    name: str
    measured: float
    limit: float
    target: float | None
    better: Better
    spread: tuple[float, float]

    @property
    def ratio(self) -> float:
        """What was measured, in units of its limit."""
        return self.measured / self.limit

    @property
    def verdict(self) -> str:
        """Say in a word how the ratio stands to its target."""
        if self.target is None:
            return ""
        reached = self.ratio <= self.target if self.better == "lower" else self.ratio >= self.target
        return "reached" if reached else "missed"


def compare(name: str, rounds: Sequence[Round], *, better: Better, target: float | None = None) -> Measure:
    """Make a measure of rounds in each of which the thing and its limit were measured."""
    ratios = [measured / limit for measured, limit in rounds]
    return Measure(
        name=name,
        measured=median(measured for measured, _ in rounds),
        limit=median(limit for _, limit in rounds),
        target=target,
        better=better,
        spread=(min(ratios), max(ratios)),
    )


def longest(name: str, rounds: Sequence[Round]) -> Measure:
    """Make a measure of what must never take longer than its limit: the worst round counts, not the middle one."""
    ratios = [measured / limit for measured, limit in rounds]
    measured, limit = max(rounds, key=lambda made: made[0] / made[1])
    return Measure(name, measured, limit, target=1.0, better="lower", spread=(min(ratios), max(ratios)))


def table(measures: Sequence[Measure]) -> str:
    """Lay measures out for people."""
    header = ("what", "measured", "limit", "ratio", "rounds from", "to", "target", "")
    rows = [header]
    rows += [
        (
            measure.name,
            f"{measure.measured:,.4g}",
            f"{measure.limit:,.4g}",
            _ratio(measure.ratio),
            _ratio(measure.spread[0]),
            _ratio(measure.spread[1]),
            "" if measure.target is None else f"{'<=' if measure.better == 'lower' else '>='} {measure.target:g}",
            measure.verdict,
        )
        for measure in measures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(_aligned(cell, width, index) for index, (cell, width) in _cells(row, widths)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def write_results(measures: Sequence[Measure], path: Path) -> None:
    """Write measures for programs: a list of objects, one for each measure."""
    results = [
        {
            "name": measure.name,
            "measured": _significant(measure.measured),
            "limit": _significant(measure.limit),
            "ratio": _significant(measure.ratio),
            "target": measure.target,
            "better": measure.better,
        }
        for measure in measures
    ]
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _ratio(number: float) -> str:
    # A small one keeps two digits that say something.
    return f"{number:.2f}" if number >= 0.1 or number == 0 else f"{number:.2g}"


def _significant(number: float) -> float:
    return float(f"{number:.4g}")


def _cells(row: tuple[str, ...], widths: Sequence[int]) -> list[tuple[int, tuple[str, int]]]:
    return list(enumerate(zip(row, widths, strict=True)))


def _aligned(cell: str, width: int, column: int) -> str:
    # The first column and the last are words, the others numbers.
    return cell.ljust(width) if column in {0, 7} else cell.rjust(width)
