"""The outbox's file: an SQLite table of messages that wait, oldest first. Knows SQL, no policy of when to write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path

from edge.errors import StorageError
from edge.mqtt.row import Now, Row, age

_LAYOUT = 1  # user_version of the file; another layout is treated like a damaged file
_CHECKPOINT_BYTES = 256_000  # the journal is folded into the file when it is larger than this
_PAGE = 4096
_SHARE = 0.85  # of the limit that pages in use may fill: the rest is for the journal
_COLUMNS = "id, rank, topic, text, session, monotonic, wall, synced"


class DamagedStore(StorageError):
    """The file is not a database of ours, or its pages are broken."""


class Store:
    """Opens the file, or creates it readable by its owner alone. Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0  # bytes handed to the disk since the file was opened
        self._journal_size = 0
        with self._mapped():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.chmod(0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.2)
        try:
            with self._mapped():
                self._prepare()
        except StorageError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA page_size={_PAGE}")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")  # done by us, so that its bytes are counted
        (layout,) = self._db.execute("PRAGMA user_version").fetchone()
        if layout not in (0, _LAYOUT):
            raise DamagedStore(f"{self.path}: written by another version (layout {layout})")
        if layout == 0:
            self._create()
        (bad,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if bad != "ok":
            raise DamagedStore(f"{self.path}: {bad}")
        count, last = self._db.execute("SELECT count(*), max(id) FROM waiting").fetchone()
        self.count, self.last_id = int(count), int(last or 0)

    def _create(self) -> None:
        """In one step: half a layout would be of no use to anybody, and could not be told from another's file."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "CREATE TABLE waiting (id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, "
            "text BLOB NOT NULL, session TEXT NOT NULL, wall REAL NOT NULL, monotonic REAL NOT NULL, "
            "synced INTEGER NOT NULL, size INTEGER NOT NULL)"
        )
        self._db.execute("CREATE INDEX by_rank ON waiting (rank, id)")
        self._db.execute(f"PRAGMA user_version={_LAYOUT}")
        self._db.execute("COMMIT")

    def write(self, added: Sequence[Row], gone: Sequence[int]) -> None:
        """Adds and deletes in one commit."""
        with self._mapped(), self._transaction():
            self._delete(gone)
            self._db.executemany(
                f"INSERT OR REPLACE INTO waiting ({_COLUMNS}, size) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608 (a constant)
                [(*astuple(row), row.size) for row in added],
            )
        self.count += len(added)
        self.last_id = max([self.last_id, *(row.id for row in added)])
        self._count_written()

    def thin(self, max_bytes: float) -> int:
        """Deletes the lowest rank, oldest first, until the rest fits; returns how many went.

        Measured in pages, because what is deleted here and there leaves pages half empty.
        """
        limit = max_bytes * _SHARE
        gone = 0
        with self._mapped():
            surplus = self._used() - limit
            while surplus > 0 and self.count:
                ids = self._lowest(surplus + limit * 0.05)  # a little more, so that not every commit thins
                with self._transaction():
                    self._delete(ids)
                gone += len(ids)
                surplus = self._used() - limit
        self._count_written()
        return gone

    def expire(self, now: Now, max_age: float) -> int:
        """Deletes what is older than `max_age` seconds; returns how many went."""
        with self._mapped():
            gone = [
                row_id
                for row_id, session, monotonic, wall, synced in self._db.execute(
                    "SELECT id, session, monotonic, wall, synced FROM waiting"
                )
                if age(session, monotonic, wall if synced else None, now) > max_age
            ]
            if gone:
                with self._transaction():
                    self._delete(gone)
        self._count_written()
        return len(gone)

    def rows(self, after: int, limit: int) -> list[Row]:
        """The next rows in the order in which they were stored."""
        with self._mapped():
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM waiting WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 (a constant)
                (after, limit),
            ).fetchall()
        return [Row(*values) for values in found]

    def close(self) -> None:
        """Folds the journal in and closes the file, which stays."""
        self._count_written(fold=True)
        self._db.close()

    def _used(self) -> int:
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * _PAGE

    def _lowest(self, total: float) -> list[int]:
        """The first to go, of at least so many bytes together."""
        ids = []
        for row_id, size in self._db.execute("SELECT id, size FROM waiting ORDER BY rank, id"):
            ids.append(row_id)
            total -= size
            if total <= 0:
                break
        return ids

    def _delete(self, ids: Sequence[int]) -> None:
        for row_id in ids:
            self.count -= self._db.execute("DELETE FROM waiting WHERE id = ?", (row_id,)).rowcount

    def _count_written(self, fold: bool = False) -> None:
        """Counts what a commit wrote; folds the journal into the file when it has grown, or when asked to."""
        try:
            size = self._journal().stat().st_size
        except OSError:
            return
        self.written += max(0, size - self._journal_size)
        self._journal_size = size
        if fold or size > _CHECKPOINT_BYTES:
            with suppress(StorageError), self._mapped():  # what is committed is safe; the next commit tries again
                (_, pages, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self.written += max(pages, 0) * _PAGE
                self._journal_size = 0

    def _journal(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        before = self.count
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self.count = before
            if self._db.in_transaction:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """The one place where SQLite's and the system's errors become ours."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{error.filename or self.path}: {error.strerror}") from None
        except sqlite3.Error as error:
            # Full disk, permission and the like are OperationalError; a broken file is DatabaseError itself.
            kind = DamagedStore if type(error) is sqlite3.DatabaseError else StorageError
            raise kind(f"{self.path}: {error}") from None


def remove(path: Path) -> None:
    """Deletes the file and its journal; what cannot be deleted is emptied, else StorageError."""
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            each.unlink(missing_ok=True)
        except OSError:
            try:
                os.truncate(each, 0)
            except OSError as error:
                raise StorageError(f"{each}: cannot be deleted: {error.strerror}; delete it by hand") from None
