"""`emotion-edge forget`: delete a device's retained messages from the broker and remove it from Home Assistant."""

from __future__ import annotations

import argparse
import time

from edge.commands import broker, common
from edge.config.load import load
from edge.config.overrides import live_values
from edge.config.schema import Config
from edge.errors import EdgeError
from edge.homeassistant.device import discovery_topic
from edge.mqtt import session
from edge.mqtt.session import Session
from edge.printable import printable

QUIET_S = 1.0  # retained messages come at once after subscribing; nothing for this long means that all have come
MOST_S = 30.0
SETTLE_S = 0.5  # so that Home Assistant lets go of the entities before their topics run empty


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("forget")
    common.add_config(parser)
    broker.add_options(parser)
    parser.add_argument("--force", action="store_true", help="even if the device is online")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config).config
    mqtt, password = broker.connection(config.mqtt, arguments)
    root = broker.prefix(config, arguments)
    if any(sign in root for sign in "+#"):
        raise EdgeError("--device: one device at a time, without wildcards")
    base, _, device = root.rpartition("/")
    announced = discovery_topic(config.home_assistant.prefix, base, device)
    with session.connect(mqtt, password) as connection:
        seen = _retained(connection, [f"{root}/#", announced])
        if seen.get(f"{root}/availability") == b"online" and not arguments.force:
            raise EdgeError(
                f"{root} is online and would publish everything again; stop the service first, or use --force"
            )
        connection.publish(announced, b"", retain=True)
        time.sleep(SETTLE_S)
        for topic in sorted({*seen, *(f"{root}/{below}" for below in _kept())} - {announced}):
            connection.publish(topic, b"", retain=True)
    for topic in sorted(seen):
        print(f"cleared {printable(topic)}")
    if not seen:
        print(f"nothing of {root} was visible at the broker; its possible retained topics were cleared nevertheless")
    return 0


def _kept() -> list[str]:
    """What a device keeps at the broker, for a user who may not see it: the access list may let it only write."""
    live = live_values(Config())
    return [
        "availability",
        "info",
        "privacy",
        "reported",
        "settings",
        "status/camera",
        "status/microphone",
        *(f"config/{key}" for key in live),
    ]


def _retained(connection: Session, topics: list[str]) -> dict[str, bytes]:
    """What the broker keeps on some topics; BrokerError if it does not let us look."""
    connection.subscribe(*topics, qos=1)
    end = time.monotonic() + MOST_S
    found: dict[str, bytes] = {}
    for message in connection.messages(QUIET_S):
        if message.retained and message.payload:
            found[message.topic] = message.payload
        if time.monotonic() > end:
            break
    return found
