"""Threads and whoever watches over them: what died is started again within limits, what hangs ends the process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from edge.device.clock import Clock
from edge.device.thread import WatchedThread

log = logging.getLogger(__name__)

HUNG_S = 10.0  # a step takes milliseconds; this long means that it never ends
RESTARTS = 5  # within RESTART_WINDOW_S; more means that restarting does not help
RESTART_WINDOW_S = 300.0
TOLD_S = 3_600.0  # a restart is told in `health` for this long


class Supervised(Protocol):
    """A thread that can be judged and started again."""

    @property
    def name(self) -> str: ...
    @property
    def heartbeat(self) -> float:
        """When it last showed life, monotonic."""

    @property
    def alive(self) -> bool: ...
    @property
    def stopping(self) -> bool:
        """It was told to end: that it does is no fault."""

    def start(self) -> None:
        """Begin, or begin again after it died."""


class Worker(WatchedThread):
    """Runs `step` over and over in a thread of its own until told to stop.

    `step` must return well within the time after which its supervisor takes it to hang; `wake` ends its wait at once.
    """

    def __init__(
        self, name: str, step: Callable[[], None], clock: Clock, wake: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(name, clock)
        self._step = step
        self._wake = wake

    def stop(self) -> None:
        """Ask it to end; `join` waits for it."""
        self._stopping.set()
        self._wake()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._step()
                self.heartbeat = self._clock.monotonic()
        except Exception:
            log.exception("worker %s failed", self.name)


class Supervisor:
    """Judges every thread of the service by its heartbeat. Belongs to the decision loop, which asks once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checked = self._back = clock.monotonic()
        self._watched: list[tuple[Supervised, float]] = []
        self._restarted: dict[str, list[float]] = {}

    def watch(self, threads: Iterable[Supervised], hung_s: float | None = None) -> None:
        """From now on these too; without a heartbeat for `hung_s` (HUNG_S) they hang."""
        for thread in threads:
            self._watched.append((thread, HUNG_S if hung_s is None else hung_s))
            self._restarted[thread.name] = []

    def check(self) -> str | None:
        """Start again what died. Returns why the process should end, or None while all threads turn.

        To be called about once a second: what no thread could do while the caller was kept from running is forgiven.
        """
        now = self._clock.monotonic()
        if now - self._checked > HUNG_S / 2:  # the process was stopped: no thread had the chance to show life
            self._back = now
        self._checked = now
        for thread, hung_s in self._watched:
            if thread.stopping:
                continue
            silent = now - max(thread.heartbeat, self._back)
            if not thread.alive:
                recent = [at for at in self._restarted[thread.name] if now - at < RESTART_WINDOW_S]
                if len(recent) >= RESTARTS:
                    return f"thread {thread.name} died {len(recent)} times within {RESTART_WINDOW_S:.0f} s"
                self._restarted[thread.name] = [at for at in self._restarted[thread.name] if now - at < TOLD_S]
                self._restarted[thread.name].append(now)
                log.warning("thread %s died and is started again", thread.name)
                thread.start()
            elif silent > hung_s:
                return f"thread {thread.name} has not responded for {silent:.0f} s"
        return None

    def restarts(self) -> dict[str, int]:
        """How often each was started again within the last hour, for `health`."""
        now = self._clock.monotonic()
        counts = {name: sum(now - at < TOLD_S for at in times) for name, times in self._restarted.items()}
        return {name: count for name, count in counts.items() if count}


def stop_together(parts: Iterable[Callable[[float], object]], seconds: float) -> bool:
    """Call each with the seconds that it has, all at the same time. Whether all of them returned in time."""
    threads = [threading.Thread(target=_stopped, args=(part, seconds), daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    end = threading.Event()
    threading.Thread(target=_joined, args=(threads, end), daemon=True).start()
    return end.wait(seconds)


def _stopped(part: Callable[[float], object], seconds: float) -> None:
    try:
        part(seconds)
    except Exception:  # nothing may keep the rest from being released
        log.exception("while stopping")


def _joined(threads: list[threading.Thread], end: threading.Event) -> None:
    for thread in threads:
        thread.join()
    end.set()
