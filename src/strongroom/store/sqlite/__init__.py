"""
The embedded database: SQLite by apsw, with a write-ahead log and group commit.

Owns the file, its two connections and the thread that waits for the disk. Owns no statement and no rule of the rows:
`strongroom.store` has those for every database. Reads, and the statements of a change, take microseconds and run on the
event loop; only COMMIT waits for the disk, and `writer` decides where.
"""

from strongroom.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
