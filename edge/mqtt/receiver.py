"""What others ask of us, on its way in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from edge.messages import commands
from edge.messages.commands import Command, Refusal
from edge.messages.payloads import ResponsePayload
from edge.mqtt.answers import ResponseRouter, own
from edge.mqtt.events import Arrived
from edge.rate_limit import LogOnce


class Receiver:
    """Hands commands on and answers what is none. Belongs to the publisher's thread."""

    def __init__(
        self,
        root: str,
        answers: ResponseRouter,
        once: LogOnce,
        *,
        on_command: Callable[[Command], None],
        publish: Callable[[str, ResponsePayload], None],
    ) -> None:
        self._root = root
        self._answers = answers
        self._once = once
        self._on_command = on_command
        self._publish = publish

    def take(self, arrived: Arrived) -> None:
        if arrived.retained:
            line = (
                f"a retained message lies on {self._root}/{arrived.topic}; it is ignored, or it would act again on "
                "every connect: publish an empty retained one there to clear it"
            )
            self._once.say(logging.WARNING, line)
        command = commands.parse(arrived.topic, arrived.payload, retained=arrived.retained)
        if isinstance(command, Refusal):
            self._once.say(logging.WARNING, f"refused a command: {command.error}")
            answer = ResponsePayload(status="error", error=command.error, transaction=command.transaction)
            self._publish(f"response/{command.name}", answer)
        elif command:
            response_topic = own(self._root, arrived.response_topic)
            command = replace(command, response_topic=response_topic, correlation=arrived.correlation)
            self._answers.remember(command)
            self._on_command(command)
