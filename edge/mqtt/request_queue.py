"""Commands from the broker that wait to be handed on: bounded, whoever floods us, and privacy is never dropped."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise

from edge.messages.commands import Command, Refusal
from edge.mqtt.connection import Requested
from edge.rate_limit import RateLimit

COMMANDS = (200, 0.02)  # so many at once, then one in so many seconds: a flood must not cost a core
REFUSALS = (100, 0.05)  # that are answered; the rest is only counted
PRIVACY = 16  # commands of the privacy switch that wait

TOO_MANY = "too many commands at once; try again in some seconds"
SUPERSEDED = "superseded by a newer command for the privacy switch"


class RequestQueue:
    """Not safe for threads: its owner holds a lock."""

    def __init__(self, now: float) -> None:
        self.refused = 0  # because there were too many
        self._waiting: deque[Requested] = deque()
        self._commands = RateLimit(*COMMANDS, now)
        self._refusals = RateLimit(*REFUSALS, now)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, request: Requested, now: float) -> None:
        """Add a command, or an answer that refuses it. A valid one for the privacy switch always finds a place."""
        if isinstance(request.command, Command) and request.command.kind == "privacy":
            self._put_privacy(request, now)
        elif isinstance(request.command, Refusal):  # nonsense takes no room from what could be carried out
            self._refuse(request, request.command.error, now)
        elif self._commands.wait(now) > 0.0:
            self._refuse(request, TOO_MANY, now)
        else:
            self._commands.take()
            self._waiting.append(request)

    def take(self) -> list[Requested]:
        """All that wait, in the order of their arrival."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def _put_privacy(self, request: Requested, now: float) -> None:
        """Where too many wait, one that repeats goes, or the oldest OFF; an ON is dropped only for a newer ON."""
        waiting = [each for each in self._waiting if _switches(each) is not None]
        self._waiting.append(request)
        if len(waiting) < PRIVACY:
            return
        chain = [*waiting, request]
        doubled = next((each for each, following in pairwise(chain) if _switches(each) == _switches(following)), None)
        victim = doubled or next(each for each in chain if _switches(each) is False)
        self._waiting = deque(each for each in self._waiting if each is not victim)
        self._refuse(victim, SUPERSEDED, now)

    def _refuse(self, request: Requested, why: str, now: float) -> None:
        command = request.command
        answered = command is not None and self._refusals.wait(now) == 0.0
        self.refused += not (answered and isinstance(command, Refusal))
        if command is None or not answered:
            return
        self._refusals.take()
        name = command.answers_on if isinstance(command, Command) else command.name
        self._waiting.append(replace(request, command=Refusal(name, why, command.transaction), retained=False))


def _switches(request: Requested) -> bool | None:
    """What a command of the privacy switch wants; None for any other."""
    command = request.command
    return bool(command.value) if isinstance(command, Command) and command.kind == "privacy" else None
