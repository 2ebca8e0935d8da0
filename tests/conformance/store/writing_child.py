"""The child that is killed: writes from several tasks at once, and prints what was acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from strongroom.store import Store
from strongroom.store.sqlite import SqliteStore
from tests.conformance.store.backends import tagger
from tests.conformance.store.samples import put, secret, user

WRITERS = 8


async def write(store: Store, first: int, step: int) -> None:
    """Write secrets and users, each with its audit entry, until somebody stops it."""
    number = first
    while True:
        await put(store, *secret(f"name-{number}"), user(number), entries=(b"%d" % number,))
        # One system call, so that a line is printed whole or not at all.
        os.write(1, b"%d\n" % number)
        number += step
        if number % 3 == 0:
            await asyncio.sleep(0.001)


async def main(path: Path, first: int) -> None:
    """Open the database and write."""
    store = await SqliteStore.open(path, tagger)
    await asyncio.gather(*(write(store, first + place, WRITERS) for place in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
