"""The store on disk: SQLite with a write-ahead log.

A commit is written to the log file before it is acknowledged. ``synchronous=NORMAL`` leaves the
flush to the operating system: an end of the process, ``kill -9`` included, loses nothing; an end
of the machine may lose the last moments, never the order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

__all__ = ["SqliteJournal"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, rv INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), rv INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (1, 0);
"""


class SqliteJournal:
    """Keeps the present state of every object and the last resource version.

    Args:
        path: the database file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._cursor = self._connection.cursor()

    def load(self) -> tuple[int, Iterable[tuple[str, str, int, bytes]]]:
        """Returns the last resource version and every (bucket, key, rv, data)."""
        (rv,) = self._cursor.execute("SELECT rv FROM counter").fetchone()
        rows = self._connection.execute("SELECT bucket, key, rv, data FROM objects")
        return rv, rows

    def write(self, bucket: str, key: str, rv: int, data: bytes) -> None:
        """Keeps an object."""
        self._cursor.execute("BEGIN")
        self._cursor.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT (bucket, key) "
            "DO UPDATE SET rv = excluded.rv, data = excluded.data",
            (bucket, key, rv, data),
        )
        self._cursor.execute("UPDATE counter SET rv = ?", (rv,))
        self._cursor.execute("COMMIT")

    def remove(self, bucket: str, key: str, rv: int) -> None:
        """Forgets an object."""
        self._cursor.execute("BEGIN")
        self._cursor.execute("DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key))
        self._cursor.execute("UPDATE counter SET rv = ?", (rv,))
        self._cursor.execute("COMMIT")

    def close(self) -> None:
        """Releases the files; the log is folded into the database."""
        self._connection.close()
