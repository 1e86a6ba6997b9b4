"""The history's file: what is written is read, what is deleted is gone from the disk, what is broken is named."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from edge.device.clock import DailyCount
from edge.device.database import DamagedDatabase
from edge.errors import StorageError
from edge.history.minutes import STATES, Minute, joined, minute
from edge.history.store import HistoryStore
from tests.helpers.clock import FakeClock
from tests.helpers.told import summary


def minutes(count: int, begin: int = 60_000, label: str = "happy") -> list[Minute]:
    return [minute(joined(None, summary(label), 0.0), begin + 60.0 * (i + 1)) for i in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_what_is_written_is_read(file: Path) -> None:
    store = HistoryStore(file)
    written = minutes(90)
    store.write(written)
    assert store.between(0, 1e9) == written
    assert store.first() == 60_000
    store.close()
    again = HistoryStore(file)
    assert again.between(60_000, 60_120) == written[:2]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again.close()


def test_totals_by_step(file: Path) -> None:
    store = HistoryStore(file)
    store.write(minutes(30))
    store.write(minutes(15, 60_000 + 1_800, "sad"))
    totals = store.totals(60_000, 60_000 + 3_600, 900)
    assert sorted(totals) == [0, 1, 2], "a step of which nothing is known is left out"
    assert [totals[step].watched for step in (0, 1, 2)] == [9_000, 9_000, 9_000]
    assert totals[2].states[STATES.index("sad")] == 6_750
    assert totals[0].most == 1
    store.close()


def test_what_is_old_goes_and_the_rest_stays(file: Path) -> None:
    store = HistoryStore(file)
    store.write(minutes(10))
    assert store.delete(before=60_300) == 5
    assert store.first() == 60_300
    assert store.delete(since=60_500) == 2, "the minute in which the time lies goes, too"
    assert [each.begin for each in store.between(0, 1e9)] == [60_300, 60_360, 60_420]
    assert store.delete() == 3
    assert store.first() is None
    store.close()


def test_what_is_deleted_is_in_no_file_any_more(file: Path) -> None:
    """Neither in a page that is free now nor in the journal."""
    store = HistoryStore(file)
    marked = [each._replace(people=0x5A5B5C) for each in minutes(50)]
    store.write(marked)
    everything = b"".join(each.read_bytes() for each in file.parent.iterdir())
    assert b"\x5a\x5b\x5c" in everything
    store.delete()
    everything = b"".join(each.read_bytes() for each in file.parent.iterdir())
    assert b"\x5a\x5b\x5c" not in everything
    store.close()


def test_a_day_costs_the_card_little(file: Path) -> None:
    """In batches of a quarter of an hour, as they are written."""
    written = DailyCount(FakeClock())
    store = HistoryStore(file, written)
    for batch in range(96):
        store.write(minutes(15, 60_000 + 900 * batch))
    store.close()
    assert 0 < written.today < 2_000_000
    assert file.stat().st_size < 200_000


def test_what_is_no_history_is_named(file: Path) -> None:
    file.write_bytes(b"this is no database, whatever it is" * 100)
    with pytest.raises(DamagedDatabase, match=r"history\.sqlite"):
        HistoryStore(file)
    file.unlink()
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version=7")
    other.close()
    with pytest.raises(DamagedDatabase, match="layout 7"):
        HistoryStore(file)


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        HistoryStore(tmp_path / "file" / "history.sqlite")
