"""How the findings are told: a line each for people, or one JSON object."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from strongroom.cli.doctor.finding import Finding, State
from strongroom.cli.outcome import Exit
from strongroom.cli.text import one_line

_MARKS = {State.OK: "ok", State.WARNING: "WARNING", State.PROBLEM: "PROBLEM", State.UNKNOWN: "unknown"}
_INDENT = " " * 9


def tell(data: Path, findings: Iterable[Finding], *, as_json: bool) -> int:
    """Print the findings as they come, and give the exit code: 1 if there is a problem."""
    told: list[Finding] = []
    for finding in findings:
        told.append(finding)
        if not as_json:
            print("\n".join(lines_of(finding)), flush=True)
    print(json.dumps(as_object(data, told), indent=2) if as_json else f"\n{summary(told)}")
    return Exit.FAILED if any(one.state is State.PROBLEM for one in told) else Exit.OK


def lines_of(finding: Finding) -> list[str]:
    """Write a finding for people."""
    lines = [f"{_MARKS[finding.state]:<8} {finding.check}: {one_line(finding.seen)}"]
    return [*lines, f"{_INDENT}fix: {one_line(finding.fix)}"] if finding.fix is not None else lines


def summary(findings: Sequence[Finding]) -> str:
    """Count the findings."""
    counts = Counter(one.state for one in findings)
    return (
        f"problems: {counts[State.PROBLEM]}, warnings: {counts[State.WARNING]}, not known: {counts[State.UNKNOWN]},"
        f" of {len(findings)} checks"
    )


def as_object(data: Path, findings: Sequence[Finding]) -> dict[str, object]:
    """Write the findings for programs."""
    counts = Counter(one.state for one in findings)
    checks = [{"check": one.check, "state": one.state.value, "seen": one.seen, "fix": one.fix} for one in findings]
    return {"data": str(data), **{state.value: counts[state] for state in State}, "checks": checks}
