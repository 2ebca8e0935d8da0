"""The server's certificate and its authority: how long they live, and for which names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from strongroom.cli.doctor.finding import Finding, ok, problem, warning

_DAY_S = 86_400
AUTHORITY_WARNING_S = 180 * _DAY_S
"""Every client has to be given the next one: that takes time."""
_RENEWED_LATE = 0.25
"""Renewal is due when a third of the life is left, and is tried again and again: with less than this it fails."""


@dataclass(frozen=True, slots=True)
class Life:
    """From when until when something is good, in Unix seconds."""

    begins: int
    ends: int


def judge_certificate(
    life: Life, names: Collection[str], wanted: Collection[str], now: float, *, runs: bool
) -> Finding:
    """Judge the server's certificate. One that a stopped service has is issued anew by the next start."""
    check, restart = "certificate", "restart the service: it issues one as it starts"
    missing = sorted(set(wanted) - set(names))
    left = life.ends - now
    if missing:
        return problem(check, f"it is not for {', '.join(missing)}", restart)
    if now < life.begins:
        return problem(check, "it is not valid yet: this machine's clock is behind", "set the clock")
    if left <= 0:
        if not runs:
            return warning(check, "it has ended", "start the service: it issues one as it starts")
        return problem(check, "it has ended, and clients refuse it", restart)
    seen = f"good for {_days(left)} more, for {', '.join(names)}"
    if runs and left < _RENEWED_LATE * (life.ends - life.begins):
        return warning(check, f"{seen}, and should have been renewed by now", restart)
    return ok(check, seen)


def judge_authority_life(life: Life, now: float) -> Finding:
    """Judge the instance's authority, which clients were given: it cannot be renewed without giving them another."""
    check = "authority"
    left = life.ends - now
    if left <= 0:
        return problem(check, "it has ended: no client believes the service", "make a new instance, and move to it")
    if left < AUTHORITY_WARNING_S:
        return warning(check, f"good for {_days(left)} more", "plan the move to a new instance, with its own authority")
    return ok(check, f"good for {_days(left)} more")


def _days(seconds: float) -> str:
    days = int(seconds // _DAY_S)
    return f"{days} days" if days else f"{int(seconds // 3600)} hours"
