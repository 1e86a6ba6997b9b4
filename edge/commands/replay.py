"""`emotion-edge replay`: the whole pipeline over recordings; the same input gives the same lines every time."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec.structs import replace

from edge.commands import common
from edge.config.load import load
from edge.config.schema import Config, OutboxConfig
from edge.config.secrets import mqtt_password
from edge.device import paths
from edge.device.clock import SystemClock
from edge.device.identity import client_id, device_name, machine_id
from edge.emotion.scene import Outgoing
from edge.errors import BrokerError
from edge.messages.numbering import iso
from edge.modelstore.store import used_folders
from edge.mqtt.publisher import Publisher
from edge.service.replay import play
from edge.text.script import read_script

CONNECT_S = 10.0


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("replay")
    common.add_config(parser)
    parser.add_argument("--video", help="video file, folder of pictures, or `sample`")
    parser.add_argument("--audio", help="sound file, or `sample`")
    parser.add_argument(
        "--text", type=Path, metavar="FILE", help="what was said meanwhile: a line each, `SECONDS WORDS`"
    )
    parser.add_argument("--speed", type=_speed, default="max", help="`max`, or a multiple of real time (default: max)")
    parser.add_argument("--modalities", action="store_true", help="also print face/<track>, speech and text")
    parser.add_argument("--mqtt", action="store_true", help="also publish to the broker of the config")
    parser.add_argument("--quiet", action="store_true", help="print nothing")
    parser.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="stop at this time of the recording"
    )
    parser.set_defaults(run=run)


def _speed(word: str) -> float | None:
    """None: as fast as it goes."""
    if word == "max":
        return None
    with suppress(ValueError):
        if 0.0 < float(word) < math.inf:
            return float(word)
    raise argparse.ArgumentTypeError(f"{word!r} is neither `max` nor a number above 0")


def run(arguments: argparse.Namespace) -> int:
    if not (arguments.video or arguments.audio or arguments.text):
        print("emotion-edge replay: needs --video, --audio or --text", file=sys.stderr)
        return 2
    speed: float | None = arguments.speed
    config = load(arguments.config).config
    if arguments.modalities:
        config = replace(config, publish=replace(config.publish, modalities=True))
    script = read_script(arguments.text) if arguments.text else []
    began = time.monotonic()
    numbered = Numbers()
    with _publisher(config) if arguments.mqtt else nullcontext() as publisher:
        models = used_folders(paths.model_store(arguments.config, common.state(arguments)))
        for t, message in play(config, arguments.video, arguments.audio, models, script=script):
            if arguments.seconds is not None and t > arguments.seconds:
                break
            if speed:
                time.sleep(max(0.0, began + t / speed - time.monotonic()))
            if publisher is not None:
                publisher.publish(message.topic, message.payload)
            if not arguments.quiet:
                print(json.dumps(numbered.line(t, message)), flush=speed is not None)
    return 0


@contextmanager
def _publisher(config: Config) -> Iterator[Publisher]:
    """Connected to the broker of the config, as the device that it names; keeps nothing."""
    device = device_name(config.device.name, machine_id())
    with TemporaryDirectory() as folder:
        publisher = Publisher(
            config.mqtt,
            OutboxConfig(max_mb=0),
            device=device,
            client_id=client_id(f"{device}-replay", machine_id()),
            password=mqtt_password(config.mqtt),
            folder=Path(folder),
            clock=SystemClock(),
            on_command=lambda _: None,
        )
        publisher.start()
        try:
            end = time.monotonic() + CONNECT_S
            while not publisher.connected:
                if time.monotonic() > end:
                    raise BrokerError(f"{config.mqtt.host}: {publisher.status().reason or 'no answer'}")
                time.sleep(0.05)
            yield publisher
        finally:
            publisher.stop()


class Numbers:
    """Fills the head of each payload from the recording's own time."""

    def __init__(self) -> None:
        self._seq: dict[str, int] = {}

    def line(self, t: float, message: Outgoing) -> dict[str, Any]:
        """What is printed for one message."""
        seq = self._seq[message.topic] = self._seq.get(message.topic, 0) + 1
        payload = replace(message.payload, ts=iso(message.captured), session="replay", seq=seq)
        return {"topic": message.topic, "t": round(t, 3), "payload": msgspec.to_builtins(payload)}
