"""What is computed beside the loop."""

from __future__ import annotations

import asyncio
import threading

from strongroom.core import limits
from strongroom.flow.background import Background


async def _compute(count: int) -> int:
    background, inside, most, lock = Background(), 0, 0, threading.Lock()
    entered = threading.Barrier(limits.TEMPLATES_AT_ONCE)

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        entered.wait(5)
        with lock:
            inside -= 1

    await asyncio.gather(*(background.aside(work) for _ in range(count)))
    return most


def test_few_compute_at_once() -> None:
    """As many as may do; one more waits for its turn."""
    assert asyncio.run(_compute(2 * limits.TEMPLATES_AT_ONCE)) == limits.TEMPLATES_AT_ONCE
