"""
What a durable write costs at the Store protocol, against the least that durability can cost.

A write is a new version of an existing secret, 600 bytes of it, put with its object and committed alone: tags, seals
and change feed included, and the row in the file's log on the medium when the commit returns. The limit appends as
many bytes to a file in the same directory and calls fdatasync. Both are done in turn, one and one, so that they meet
the same disk.

    python -m bench.store_write
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from bench.loop import run
from bench.measure import Measure, Round, compare, table
from strongroom.core.objects import Collection, StoredObject, StoredVersion
from strongroom.crypto.software import ROOT_KEY_BYTES, SoftwareRootKey
from strongroom.store.protocol import Store, Transaction
from strongroom.store.sqlite import SqliteStore

ROUNDS = 9
WRITES = 400
SECRETS = 100
"""The versions go to as many secrets in turn."""
WRITERS = 32
BYTES = 600
_BODY = bytes(200)
_RECORD = bytes(BYTES)
_ENTRY = b"{" + b"x" * 698 + b"}"
_COLLECTION = Collection.SECRETS
_VAULT = "6d2f3c0e-2f0b-4a55-9a0b-0d6c6f3f7a10"


def measure_write(directory: Path) -> list[Measure]:
    """Measure one writer without and with an audit entry, and many at once."""
    return run(_measure(directory))


async def _measure(directory: Path) -> list[Measure]:
    keys = SoftwareRootKey(os.urandom(ROOT_KEY_BYTES))
    store = await SqliteStore.open(directory / "bench.db", keys.tag)
    secrets = _Secrets(store)
    with (directory / "limit").open("ab", buffering=0) as file:
        log = file.fileno()
        measures = [
            compare(
                "durable writes a second by one writer, against append and fdatasync",
                await _alternate(log, secrets.write),
                better="higher",
                target=0.5,
            ),
            compare(
                "the same, each with an audit entry of 700 bytes",
                await _alternate(log, secrets.write_audited),
                better="higher",
            ),
            compare(f"the same by {WRITERS} writers at once", await _together(log, secrets), better="higher"),
        ]
    faults = await store.verify()
    assert faults == [], "what was measured does not hold together"
    await store.close()
    return measures


class _Secrets:
    """Writes new versions of the same secrets, in turn."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = count()
        self._sealed = os.urandom(BYTES - len(_BODY))

    async def write(self) -> None:
        """Commit one version."""
        await self._store.commit(self._next())

    async def write_audited(self) -> None:
        """Commit one version with its audit entry."""
        await self._store.commit(self._next(), audit=lambda _: (_ENTRY,))

    def _next(self) -> Callable[[Transaction], Awaitable[None]]:
        earlier, secret = divmod(next(self._numbers), SECRETS)
        name, object_id, version = f"secret-{secret}", f"{secret:032x}", os.urandom(16).hex()
        stored = StoredObject(_VAULT, _COLLECTION, name, object_id, created=1, latest=version, versions=earlier + 1)
        row = StoredVersion(_VAULT, _COLLECTION, name, object_id, version, earlier + 1, _BODY, self._sealed)

        async def change(transaction: Transaction) -> None:
            await transaction.put_object(stored)
            await transaction.put_version(row)

        return change


async def _alternate(log: int, write: Callable[[], Awaitable[None]]) -> list[Round]:
    """Write and append in turn, one and one, and return both rates by round."""
    rounds = list[Round]()
    for _ in range(ROUNDS + 1):
        written = appended = 0.0
        for _ in range(WRITES):
            # Each write is in a turn of the event loop of its own, as those of requests are.
            await asyncio.sleep(0)
            begun = time.perf_counter()
            await write()
            done = time.perf_counter()
            _append(log)
            written += done - begun
            appended += time.perf_counter() - done
        rounds.append((WRITES / written, WRITES / appended))
    # The first one found out how fast the disk is.
    return rounds[1:]


async def _together(log: int, secrets: _Secrets) -> list[Round]:
    """Have many write as fast as they can, and append as often, and return both rates by round."""

    async def work() -> None:
        for _ in range(WRITES // WRITERS):
            await secrets.write()

    rounds, writes = list[Round](), WRITES // WRITERS * WRITERS
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(WRITERS)))
        done = time.perf_counter()
        for _ in range(writes):
            _append(log)
        rounds.append((writes / (done - begun), writes / (time.perf_counter() - done)))
    return rounds[1:]


def _append(log: int) -> None:
    os.write(log, _RECORD)
    os.fdatasync(log)


def main() -> None:
    """Measure, and print what the harness writes down."""
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=os.environ.get("BENCH_DIRECTORY")) as directory:
        measures = measure_write(Path(directory))
    print(table(measures))
    for measure in measures:
        print(
            {
                "name": measure.name,
                "measured": round(measure.measured, 1),
                "limit": round(measure.limit, 1),
                "ratio": round(measure.ratio, 3),
                "target": measure.target,
                "better": measure.better,
            }
        )


if __name__ == "__main__":
    main()
