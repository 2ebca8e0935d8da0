"""PIT: "Acknowledged write lost by kill -9": a process that writes is killed at random moments, again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from strongroom.core.identity import User
from strongroom.core.objects import Collection
from tests.conformance.store.backends import SqliteFile
from tests.conformance.store.samples import PARTITION, VAULT, group, put, secret

ROUNDS = 10
ROOT = Path(__file__).parents[3]


def write_until_killed(path: Path, first: int, lines: int) -> list[int]:
    """Start the child, kill it once it has acknowledged some writes, and return all that it acknowledged."""
    command = [sys.executable, "-m", "tests.conformance.store.writing_child", str(path), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout.read().split()]
    assert child.returncode == -signal.SIGKILL
    return acknowledged


async def test_no_acknowledged_write_is_lost_by_a_kill(tmp_path: Path) -> None:
    """After each of ten kills the store opens, verifies, and has every acknowledged row, name and audit entry."""
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"seed {seed}")  # noqa: T201  brings the same moments back
    chance = random.Random(seed)  # noqa: S311  moments, no secrets
    database = SqliteFile(tmp_path)
    acknowledged: set[int] = set()
    first = 0
    for _ in range(ROUNDS):
        assert database.path is not None
        acknowledged.update(write_until_killed(database.path, first, chance.randrange(1, 300)))
        async with database.open() as store:
            assert await store.verify() == []
            users = {record.id for record in await store.records(User, PARTITION)}
            entries = {int(entry) for _, entry in await store.outbox(limit=1_000_000)}
            for number in acknowledged:
                assert f"user-{number:05}" in users
                assert number in entries
                stored, version = secret(f"name-{number}")
                assert await store.object(VAULT, Collection.SECRETS, stored.name) == stored
                assert await store.version(VAULT, Collection.SECRETS, stored.name, version.version) == version
            # A write that was not acknowledged is there with everything that belongs to it, or not at all.
            assert users == {f"user-{number:05}" for number in entries}
            await put(store, group(first))
        first = max(acknowledged) + 1000
