"""
Migrations: how an empty database, or one of an older release, becomes one that this program can use.

Each migration is one transaction that ends with its own row in `migrations`, so it happened whole or not at all. A
database that has seen a migration this program does not know is refused: a newer program wrote it. A released migration
is never changed; a change of the schema is another migration.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from strongroom.store import statements
from strongroom.store.codec import encode_changes
from strongroom.store.protocol import StoreTooNew, StoreTooOld
from strongroom.store.reader import Session
from strongroom.store.seals import Root, Tags
from strongroom.store.statements import Statement


@dataclass(frozen=True, slots=True)
class Dialect:
    """What the databases name differently when a table is made."""

    integer: str
    """64 bits."""
    text: str
    """Ordered by code point."""
    octets: str
    table: str
    """What follows a table's columns."""
    clustered: str
    """The same for a table of small rows that is read by its whole key."""


Step = Callable[[Session, Tags], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: statements to format with the dialect, then what they cannot say, such as new tags."""

    version: int
    name: str
    schema: tuple[str, ...]
    then: Step | None = None


async def _make_first_commit(session: Session, tags: Tags) -> None:
    """
    Write commit 0, which says that there is nothing yet.

    It is done where the tables are made and nowhere else: a database with tables and without a commit has lost it.
    """
    await session.run(statements.ADD_COMMIT, *Root().row(tags, 0, encode_changes(()), None, 0))


_FIRST = (
    """
    CREATE TABLE seals (
        kind {text} NOT NULL, partition {text} NOT NULL, generation {integer} NOT NULL,
        count {integer} NOT NULL, digest {octets} NOT NULL, tag {octets} NOT NULL,
        PRIMARY KEY (kind, partition)
    ) {clustered}
    """,
    """
    CREATE TABLE records (
        kind {text} NOT NULL, partition {text} NOT NULL, id {text} NOT NULL,
        body {octets} NOT NULL, tag {octets} NOT NULL,
        PRIMARY KEY (kind, partition, id)
    ) {table}
    """,
    """
    CREATE TABLE record_names (
        name {text} NOT NULL PRIMARY KEY,
        kind {text} NOT NULL, partition {text} NOT NULL, id {text} NOT NULL,
        FOREIGN KEY (kind, partition, id) REFERENCES records (kind, partition, id)
    ) {clustered}
    """,
    "CREATE INDEX record_names_by_holder ON record_names (kind, partition, id)",
    """
    CREATE TABLE objects (
        vault {text} NOT NULL, collection {text} NOT NULL, key {text} NOT NULL, name {text} NOT NULL,
        object_id {text} NOT NULL, created {integer} NOT NULL, latest {text} NOT NULL, versions {integer} NOT NULL,
        deleted {integer}, purge_at {integer}, state {text} NOT NULL, tag {octets} NOT NULL,
        PRIMARY KEY (vault, collection, key)
    ) {table}
    """,
    # Listing one half of a collection must not wade through the other.
    "CREATE INDEX objects_by_state ON objects (vault, collection, state, key)",
    "CREATE INDEX objects_due ON objects (purge_at) WHERE state = 'deleted'",
    """
    CREATE TABLE versions (
        vault {text} NOT NULL, collection {text} NOT NULL, key {text} NOT NULL, version {text} NOT NULL,
        ordinal {integer} NOT NULL, name {text} NOT NULL, object_id {text} NOT NULL,
        body {octets} NOT NULL, sealed {octets} NOT NULL, tag {octets} NOT NULL,
        PRIMARY KEY (vault, collection, key, version)
    ) {table}
    """,
    "CREATE UNIQUE INDEX versions_by_ordinal ON versions (vault, collection, key, ordinal)",
    """
    CREATE TABLE commits (
        sequence {integer} NOT NULL PRIMARY KEY,
        changes {octets} NOT NULL, entries {octets}, last_entry {integer} NOT NULL,
        oldest {integer} NOT NULL, audited {integer} NOT NULL, audited_commit {integer} NOT NULL,
        seals {integer} NOT NULL, digest {octets} NOT NULL, tag {octets} NOT NULL
    ) {table}
    """,
    """
    CREATE TABLE leases (
        name {text} NOT NULL PRIMARY KEY, holder {text} NOT NULL, expires {integer} NOT NULL, tag {octets} NOT NULL
    ) {clustered}
    """,
)

_OBJECTS_WITH_A_POLICY = (
    "ALTER TABLE objects ADD COLUMN policy {octets}",
    "ALTER TABLE objects ADD COLUMN due_at {integer}",
    # Of a million objects those few that are due are found without a look at the others; nor are they looked at for
    # their order, when very many have the same expiry and are due in the same second.
    """
    CREATE INDEX objects_due_at ON objects (due_at, vault, collection, key)
    WHERE due_at IS NOT NULL AND state = 'active'
    """,
)

_EVENT_DELIVERIES = (
    """
    CREATE TABLE deliveries (
        subscription {text} NOT NULL, sequence {integer} NOT NULL, ordinal {integer} NOT NULL,
        vault {text} NOT NULL, place {text} NOT NULL, event {octets} NOT NULL, since {integer} NOT NULL,
        due_at {integer} NOT NULL, attempts {integer} NOT NULL, state {text} NOT NULL, tried_at {integer},
        outcome {text} NOT NULL, reason {text} NOT NULL, tag {octets} NOT NULL,
        PRIMARY KEY (subscription, sequence, ordinal)
    ) {table}
    """,
    # Of many that wait, those that are due are found without a look at the others, and so are those of one object.
    "CREATE INDEX deliveries_due ON deliveries (subscription, due_at, sequence, ordinal) WHERE state = 'ready'",
    "CREATE INDEX deliveries_by_place ON deliveries (subscription, place, state, sequence, ordinal)",
    "CREATE INDEX deliveries_dead ON deliveries (subscription, sequence, ordinal) WHERE state = 'dead'",
)

MIGRATIONS = (
    Migration(1, "first release", _FIRST, _make_first_commit),
    Migration(2, "objects with a policy", _OBJECTS_WITH_A_POLICY),
    Migration(3, "event deliveries", _EVENT_DELIVERIES),
)

_LEDGER = Statement(
    "migrations_table",
    "CREATE TABLE IF NOT EXISTS migrations (version {integer} NOT NULL PRIMARY KEY, name {text} NOT NULL)",
)


async def migrate(
    session: Session,
    tags: Tags,
    dialect: Dialect,
    transaction: Callable[[], AbstractAsyncContextManager[None]],
    migrations: tuple[Migration, ...] = MIGRATIONS,
) -> int:
    """
    Bring a database up to date and return its version.

    *transaction* opens the backend's transaction for writing, which commits at the end of the block and rolls back on
    an exception. The version is read inside it, so that two programs starting at once do not both migrate.

    Raises:
        StoreTooNew: the database has seen a migration that is not in *migrations*.
    """
    words = {
        "integer": dialect.integer,
        "text": dialect.text,
        "octets": dialect.octets,
        "table": dialect.table,
        "clustered": dialect.clustered,
    }
    while True:
        async with transaction():
            await session.run(Statement(_LEDGER.name, _LEDGER.sql.format(**words)))
            done = await session.fetch(statements.MIGRATIONS)
            _require_known(done, migrations)
            if len(done) == len(migrations):
                return len(done)
            migration = migrations[len(done)]
            for place, text in enumerate(migration.schema, 1):
                await session.run(Statement(f"migration_{migration.version}_{place}", text.format(**words)))
            if migration.then is not None:
                await migration.then(session, tags)
            await session.run(statements.MIGRATED, migration.version, migration.name)


async def require_current(session: Session, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """
    Demand that a database needs no migration, for who only looks.

    Raises:
        StoreTooNew: as `migrate`.
        StoreTooOld: an older program wrote it, or it has nothing in it.
    """
    done = await session.fetch(statements.MIGRATIONS)
    _require_known(done, migrations)
    if len(done) < len(migrations):
        raise StoreTooOld("an older Strongroom wrote the data file: the service brings it up to date as it starts")


def _require_known(done: list[tuple[object, ...]], migrations: tuple[Migration, ...]) -> None:
    """
    Compare the migrations that were done with the ones this program knows.

    Raises:
        StoreTooNew: they are not the same as far as they go.
    """
    known = [(migration.version, migration.name) for migration in migrations]
    if done != known[: len(done)]:
        last = done[-1]
        raise StoreTooNew(
            f"the database is at version {last[0]} ({last[1]}), and this program knows versions up to {len(known)}: "
            "a newer Strongroom has used it, start that one"
        )
