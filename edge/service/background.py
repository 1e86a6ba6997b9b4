"""Requests that take a while: done in a thread, so that the decision loop does not wait for disks and networks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.device.clock import Clock
from edge.errors import EdgeError
from edge.messages.commands import Command

log = logging.getLogger(__name__)

FRESH_S = 10.0  # an answer may be given again for this long: whoever asks in a loop must not wear out the card
_ASKERS = 16  # that wait for the same answer


@dataclass(frozen=True, slots=True)
class BackgroundAnswer:
    """The answer to a request that took a while."""

    command: Command
    data: Any
    error: str | None = None


class BackgroundRequests:
    """One at a time of each name; who asks meanwhile gets the same answer, who asks soon afterwards the last one.

    `deliver` is called in the thread that did the work, or at once where the answer is known.
    """

    def __init__(self, deliver: Callable[[BackgroundAnswer], object], clock: Clock) -> None:
        self._deliver = deliver
        self._clock = clock
        self._lock = threading.Lock()
        self._askers: dict[str, list[Command]] = {}  # by name, of what is being worked on
        self._last: dict[str, tuple[float, BackgroundAnswer]] = {}  # by name, and when it was found

    def run(self, command: Command, work: Callable[[], Any]) -> None:
        """Begin, or join those who wait already; EdgeError if too many of them do."""
        with self._lock:
            found_at, last = self._last.get(command.name, (0.0, None))
            if last is None or self._clock.monotonic() - found_at >= FRESH_S:
                last = None
                askers = self._askers.setdefault(command.name, [])
                if len(askers) >= _ASKERS:
                    raise EdgeError("too many wait for the same answer; ask again later")
                askers.append(command)
                if len(askers) > 1:
                    return
        if last is not None:
            self._deliver(BackgroundAnswer(command, last.data, last.error))
            return
        threading.Thread(target=self._work, args=(command, work), name=f"request-{command.name}", daemon=True).start()

    def _work(self, command: Command, work: Callable[[], Any]) -> None:
        try:
            answer = BackgroundAnswer(command, work())
        except EdgeError as error:
            answer = BackgroundAnswer(command, None, str(error))
        except Exception as error:
            log.exception("request %s failed", command.name)
            answer = BackgroundAnswer(command, None, f"{type(error).__name__}: {error}")
        with self._lock:
            askers = self._askers.pop(command.name)
            self._last[command.name] = (self._clock.monotonic(), answer)
        for asker in askers:
            self._deliver(BackgroundAnswer(asker, answer.data, answer.error))
