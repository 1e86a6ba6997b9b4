"""Everything that reaches the decision loop: each kind has a place of its own, so a flood of one drowns no other."""

from __future__ import annotations

import threading
from collections import deque

from edge.messages.commands import Command
from edge.readings import FacesReading, SourceStatus, SpeechReading
from edge.service.background import BackgroundAnswer

READINGS = 64
COMMANDS = 64
PRIVACY = 16

Item = FacesReading | SpeechReading | SourceStatus | Command | BackgroundAnswer


class Inbox:
    """Filled from any thread, emptied by one; nobody waits for room.

    The privacy switch, the latest status of each source and the latest document of a fleet are never dropped. Of the
    readings the oldest goes, and is counted. Other commands are refused where too many wait.
    """

    def __init__(self) -> None:
        self.readings_dropped = 0
        self.refused = 0
        self._filled = threading.Condition()
        self._privacy: deque[Command] = deque()
        self._statuses: dict[str, SourceStatus] = {}
        self._answers: deque[BackgroundAnswer] = deque()
        self._superseded: deque[BackgroundAnswer] = deque(maxlen=PRIVACY)
        self._readings: deque[FacesReading | SpeechReading] = deque()
        self._commands: deque[Command] = deque()
        self._documents: dict[str, Command] = {}  # the newest of the fleet of each kind and name

    def put(self, item: Item) -> bool:
        """False: a command that is refused, because too many wait; whoever brought it answers so."""
        with self._filled:
            taken = self._placed(item)
            if _is_news(item):
                self._filled.notify()
        return taken

    def take(self, timeout: float) -> list[Item]:
        """All that is there, what matters most first; waits up to `timeout` seconds for something.

        What is no news waits as long: faces that were only followed in a frame, which most frames are.
        """
        with self._filled:
            if not len(self):
                self._filled.wait(timeout)
            items: list[Item] = [
                *self._privacy, *self._superseded, *self._statuses.values(), *self._answers, *self._readings,
                *self._documents.values(), *self._commands,
            ]  # fmt: skip
            self._documents.clear()
            for place in (self._privacy, self._superseded, self._statuses, self._answers, self._readings):
                place.clear()
            self._commands.clear()
        return items

    def __len__(self) -> int:
        places = (self._privacy, self._superseded, self._statuses, self._answers, self._readings, self._commands)
        return sum(len(place) for place in places) + len(self._documents)

    def _placed(self, item: Item) -> bool:
        if isinstance(item, SourceStatus):
            self._statuses.pop(item.source, None)  # the newest stands behind the other's older one
            self._statuses[item.source] = item
        elif isinstance(item, BackgroundAnswer):
            self._answers.append(item)  # as many as there are names of requests
        elif not isinstance(item, Command):
            self._readings.append(item)
            if len(self._readings) > READINGS:
                self._readings.popleft()
                self.readings_dropped += 1
        elif item.kind in ("desired", "job"):
            self._documents[f"{item.kind} {item.name}"] = item
        elif item.kind == "privacy":
            self._place_privacy(item)
        elif len(self._commands) >= COMMANDS:
            self.refused += 1
            return False
        else:
            self._commands.append(item)
        return True

    def _place_privacy(self, command: Command) -> None:
        """The last word holds. Where too many wait, one goes that the next one repeats, or the oldest OFF with what
        it ended: an ON is dropped only for a later word."""
        self._privacy.append(command)
        if len(self._privacy) <= PRIVACY:
            return
        waiting = list(self._privacy)
        repeated = next((i for i in range(PRIVACY) if waiting[i].value == waiting[i + 1].value), 0)
        self._superseded.append(BackgroundAnswer(waiting.pop(repeated), None, "superseded by a later privacy command"))
        self.refused += 1
        self._privacy = deque(waiting)


def _is_news(item: Item) -> bool:
    """Whether it may change what is decided at once, or asks for something."""
    return not isinstance(item, FacesReading) or any(face.time >= item.time for face in item.faces)
