"""`emotion-edge forget`: delete a device's retained messages from the broker, remove it from Home Assistant, and delete
the past days that this device keeps."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from edge.commands import broker, common
from edge.config.load import load
from edge.config.overrides import live_values
from edge.config.schema import Config
from edge.device import paths
from edge.device.database import remove
from edge.errors import BrokerError, EdgeError
from edge.history.store import HistoryStore
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
    target = broker.target(config, arguments)
    root = target.prefix
    announced = discovery_topic(config.home_assistant.prefix, target.base, target.device)
    days = None if arguments.device else paths.history_file(common.state(arguments))
    try:
        with session.connect(target.mqtt, target.password, remedies=target.remedies) as connection:
            seen = _cleared(connection, root, announced, days, force=arguments.force)
    except BrokerError:
        _forget_days(days, running=True)  # a broker that is gone is no reason to keep them
        raise
    for topic in sorted(seen):
        print(f"cleared {printable(topic)}")
    if not seen:
        print(f"nothing of {root} was visible at the broker; its topics were cleared all the same")
    return 0


def _cleared(connection: Session, root: str, announced: str, days: Path | None, *, force: bool) -> dict[str, bytes]:
    """Clear what the broker keeps; returns what was seen of it."""
    seen = _retained(connection, [f"{root}/#", announced])
    online = seen.get(f"{root}/availability") == b"online"
    if online and not force:
        raise EdgeError(f"{root} is online and would publish everything again; stop the service first, or use --force")
    _forget_days(days, running=online)
    connection.publish(announced, b"", retain=True)
    time.sleep(SETTLE_S)
    for topic in sorted({*seen, *(f"{root}/{below}" for below in _kept())} - {announced}):
        connection.publish(topic, b"", retain=True)
    return seen


def _forget_days(file: Path | None, *, running: bool) -> None:
    """Delete the past days that are kept here. A running service keeps its file, and in memory what it has not written
    yet."""
    if file is None or not file.exists():
        return
    if running:
        store = HistoryStore(file)
        store.delete()
        store.close()
    else:
        remove(file)
    print(f"deleted past days: {file}")


def _kept() -> list[str]:
    """What a device keeps at the broker, for a user who may not see it: the access list may let it only write."""
    live = live_values(Config())
    return [
        "availability",
        "info",
        "job",
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
