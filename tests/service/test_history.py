"""Past days: gathered from summaries, written in batches, and gone when privacy or the owner demands it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import StorageError
from edge.history.store import HistoryStore
from edge.service.history import RETRY_S, WRITE_S, HistoryRecorder
from tests.helpers.clock import FakeClock
from tests.helpers.told import state, summary


class Bench:
    """A recorder whose worker takes a step when told to, and never waits."""

    def __init__(self, folder: Path, keep_days: int = 30) -> None:
        self.clock = FakeClock()
        self.synced = True
        self.file = folder / "history.sqlite"
        self.recorder = HistoryRecorder(self.file, keep_days, self.clock, synced=lambda: self.synced)

    def live(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.pass_time(60.0)
            self.recorder.notify("summary", summary(), self.clock.monotonic())
            self.step()

    def step(self) -> None:
        self.recorder.wake()
        self.recorder.step()

    def stored(self) -> int:
        if not self.file.exists():
            return 0
        store = HistoryStore(self.file)
        try:
            return len(store.between(0, 1e12))
        finally:
            store.close()

    def known(self) -> int:
        return len(self.recorder.between(0, 1e12))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    one.recorder.stop()


def test_minutes_are_written_together(bench: Bench) -> None:
    bench.live(14)
    assert bench.stored() == 0
    assert not bench.file.exists()
    assert bench.known() == 14, "the page sees them all the same"
    bench.live(2)
    assert bench.stored() == 15
    before = bench.recorder.bytes_today
    assert before > 0
    bench.live(10)
    assert bench.recorder.bytes_today == before, "nothing is written between two batches"


def test_nothing_but_summaries_is_kept(bench: Bench) -> None:
    bench.recorder.notify("state", state("happy"), 0.0)
    bench.recorder.notify("privacy", "OFF", None)
    bench.clock.pass_time(WRITE_S)
    bench.step()
    assert bench.known() == 0


def test_the_end_writes_what_waits(bench: Bench) -> None:
    bench.live(3)
    bench.recorder.notify("summary", summary(seconds=20.0), bench.clock.monotonic())
    bench.recorder.stop()
    assert bench.stored() == 4, "and the minute that had begun"


def test_old_days_go(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keep_days=1)
    bench.live(30)
    bench.clock.pass_time(86_400.0)
    bench.live(16)
    assert bench.known() == 16
    bench.recorder.stop()
    assert bench.stored() == 16


def test_privacy_takes_the_past_hour_and_leaves_the_days_before(bench: Bench) -> None:
    bench.live(180)
    assert bench.known() == 180
    bench.recorder.forget_lately()
    assert bench.known() == 120
    assert bench.stored() <= 120
    bench.clock.pass_time(WRITE_S)
    bench.step()
    assert bench.known() == 120


def test_half_a_minute_before_privacy_is_forgotten(bench: Bench) -> None:
    bench.recorder.notify("summary", summary(seconds=30.0), bench.clock.monotonic())
    bench.recorder.forget_lately()
    bench.recorder.notify("summary", summary(seconds=30.0), bench.clock.monotonic())
    assert bench.known() == 0


def test_delete_means_all_of_it(bench: Bench) -> None:
    bench.live(40)
    bench.recorder.delete()
    assert list(bench.file.parent.iterdir()) == []
    assert bench.known() == 0
    bench.live(16)
    assert bench.known() == 16, "and then it goes on"


def test_without_a_known_time_nothing_is_written(bench: Bench) -> None:
    bench.synced = False
    bench.live(20)
    assert not bench.file.exists()
    assert bench.known() == 0
    bench.clock.offset += 5_000.0  # the time is found
    bench.synced = True
    bench.clock.pass_time(WRITE_S)
    bench.step()
    assert bench.stored() == 20
    last = bench.recorder.between(0, 1e12)[-1]
    assert last.begin + 60 == pytest.approx(bench.clock.wall() - WRITE_S, abs=1.0)


def test_what_waits_is_bounded(bench: Bench) -> None:
    bench.synced = False
    bench.live(1_500)
    bench.synced = True
    assert bench.known() == 1_440


def test_a_disk_that_fails_is_told_and_tried_again(bench: Bench) -> None:
    bench.file.mkdir()  # nobody can open that
    bench.live(16)
    assert "history.sqlite" in bench.recorder.trouble
    with pytest.raises(StorageError):
        bench.recorder.forget_lately()
    bench.file.rmdir()
    bench.live(16)
    bench.clock.pass_time(RETRY_S)
    bench.step()
    assert bench.recorder.trouble == ""
    assert bench.known() >= 16


def test_a_damaged_file_is_begun_anew(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.file.write_bytes(b"\x00\xff" * 5_000)
    bench.live(16)
    assert bench.stored() == 15
    assert "begins anew" in caplog.text


def test_totals_take_in_what_is_not_written_yet(bench: Bench) -> None:
    start = int(bench.clock.wall())
    bench.live(20)
    totals = bench.recorder.totals(start, start + 3_600, 900)
    assert {step: total.watched for step, total in totals.items()} == {0: 9_000, 1: 3_000}
    assert bench.recorder.first() == start


def test_the_thread_starts_and_ends(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.recorder.start()
    assert bench.recorder.worker.alive
    bench.recorder.stop()
    assert not bench.recorder.worker.alive
