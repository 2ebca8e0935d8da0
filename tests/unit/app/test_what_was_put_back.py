"""What is put back, cut off or taken away while the service does not run is noticed when it starts."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.app import open_instance
from strongroom.app.checks import check_journal, check_store, newest_checkpoint
from strongroom.app.data_directory import InstanceFault
from strongroom.app.first_start import initialise
from strongroom.app.instance import keep_journal_checkpoint
from strongroom.config import Settings
from strongroom.core.identity import Tenant
from strongroom.journal import Entry, encode


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Make an instance that has served once."""
    made = Settings(data=tmp_path / "data")
    asyncio.run(initialise(made, lambda _: None))
    serve(made)
    return made


def serve(settings: Settings, *, restored: bool = False, changes: int = 0) -> tuple[str, ...]:
    """Open the instance as the service does, record and change something, and give what the journal found."""

    async def opened() -> tuple[str, ...]:
        async with open_instance(settings, restored=restored) as instance:
            instance.world.journal.append(encode(Entry(time=time.time(), operation="Test", status=200)))
            for number in range(changes):
                tenant = Tenant(f"tenant-{number}", "Other", (f"t{number}.example",), 1)
                await instance.store.commit(lambda tx, tenant=tenant: tx.put(tenant))  # type: ignore[misc]  # bound now
            instance.world.journal.flush()
            await keep_journal_checkpoint(instance)
            return instance.world.journal.problems

    return asyncio.run(opened())


def test_an_older_store_is_refused(settings: Settings) -> None:
    """A whole store put back is as whole as it was, and is noticed by its number."""
    older = settings.data / "older.db"
    shutil.copy(settings.database, older)
    serve(settings, changes=3)
    older.replace(settings.database)
    with pytest.raises(InstanceFault, match="an older one was put back"):
        serve(settings)
    assert any("put back" in problem for problem in asyncio.run(check_store(settings)))


def test_a_restored_backup_is_accepted_once_and_recorded(settings: Settings) -> None:
    """Whoever restores a backup says so; it is in the journal, and the next start asks for nothing."""
    older = settings.data / "older.db"
    shutil.copy(settings.database, older)
    serve(settings, changes=3)
    older.replace(settings.database)
    serve(settings, restored=True)
    serve(settings)
    assert asyncio.run(check_store(settings)) == []
    journal = b"".join(path.read_bytes() for path in settings.journal.glob("*.jsonl"))
    assert journal.count(b'"operationName":"StoreRestored"') == 1


@pytest.mark.parametrize("crime", ["UPDATE records SET body = zeroblob(9)", "DELETE FROM records"])
def test_a_record_that_was_altered_stops_the_start(settings: Settings, crime: str) -> None:
    """SEC-BOOT-17: what decides has to be whole. The refusal names the fault and what finds the rest."""
    with closing(sqlite3.connect(settings.database)) as database:
        database.execute(f"{crime} WHERE kind = 'vault'")
        database.commit()
    with pytest.raises(InstanceFault, match=r"not as it was written .* vault.*strongroom verify --data .*a backup"):
        serve(settings)


@pytest.mark.parametrize("what", ["missing", "altered", "of another instance"])
def test_the_anchor_cannot_be_taken_away(settings: Settings, tmp_path: Path, what: str) -> None:
    """Without its anchor, or with another one, the store is not taken for new."""
    if what == "missing":
        settings.anchor.unlink()
    elif what == "altered":
        number, tag = settings.anchor.read_bytes().split()
        settings.anchor.write_bytes(b"%d %b\n" % (int(number) - 1, tag))
    else:
        other = Settings(data=tmp_path / "other")
        asyncio.run(initialise(other, lambda _: None))
        shutil.copy(other.anchor, settings.anchor)
    with pytest.raises(InstanceFault, match="anchor"):
        serve(settings)


def test_a_journal_that_was_cut_off_stays_found(settings: Settings) -> None:
    """The end of a journal that was cut off is found at the start, and a restart does not hide it."""
    serve(settings)
    path = max(settings.journal.glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert asyncio.run(check_journal(settings)).problems
    assert any("checkpoint" in problem for problem in serve(settings))
    assert serve(settings) == ()
    assert any("damaged" in problem for problem in asyncio.run(check_journal(settings)).problems)


def test_a_journal_that_was_removed_stays_found(settings: Settings) -> None:
    """A journal that was taken away altogether is found at the start, and a restart does not hide it."""
    shutil.rmtree(settings.journal)
    assert serve(settings)
    assert any("damaged" in problem for problem in asyncio.run(check_journal(settings)).problems)


def test_a_checkpoint_kept_elsewhere_finds_what_went_back_together(settings: Settings) -> None:
    """Store, anchor and journal put back together are found by a checkpoint that was kept elsewhere."""
    before = settings.data.with_name("before")
    shutil.copytree(settings.data, before)
    serve(settings, changes=1)
    kept = asyncio.run(newest_checkpoint(settings))
    shutil.rmtree(settings.data)
    before.rename(settings.data)
    assert serve(settings) == ()
    assert asyncio.run(check_journal(settings)).problems == ()
    assert asyncio.run(check_journal(settings, kept)).problems
