"""`emotion-edge watch`: subscribe to a device's topics and draw what it says."""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import shutil
import signal
import sys
import time
from typing import Any

import paho.mqtt.client as paho

from edge.commands import broker, common
from edge.commands.view import View, change_line, screen
from edge.config.load import load
from edge.errors import BrokerError
from edge.mqtt import reasons
from edge.mqtt.client import new_client
from edge.mqtt.tls import UnusableFiles

REDRAW_S = 0.25
ASK_HEALTH_S = 2.0


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("watch", help="show live readings from the broker")
    common.add_config(parser)
    broker.add_options(parser)
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end after this time")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config).config
    mqtt, password = broker.connection(config.mqtt, arguments)
    prefix = broker.prefix(config, arguments)
    if arguments.child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then ends us
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    messages: queue.Queue[tuple[str, bytes]] = queue.Queue(maxsize=1000)
    refused: list[str] = []
    try:
        client = new_client(mqtt, password)
    except UnusableFiles as unusable:
        raise BrokerError(unusable.trouble.reason) from None

    def connected(client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        else:
            client.subscribe(f"{prefix}/#", 0)

    def received(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        with contextlib.suppress(queue.Full):
            messages.put_nowait((message.topic, bytes(message.payload)))

    client.on_connect = connected
    client.on_message = received
    try:
        client.connect(mqtt.host, reasons.port(mqtt))
    except (OSError, ValueError) as error:
        raise BrokerError(reasons.from_error(mqtt, error).reason) from None
    client.loop_start()
    try:
        _watch(client, prefix, messages, refused, arguments.seconds)
    finally:
        client.disconnect()
        client.loop_stop()
        if sys.stdout.isatty():
            sys.stdout.write("\x1b[?25h")
            sys.stdout.flush()
    return 0


def _watch(
    client: paho.Client,
    prefix: str,
    messages: queue.Queue[tuple[str, bytes]],
    refused: list[str],
    seconds: float | None,
) -> None:
    terminal = sys.stdout.isatty()
    view = View(prefix)
    drawn = asked = 0.0
    height = 0
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        if refused:
            raise BrokerError(f"the broker refused us: {refused[0]}; --username and --password-file say who we are")
        try:
            topic, payload = messages.get(timeout=0.1)
        except queue.Empty:
            pass
        else:
            before = view
            view = view.with_message(topic, payload)
            line = change_line(before, view)
            if line and not terminal:
                print(line, flush=True)
        now = time.monotonic()
        if now - asked >= ASK_HEALTH_S:
            asked = now
            if "+" not in prefix:
                client.publish(f"{prefix}/request/health", json.dumps({"transaction": "watch"}))
        if terminal and now - drawn >= REDRAW_S:
            drawn = now
            lines = screen(view, shutil.get_terminal_size().columns)
            up = f"\x1b[{height}A" if height else "\x1b[?25l"
            sys.stdout.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines) + "\x1b[0J")
            sys.stdout.flush()
            height = len(lines)
