"""Minutes of past days on the device, where the owner wants them: gathered in the decision loop, written in batches by
a thread of their own, so that a card lives and nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from edge.device.clock import DAY_S, Clock, DailyCount
from edge.device.database import DamagedDatabase, remove
from edge.errors import StorageError
from edge.history.minutes import NOTHING, Gathered, Minute, Total, add, joined, minute, total_of
from edge.history.store import HistoryStore
from edge.messages.payloads import Payload, SummaryPayload
from edge.service.supervision import Worker

log = logging.getLogger(__name__)

T = TypeVar("T")

WRITE_S = 900.0  # minutes are written together: every quarter of an hour, and at the end
DROP_S = 3_600.0  # what is too old is deleted so often
RETRY_S = 60.0  # a disk that failed is tried again after this long
HOUR_S = 3_600.0  # what somebody who switches privacy on wants forgotten, as the page forgets it
_WAITING = 1_440  # minutes in memory at most: a day, for a disk or a clock that is not ready
_BEAT_S = 20.0


class HistoryRecorder:
    """An observer of the service (see edge.service.outlets), and what the page asks about past days.

    The file is guarded by a lock: the worker writes, the page's thread reads, privacy deletes.
    """

    def __init__(self, path: Path, keep_days: int, clock: Clock, *, synced: Callable[[], bool]) -> None:
        """`synced` says whether the wall clock can be trusted; until it can, minutes wait in memory."""
        self.keep_days = keep_days
        self.trouble = ""  # why nothing can be written; empty when all is well
        self.worker = Worker("history", self.step, clock, wake=self.wake)
        self._path = path
        self._clock = clock
        self._synced = synced
        self._clock_known = False  # once right it stays right for long, whatever the kernel says without a network
        self._gathered: Gathered | None = None  # not a whole minute yet; of the decision loop
        self._waiting: deque[Gathered] = deque(maxlen=_WAITING)
        self._wake = threading.Event()
        self._lock = threading.Lock()  # of all that follows, and of what leaves `_waiting`
        self._store: HistoryStore | None = None
        self._write_at = clock.monotonic() + WRITE_S
        self._drop_at = clock.monotonic()
        self._written = DailyCount(clock)

    # From the decision loop

    def start(self) -> None:
        self.worker.start()

    def notify(self, topic: str, payload: Payload | str, captured: float | None) -> None:
        """Summaries alone are of interest: nothing here is about a single person."""
        if topic != "summary" or not isinstance(payload, SummaryPayload):
            return
        end = self._clock.monotonic() if captured is None else captured
        gathered = joined(self._gathered, payload, end)
        self._gathered = None if gathered.whole else gathered
        if gathered.whole:
            self._waiting.append(gathered)

    def stop(self) -> None:
        """Write what waits and end."""
        self.worker.stop()
        self.worker.join(2.0)
        if self._gathered is not None:
            self._waiting.append(self._gathered)
            self._gathered = None
        with self._lock:
            self._write()
            self._close()

    def wake(self) -> None:
        """Have the worker look now."""
        self._wake.set()

    @property
    def bytes_today(self) -> int:
        """Handed to the disk since midnight (UTC)."""
        return self._written.today

    # From any thread

    def forget_lately(self) -> None:
        """Privacy, because somebody asked for it: the past hour goes. StorageError if it cannot be deleted."""
        self._gathered = None
        with self._lock:
            now = self._clock.monotonic()
            self._take_out(each for each in list(self._waiting) if now - each.end < HOUR_S)
            if self._store is not None or self._path.exists():
                self._guarded(lambda store: store.delete(since=self._clock.wall() - HOUR_S))

    def delete(self) -> None:
        """Everything goes. StorageError if it cannot be deleted."""
        with self._lock:
            self._waiting.clear()
            self._close()
            remove(self._path)

    def first(self) -> int | None:
        """The time of day of the oldest minute."""
        with self._lock:
            known = [each.begin for each in self._minutes_waiting()]
            stored = self._guarded(lambda store: store.first()) if self._path.exists() else None
        return min([*known, *([] if stored is None else [stored])], default=None)

    def between(self, start: float, end: float) -> list[Minute]:
        """The minutes that began within a time, in order."""
        with self._lock:
            found = self._guarded(lambda store: store.between(start, end)) if self._path.exists() else []
            return found + [each for each in self._minutes_waiting() if start <= each.begin < end]

    def totals(self, start: int, end: int, step: int) -> dict[int, Total]:
        """Summed up over each `step` seconds after `start`; only steps of which something is known."""
        with self._lock:
            found = self._guarded(lambda store: store.totals(start, end, step)) if self._path.exists() else {}
            for each in self._minutes_waiting():
                if start <= each.begin < end:
                    at = (each.begin - start) // step
                    found[at] = add(found.get(at, NOTHING), total_of(each))
        return found

    # In the worker

    def step(self) -> None:
        """Write and delete what is due; called over and over."""
        self._wake.wait(_BEAT_S)
        self._wake.clear()
        now = self._clock.monotonic()
        with self._lock:
            if now >= self._write_at:
                self._write_at = now + (WRITE_S if self._write() else RETRY_S)
            if now >= self._drop_at and self._knows_time():
                self._drop_at = now + DROP_S
                self._drop_old()

    # With the lock

    def _write(self) -> bool:
        """Whether nothing waits any more, but for a clock that is not known."""
        if not (self._waiting and self._knows_time()):
            return True
        waiting = list(self._waiting)
        try:
            self._guarded(lambda store: store.write(self._timed(waiting)))
        except StorageError:
            return False
        self._take_out(waiting)
        return True

    def _drop_old(self) -> None:
        if self._path.exists():
            before = self._clock.wall() - self.keep_days * DAY_S
            try:
                self._guarded(lambda store: store.delete(before=before))
            except StorageError:
                return

    def _minutes_waiting(self) -> list[Minute]:
        return self._timed(list(self._waiting)) if self._knows_time() else []

    def _timed(self, waiting: list[Gathered]) -> list[Minute]:
        ahead = self._clock.wall() - self._clock.monotonic()
        return [minute(each, each.end + ahead) for each in waiting]

    def _knows_time(self) -> bool:
        self._clock_known = self._clock_known or self._synced()
        return self._clock_known

    def _take_out(self, those: Iterable[Gathered]) -> None:
        for each in those:
            with suppress(ValueError):  # a full queue has let it go
                self._waiting.remove(each)

    def _guarded(self, work: Callable[[HistoryStore], T]) -> T:
        """Do something with the file. One that is damaged is deleted, and begun anew; other faults are told once."""
        try:
            try:
                done = work(self._opened())
            except DamagedDatabase as damaged:
                log.warning("history: %s; the file is deleted, and the history begins anew", damaged)
                self._close()
                remove(self._path)
                done = work(self._opened())
        except StorageError as error:
            if not self.trouble:
                log.warning("history: %s; free space or check the permissions; it is tried again", error)
            self.trouble = str(error)
            self._close()
            raise
        if self.trouble:
            log.info("history: %s can be written again", self._path)
        self.trouble = ""
        return done

    def _opened(self) -> HistoryStore:
        if self._store is None:
            self._store = HistoryStore(self._path, self._written)
        return self._store

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
