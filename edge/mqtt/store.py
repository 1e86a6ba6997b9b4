"""The outbox's file: an SQLite table of messages that wait, oldest first. Knows SQL, no policy of when to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from edge.device.database import make_private
from edge.device.files import make_folder
from edge.errors import StorageError

_LAYOUT = 1  # user_version of the file; another layout is treated like a damaged file
_CHECKPOINT_BYTES = 256_000  # the journal is folded into the file when it is larger than this
_PAGE = 4096
_SHARE = 0.85  # of the limit that pages in use may fill: the rest is for the journal
_COLUMNS = "id, rank, topic, text, session, monotonic, wall, synced"
_OVERHEAD = 96  # what a row costs on disk beside its text: columns, key, index entry


@dataclass(frozen=True, slots=True)
class Row:
    """A message as it would have been sent, and when that was."""

    id: int  # counts up over all sessions
    rank: int  # the lowest is thinned first
    topic: str  # below the base
    text: bytes
    session: str
    monotonic: float  # of capture; means something only within `session`
    wall: float  # of capture
    synced: bool  # was the wall clock known good

    @property
    def size(self) -> int:
        return len(self.text) + len(self.topic) + _OVERHEAD


@dataclass(frozen=True, slots=True)
class Now:
    """This session and its clocks."""

    session: str
    began: float  # monotonic
    monotonic: float
    wall: float | None  # None while the wall clock is not trusted


def age(session: str, monotonic: float, wall: float | None, now: Now) -> float:
    """Seconds since capture, as far as can be known; `wall` is None if it was not trusted then.

    Within a session the monotonic clock knows. Of an earlier one the wall clock does, if it was right then and is now;
    else the message is at least as old as this session.
    """
    if session == now.session:
        return now.monotonic - monotonic
    if wall is not None and now.wall is not None:
        return now.wall - wall
    return now.monotonic - now.began


class DamagedStore(StorageError):
    """The file is not a database of ours, or its pages are broken."""


class Store:
    """Opens the file, or creates it readable by its owner alone. Used by one thread at a time.

    How many messages wait is counted by the database within each transaction, never kept by adding and subtracting:
    messages leave in several ways (delivered, expired, thinned), and these overlap.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0  # bytes handed to the disk since the file was opened
        self._rows = 0
        self._delivered: set[int] = set()  # still in the file; deleted by the next transaction
        self._journal_size = 0
        with self._mapped():
            make_folder(path.parent)  # one that exists keeps its rights: it may be the owner's
            make_private(path)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.2, check_same_thread=False)
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
        self._rows = self._count()
        self.last_id = int(self._db.execute("SELECT max(id) FROM waiting").fetchone()[0] or 0)

    @property
    def waiting(self) -> int:
        """Messages in the file that are still to be sent."""
        return self._rows - len(self._delivered)

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

    def deliver(self, row_id: int) -> bool:
        """Marks a message as delivered. False if it does not wait here, for instance because it has expired."""
        with self._mapped():
            found = self._db.execute("SELECT 1 FROM waiting WHERE id = ?", (row_id,)).fetchone()
        if found is None or row_id in self._delivered:
            return False
        self._delivered.add(row_id)
        return True

    def write(self, added: Sequence[Row]) -> None:
        """Adds messages, and deletes what was delivered, in one commit."""
        with self._mapped(), self._transaction():
            self._db.executemany(
                f"INSERT OR REPLACE INTO waiting ({_COLUMNS}, size) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608 (a constant)
                [(*astuple(row), row.size) for row in added],
            )
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
            while surplus > 0 and self.waiting:
                ids = self._lowest(surplus + limit * 0.05)  # a little more, so that not every commit thins
                with self._transaction():
                    self._delete(ids)
                gone += len(ids)
                surplus = self._used() - limit
        self._count_written()
        return gone

    def expire(self, now: Now, max_age: float) -> int:
        """Deletes what is older than `max_age` seconds; returns how many went that had not been delivered."""
        with self._mapped():
            gone = [
                row_id
                for row_id, session, monotonic, wall, synced in self._db.execute(
                    "SELECT id, session, monotonic, wall, synced FROM waiting"
                )
                if row_id not in self._delivered and age(session, monotonic, wall if synced else None, now) > max_age
            ]
            if gone:
                with self._transaction():
                    self._delete(gone)
        self._count_written()
        return len(gone)

    def rows(self, after: int, limit: int) -> list[Row]:
        """The next messages that wait, in the order in which they were stored."""
        with self._mapped():
            found = self._db.execute(
                f"SELECT {_COLUMNS} FROM waiting WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 (a constant)
                (after, limit + len(self._delivered)),
            ).fetchall()
        return [Row(*values) for values in found if values[0] not in self._delivered][:limit]

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
            if row_id in self._delivered:
                continue
            ids.append(row_id)
            total -= size
            if total <= 0:
                break
        return ids

    def _delete(self, ids: Collection[int]) -> None:
        self._db.executemany("DELETE FROM waiting WHERE id = ?", [(row_id,) for row_id in ids])

    def _count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM waiting").fetchone()[0])

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
        """Whatever it is for, it also deletes what was delivered, and counts what is left."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._delete(self._delivered)
            rows = self._count()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            raise
        self._rows, self._delivered = rows, set()

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
