"""The file that outbox and history stand on."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.device.clock import DailyCount
from edge.device.database import DamagedDatabase, Database
from edge.errors import StorageError
from tests.helpers.clock import FakeClock


def create(db: Database) -> None:
    db.execute("CREATE TABLE notes (text TEXT)")


def opened(path: Path, layout: int = 1, written: DailyCount | None = None) -> Database:
    return Database(path, layout, create, timeout=0.1, written=written)


def count(db: Database) -> int:
    with db.mapped():
        return int(db.execute("SELECT count(*) FROM notes").fetchone()[0])


def half_done(db: Database) -> None:
    with db.transaction():
        db.execute("INSERT INTO notes VALUES ('half')")
        db.execute("INSERT INTO nowhere VALUES (1)")


def test_what_is_committed_is_there_after_opening_it_again_and_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "notes.sqlite"
    with closing(opened(path)) as db, db.transaction():
        db.execute_many("INSERT INTO notes VALUES (?)", [("one",), ("two",)])
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(opened(path)) as db:
        assert count(db) == 2


def test_a_transaction_that_fails_leaves_nothing_behind_and_the_next_one_works(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "notes.sqlite")) as db:
        with pytest.raises(StorageError, match="no such table"):
            half_done(db)
        with db.transaction():
            db.execute("INSERT INTO notes VALUES ('whole')")
        assert count(db) == 1


@pytest.mark.parametrize(
    ("said", "free", "told"),
    [
        ("database or disk is full", 10**9, "the disk is full"),
        ("disk I/O error", 7 * 4096, "the disk is full"),  # as SQLite calls it when the journal's index has no room
        ("disk I/O error", 10**9, "disk I/O error"),
    ],
)
def test_a_full_disk_is_called_full(
    said: str, free: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notes.sqlite"
    with closing(opened(path)) as db:
        monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free // 4096, f_frsize=4096))
        with pytest.raises(StorageError) as error, db.mapped():
            raise sqlite3.OperationalError(said)
    assert str(error.value) == f"{path}: {told}"


def test_bytes_are_counted_and_folding_empties_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    written = DailyCount(FakeClock())
    with closing(opened(path, written=written)) as db:
        with db.transaction():
            db.execute("INSERT INTO notes VALUES (?)", ("x" * 20_000,))
        db.count_written()
        after_commit = written.today
        db.count_written(fold=True)
        assert 20_000 < after_commit < written.today
        assert path.with_name("notes.sqlite-wal").stat().st_size == 0


def test_another_layout_foreign_tables_and_broken_pages_are_told_apart_from_a_busy_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    opened(path).close()
    with pytest.raises(DamagedDatabase, match="layout 1"):
        opened(path, layout=2)
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database" * 1000)
    with pytest.raises(DamagedDatabase, match=r"broken\.sqlite"):
        opened(broken)
    with closing(opened(path)) as db, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked") as caught, db.transaction():
            pass
        assert not isinstance(caught.value, DamagedDatabase)
