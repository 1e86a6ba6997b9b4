"""The history's file: an SQLite table with a row for each minute. Knows SQL, no policy of when to write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.device.database import make_private
from edge.device.files import make_folder
from edge.errors import StorageError
from edge.history.minutes import STATES, Minute, Total
from edge.readings import LABELS

_LAYOUT = 1  # user_version of the file
_PAGE = 4096
_FOLD_BYTES = 256_000  # the journal is folded into the file when it is larger than this
_STATES = [f"{state}_ds" for state in STATES]
_SHARES = [f"{label}_permille" for label in LABELS]
_COLUMNS = ["begin", "watched_ds", "people_ds", "most", *_STATES, *_SHARES]


class DamagedHistory(StorageError):
    """The file is not a history of ours, or its pages are broken."""


class Store:
    """Opens the file, or creates it readable by its owner alone. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0  # bytes handed to the disk since the file was opened
        self._journal_size = 0
        with self._mapped():
            make_folder(path.parent)
            make_private(path)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
        try:
            with self._mapped():
                self._prepare()
        except StorageError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA page_size={_PAGE}")
        self._db.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")  # done by us, so that its bytes are counted
        (layout,) = self._db.execute("PRAGMA user_version").fetchone()
        if layout not in (0, _LAYOUT):
            raise DamagedHistory(f"{self.path}: written by another version (layout {layout})")
        if layout == 0:
            columns = ", ".join(f"{name} INTEGER" for name in _COLUMNS[1:])
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(f"CREATE TABLE minutes (begin INTEGER PRIMARY KEY, {columns})")
            self._db.execute(f"PRAGMA user_version={_LAYOUT}")
            self._db.execute("COMMIT")
        (bad,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if bad != "ok":
            raise DamagedHistory(f"{self.path}: {bad}")

    def write(self, minutes: Iterable[Minute]) -> None:
        """Add some minutes in one commit; one that begins in the same second replaces the one before."""
        rows = [
            (each.begin, each.watched, each.people, each.most, *each.states, *(each.shares or [None] * len(LABELS)))
            for each in minutes
        ]
        places = ", ".join("?" * len(_COLUMNS))
        with self._mapped(), self._transaction():
            self._db.executemany(f"INSERT OR REPLACE INTO minutes VALUES ({places})", rows)  # noqa: S608 (constants)
        self._count_written()

    def delete(self, *, before: float | None = None, since: float | None = None) -> int:
        """Delete what began before a time of day, what ended after one, or everything; returns how many went."""
        where, limits = "1", ()  # type: tuple[str, tuple[float, ...]]
        if before is not None:
            where, limits = "begin < ?", (before,)
        elif since is not None:
            where, limits = "begin + watched_ds / 10.0 > ?", (since,)
        with self._mapped(), self._transaction():
            gone = self._db.execute(f"DELETE FROM minutes WHERE {where}", limits).rowcount  # noqa: S608 (constants)
        if gone:  # the journal still holds what was deleted
            self._count_written(fold=True)
        return int(gone)

    def between(self, start: float, end: float) -> list[Minute]:
        """The minutes that began within a time, in order."""
        with self._mapped():
            rows = self._db.execute("SELECT * FROM minutes WHERE begin >= ? AND begin < ? ORDER BY begin", (start, end))
            return [_minute(row) for row in rows]

    def totals(self, start: int, end: int, step: int) -> dict[int, Total]:
        """The same summed up over each `step` seconds after `start`; only steps of which something is known."""
        sums = ", ".join(f"sum({name})" for name in ("watched_ds", "people_ds", *_STATES))
        with self._mapped():
            rows = self._db.execute(
                f"SELECT (begin - ?) / ? AS step, max(most), {sums} FROM minutes "  # noqa: S608 (constants)
                "WHERE begin >= ? AND begin < ? GROUP BY step",
                (start, step, start, end),
            ).fetchall()
        return {at: Total(watched, people, most, tuple(states)) for at, most, watched, people, *states in rows}

    def first(self) -> int | None:
        """When the oldest minute began."""
        with self._mapped():
            (begin,) = self._db.execute("SELECT min(begin) FROM minutes").fetchone()
        return None if begin is None else int(begin)

    def close(self) -> None:
        """Folds the journal in and closes the file, which stays."""
        self._count_written(fold=True)
        self._db.close()

    def _count_written(self, *, fold: bool = False) -> None:
        """Counts what a commit wrote; folds the journal into the file when it has grown, or when asked to."""
        try:
            size = self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return
        self.written += max(0, size - self._journal_size)
        self._journal_size = size
        if fold or size > _FOLD_BYTES:
            with suppress(StorageError), self._mapped():  # what is committed is safe; the next commit tries again
                (_, pages, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self.written += max(pages, 0) * _PAGE
                self._journal_size = 0

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
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
            kind = DamagedHistory if type(error) is sqlite3.DatabaseError else StorageError
            raise kind(f"{self.path}: {error}") from None


def _minute(row: tuple[int, ...]) -> Minute:
    begin, watched, people, most = row[:4]
    states, shares = row[4 : 4 + len(STATES)], row[4 + len(STATES) :]
    return Minute(begin, watched, people, most, tuple(states), None if None in shares else tuple(shares))
