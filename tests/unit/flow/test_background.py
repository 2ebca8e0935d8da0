"""What is computed beside the loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack

import pytest

from strongroom.core import deployment_limits
from strongroom.core.errors import Throttled
from strongroom.flow.background import Background


async def _compute(count: int) -> int:
    background, inside, most, lock = Background(), 0, 0, threading.Lock()
    entered = threading.Barrier(deployment_limits.TEMPLATES_AT_ONCE)

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        entered.wait(60)
        with lock:
            inside -= 1

    await asyncio.gather(*(background.aside(work) for _ in range(count)))
    return most


def test_few_compute_at_once() -> None:
    """As many as may do; one more waits for its turn."""
    assert asyncio.run(_compute(2 * deployment_limits.TEMPLATES_AT_ONCE)) == deployment_limits.TEMPLATES_AT_ONCE


def test_so_many_ask_and_no_more() -> None:
    """So many of one caller, so many of all, and one that is done makes room."""
    background = Background()
    with ExitStack() as held:
        for number in range(deployment_limits.TEMPLATES_WAITING):
            held.enter_context(background.asking(f"caller {number // deployment_limits.TEMPLATES_WAITING_OF_ONE}"))
        for owner in ("caller 0", "another"):
            with pytest.raises(Throttled), background.asking(owner):
                raise AssertionError("it was let in")
    with ExitStack() as held:
        for _ in range(deployment_limits.TEMPLATES_WAITING_OF_ONE):
            held.enter_context(background.asking("caller 0"))
        with pytest.raises(Throttled), background.asking("caller 0"):
            raise AssertionError("it was let in")
        with background.asking("another"):
            pass
