"""`emotion-edge collect`: what many devices say, from a broker into PostgreSQL, each message once."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from edge.commands.broker import remedies, split_broker
from edge.config.schema import MqttConfig
from edge.config.secrets import password_in
from edge.errors import ConfigError
from edge.fleet.collect import Feed, collect, listening, prepared
from edge.fleet.facts import BASE
from edge.fleet.feeds import AmqpFeed, MqttFeed
from edge.fleet.store import Store

DATABASE = "EMOTION_EDGE_DATABASE"  # keeps a password out of the list of processes


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("collect", help="what many devices say, from a broker into PostgreSQL")
    parser.add_argument(
        "source", nargs="?", default=os.environ.get("EMOTION_EDGE_SOURCE", ""), metavar="SOURCE",
        help="HOST, mqtts://HOST:PORT, or amqp://USER:PASSWORD@HOST[,amqp://...] (or $EMOTION_EDGE_SOURCE)",
    )  # fmt: skip
    add_database(parser)
    parser.add_argument("--base", default=BASE, help="what all topics begin with (default: %(default)s)")
    parser.add_argument("--group", default="", help="copies of one group share the messages (MQTT)")
    parser.add_argument("--member", default="", help="a name that stays the same for this copy (default: the host's)")
    parser.add_argument("--queue", default="emotion-edge", help="the queue that all copies read (RabbitMQ)")
    parser.add_argument("--username", default="", help="the user at the broker")
    parser.add_argument("--password-file", type=Path, help="file with the password, readable by nobody else")
    parser.add_argument("--ca-file", default="", help="the authority that signed the broker's certificate")
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end after this time")
    parser.set_defaults(run=run)


def add_database(parser: argparse.ArgumentParser) -> None:
    """`--database`."""
    parser.add_argument(
        "--database", default=os.environ.get(DATABASE, ""), metavar="URL",
        help=f"postgresql://USER@HOST/NAME; with a password better in ${DATABASE} or ~/.pgpass",
    )  # fmt: skip


def database(arguments: argparse.Namespace) -> Store:
    """The database that is meant; connected as a context."""
    if not arguments.database:
        raise ConfigError(f"--database: name it, such as postgresql://emotion@localhost/emotion, or set ${DATABASE}")
    return Store(arguments.database)


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    feed = _feed(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.seconds is not None:
        timer = threading.Timer(arguments.seconds, stop.set)
        timer.daemon = True
        timer.start()
    store = database(arguments)
    if not prepared(store, stop, stop.wait):
        return 0
    with store:
        ready = listening(feed, stop)
        if ready:
            print("collecting", flush=True)
        totals = collect(feed, store, stop, pause=stop.wait, base=arguments.base)
        feed.stop()
    print(f"{totals.new} new, {totals.doubled} doubled, {totals.parked} parked, in {totals.batches} batches")
    return 0


def _feed(arguments: argparse.Namespace) -> Feed:
    source = arguments.source
    if source.startswith(("amqp://", "amqps://")):
        return AmqpFeed(source.split(","), arguments.queue, arguments.base)
    if not source:
        raise ConfigError("name the broker: emotion-edge collect HOST")
    host, port, tls = split_broker(source, "SOURCE")
    settings = MqttConfig(
        host=host, port=port, base=arguments.base, tls=tls or bool(arguments.ca_file), ca_file=arguments.ca_file,
        username=arguments.username,
    )  # fmt: skip
    password = password_in(arguments.password_file, "--password-file") if arguments.password_file else None
    member = arguments.member or f"collect-{socket.gethostname()}"
    return MqttFeed(settings, password, member=member, group=arguments.group, remedies=remedies("SOURCE"))
