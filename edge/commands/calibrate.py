"""`emotion-edge calibrate`: ten seconds of a neutral face teach the service what faces in this seat look like."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from typing import Any

from edge.commands import broker, common
from edge.config.load import load
from edge.errors import EdgeError
from edge.messages.commands import Command
from edge.messages.payloads import ResponsePayload
from edge.mqtt.subscriber import Message, Subscriber

LOOK_S = 10
ANSWER_S = 10.0
_NAME = "calibrate"


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("calibrate", help="learn what faces in this seat look like at rest")
    common.add_config(parser)
    broker.add_options(parser)
    parser.add_argument("--reset", action="store_true", help="forget it again: every face starts from the average")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    target = broker.target(load(arguments.config).config, arguments)
    subscriber = Subscriber(target.mqtt, target.password, target.prefix, remedies=target.remedies)
    subscriber.start()
    try:
        if arguments.reset:
            subscriber.send(Command("request", "reset", {"key": "face.rest"}, transaction=_NAME))
            _data(subscriber.messages(ANSWER_S, ANSWER_S))
            print("face.rest was forgotten: every face starts from the average again")
            return 0
        _wait(f"Sit where you usually sit and look at the camera with a neutral face for {LOOK_S} seconds.")
        subscriber.send(Command("request", _NAME, None, transaction=_NAME))
        data = _data(subscriber.messages(ANSWER_S, ANSWER_S))
    finally:
        subscriber.stop()
    print(table(data["before"], data["after"]))
    print("Kept as face.rest in the overrides; `emotion-edge calibrate --reset` undoes it.")
    return 0


def table(before: dict[str, float], after: dict[str, float]) -> str:
    """What changes, label by label."""
    return "\n".join(f"{label:10} {before.get(label, 0.0):+6.2f} -> {value:+6.2f}" for label, value in after.items())


def _wait(words: str) -> None:
    print(words, flush=True)
    for left in range(LOOK_S, 0, -1):
        if sys.stdout.isatty():
            print(f"\r{left:2} ", end="", flush=True)
        time.sleep(1.0)
    if sys.stdout.isatty():
        print("\r   \r", end="")


def _data(messages: Iterable[Message | None]) -> Any:
    """The answer to what we asked, among whatever else comes."""
    for message in messages:
        answer = message[1] if message is not None else None
        if isinstance(answer, ResponsePayload) and answer.transaction == _NAME:
            if answer.error:
                raise EdgeError(answer.error)
            return answer.data
    raise EdgeError("the service does not answer; is it running, and connected to this broker?")
