"""MQTT 5 request/response: an answer goes where the asker listens, if that is below our own response topic."""

from __future__ import annotations

from collections import deque

from edge.messages.commands import Command
from edge.messages.payloads import Payload, ResponsePayload

_MOST = 64  # askers remembered


class ResponseRouter:
    """Matches answers to questions by name and transaction. Belongs to one thread."""

    def __init__(self) -> None:
        self._asked: deque[Command] = deque(maxlen=_MOST)

    def remember(self, command: Command) -> None:
        if command.response_topic or command.correlation:
            self._asked.append(command)

    def route(self, topic: str, payload: Payload | str) -> tuple[str, bytes | None]:
        """Where a message goes: its own topic, except an answer to somebody who named another one."""
        if not isinstance(payload, ResponsePayload):
            return topic, None
        name = topic.split("/", 1)[1]
        for command in self._asked:
            answers_on = command.name if command.kind == "request" else command.kind
            if answers_on == name and command.transaction == payload.transaction:
                self._asked.remove(command)
                return command.response_topic or topic, command.correlation
        return topic, None


def own(root: str, response_topic: str | None) -> str | None:
    """The part of an asker's topic below ours; None for any other: we never publish where a stranger tells us."""
    prefix = f"{root}/response/"
    if response_topic is None or not response_topic.startswith(prefix):
        return None
    below = response_topic[len(prefix) :]
    if not below or len(below) > 200 or any(sign in below for sign in "+#\0"):
        return None
    return f"response/{below}"
