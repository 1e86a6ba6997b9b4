"""Commands on their way in, and answers on their way back to whoever asked."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from edge.messages.commands import Command, Refusal
from edge.messages.payloads import Payload, ResponsePayload
from edge.mqtt.connection import Requested
from edge.mqtt.request_queue import TOO_MANY
from edge.rate_limit import LogOnce

_REMEMBERED = 64  # commands whose answer is still to come


class ResponseRouter:
    """Matches answers to commands by name and transaction (MQTT 5 request/response). Belongs to one thread."""

    def __init__(self) -> None:
        self._asked: deque[Command] = deque(maxlen=_REMEMBERED)

    def remember(self, command: Command) -> None:
        if command.response_topic or command.correlation:
            self._asked.append(command)

    def route(self, topic: str, payload: Payload | str) -> tuple[str, bytes | None]:
        """Where a message goes: its own topic, except an answer to somebody who named another one."""
        if not isinstance(payload, ResponsePayload):
            return topic, None
        name = topic.split("/", 1)[1]
        for command in self._asked:
            if command.answers_on == name and command.transaction == payload.transaction:
                self._asked.remove(command)
                return command.response_topic or topic, command.correlation
        return topic, None


class RequestReceiver:
    """Hands commands on, and answers what is none. Belongs to the publisher's thread."""

    def __init__(
        self,
        root: str,
        responses: ResponseRouter,
        log_once: LogOnce,
        *,
        on_command: Callable[[Command], object],
        publish: Callable[[str, ResponsePayload], None],
    ) -> None:
        self._root = root
        self._responses = responses
        self._log_once = log_once
        self._on_command = on_command
        self._publish = publish
        self.refused = 0  # by whoever carries them out

    def handle(self, request: Requested) -> None:
        if request.retained:
            line = (
                f"a retained message lies on {self._root}/{request.topic}; it is ignored, or it would act again on "
                "every connect: publish an empty retained one there to clear it"
            )
            self._log_once.say(logging.WARNING, line)
        command = request.command
        if isinstance(command, Refusal):
            self._log_once.say(logging.WARNING, f"refused a command: {command.error}")
            answer = ResponsePayload(status="error", error=command.error, transaction=command.transaction)
            self._publish(f"response/{command.name}", answer)
        elif command:
            self._responses.remember(command)
            if self._on_command(command) is False:
                self.refused += 1
                answer = ResponsePayload(status="error", error=TOO_MANY, transaction=command.transaction)
                self._publish(f"response/{command.answers_on}", answer)
