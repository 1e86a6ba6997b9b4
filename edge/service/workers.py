"""Worker threads and whoever watches over them: restart what died, give up on what hangs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.device.clock import Clock

log = logging.getLogger(__name__)

HUNG_S = 10.0  # a step takes milliseconds; this long means that it never ends
RESTARTS = 5  # within RESTART_WINDOW_S; more means that restarting does not help
RESTART_WINDOW_S = 300.0


class Supervised(Protocol):
    """A thread that can be judged and started again."""

    name: str
    heartbeat: float  # monotonic

    @property
    def alive(self) -> bool: ...
    @property
    def stopping(self) -> bool: ...
    def start(self) -> None: ...


class Worker:
    """Runs `step` over and over in a thread of its own until told to stop. `step` must return within a second."""

    def __init__(self, name: str, step: Callable[[], None], clock: Clock) -> None:
        self.name = name
        self.heartbeat = clock.monotonic()
        self._step = step
        self._clock = clock
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self.heartbeat = self._clock.monotonic()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; `join` waits for it."""
        self._stop.set()

    def join(self, timeout: float) -> bool:
        """Whether it ended in time."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._step()
                self.heartbeat = self._clock.monotonic()
        except Exception:
            log.exception("worker %s failed", self.name)


class Supervisor:
    """Judges workers by their heartbeats. `check` is called about once a second by the main thread."""

    def __init__(self, workers: Sequence[Supervised], clock: Clock) -> None:
        self._workers = workers
        self._clock = clock
        self._restarted: dict[str, list[float]] = {worker.name: [] for worker in workers}

    def check(self) -> str | None:
        """Restart what died. Returns why the process should end, or None while all is well."""
        now = self._clock.monotonic()
        for worker in self._workers:
            if worker.stopping:
                continue
            if not worker.alive:
                recent = [t for t in self._restarted[worker.name] if now - t < RESTART_WINDOW_S]
                if len(recent) >= RESTARTS:
                    return f"worker {worker.name} died {len(recent)} times within {RESTART_WINDOW_S:.0f} s"
                self._restarted[worker.name] = [*recent, now]
                worker.start()
            elif now - worker.heartbeat > HUNG_S:
                return f"worker {worker.name} has been hanging for {now - worker.heartbeat:.0f} s"
        return None

    def restarts(self) -> dict[str, int]:
        """How often each was restarted lately, for `health`."""
        return {name: len(times) for name, times in self._restarted.items() if times}
