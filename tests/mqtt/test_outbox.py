"""What waits: bounded in size and age, in order, on as little disk as can be."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import schema
from edge.device.clock import DailyCount
from edge.device.database import DamagedDatabase, remove
from edge.errors import StorageError
from edge.mqtt import outbox as module
from edge.mqtt.outbox import COMMIT_S, RETRY_S, SLOW_S, TAIL_MAX, Outbox
from edge.mqtt.store import Now, OutboxStore, Row, age

SUMMARY, STATE, EVENT = 1, 2, 3


class Time(Protocol):
    now: float
    offset: float

    def monotonic(self) -> float: ...
    def wall(self) -> float: ...
    def pass_time(self, seconds: float) -> None: ...


@pytest.fixture
def make(tmp_path: Path, clock: Time) -> Iterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def build(session: str = "s1", **limits: float) -> Outbox:
        made.append(Outbox(tmp_path / "state" / "outbox.sqlite", schema.OutboxConfig(**limits), session, clock))
        made[-1].find_earlier()
        return made[-1]

    yield build
    for each in made:
        each.close()


def add(outbox: Outbox, clock: Time, rank: int = EVENT, text: bytes = b"{}", synced: bool = True) -> None:
    outbox.add(rank, "event", text, clock.monotonic(), (clock.wall(), synced))


def texts(outbox: Outbox) -> list[bytes]:
    return [row.text for row in outbox.after(0, 100_000)]


def test_a_short_absence_does_not_touch_the_disk(make: Callable[..., Outbox], clock: Time, tmp_path: Path) -> None:
    outbox = make()
    add(outbox, clock)
    clock.pass_time(COMMIT_S / 2)
    outbox.tick(clock.wall())
    (row,) = outbox.after(0, 10)
    outbox.delivered(row.id)
    clock.pass_time(COMMIT_S * 2)
    outbox.tick(clock.wall())
    assert not (tmp_path / "state").exists()
    assert outbox.disk_bytes_today == 0


@pytest.mark.parametrize("hangs", ["__init__", "write"])
def test_a_disk_that_takes_its_time_is_told(
    make: Callable[..., Outbox], clock: Time, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    hangs: str,
) -> None:  # fmt: skip
    """Whether it hangs while the file is made or while it is written; until half a minute after it was quick again."""
    outbox = make()
    quick = getattr(OutboxStore, hangs)

    def slow(*arguments: Any) -> None:
        clock.pass_time(SLOW_S + 1)
        quick(*arguments)

    def commit() -> str:
        add(outbox, clock)
        clock.pass_time(COMMIT_S)
        outbox.tick(clock.wall())
        return outbox.trouble

    with monkeypatch.context() as patch:
        patch.setattr(OutboxStore, hangs, slow)
        assert "the disk took 4 s to write" in commit()
    assert "the disk took 4 s to write; is it failing?" in caplog.text
    assert commit()
    clock.pass_time(RETRY_S)
    assert commit() == ""


def test_many_messages_are_one_commit_and_the_bytes_are_counted(
    make: Callable[..., Outbox], clock: Time, tmp_path: Path
) -> None:
    outbox = make()
    for number in range(100):
        add(outbox, clock, text=b"%d" % number)
    clock.pass_time(COMMIT_S)
    outbox.tick(clock.wall())
    journal = tmp_path / "state" / "outbox.sqlite-wal"
    written = outbox.disk_bytes_today
    assert written == journal.stat().st_size > 100
    assert texts(outbox) == [b"%d" % number for number in range(100)]
    for row in outbox.after(0, 60):
        outbox.delivered(row.id)
    assert len(outbox) == 40
    assert outbox.disk_bytes_today == written  # deleted together, later
    clock.pass_time(COMMIT_S)
    outbox.tick(clock.wall())
    assert outbox.disk_bytes_today > written
    for row in outbox.after(0, 60):
        outbox.delivered(row.id)
    assert not list((tmp_path / "state").iterdir())
    assert outbox.disk_bytes_today > written
    clock.pass_time(86_400)
    assert outbox.disk_bytes_today == 0


def test_disk_and_memory_are_walked_in_order(make: Callable[..., Outbox], clock: Time) -> None:
    outbox = make()
    for number in range(10):
        add(outbox, clock, text=b"%d" % number)
        if number == 4:
            outbox.commit()
    found: list[bytes] = []
    last = 0
    while rows := outbox.after(last, 3):
        found += [row.text for row in rows]
        last = rows[-1].id
    assert found == [b"%d" % number for number in range(10)]


def test_a_restart_goes_on_where_the_last_session_ended(make: Callable[..., Outbox], clock: Time) -> None:
    first = make("s1")
    add(first, clock, text=b"1")
    first.close()
    second = make("s2")
    add(second, clock, text=b"2")
    assert texts(second) == [b"1", b"2"]
    assert [row.session for row in second.after(0, 9)] == ["s1", "s2"]
    assert len(second) == 2


def test_too_much_is_thinned_by_rank_then_age(make: Callable[..., Outbox], clock: Time, tmp_path: Path) -> None:
    outbox = make(max_mb=0.5)
    body = b"x" * 900
    for number in range(900):
        rank = (SUMMARY, STATE, EVENT)[number % 3]
        outbox.add(rank, f"{number}", body, clock.monotonic(), (clock.wall(), True))
        if number % 50 == 49:
            outbox.commit()
    rows = outbox.after(0, 10_000)
    assert not [row for row in rows if row.rank == SUMMARY]
    events = [row for row in rows if row.rank == EVENT]
    states = [row for row in rows if row.rank == STATE]
    assert len(events) == 300
    assert 0 < len(states) < 300
    assert len(rows) * 900 > 250_000  # and no more went than had to
    assert [int(row.topic) for row in states] == sorted(int(row.topic) for row in states)
    assert int(states[-1].topic) == 898  # the newest stayed
    assert outbox.dropped == 900 - len(rows)
    assert sum(file.stat().st_size for file in (tmp_path / "state").iterdir()) < 500_000 + 300_000  # the journal
    outbox.close()
    assert (tmp_path / "state" / "outbox.sqlite").stat().st_size < 500_000


def test_old_messages_expire_by_the_monotonic_clock(make: Callable[..., Outbox], clock: Time) -> None:
    outbox = make(max_age_h=1)
    add(outbox, clock, text=b"old")
    outbox.commit()
    clock.offset += 10 * 86_400  # NTP sets the clock: nothing grew old by that
    clock.pass_time(3000)
    add(outbox, clock, text=b"new")
    outbox.tick(clock.wall())
    assert texts(outbox) == [b"old", b"new"]
    clock.pass_time(1000)
    outbox.tick(clock.wall())
    assert texts(outbox) == [b"new"]
    assert outbox.dropped == 1


@pytest.mark.parametrize(
    ("session", "wall", "expected"),
    [
        ("now", 100.0, 400.0),  # our own: the monotonic clock knows
        ("before", 9_000.0, 1_000.0),  # an earlier one: the wall clock does
        ("before", None, 300.0),  # unless it was wrong then: at least since we began
    ],
)
def test_ages(session: str, wall: float | None, expected: float) -> None:
    now = Now("now", began=200.0, monotonic=500.0, wall=10_000.0)
    assert age(session, 100.0, wall, now) == expected
    blind = Now("now", began=200.0, monotonic=500.0, wall=None)
    assert age("before", 100.0, wall, blind) == 300.0


def test_a_disk_in_trouble_keeps_a_bounded_tail_and_recovers(
    make: Callable[..., Outbox], clock: Time, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("in the way")
    outbox = make()
    for number in range(TAIL_MAX + 300):
        add(outbox, clock, rank=SUMMARY if number % 2 else EVENT, text=b"%d" % number)
        clock.pass_time(0.1)
        outbox.tick(clock.wall())
    assert len(outbox) == TAIL_MAX
    assert outbox.dropped == 300
    assert outbox.trouble
    assert len(caplog.records) == 1  # however often it was tried
    ranks = [row.rank for row in outbox.after(0, 10_000)]
    assert ranks.count(EVENT) == (TAIL_MAX + 300) // 2
    (tmp_path / "state").unlink()
    clock.pass_time(RETRY_S)
    outbox.tick(clock.wall())
    assert not outbox.trouble
    assert len(outbox) == TAIL_MAX
    assert (tmp_path / "state" / "outbox.sqlite").exists()


def test_a_tail_that_is_delivered_leaves_the_unreadable_file_alone(
    make: Callable[..., Outbox], clock: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make("s1")
    add(first, clock, text=b"precious")
    first.close()

    def refuse(path: Path, _: DailyCount) -> OutboxStore:
        raise StorageError(f"{path}: no permission")

    with monkeypatch.context() as patched:
        patched.setattr(module, "OutboxStore", refuse)
        second = make("s2")
        add(second, clock, text=b"later")
        (row,) = second.after(0, 9)
        second.delivered(row.id)
        assert len(second) == 0
    clock.pass_time(RETRY_S)
    second.tick(clock.wall())
    assert texts(second) == [b"precious"]


def test_damage_while_running_is_survived(make: Callable[..., Outbox], clock: Time, tmp_path: Path) -> None:
    first = make()
    for _ in range(200):
        add(first, clock, text=b"y" * 500)
    first.close()
    file = tmp_path / "state" / "outbox.sqlite"
    content = bytearray(file.read_bytes())
    content[4096 : 4096 * 20] = b"\xa5" * (4096 * 19)
    file.write_bytes(content)
    outbox = make("s2")
    add(outbox, clock, text=b"after")
    outbox.commit()
    assert texts(outbox) == [b"after"]
    assert not outbox.trouble


def test_a_file_of_another_layout_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(DamagedDatabase, match="another version"):
        OutboxStore(path)


def test_a_power_cut_while_the_file_is_made_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    making = tmp_path / "making"
    first = OutboxStore(making / "outbox.sqlite")
    journal = (making / "outbox.sqlite-wal").stat().st_size
    for cut in range(0, journal, 2048):
        copy = tmp_path / f"cut-{cut}"
        shutil.copytree(making, copy)
        os.truncate(copy / "outbox.sqlite-wal", cut)
        second = OutboxStore(copy / "outbox.sqlite")
        second.write([Row(1, EVENT, "event", b"{}", "s", 0.0, 0.0, True)])
        assert second.waiting == 1
        second.close()
    first.close()


def test_what_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").mkdir()
    with pytest.raises(StorageError, match="by hand"):
        remove(tmp_path / "outbox.sqlite")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "commit", "deliver", "restart"]), st.integers(1, 5)), max_size=25))
def test_first_in_first_out_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    class Still:
        def monotonic(self) -> float:
            return 0.0

        def wall(self) -> float:
            return 1_800_000_000.0

    path = tmp_path_factory.mktemp("outbox") / "outbox.sqlite"
    outbox = Outbox(path, schema.OutboxConfig(), "s", Still())
    expected: list[bytes] = []
    told = 0
    for what, count in steps:
        if what == "add":
            for _ in range(count):
                told += 1
                expected.append(b"%d" % told)
                outbox.add(EVENT, "event", b"%d" % told, 0.0, (0.0, True))
        elif what == "commit":
            outbox.commit()
        elif what == "deliver":
            for row in outbox.after(0, count):
                assert row.text == expected.pop(0)
                outbox.delivered(row.id)
        else:
            outbox.close()
            outbox = Outbox(path, schema.OutboxConfig(), "s", Still())
            outbox.find_earlier()
        assert len(outbox) == len(expected)
        assert texts(outbox) == expected
    outbox.close()


def test_a_file_that_could_not_be_purged_is_never_sent(
    make: Callable[..., Outbox], clock: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make()
    add(outbox, clock, text=b"private")
    outbox.commit()

    def refuse(path: Path) -> None:
        raise StorageError(f"{path}: cannot be deleted: read-only")

    with monkeypatch.context() as patched:
        patched.setattr(module, "remove", refuse)
        with pytest.raises(StorageError, match="read-only"):
            outbox.purge()
        add(outbox, clock, text=b"later")
        clock.pass_time(RETRY_S)
        outbox.tick(clock.wall())
        assert texts(outbox) == [b"later"]
        assert outbox.trouble
    clock.pass_time(RETRY_S)
    outbox.tick(clock.wall())
    assert texts(outbox) == [b"later"]
    assert not outbox.trouble
    assert outbox.dropped == 0


def test_what_expired_or_was_thinned_on_its_way_out_is_counted_once(make: Callable[..., Outbox], clock: Time) -> None:
    outbox = make(max_age_h=1)
    for number in range(6):
        add(outbox, clock, text=b"%d" % number)
    outbox.commit()
    rows = outbox.after(0, 6)
    for row in rows[:3]:
        outbox.delivered(row.id)  # still in the file
    clock.pass_time(4000)
    outbox.tick(None)
    assert len(outbox) == 0
    assert outbox.dropped == 3
    for row in rows:
        outbox.delivered(row.id)  # late acknowledgements
    assert len(outbox) == 0
    add(outbox, clock, text=b"new")
    outbox.commit()
    assert texts(outbox) == [b"new"]
    assert len(outbox) == 1
