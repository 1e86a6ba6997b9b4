"""A thread that others watch over: whether it lives, when it last showed life, and a start again after it died."""

from __future__ import annotations

import threading

from edge.device.clock import Clock


class WatchedThread:
    """Does `_run` in a thread of its own, which has to end soon after `_stopping` is set."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.heartbeat = clock.monotonic()  # when it last showed life
        self._clock = clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """The thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """It was told to end."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin, or begin again after it died; returns at once."""
        self.heartbeat = self._clock.monotonic()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended in time."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        raise NotImplementedError
