"""`emotion-edge forget`: delete a device's retained messages from the broker and remove it from Home Assistant."""

from __future__ import annotations

import argparse
import queue
import time
from typing import Any

import paho.mqtt.client as paho

from edge.commands import broker, common
from edge.config.load import load
from edge.config.overrides import live_values
from edge.config.schema import Config
from edge.errors import BrokerError, EdgeError
from edge.homeassistant.device import discovery_topic
from edge.mqtt import reasons
from edge.mqtt.client import new_client
from edge.mqtt.tls import UnusableFiles
from edge.printable import printable

WELCOME_S = 10.0
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
    try:
        client = new_client(mqtt, password)
    except UnusableFiles as unusable:
        raise BrokerError(unusable.trouble.reason) from None
    retained = _Retained(client, [f"{root}/#", announced])
    try:
        client.connect(mqtt.host, reasons.port(mqtt))
    except (OSError, ValueError) as error:
        raise BrokerError(reasons.from_error(mqtt, error).reason) from None
    client.loop_start()
    try:
        seen = retained.all()
        if seen.get(f"{root}/availability") == b"online" and not arguments.force:
            raise EdgeError(
                f"{root} is online and would publish everything again; stop the service first, or use --force"
            )
        _clear(client, [announced])
        time.sleep(SETTLE_S)
        _clear(client, sorted({*seen, *(f"{root}/{below}" for below in _kept())} - {announced}))
    finally:
        client.disconnect()
        client.loop_stop()
    for topic in sorted(seen):
        print(f"cleared {printable(topic)}")
    if not seen:
        print(f"nothing of {root} was visible at the broker; its possible retained topics were cleared nevertheless")
    return 0


def _kept() -> list[str]:
    """What a device keeps at the broker, for a user who may not see it: the access list may let it only write."""
    live = live_values(Config())
    return ["availability", "info", "privacy", "status/camera", "status/microphone", *(f"config/{key}" for key in live)]


def _clear(client: paho.Client, topics: list[str]) -> None:
    """Publish nothing, retained, on each; BrokerError if the broker does not let us."""
    refused: list[str] = []
    client.on_publish = lambda _c, _d, _m, reason, _p: refused.append(str(reason)) if reason.is_failure else None
    for topic in topics:
        sent = client.publish(topic, b"", qos=1, retain=True)
        sent.wait_for_publish(WELCOME_S)
        if refused or not sent.is_published():
            raise BrokerError(f"{topic} could not be cleared: {refused[0] if refused else 'the broker is silent'}")


class _Retained:
    """What the broker keeps on some topics."""

    def __init__(self, client: paho.Client, topics: list[str]) -> None:
        self._topics = topics
        self._news: queue.Queue[tuple[str, bytes] | str | None] = queue.Queue()
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._received

    def all(self) -> dict[str, bytes]:
        """By topic; BrokerError if the broker does not let us look."""
        found: dict[str, bytes] = {}
        news = self._next(WELCOME_S)
        end = time.monotonic() + MOST_S
        while news is not None and time.monotonic() < end:
            if isinstance(news, str):
                if news:
                    raise BrokerError(f"the broker refused us: {news}")
            else:
                found[news[0]] = news[1]
            news = self._next(QUIET_S)
        return found

    def _next(self, seconds: float) -> tuple[str, bytes] | str | None:
        """A retained message, why we are refused, "" once we have subscribed, or None if nothing comes."""
        try:
            return self._news.get(timeout=seconds)
        except queue.Empty:
            if seconds == WELCOME_S:
                raise BrokerError("the broker takes the connection and then says nothing") from None
            return None

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._news.put(str(reason))
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _subscribed(self, _client: paho.Client, _data: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        self._news.put(f"we may not subscribe: {refused[0]}" if refused else "")

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.retain and message.payload:
            self._news.put((message.topic, bytes(message.payload)))
