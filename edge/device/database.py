"""An SQLite file on a memory card: readable by its owner alone, bytes counted, gone with its journal."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge.device.clock import DailyCount
from edge.device.files import folder_owner, make_folder
from edge.errors import StorageError

PAGE = 4096
_FOLD_BYTES = 256_000  # the journal is folded into the file when it is larger than this
_INDEX_BYTES = 65_536  # more than the first piece of the index that SQLite keeps beside the journal


class DamagedDatabase(StorageError):
    """The file is not a database of ours, or its pages are broken."""


class Database:
    """Opens the file, or creates it. Used by one thread at a time. Every error is a StorageError.

    `create` makes the tables of an empty file; `layout` is the version that the file must have. What is committed is on
    the disk; the journal is folded into the file now and then, so that its bytes can be counted. `written` counts what
    is handed to the disk.
    """

    def __init__(
        self,
        path: Path,
        layout: int,
        create: Callable[[Database], None],
        *,
        timeout: float,
        overwrite_deleted: bool = False,
        written: DailyCount | None = None,
    ) -> None:
        self.path = path
        self._written = written
        self._journal = path.with_name(path.name + "-wal")
        self._journal_size = 0
        with self.mapped():
            make_folder(path.parent)  # one that exists keeps its rights: it may be the owner's
            make_private(path)
            self._sqlite = sqlite3.connect(path, isolation_level=None, timeout=timeout, check_same_thread=False)
        try:
            with self.mapped():
                self._prepare(layout, create, overwrite_deleted)
        except StorageError:
            self._sqlite.close()
            raise

    def _prepare(self, layout: int, create: Callable[[Database], None], overwrite_deleted: bool) -> None:
        self.execute(f"PRAGMA page_size={PAGE}")
        if overwrite_deleted:
            self.execute("PRAGMA secure_delete=ON")
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=FULL")
        self.execute("PRAGMA wal_autocheckpoint=0")
        (found,) = self.execute("PRAGMA user_version").fetchone()
        if found not in (0, layout):
            raise DamagedDatabase(f"{self.path}: written by another version (layout {found})")
        if found == 0:  # in one step: half a layout could not be told from another's file
            with self.transaction():
                create(self)
                self.execute(f"PRAGMA user_version={layout}")
        (bad,) = self.execute("PRAGMA quick_check(1)").fetchone()
        if bad != "ok":
            raise DamagedDatabase(f"{self.path}: {bad}")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement, within `mapped` or `transaction`."""
        return self._sqlite.execute(statement, values)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """The same statement for many rows."""
        self._sqlite.executemany(statement, rows)

    def pages(self) -> int:
        """Pages that hold something."""
        (pages,) = self.execute("PRAGMA page_count").fetchone()
        (free,) = self.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def count_written(self, *, fold: bool = False) -> None:
        """Counts what a commit wrote; folds the journal into the file when it has grown, or when asked to."""
        try:
            size = self._journal.stat().st_size
        except OSError:
            return
        self._count(size - self._journal_size)
        self._journal_size = size
        if fold or size > _FOLD_BYTES:
            with suppress(StorageError), self.mapped():  # what is committed is safe; the next commit tries again
                (_, _, pages) = self.execute(
                    "PRAGMA wal_checkpoint(PASSIVE)"
                ).fetchone()  # truncating does not say how many
                self._count(pages * PAGE)
                self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                self._journal_size = 0

    def _count(self, size: int) -> None:
        if self._written is not None and size > 0:
            self._written.add(size)

    def close(self) -> None:
        """Folds the journal in and closes the file, which stays."""
        self.count_written(fold=True)
        self._sqlite.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it is committed, or nothing."""
        with self.mapped():
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                if self._sqlite.in_transaction:
                    with suppress(sqlite3.Error):
                        self.execute("ROLLBACK")
                raise

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """The one place where SQLite's and the system's errors become ours."""
        try:
            yield
        except OSError as error:
            raise StorageError(f"{error.filename or self.path}: {error.strerror}") from None
        except sqlite3.Error as error:
            # Full disk, permission and the like are OperationalError; a broken file is DatabaseError itself.
            kind = DamagedDatabase if type(error) is sqlite3.DatabaseError else StorageError
            raise kind(f"{self.path}: {self._why(error)}") from None

    def _why(self, error: sqlite3.Error) -> str:
        """A disk without room for the journal's index is full; SQLite calls it broken."""
        why = str(error)
        with suppress(OSError):
            disk = os.statvfs(self.path.parent)
            if "I/O error" in why and disk.f_bavail * disk.f_frsize < _INDEX_BYTES:
                return "the disk is full"
        return "the disk is full" if why == "database or disk is full" else why


def remove(path: Path) -> None:
    """Deletes the file and its journal; what cannot be deleted is emptied, else StorageError."""
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            each.unlink(missing_ok=True)
        except OSError:
            if not os.path.lexists(each):  # on a read-only disk deleting what is not there is refused too
                continue
            try:
                os.truncate(each, 0)
            except OSError as error:
                raise StorageError(f"{each}: cannot be deleted: {error.strerror}; delete it by hand") from None


def make_private(path: Path) -> None:
    """An empty file if there is none, readable by its owner alone; what root makes belongs to the service's user."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        owner = folder_owner(path.parent)
        if owner is not None and os.fstat(descriptor).st_nlink == 1:
            os.fchown(descriptor, *owner)
    finally:
        os.close(descriptor)
