"""The thread that owns one source: opens it, reads it, delivers, and opens it again when it fails."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from edge.capture.backoff import Backoff
from edge.capture.base import NothingYet, Source, Thinnable
from edge.capture.faults import Faults
from edge.capture.playback_clock import PlaybackClock
from edge.device.clock import Clock
from edge.device.thread import WatchedThread
from edge.errors import CaptureError, EdgeError, SourceEnded
from edge.readings import Frame, Sound

T = TypeVar("T", Frame, Sound)
Report = Callable[[Literal["online", "offline", "disabled"], str], None]

MAX_WAIT_S = 1.0  # between two signs of life
AGAIN_S = 1.0  # until a source that gives nothing sensible is opened anew
EARLY = 0.9  # of the time between two items: sources come a little early now and then
CLOSE_S = 2.0  # how long pause() and stop() wait for a device to let go

log = logging.getLogger(__name__)


class CaptureLoop(WatchedThread, Generic[T]):
    """Keeps one camera, microphone or recording going.

    `source` makes a source for every opening. `deliver` and `report` are called in the loop's thread; `report` only
    on a change. With `pace` a recording plays in real time and starts over at its end, with the times of now. There is
    no heartbeat while the driver does not close the device.
    """

    def __init__(
        self,
        source: Callable[[], Source[T]],
        deliver: Callable[[T], None],
        report: Report,
        *,
        clock: Clock,
        random: random.Random,
        faults: Faults[T],
        pace: bool = True,
        name: str = "capture",
    ) -> None:
        super().__init__(name, clock)
        self._make: Callable[[], Source[T]] = source
        self._deliver: Callable[[T], None] = deliver
        self._report = report
        self._faults: Faults[T] = faults
        self._backoff = Backoff(random)
        self._pace: PlaybackClock[T] = PlaybackClock(real_time=pace)
        self._source: Source[T] | None = None
        self._is_open = False
        self._unclosed = False  # the last attempt to close it failed
        self._waiting: tuple[float, T] | None = None  # read ahead of its time, and when it is due
        self._due = float("-inf")  # when the last item of a recording was
        self._every_s = 0.0
        self._delivered = float("-inf")
        self._retry_at = clock.monotonic()
        self._online_since: float | None = None
        self._told: tuple[str, str] | None = None
        self._pause_reason = ""
        self._paused = threading.Event()
        self._released = threading.Event()
        self._wake = threading.Event()

    def stop(self, timeout: float = CLOSE_S) -> bool:
        """End the thread and release the device; False if its driver did not respond in time."""
        self._stopping.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout * 0.15)
        if self._thread.is_alive():
            self._cut_short()
            self._thread.join(timeout * 0.2)
        return not self._thread.is_alive() and self._source is None

    def pause(self, reason: str = "privacy is on", timeout: float = CLOSE_S) -> bool:
        """Release the device and leave it alone. Returns when it is closed.

        False: its driver did not respond in time. It is closed as soon as it does; nothing is delivered meanwhile.
        """
        self._pause_reason = reason
        self._released.clear()
        self._paused.set()
        self._wake.set()
        if self._thread is None:
            self._tell("disabled", reason)
            return True
        if not self._released.wait(timeout * 0.15):
            self._cut_short()
        return self._released.wait(timeout * 0.2)

    def resume(self) -> None:
        """Open the device again, now."""
        self._backoff.reset()
        self._retry_at = self._clock.monotonic()
        self._paused.clear()
        self._wake.set()

    def thin(self, every_s: float) -> None:
        """Deliver no more often than this; 0: all that comes. What is left out is left out as early as possible."""
        self._every_s = every_s
        source = self._source
        if isinstance(source, Thinnable):
            source.thin(every_s)

    def step(self) -> float:
        """One step of the loop; returns how long to wait before the next."""
        now = self._clock.monotonic()
        if not self._unclosed:
            self.heartbeat = now
        if self._paused.is_set():
            return self._rest()
        if self._source is None or not self._is_open:
            return self._retry_at - now if now < self._retry_at else self._open()
        if self._waiting is not None:
            due, item = self._waiting
            if now < due:
                return due - now
            self._waiting = None
            self._hand_over(item)
            return self._until_next(due, now)
        return self._read(self._source)

    def _until_next(self, due: float, now: float) -> float:
        """How long a recording in real time is left alone: reading ahead would compete with who has the item now."""
        apart, self._due = due - self._due, due
        return max(0.0, due + apart - now) if self._pace.real_time and apart <= MAX_WAIT_S else 0.0

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                wait = self.step()
            except Exception as error:
                log.exception("capture failed unexpectedly")
                wait = self._fail(f"unexpected fault: {type(error).__name__}: {error}")
            if wait > 0:
                self._wake.wait(min(wait, MAX_WAIT_S))
                self._wake.clear()
        self._release()

    def _rest(self) -> float:
        if not self._release():
            return 0.2
        self._tell("disabled", self._pause_reason)
        self._released.set()
        return MAX_WAIT_S

    def _open(self) -> float:
        if not self._release():  # it hung at its last end: a second opening would find it busy
            return self._fail(
                "the driver does not respond; the device could not be closed: unplug it, plug it in again"
            )
        try:
            self._source = self._make()
            self.thin(self._every_s)
            self._source.open()
        except EdgeError as error:
            return self._fail(str(error))
        self._is_open = True
        now = self._clock.monotonic()
        self._faults.opened(now)
        self._pace.opened(now)
        return 0.0

    def _read(self, source: Source[T]) -> float:
        try:
            item = source.read()
        except NothingYet:
            stalled = self._faults.stalled(self._clock.monotonic())
            return self._fail(stalled) if stalled else 0.0
        except SourceEnded:
            return self._start_over(source)
        except EdgeError as error:
            return self._fail(str(error))
        now = self._clock.monotonic()
        if source.live:
            fault = self._faults.judge(item, now)
            if fault:  # it can be opened: soon again, for that may mend it, and the next time with patience
                return self._fail(fault, after=AGAIN_S)
            if not self._faults.suspect:
                self._hand_over(self._pace.numbered(item))
            return 0.0
        due, item = self._pace.placed(item, now)
        self._waiting = (due, item)
        return max(0.0, due - now)

    def _hand_over(self, item: T) -> None:
        if self._paused.is_set() or self._stopping.is_set():
            return
        if self._online_since is None:
            self._online_since = self._clock.monotonic()
        self._tell("online", getattr(self._source, "note", ""))  # a sample says that it is one
        if item.time - self._delivered >= EARLY * self._every_s or item.time < self._delivered:
            self._delivered = item.time
            self._deliver(item)

    def _start_over(self, source: Source[T]) -> float:
        if self._pace.empty:
            return self._fail(f"{source.name}: nothing in it")
        self._pace.ended()
        self._release()
        self._retry_at = self._clock.monotonic()
        return 0.0

    def _fail(self, reason: str, after: float | None = None) -> float:
        now = self._clock.monotonic()
        ran_for = now - self._online_since if self._online_since is not None else 0.0
        delay = self._backoff.delay(ran_for) if after is None else after
        self._online_since = None
        self._retry_at = now + delay
        if not (self._paused.is_set() or self._stopping.is_set()):
            self._tell("offline", reason)
        self._release()  # after telling: a device that failed may take its time to let go
        return delay

    def _release(self) -> bool:
        """Close what is open; False while its driver does not respond."""
        self._is_open = False
        self._waiting = None
        if self._source is None:
            return True
        try:
            self._source.close()
        except CaptureError:
            self._unclosed = True
            return False
        self._source, self._unclosed = None, False
        return True

    def _cut_short(self) -> None:
        """The thread is held up inside its source: close that from here, which every source allows."""
        source = self._source
        if source is not None:
            with contextlib.suppress(CaptureError):
                source.close()

    def _tell(self, state: Literal["online", "offline", "disabled"], reason: str) -> None:
        if self._told != (state, reason):
            self._told = (state, reason)
            self._report(state, reason)
