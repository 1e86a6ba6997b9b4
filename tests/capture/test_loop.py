"""The loop over a source that fails on cue, step by step with time by hand, and with a real thread."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from edge.capture.backoff import Backoff
from edge.capture.base import NothingYet, Source
from edge.capture.faults import CameraFaults, MicrophoneFaults
from edge.capture.grabber import Grabber
from edge.capture.loop import CaptureLoop
from edge.device.clock import SystemClock
from edge.errors import CaptureError, MissingPackage, SourceEnded
from edge.readings import Frame, Sound

Event = Any  # an item to give, an exception to raise, or a number of seconds that pass first


class Scripted:
    """A source that plays a list of events for each opening; the list's first exception may forbid to open."""

    def __init__(self, clock: Any, openings: list[list[Event]], *, live: bool = True) -> None:
        self.live = live
        self.name = "scripted"
        self.opened = 0
        self.is_open = False
        self._clock = clock
        self._openings = iter(openings)
        self._events: Iterator[Event] = iter(())

    def open(self) -> None:
        self.opened += 1
        events = next(self._openings, [NothingYet("")] * 100)
        if events and events[0] == "refuse":
            raise events[1]
        self.is_open = True
        self._events = iter(events)

    def read(self) -> Any:
        assert self.is_open
        for event in self._events:
            if isinstance(event, float):
                self._clock.pass_time(event)
            elif isinstance(event, Exception):
                if isinstance(event, NothingYet):
                    self._clock.pass_time(1.0)
                raise event
            else:
                return event
        raise SourceEnded("over")

    def close(self) -> None:
        self.is_open = False


class Bench:
    """A loop with everything that it said."""

    def __init__(self, clock: Any, source: Scripted, faults: Any = None, **more: Any) -> None:
        self.clock = clock
        self.source = source
        self.items: list[Any] = []
        self.said: list[tuple[str, str]] = []
        self.waits: list[float] = []
        self.loop: CaptureLoop[Any] = CaptureLoop(
            lambda: source,
            self.items.append,
            lambda state, reason: self.said.append((state, reason)),
            clock=clock,
            random=random.Random(1),
            faults=faults or CameraFaults(5.0),
            **more,
        )

    def run(self, seconds: float) -> None:
        """Steps until so much time has passed."""
        end = self.clock.monotonic() + seconds
        for _ in range(100_000):
            wait = self.loop.step()
            if wait > 0.0:
                self.waits.append(wait)
            if self.clock.monotonic() + wait > end:
                self.clock.now = end
                return
            self.clock.pass_time(wait)
        raise AssertionError("the loop never waits")


def moving(frame: Callable[..., Frame], count: int, every: float = 0.1) -> list[Event]:
    """Pictures that all differ, with time between."""
    return [event for n in range(count) for event in (frame(value=n % 250), every)]


def sound(value: float, time_: float = 0.0) -> Sound:
    return Sound(time_, np.full(1_600, value, dtype=np.float32))


def test_it_opens_delivers_and_says_online_once(clock: Any, frame: Any) -> None:
    bench = Bench(clock, Scripted(clock, [moving(frame, 10)]))
    bench.run(0.9)
    assert [item.number for item in bench.items] == list(range(1, 11))
    assert bench.said == [("online", "")]


def test_what_cannot_be_opened_is_tried_again_ever_more_slowly_and_told_once(clock: Any) -> None:
    refusal = ["refuse", CaptureError("camera is used by another program")]
    bench = Bench(clock, Scripted(clock, [refusal] * 100))
    bench.run(600.0)
    assert bench.said == [("offline", "camera is used by another program")]
    assert 0.75 <= bench.waits[0] <= 1.25
    assert all(later > earlier for earlier, later in zip(bench.waits[:5], bench.waits[1:6], strict=True))
    assert max(bench.waits) <= 60.0
    assert 12 <= bench.source.opened <= 20


def test_every_other_reason_is_told(clock: Any, frame: Any) -> None:
    bench = Bench(
        clock,
        Scripted(
            clock,
            [
                ["refuse", CaptureError("not found")],
                ["refuse", CaptureError("not found")],
                ["refuse", MissingPackage("install it")],
                [*moving(frame, 5), CaptureError("was unplugged")],
                moving(frame, 500),
            ],
        ),
    )
    bench.run(30.0)
    assert bench.said == [
        ("offline", "not found"),
        ("offline", "install it"),
        ("online", ""),
        ("offline", "was unplugged"),
        ("online", ""),
    ]
    assert [item.number for item in bench.items] == list(range(1, len(bench.items) + 1))


def test_a_source_that_cannot_even_be_made_is_a_failure_like_others(clock: Any) -> None:
    said: list[tuple[str, str]] = []

    def make() -> Source[Frame]:
        raise CaptureError("what follows the colon must be a number")

    loop: CaptureLoop[Frame] = CaptureLoop(
        make, lambda _: None, lambda *what: said.append(what),
        clock=clock, random=random.Random(1), faults=CameraFaults(5.0),
    )  # fmt: skip
    assert loop.step() > 0.0
    assert said == [("offline", "what follows the colon must be a number")]


def test_a_stable_minute_forgives_what_was_before(clock: Any, frame: Any) -> None:
    refusals = [["refuse", CaptureError("no")]] * 5
    openings = [*refusals, [*moving(frame, 700), CaptureError("gone")], moving(frame, 10)]
    bench = Bench(clock, Scripted(clock, openings))
    bench.run(120.0)
    assert bench.waits[5] <= 1.25

    short = Bench(clock, Scripted(clock, [*refusals, [*moving(frame, 100), CaptureError("gone")], moving(frame, 10)]))
    short.run(90.0)
    assert short.waits[5] >= 20.0


def test_a_stall_is_a_fault_after_its_time_and_the_source_is_reopened(clock: Any, frame: Any) -> None:
    silent = [NothingYet("")] * 3
    bench = Bench(clock, Scripted(clock, [moving(frame, 3) + silent + moving(frame, 3) + [NothingYet("")] * 9]))
    bench.run(9.0)
    assert bench.said == [("online", ""), ("offline", "no frame for 5 s")]
    assert len(bench.items) == 6
    assert not bench.source.is_open


def test_a_source_that_opens_and_never_gives_anything_is_never_online(clock: Any) -> None:
    bench = Bench(clock, Scripted(clock, []))
    bench.run(60.0)
    assert bench.said == [("offline", "no frame for 5 s")]


def test_a_frozen_picture_is_told_and_stays_offline_until_it_moves(clock: Any, frame: Any) -> None:
    frozen = [event for _ in range(100) for event in (frame(value=120), 0.1)]
    bench = Bench(clock, Scripted(clock, [moving(frame, 10) + frozen, frozen + moving(frame, 500)]))
    bench.run(5.5)
    assert bench.said == [("online", "")]
    bench.run(8.0)
    assert bench.said[1:] == [("offline", "the picture is frozen: the same for 5 s")]
    delivered = len(bench.items)
    assert 60 <= delivered <= 61  # nothing of what is known to be frozen
    bench.run(10.0)
    assert bench.said[2:] == [("online", "")]
    assert len(bench.items) > delivered


def test_a_black_frozen_picture_asks_about_the_lens(clock: Any, frame: Any) -> None:
    bench = Bench(clock, Scripted(clock, [[event for _ in range(100) for event in (frame(value=0), 0.1)]]))
    bench.run(6.0)
    assert "lens" in bench.said[-1][1]


def test_a_still_recording_is_not_frozen(clock: Any, frame: Any) -> None:
    still = [frame(time=n / 10, value=7) for n in range(200)]
    bench = Bench(clock, Scripted(clock, [still], live=False))
    bench.run(15.0)
    assert bench.said == [("online", "")]


def test_a_microphone_of_zeros_is_told_and_comes_back_with_sound(clock: Any) -> None:
    zeros = [event for _ in range(100) for event in (sound(0.0), 0.1)]
    heard = [event for _ in range(200) for event in (sound(0.01), 0.1)]
    bench = Bench(clock, Scripted(clock, [heard[:20] + zeros, zeros + heard]), MicrophoneFaults(9.0))
    bench.run(9.5)
    assert bench.said == [("online", "")]
    bench.run(12.0)
    assert bench.said[1][0] == "offline"
    assert bench.said[1][1].startswith("only silence (all zeros)")
    bench.run(10.0)
    assert bench.said[2:] == [("online", "")]


def test_a_microphone_that_gates_noise_is_deaf_for_a_second_in_half_a_minute_at_most(clock: Any) -> None:
    """Zeros for ever, opened anew now and then; what is said in between is heard at once."""
    zeros = [event for _ in range(5_000) for event in (sound(0.0), 0.1)]
    source = Scripted(clock, [zeros] * 20)
    bench = Bench(clock, source, MicrophoneFaults(4.0))
    bench.run(300.0)
    assert bench.said[1:] == [
        ("offline", "only silence (all zeros) for 4 s: muted, unplugged or used by another program?")
    ]
    assert 9 <= source.opened <= 11
    assert max(bench.waits) <= 1.0


def test_short_silence_and_single_samples_of_sound_are_fine(clock: Any) -> None:
    faint = Sound(0.0, np.eye(1, 1_600, dtype=np.float32)[0] * 1e-5)
    events = [event for _ in range(5) for event in [*([sound(0.0), 0.1] * 90), faint, 0.1]]
    bench = Bench(clock, Scripted(clock, [events]), MicrophoneFaults(10.0))
    bench.run(44.0)
    assert bench.said == [("online", "")]


def test_a_recording_plays_in_real_time_and_starts_over_without_a_gap(clock: Any, frame: Any) -> None:
    start = clock.monotonic()
    film = [frame(time=n / 10) for n in range(10)]
    bench = Bench(clock, Scripted(clock, [film] * 50, live=False))
    bench.run(0.55)
    assert [round(item.time - start, 6) for item in bench.items] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    bench.run(2.4)
    times = np.array([item.time for item in bench.items])
    np.testing.assert_allclose(np.diff(times), 0.1, atol=1e-6)
    assert [item.number for item in bench.items] == list(range(1, 31))
    assert bench.said == [("online", "")]


def test_a_recording_is_read_when_it_is_due_and_not_ahead(clock: Any, frame: Any) -> None:
    """As a camera gives its pictures; one wait for each."""
    source = Scripted(clock, [[frame(time=n / 10, value=n) for n in range(20)]], live=False)
    bench = Bench(clock, source)
    bench.run(1.55)
    assert len(bench.items) == 16
    assert len(list(source._events)) == 4
    assert len([wait for wait in bench.waits if wait > 0.01]) <= 17


def test_recorded_sound_arrives_when_its_last_sample_would(clock: Any) -> None:
    start = clock.monotonic()
    bench = Bench(
        clock, Scripted(clock, [[sound(0.1, n / 10) for n in range(5)]] * 9, live=False), MicrophoneFaults(10)
    )
    bench.run(0.099)
    assert bench.items == []
    bench.run(1.91)
    assert len(bench.items) == 20
    assert [round(item.time - start, 3) for item in bench.items[:6]] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_machine_too_slow_for_real_time_does_not_fall_behind_for_ever(clock: Any, frame: Any) -> None:
    slow = [event for n in range(100) for event in (0.3, frame(time=n / 10))]
    bench = Bench(clock, Scripted(clock, [slow], live=False))
    bench.run(25.0)
    assert clock.monotonic() - bench.items[-1].time < 1.0


def test_without_pace_a_recording_is_read_as_fast_as_possible(clock: Any, frame: Any) -> None:
    bench = Bench(clock, Scripted(clock, [[frame(time=n / 10) for n in range(300)]], live=False), pace=False)
    for _ in range(601):  # open, read, hand over, read, ...
        assert bench.loop.step() == 0.0
    assert len(bench.items) == 300


def test_an_empty_recording_is_a_fault_and_no_busy_loop(clock: Any) -> None:
    bench = Bench(clock, Scripted(clock, [[]] * 100, live=False))
    bench.run(100.0)
    assert bench.said == [("offline", "scripted: nothing in it")]
    assert bench.source.opened < 12


def test_the_heart_beats_also_while_waiting(clock: Any) -> None:
    bench = Bench(clock, Scripted(clock, [["refuse", CaptureError("no")]] * 100))
    bench.run(300.0)
    clock.pass_time(0.5)
    assert bench.loop.step() > 0
    assert bench.loop.heartbeat == clock.monotonic()


@pytest.mark.parametrize("seed", range(5))
def test_backoff_stays_within_its_cap(seed: int) -> None:
    backoff = Backoff(random.Random(seed))
    delays = [backoff.delay(0.0) for _ in range(2_000)]
    assert all(0.75 <= delay <= 60.0 for delay in delays)
    assert max(delays) > 50.0
    assert len({round(delay, 3) for delay in delays[20:40]}) > 3


# With a real thread


class Endless:
    """Live pictures every 10 ms, or what `trouble` makes of a read or an opening."""

    live = True
    name = "endless"

    def __init__(self, on_open: Callable[[], None] | None = None) -> None:
        self.is_open = False
        self._on_open = on_open
        self._count = 0

    def open(self) -> None:
        if self._on_open:
            self._on_open()
        self.is_open = True

    def read(self) -> Frame:
        time.sleep(0.01)
        self._count += 1
        image = np.full((4, 4, 3), self._count % 250, dtype=np.uint8)
        return Frame(time.monotonic(), 0, image, image[:, :, 0].copy())

    def close(self) -> None:
        self.is_open = False


class Said(list[tuple[str, str]]):
    """Reports, and a way to wait for one."""

    def __call__(self, state: str, reason: str) -> None:
        self.append((state, reason))

    def wait_for(self, state: str, seconds: float = 5.0) -> tuple[str, str]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for said in self:
                if said[0] == state:
                    return said
            time.sleep(0.005)
        raise AssertionError(f"{state} was never said: {list(self)}")


def threaded(make: Callable[[], Any], deliver: Callable[[Frame], None], said: Said) -> CaptureLoop[Frame]:
    return CaptureLoop(
        make, deliver, said, clock=SystemClock(), random=random.Random(1), faults=CameraFaults(5.0)
    )  # fmt: skip


def test_pause_releases_before_it_returns_and_resume_opens_again() -> None:
    items: list[Frame] = []
    source, said = Endless(), Said()
    loop = threaded(lambda: source, items.append, said)
    loop.start()
    try:
        said.wait_for("online")
        assert loop.pause()
        assert not source.is_open
        assert said[-1] == ("disabled", "privacy is on")
        count = len(items)
        time.sleep(0.1)
        assert len(items) == count
        said.clear()
        loop.resume()
        said.wait_for("online")
        assert source.is_open
    finally:
        assert loop.stop()
    assert not source.is_open


def test_a_loop_paused_before_it_starts_never_opens() -> None:
    source, said = Endless(), Said()
    loop = threaded(lambda: source, lambda _: None, said)
    assert loop.pause("quiet hours")
    loop.start()
    time.sleep(0.1)
    assert not source.is_open
    assert said == [("disabled", "quiet hours")]
    assert loop.stop()


def test_pause_ends_a_long_wait_for_the_next_try() -> None:
    def refuse() -> None:
        raise CaptureError("not found")

    said = Said()
    loop = threaded(lambda: Endless(refuse), lambda _: None, said)
    loop.start()
    said.wait_for("offline")
    began = time.monotonic()
    assert loop.pause()
    assert time.monotonic() - began < 0.5
    assert loop.stop()


def test_an_unexpected_exception_is_told_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def first_time() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("driver")

    said = Said()
    loop = threaded(lambda: Endless(first_time), lambda _: None, said)
    loop.start()
    assert "ZeroDivisionError" in said.wait_for("offline")[1]
    said.wait_for("online")
    assert loop.stop()


class Hanging:
    """A device whose grab, or whose opening, blocks until it is freed."""

    def __init__(self, freed: threading.Event, reached: threading.Event) -> None:
        self._freed, self._reached = freed, reached
        self.released = False

    def grab(self) -> Frame | None:
        self._reached.set()
        self._freed.wait(20)
        return None

    def release(self) -> None:
        self.released = True


class Grabbed:
    """A live source over a grabber."""

    live = True
    name = "hanging camera"

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._grabber: Grabber[Frame] = Grabber(self.name, connect)
        self.open, self.read, self.close = self._grabber.open, self._grabber.read, self._grabber.close


def test_a_camera_that_hangs_holds_up_neither_pause_nor_stop_and_is_said_to_hang() -> None:
    freed, reached, said = threading.Event(), threading.Event(), Said()
    device = Hanging(freed, reached)
    loop = threaded(lambda: Grabbed(lambda: device), lambda _: None, said)
    loop.start()
    assert reached.wait(2)
    began = time.monotonic()
    assert not loop.pause()  # it cannot be released, and this is not claimed
    assert time.monotonic() - began < 2.2
    assert said == []
    freed.set()
    said.wait_for("disabled")
    assert device.released
    assert loop.stop()


def test_an_opening_that_hangs_is_cut_short() -> None:
    freed, reached, said = threading.Event(), threading.Event(), Said()
    device = Hanging(freed, reached)

    def connect() -> Hanging:
        reached.set()
        freed.wait(20)
        return device

    loop = threaded(lambda: Grabbed(connect), lambda _: None, said)
    loop.start()
    assert reached.wait(2)
    began = time.monotonic()
    assert not loop.stop()
    assert time.monotonic() - began < 2.5
    freed.set()
    end = time.monotonic() + 3
    while not device.released and time.monotonic() < end:
        time.sleep(0.01)
    assert device.released  # as soon as it answers


def test_a_camera_that_does_not_let_go_is_not_opened_a_second_time(clock: Any) -> None:
    class Stuck(Scripted):
        def close(self) -> None:
            raise CaptureError("hangs and does not let go")

    bench = Bench(clock, Stuck(clock, [[NothingYet("")] * 20] * 20))
    bench.run(120.0)
    assert bench.source.opened == 1
    assert bench.said == [
        ("offline", "no frame for 5 s"),
        ("offline", "the driver does not respond; the device could not be closed: unplug it, plug it in again"),
    ]
