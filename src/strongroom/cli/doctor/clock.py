"""The clock: tokens, certificates and retention all hang on it."""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from strongroom.cli.doctor.finding import Finding, ok, problem, unknown, warning

SKEW_S = 5.0
"""How far two clocks may be apart: a Date header has whole seconds."""
BACKWARDS_S = 5.0
JUMP_S = 1.0
_SYNCHRONISED_US = 16_000_000
"""The kernel's estimate of its error, from which on it counts as not synchronised (systemd's own rule)."""
Timex: TypeAlias = "ctypes.Array[ctypes.c_long]"
"""`struct timex` with room to spare: what to change, offset, frequency, error ..., each as wide as a long."""
_TIMEX_LONGS = 80
_ERROR_AT = 3
_SET_IT = "sudo timedatectl set-ntp true"


def judge_date(header: str | None, before: float, after: float) -> Finding:
    """Compare the service's Date header with our clock before and after the request."""
    check = "clock: service"
    try:
        theirs = parsedate_to_datetime(header).timestamp() if header else None
    except ValueError:
        theirs = None
    if theirs is None:
        return unknown(check, "the service did not say its time")
    ahead = max(before - theirs - 1, theirs - after, 0.0)
    if ahead > SKEW_S:
        return problem(check, f"the service's clock and ours are {ahead:.0f} seconds apart", _SET_IT)
    return ok(check, "the service's clock is ours")


def judge_newest(newest: float | None, now: float) -> Finding:
    """Compare the newest thing that was recorded with the clock: what was done lies in the past."""
    check = "clock: records"
    if newest is None:
        return unknown(check, "nothing is recorded yet")
    if newest > now + BACKWARDS_S:
        made = datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
        return problem(
            check,
            f"the newest record was made at {made}, which is {newest - now:.0f} seconds from now: the clock went back",
            _SET_IT,
        )
    return ok(check, "nothing was recorded in the future")


def judge_jump(wall_s: float, monotonic_s: float) -> Finding:
    """Compare how much time passed by the clock with how much did: a difference is a jump."""
    check = "clock: steady"
    jump = wall_s - monotonic_s
    if abs(jump) > JUMP_S:
        return warning(
            check, f"the clock jumped by {jump:+.1f} seconds while this was running", "let one program set the clock"
        )
    return ok(check, "it did not jump while this was running")


def judge_synchronised(*, synchronised: bool | None) -> Finding:
    """Judge whether something keeps the clock right."""
    check = "clock: network time"
    if synchronised is None:
        return unknown(check, "this platform does not say whether the clock is kept right")
    if not synchronised:
        return warning(check, "the kernel says that nothing keeps the clock right", _SET_IT)
    return ok(check, "the kernel says that the clock is kept right")


def is_synchronised(adjust: Callable[[Timex], int] | None = None) -> bool | None:
    """Ask the kernel whether the clock is kept right, changing nothing; None where it does not say: adjtimex(2)."""
    if adjust is None:
        if sys.platform != "linux":
            return None
        adjust = ctypes.CDLL(None, use_errno=True).adjtimex
    # All zero: nothing is to be changed.
    state = (ctypes.c_long * _TIMEX_LONGS)()
    if adjust(state) < 0:
        # A sandbox may forbid the question.
        return None
    return state[_ERROR_AT] < _SYNCHRONISED_US


def entry_time(event: bytes) -> float | None:
    """Read when an entry of the journal was made; None if it does not say."""
    try:
        made = json.loads(event)["time"]
        return datetime.fromisoformat(made).timestamp()
    except (ValueError, KeyError, TypeError):
        return None
