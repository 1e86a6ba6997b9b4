"""Requests that take a while: done in a thread of their own, so that the decision loop waits for no disk or network."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.device.clock import Clock
from edge.errors import EdgeError
from edge.messages.commands import Command
from edge.service.supervision import Worker

log = logging.getLogger(__name__)

FRESH_S = 10.0  # an answer may be given again for this long: whoever asks in a loop must not wear out the card
BEAT_S = 20.0  # how long the thread waits for something to do before it shows that it lives
_ASKERS = 16  # that wait for the same answer


@dataclass(frozen=True, slots=True)
class BackgroundAnswer:
    """The answer to a command that was not answered at once."""

    command: Command
    data: Any
    error: str | None = None


class BackgroundRequests:
    """One after the other; who asks meanwhile gets the same answer, who asks soon afterwards the last one.

    `deliver` is called in the thread that does the work, or at once where the answer is known.
    """

    def __init__(self, deliver: Callable[[BackgroundAnswer], object], clock: Clock) -> None:
        self.worker = Worker("background", self._step, clock, wake=lambda: self._waiting.put(None))
        self._deliver = deliver
        self._clock = clock
        self._waiting: queue.SimpleQueue[tuple[str, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._askers: dict[str, list[Command]] = {}  # by name, of what is being worked on
        self._last: dict[str, tuple[float, BackgroundAnswer]] = {}  # by name, and when it was found

    def run(self, command: Command, work: Callable[[], Any]) -> None:
        """Have it done, or join those who wait already; EdgeError if too many of them do."""
        with self._lock:
            found_at, last = self._last.get(command.name, (0.0, None))
            if last is None or self._clock.monotonic() - found_at >= FRESH_S:
                last = None
                askers = self._askers.setdefault(command.name, [])
                if len(askers) >= _ASKERS:
                    raise EdgeError("too many wait for the same answer; ask again later")
                askers.append(command)
                if len(askers) == 1:
                    self._waiting.put((command.name, work))
        if last is not None:
            self._deliver(BackgroundAnswer(command, last.data, last.error))

    def _step(self) -> None:
        try:
            wanted = self._waiting.get(timeout=BEAT_S)
        except queue.Empty:
            return
        if wanted is None:  # woken to end
            return
        name, work = wanted
        data, error = None, "could not be finished; the log says why"
        try:
            data, error = work(), ""
        except EdgeError as refused:
            error = str(refused)
        except Exception as fault:
            log.exception("request %s failed", name)
            error = f"{type(fault).__name__}: {fault}"
        finally:
            with self._lock:
                askers = self._askers.pop(name)
                answers = [BackgroundAnswer(asker, data, error or None) for asker in askers]
                self._last[name] = (self._clock.monotonic(), answers[0])
            for answer in answers:
                self._deliver(answer)
