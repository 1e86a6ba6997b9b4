"""The outbox's file: an SQLite table of messages that wait, oldest first. Knows SQL, no policy of when to write."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from edge.device.clock import DailyCount
from edge.device.database import PAGE, Database
from edge.errors import StorageError

_LAYOUT = 1  # user_version of the file; another layout is treated like a damaged file
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


class OutboxStore:
    """Opens the file, or creates it readable by its owner alone. Used by one thread at a time.

    How many messages wait is counted by the database within each transaction, never kept by adding and subtracting:
    messages leave in several ways (delivered, expired, thinned), and these overlap.
    """

    def __init__(self, path: Path, written: DailyCount | None = None) -> None:
        self.file = Database(path, _LAYOUT, _create, timeout=0.2, written=written)
        self._delivered: set[int] = set()  # still in the file; deleted by the next transaction
        try:
            with self.file.mapped():
                self._rows = self._count()
                self.last_id = int(self.file.execute("SELECT max(id) FROM waiting").fetchone()[0] or 0)
        except StorageError:  # tables of somebody else's
            self.file.close()
            raise

    @property
    def waiting(self) -> int:
        """Messages in the file that are still to be sent."""
        return self._rows - len(self._delivered)

    def deliver(self, row_id: int) -> bool:
        """Marks a message as delivered. False if it does not wait here, for instance because it has expired."""
        with self.file.mapped():
            found = self.file.execute("SELECT 1 FROM waiting WHERE id = ?", (row_id,)).fetchone()
        if found is None or row_id in self._delivered:
            return False
        self._delivered.add(row_id)
        return True

    def write(self, added: Sequence[Row]) -> None:
        """Adds messages, and deletes what was delivered, in one commit."""
        with self._transaction():
            self.file.execute_many(
                f"INSERT OR REPLACE INTO waiting ({_COLUMNS}, size) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608 (a constant)
                [(*astuple(row), row.size) for row in added],
            )
        self.last_id = max([self.last_id, *(row.id for row in added)])
        self.file.count_written()

    def thin(self, max_bytes: float) -> int:
        """Deletes the lowest rank, oldest first, until the rest fits; returns how many went.

        Measured in pages, because what is deleted here and there leaves pages half empty.
        """
        limit = max_bytes * _SHARE
        gone = 0
        with self.file.mapped():
            surplus = self._used() - limit
            while surplus > 0 and self.waiting:
                ids = self._lowest(surplus + limit * 0.05)  # a little more, so that not every commit thins
                with self._transaction():
                    self._delete(ids)
                gone += len(ids)
                surplus = self._used() - limit
        self.file.count_written()
        return gone

    def expire(self, now: Now, max_age: float) -> int:
        """Deletes what is older than `max_age` seconds; returns how many went that had not been delivered."""
        with self.file.mapped():
            gone = [
                row_id
                for row_id, session, monotonic, wall, synced in self.file.execute(
                    "SELECT id, session, monotonic, wall, synced FROM waiting"
                )
                if row_id not in self._delivered and age(session, monotonic, wall if synced else None, now) > max_age
            ]
            if gone:
                with self._transaction():
                    self._delete(gone)
        self.file.count_written()
        return len(gone)

    def rows(self, after: int, limit: int) -> list[Row]:
        """The next messages that wait, in the order in which they were stored."""
        with self.file.mapped():
            found = self.file.execute(
                f"SELECT {_COLUMNS} FROM waiting WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 (a constant)
                (after, limit + len(self._delivered)),
            ).fetchall()
        return [Row(*values) for values in found if values[0] not in self._delivered][:limit]

    def close(self) -> None:
        """Folds the journal in and closes the file, which stays."""
        self.file.close()

    def _used(self) -> int:
        return self.file.pages() * PAGE

    def _lowest(self, total: float) -> list[int]:
        """The first to go, of at least so many bytes together."""
        ids = []
        for row_id, size in self.file.execute("SELECT id, size FROM waiting ORDER BY rank, id"):
            if row_id in self._delivered:
                continue
            ids.append(row_id)
            total -= size
            if total <= 0:
                break
        return ids

    def _delete(self, ids: Collection[int]) -> None:
        self.file.execute_many("DELETE FROM waiting WHERE id = ?", [(row_id,) for row_id in ids])

    def _count(self) -> int:
        return int(self.file.execute("SELECT count(*) FROM waiting").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Whatever it is for, it also deletes what was delivered, and counts what is left."""
        with self.file.transaction():
            yield
            self._delete(self._delivered)
            rows = self._count()
        self._rows, self._delivered = rows, set()


def _create(db: Database) -> None:
    db.execute(
        "CREATE TABLE waiting (id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, "
        "text BLOB NOT NULL, session TEXT NOT NULL, wall REAL NOT NULL, monotonic REAL NOT NULL, "
        "synced INTEGER NOT NULL, size INTEGER NOT NULL)"
    )
    db.execute("CREATE INDEX by_rank ON waiting (rank, id)")
