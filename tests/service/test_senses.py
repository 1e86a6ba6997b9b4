"""A sense: what its device gives goes through its path to the inbox, and nothing of it after a release."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edge.capture.base import NothingYet
from edge.config.schema import CameraConfig, Config
from edge.device.clock import SystemClock
from edge.errors import CaptureError
from edge.readings import FacesReading, Frame, SourceStatus
from edge.service.senses import CameraSense
from tests.helpers.broker import wait_for


class FakeCamera:
    live = True
    name = "fake camera"

    def __init__(self) -> None:
        self.opened = self.closed = self.number = 0
        self.fails = False
        self.open_now = False
        self.thinned: list[float] = []

    def open(self) -> None:
        if self.fails:
            raise CaptureError("no camera found")
        self.opened += 1
        self.open_now = True

    def read(self) -> Frame:
        if not self.open_now:
            raise CaptureError("closed")
        threading.Event().wait(0.01)
        self.number += 1
        grey = np.full((4, 4), self.number % 200, np.uint8)
        return Frame(SystemClock().monotonic(), self.number, np.dstack([grey] * 3), grey)

    def thin(self, every_s: float) -> None:
        self.thinned.append(every_s)

    def close(self) -> None:
        self.closed += 1
        self.open_now = False


class FakePath:
    """Holds each frame for as long as it is told to."""

    def __init__(self) -> None:
        self.resets = 0
        self.applied: list[Any] = []
        self.under_way = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def process(self, frame: Frame) -> FacesReading:
        self.under_way.set()
        assert self.go_on.wait(10)
        return FacesReading(frame.time, frame.number, ())

    def reset(self) -> None:
        self.resets += 1

    def apply(self, settings: Any) -> None:
        self.applied.append(settings)


class Bench:
    def __init__(self) -> None:
        self.camera, self.path = FakeCamera(), FakePath()
        self.emitted: list[Any] = []
        config = Config(camera=CameraConfig())
        self.sense = CameraSense(config, lambda: self.camera, self.path, self.emitted.append, SystemClock())  # type: ignore[arg-type]
        self.sense.worker.start()
        self.sense.capture.start()

    def readings(self) -> list[FacesReading]:
        return [item for item in list(self.emitted) if isinstance(item, FacesReading)]

    def statuses(self) -> list[SourceStatus]:
        return [item for item in list(self.emitted) if isinstance(item, SourceStatus)]


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench()
    yield one
    one.path.go_on.set()
    one.sense.stop(5.0)
    assert not one.camera.open_now
    assert not one.sense.worker.alive
    assert not one.sense.capture.alive


def test_frames_become_readings_and_the_status_is_told(bench: Bench) -> None:
    wait_for(lambda: len(bench.readings()) > 2, 10, "readings")
    assert bench.statuses()[0] == SourceStatus("camera", "online", "")
    assert bench.sense.last_item is not None
    assert bench.sense.capture.heartbeat is not None


def test_a_release_closes_forgets_and_lets_nothing_through_that_was_under_way(bench: Bench) -> None:
    wait_for(bench.readings, 10, "readings")
    bench.path.go_on.clear()
    bench.path.under_way.clear()
    assert bench.path.under_way.wait(10), "a frame is in the middle of the path"
    assert bench.sense.release("privacy is on")
    before = len(bench.readings())
    assert not bench.camera.open_now
    bench.sense.resume()  # at once, so that the old frame could be taken for a new one
    resumed = SystemClock().monotonic()
    bench.path.go_on.set()
    wait_for(lambda: len(bench.readings()) > before, 10, "readings of what came afterwards")
    assert all(reading.time >= resumed - 0.05 for reading in bench.readings()[before:])
    assert bench.path.resets >= 1
    wait_for(lambda: bench.statuses()[-1].state == "online", 10, "the status")


def test_orders_are_carried_out_by_the_worker(bench: Bench) -> None:
    bench.sense.apply(Config())
    wait_for(lambda: bench.path.applied, 10, "the settings to be taken over")


def test_thinning_reaches_the_source_also_after_it_was_opened_again(bench: Bench) -> None:
    wait_for(bench.readings, 10, "readings")
    bench.sense.thin(2.0)
    assert bench.camera.thinned[-1] == 0.5
    wait_for(lambda: bench.sense.release("privacy is on"), 10, "the release")
    bench.camera.thinned.clear()
    bench.sense.resume()
    wait_for(lambda: bench.camera.thinned == [0.5], 10, "the new source to be told")


def test_frames_that_come_too_often_are_left_out_whatever_the_source_does(bench: Bench) -> None:
    bench.sense.thin(5.0)
    before = bench.sense.slot.taken + bench.sense.slot.dropped
    began = SystemClock().monotonic()
    wait_for(lambda: bench.sense.slot.taken + bench.sense.slot.dropped >= before + 4, 20, "four frames")
    assert SystemClock().monotonic() - began >= 3 * 0.9 / 5.0 - 0.02


def test_a_source_that_gives_nothing_is_told_by_the_capture_alone() -> None:
    class Silent(FakeCamera):
        def read(self) -> Frame:
            threading.Event().wait(0.01)
            raise NothingYet("nothing")

    silent = Silent()
    emitted: list[Any] = []
    silent.fails = True
    sense = CameraSense(Config(), lambda: silent, FakePath(), emitted.append, SystemClock())  # type: ignore[arg-type]
    sense.capture.start()
    wait_for(lambda: emitted, 10, "a status")
    assert emitted == [SourceStatus("camera", "offline", "no camera found")]
    sense.stop(5.0)
