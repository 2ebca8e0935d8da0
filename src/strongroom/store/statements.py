"""
Every SQL statement of the store, by name, in the subset that SQLite and PostgreSQL share.

Parameters are `?`; a backend whose driver writes them otherwise translates once. Columns are always named, in the
order of the `Columns` tuples below, because a row's tag covers its columns in that order. Text is ordered by code
point: SQLite does so by itself, and the PostgreSQL schema declares its text columns with the collation "C".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Row = tuple[Any, ...]
"""One row, or the parameters of one statement. What a column holds is known once the row's tag has been checked."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: a name for people, metrics and translation, and its text."""

    name: str
    sql: str


# ---- what a row is made of; the tag of each table comes last and covers the columns before it ------------------------

RECORD_COLUMNS = ("kind", "partition", "id", "body")
OBJECT_COLUMNS = (
    "vault", "collection", "key", "name", "object_id", "created", "latest", "versions", "deleted", "purge_at", "state",
    "policy", "due_at",
)  # fmt: skip
VERSION_COLUMNS = ("vault", "collection", "key", "version", "ordinal", "name", "object_id", "body", "sealed")
SEAL_COLUMNS = ("kind", "partition", "generation", "count", "digest")
COMMIT_COLUMNS = (
    "sequence", "changes", "entries", "last_entry", "oldest", "audited", "audited_commit", "seals", "digest",
)  # fmt: skip
LEASE_COLUMNS = ("name", "holder", "expires")
DELIVERY_COLUMNS = (
    "subscription", "sequence", "ordinal", "vault", "place", "event", "since", "due_at", "attempts", "state",
    "tried_at", "outcome", "reason",
)  # fmt: skip

TAGGED_AT_LEAST = {"objects": OBJECT_COLUMNS.index("policy")}
"""Of tables that a migration added columns to: how many there were before. The tag leaves out added ones at the end
that are NULL, so a row that was written before still carries its own."""


def _list(columns: tuple[str, ...], prefix: str = "") -> str:
    """Name *columns* and their tag, as a select list."""
    return ", ".join(f"{prefix}{column}" for column in (*columns, "tag"))


def _insert(name: str, table: str, columns: tuple[str, ...], conflict: str) -> Statement:
    """Write an insert of whole tagged rows; *conflict* says what a row in the same place means."""
    places = ", ".join("?" for _ in (*columns, "tag"))
    return Statement(name, f"INSERT INTO {table} ({_list(columns)}) VALUES ({places}) {conflict}".rstrip())


def _replacing(key: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """Say that a row with the same *key* is replaced."""
    changed = ", ".join(f"{column} = excluded.{column}" for column in (*columns, "tag") if column not in key)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"


_RECORD = _list(RECORD_COLUMNS)
_OBJECT = _list(OBJECT_COLUMNS)
_VERSION = _list(VERSION_COLUMNS)
_SEAL = _list(SEAL_COLUMNS)

# ruff: noqa: S608  Every name that is pasted into a statement of this module is a constant of this module.

# ---- records ---------------------------------------------------------------------------------------------------------

RECORD = Statement("record", f"SELECT {_RECORD} FROM records WHERE kind = ? AND partition = ? AND id = ?")
RECORDS = Statement("records", f"SELECT {_RECORD} FROM records WHERE kind = ? ORDER BY partition, id")
RECORDS_OF_PARTITION = Statement(
    "records_of_partition", f"SELECT {_RECORD} FROM records WHERE kind = ? AND partition = ? ORDER BY id"
)
RECORDS_WITH = Statement(
    "records_with", f"SELECT {_RECORD} FROM records WHERE kind = ? AND instr(body, ?) > 0 ORDER BY partition, id"
)
RECORDS_OF_PARTITION_WITH = Statement(
    "records_of_partition_with",
    f"SELECT {_RECORD} FROM records WHERE kind = ? AND partition = ? AND instr(body, ?) > 0 ORDER BY id",
)
"""An id stands in a body as its own octets (`codec`): so the database looks for it, and only what has it is decoded."""
RECORD_TAG = Statement("record_tag", "SELECT tag FROM records WHERE kind = ? AND partition = ? AND id = ?")
PUT_RECORD = _insert("put_record", "records", RECORD_COLUMNS, _replacing(("kind", "partition", "id"), RECORD_COLUMNS))
REMOVE_RECORD = Statement("remove_record", "DELETE FROM records WHERE kind = ? AND partition = ? AND id = ?")
NAME_HOLDER = Statement("name_holder", "SELECT kind, partition, id FROM record_names WHERE name = ?")
NAMES_OF = Statement("names_of", "SELECT name FROM record_names WHERE kind = ? AND partition = ? AND id = ?")
CLAIM_NAME = Statement("claim_name", "INSERT INTO record_names (name, kind, partition, id) VALUES (?, ?, ?, ?)")
FREE_NAME = Statement("free_name", "DELETE FROM record_names WHERE name = ?")

# ---- objects and their versions --------------------------------------------------------------------------------------

OBJECT = Statement("object", f"SELECT {_OBJECT} FROM objects WHERE vault = ? AND collection = ? AND key = ?")
OBJECT_MARK = Statement(
    "object_mark",
    "SELECT tag, deleted, purge_at, state, policy, due_at FROM objects WHERE vault = ? AND collection = ? AND key = ?",
)
OBJECT_TAG = Statement("object_tag", "SELECT tag FROM objects WHERE vault = ? AND collection = ? AND key = ?")
ADD_OBJECT = _insert("add_object", "objects", OBJECT_COLUMNS, "")
RENEW_OBJECT = Statement(
    "renew_object",
    "UPDATE objects SET name = ?, object_id = ?, created = ?, latest = ?, versions = ?, tag = ? "
    "WHERE vault = ? AND collection = ? AND key = ?",
)
"""Replaces an object that stays in its state and is due when it was, and leaves the indexes over those alone."""
MOVE_OBJECT = Statement(
    "move_object",
    "UPDATE objects SET name = ?, object_id = ?, created = ?, latest = ?, versions = ?, deleted = ?, purge_at = ?, "
    "state = ?, policy = ?, due_at = ?, tag = ? WHERE vault = ? AND collection = ? AND key = ?",
)
REMOVE_OBJECT = Statement("remove_object", "DELETE FROM objects WHERE vault = ? AND collection = ? AND key = ?")


OBJECTS = Statement(
    "objects",
    f"SELECT {_list(OBJECT_COLUMNS, 'o.')}, {_list(VERSION_COLUMNS, 'v.')} FROM objects AS o "
    "LEFT JOIN versions AS v ON v.vault = o.vault AND v.collection = o.collection AND v.key = o.key"
    " AND v.version = o.latest "
    "WHERE o.vault = ? AND o.collection = ? AND o.state = ? AND o.key > ? ORDER BY o.key LIMIT ?",
)
"""One half of a collection's objects, each beside its latest version, which must be there."""
DUE_FOR_PURGE = Statement(
    "due_for_purge",
    f"SELECT {_OBJECT} FROM objects WHERE purge_at <= ? AND state = 'deleted' "
    "ORDER BY purge_at, vault, collection, key LIMIT ?",
)
DUE_OBJECTS = Statement(
    "due_objects",
    f"SELECT {_OBJECT} FROM objects WHERE due_at <= ? AND state = 'active' "
    "ORDER BY due_at, vault, collection, key LIMIT ?",
)
COUNT_FOR_PURGE = Statement(
    "count_for_purge",
    "SELECT count(*) FROM (SELECT 1 FROM objects WHERE purge_at <= ? AND state = 'deleted' LIMIT ?) AS due",
)
COUNT_DUE = Statement(
    "count_due", "SELECT count(*) FROM (SELECT 1 FROM objects WHERE due_at <= ? AND state = 'active' LIMIT ?) AS due"
)
OBJECTS_OF_VAULT = Statement(
    "objects_of_vault", "SELECT collection, key FROM objects WHERE vault = ? ORDER BY collection, key"
)
FIRST_VERSIONS_OF_VAULT = Statement(
    "first_versions_of_vault",
    "SELECT collection, key, ordinal, tag FROM versions WHERE vault = ? ORDER BY collection, key, ordinal LIMIT ?",
)
"""Object by object, and of each the oldest first."""
REMOVE_FIRST_VERSIONS_OF_VAULT = Statement(
    "remove_first_versions_of_vault", "DELETE FROM versions WHERE vault = ? AND (collection, key, ordinal) <= (?, ?, ?)"
)
FIRST_OBJECTS_OF_VAULT = Statement(
    "first_objects_of_vault", "SELECT collection, key, tag FROM objects WHERE vault = ? AND (collection, key) < (?, ?)"
)
REMOVE_FIRST_OBJECTS_OF_VAULT = Statement(
    "remove_first_objects_of_vault", "DELETE FROM objects WHERE vault = ? AND (collection, key) < (?, ?)"
)
COUNT_OF_VAULT = Statement("count_of_vault", "SELECT count(*) FROM objects WHERE vault = ?")
REMOVE_OBJECTS_OF_VAULT = Statement("remove_objects_of_vault", "DELETE FROM objects WHERE vault = ?")

VERSION = Statement(
    "version", f"SELECT {_VERSION} FROM versions WHERE vault = ? AND collection = ? AND key = ? AND version = ?"
)
VERSIONS = Statement(
    "versions",
    f"SELECT {_VERSION} FROM versions WHERE vault = ? AND collection = ? AND key = ? AND ordinal > ? "
    "ORDER BY ordinal LIMIT ?",
)
VERSIONS_BY_ID = Statement(
    "versions_by_id",
    f"SELECT {_VERSION} FROM versions WHERE vault = ? AND collection = ? AND key = ? AND version > ? "
    "ORDER BY version LIMIT ?",
)
VERSION_OWNER = Statement(
    "version_owner", "SELECT object_id FROM versions WHERE vault = ? AND collection = ? AND key = ? AND version = ?"
)
VERSION_TAG = Statement(
    "version_tag", "SELECT tag FROM versions WHERE vault = ? AND collection = ? AND key = ? AND version = ?"
)
VERSION_TAGS = Statement(
    "version_tags", "SELECT tag FROM versions WHERE vault = ? AND collection = ? AND key = ? ORDER BY ordinal"
)
ADD_VERSION = _insert(
    "add_version", "versions", VERSION_COLUMNS, "ON CONFLICT (vault, collection, key, version) DO NOTHING"
)
REPLACE_VERSION = Statement(
    "replace_version",
    "UPDATE versions SET ordinal = ?, name = ?, object_id = ?, body = ?, sealed = ?, tag = ? "
    "WHERE vault = ? AND collection = ? AND key = ? AND version = ?",
)
REMOVE_VERSIONS = Statement("remove_versions", "DELETE FROM versions WHERE vault = ? AND collection = ? AND key = ?")
FIRST_VERSIONS = Statement(
    "first_versions",
    "SELECT ordinal, tag FROM versions WHERE vault = ? AND collection = ? AND key = ? ORDER BY ordinal LIMIT ?",
)
REMOVE_FIRST_VERSIONS = Statement(
    "remove_first_versions",
    "DELETE FROM versions WHERE vault = ? AND collection = ? AND key = ? AND ordinal <= ?",
)
REMOVE_VERSIONS_OF_VAULT = Statement("remove_versions_of_vault", "DELETE FROM versions WHERE vault = ?")

# ---- deliveries of events --------------------------------------------------------------------------------------------

_DELIVERY = _list(DELIVERY_COLUMNS)
_HERE = "subscription = ? AND sequence = ? AND ordinal = ?"

DELIVERY = Statement("delivery", f"SELECT {_DELIVERY} FROM deliveries WHERE {_HERE}")
DUE_DELIVERIES = Statement(
    "due_deliveries",
    f"SELECT {_DELIVERY} FROM deliveries WHERE subscription = ? AND due_at <= ? AND state = 'ready' "
    "ORDER BY due_at, sequence, ordinal LIMIT ?",
)
NEXT_DELIVERY = Statement(
    "next_delivery", "SELECT min(due_at) FROM deliveries WHERE subscription = ? AND state = 'ready'"
)
DEAD_DELIVERIES = Statement(
    "dead_deliveries",
    f"SELECT {_DELIVERY} FROM deliveries WHERE subscription = ? AND state = 'dead' AND (sequence, ordinal) > (?, ?) "
    "ORDER BY sequence, ordinal LIMIT ?",
)
COUNT_DEAD = Statement("count_dead", "SELECT count(*) FROM deliveries WHERE subscription = ? AND state = 'dead'")
FIRST_READY = Statement(
    "first_ready",
    "SELECT sequence, ordinal FROM deliveries WHERE subscription = ? AND place = ? AND state = 'ready' LIMIT 1",
)
FIRST_BEHIND = Statement(
    "first_behind",
    f"SELECT {_DELIVERY} FROM deliveries WHERE subscription = ? AND place = ? AND state = 'behind' "
    "AND (sequence, ordinal) > (?, ?) ORDER BY sequence, ordinal LIMIT 1",
)
ADD_DELIVERY = _insert("add_delivery", "deliveries", DELIVERY_COLUMNS, "")
MOVE_DELIVERY = Statement(
    "move_delivery",
    "UPDATE deliveries SET since = ?, due_at = ?, attempts = ?, state = ?, tried_at = ?, outcome = ?, reason = ?, "
    f"tag = ? WHERE {_HERE}",
)
REMOVE_DELIVERY = Statement("remove_delivery", f"DELETE FROM deliveries WHERE {_HERE}")
FIRST_DELIVERIES = Statement(
    "first_deliveries",
    "SELECT place, state, sequence, ordinal, tag FROM deliveries WHERE subscription = ? "
    "ORDER BY place, state, sequence, ordinal LIMIT ?",
)
"""Object by object, and of each object what is behind another before that: `behind` comes before `ready`."""
REMOVE_FIRST_DELIVERIES = Statement(
    "remove_first_deliveries",
    "DELETE FROM deliveries WHERE subscription = ? AND (place, state, sequence, ordinal) <= (?, ?, ?, ?)",
)
REMOVE_DELIVERIES = Statement("remove_deliveries", "DELETE FROM deliveries WHERE subscription = ?")

# ---- seals -----------------------------------------------------------------------------------------------------------

SEAL = Statement("seal", f"SELECT {_SEAL} FROM seals WHERE kind = ? AND partition = ?")
SEALS = Statement("seals", f"SELECT {_SEAL} FROM seals ORDER BY kind, partition")
SEALS_OF_KIND = Statement("seals_of_kind", f"SELECT {_SEAL} FROM seals WHERE kind = ?")
ADD_SEAL = _insert("add_seal", "seals", SEAL_COLUMNS, "")
RENEW_SEAL = Statement(
    "renew_seal", "UPDATE seals SET generation = ?, count = ?, digest = ?, tag = ? WHERE kind = ? AND partition = ?"
)
REMOVE_SEAL = Statement("remove_seal", "DELETE FROM seals WHERE kind = ? AND partition = ?")

# ---- commits: the change feed, the audit outbox, and what stands over all seals --------------------------------------

_COMMIT = _list(COMMIT_COLUMNS)

LATEST_COMMIT = Statement("latest_commit", f"SELECT {_COMMIT} FROM commits ORDER BY sequence DESC LIMIT 1")
LATEST_MARK = Statement("latest_mark", "SELECT sequence, tag FROM commits ORDER BY sequence DESC LIMIT 1")
"""The first statement of every group: a backend with many writers takes a lock here, so that groups come one by one."""
ADD_COMMIT = _insert("add_commit", "commits", COMMIT_COLUMNS, "")
COMMITS_AFTER = Statement(
    "commits_after", f"SELECT {_COMMIT} FROM commits WHERE sequence > ? ORDER BY sequence LIMIT ?"
)
ENTRIES_AFTER = Statement(
    "entries_after",
    f"SELECT {_COMMIT} FROM commits WHERE sequence > ? AND last_entry > ? AND entries IS NOT NULL "
    "ORDER BY sequence LIMIT ?",
)
FIRST_NOT_AUDITED = Statement(
    "first_not_audited", "SELECT sequence FROM commits WHERE sequence > ? AND last_entry > ? ORDER BY sequence LIMIT 1"
)
COMMITS_FROM = Statement(
    "commits_from", "SELECT count(*), min(sequence), max(sequence) FROM commits WHERE sequence >= ?"
)
PRUNE_COMMITS = Statement("prune_commits", "DELETE FROM commits WHERE sequence < ?")

# ---- leases ----------------------------------------------------------------------------------------------------------

LEASE = Statement("lease", f"SELECT {_list(LEASE_COLUMNS)} FROM leases WHERE name = ?")
PUT_LEASE = _insert("put_lease", "leases", LEASE_COLUMNS, _replacing(("name",), LEASE_COLUMNS))

# ---- migrations ------------------------------------------------------------------------------------------------------

MIGRATIONS = Statement("migrations", "SELECT version, name FROM migrations ORDER BY version")
MIGRATED = Statement("migrated", "INSERT INTO migrations (version, name) VALUES (?, ?)")

# ---- verification: everything, a piece at a time, in key order -------------------------------------------------------

WALK_RECORDS = Statement(
    "walk_records",
    f"SELECT {_RECORD} FROM records WHERE (kind, partition, id) > (?, ?, ?) ORDER BY kind, partition, id LIMIT ?",
)
WALK_NAMES = Statement(
    "walk_names", "SELECT name, kind, partition, id FROM record_names WHERE name > ? ORDER BY name LIMIT ?"
)
WALK_OBJECTS = Statement(
    "walk_objects",
    f"SELECT {_OBJECT} FROM objects WHERE (vault, collection, key) > (?, ?, ?) ORDER BY vault, collection, key LIMIT ?",
)
WALK_VERSIONS = Statement(
    "walk_versions",
    f"SELECT {_VERSION} FROM versions WHERE (vault, collection, key, version) > (?, ?, ?, ?) "
    "ORDER BY vault, collection, key, version LIMIT ?",
)
WALK_LEASES = Statement(
    "walk_leases", f"SELECT {_list(LEASE_COLUMNS)} FROM leases WHERE name > ? ORDER BY name LIMIT ?"
)
WALK_DELIVERIES = Statement(
    "walk_deliveries",
    f"SELECT {_DELIVERY} FROM deliveries WHERE (subscription, sequence, ordinal) > (?, ?, ?) "
    "ORDER BY subscription, sequence, ordinal LIMIT ?",
)
