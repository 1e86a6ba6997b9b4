"""`emotion-edge fleet config|watch`: what thresholds are wanted of many devices, and how they all are."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.broker import remedies, split_broker
from edge.commands.collect import add_database, database
from edge.config.schema import MqttConfig
from edge.config.secrets import password_in
from edge.errors import ConfigError
from edge.fleet.store import Store
from edge.messages.desired import NAMESPACE, opened, parse, sealed, topic
from edge.messages.document import Unreadable
from edge.modelstore.signature import sign
from edge.mqtt import session
from edge.mqtt.session import Session
from edge.printable import printable


def add(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    config = parts.add_parser("config", help="set thresholds of all devices, of a group, or of one")
    config.add_argument("name", help="all, a group, or a device")
    config.add_argument(
        "values", nargs="*", metavar="KEY=VALUE", help="such as decision.enter=0.5; all that shall hold"
    )
    config.add_argument(
        "--privacy-on", action="store_true", help="close camera and microphone; nothing here opens them"
    )
    config.add_argument("--key", type=Path, metavar="FILE", help="sign it with this OpenSSH key")
    config.add_argument("--again", action="store_true", help="send the newest document once more, to those behind")
    add_common(config)
    config.set_defaults(run=_config)
    watch = parts.add_parser("watch", help="how the fleet is, a line every few seconds")
    watch.add_argument("--every", type=float, default=5.0, help="seconds (default: %(default)s)")
    watch.add_argument("--once", action="store_true", help="one line")
    add_database(watch)
    watch.set_defaults(run=_watch)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Whose devices, the broker and the database."""
    parser.add_argument("--tenant", default="", help="whose devices (device.tenant)")
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]", help="the centre's; mqtts://HOST for TLS")
    parser.add_argument("--username", default="", help="the user at the broker")
    parser.add_argument("--password-file", type=Path, help="file with the password, readable by nobody else")
    parser.add_argument("--ca-file", default="", help="the authority that signed the broker's certificate")
    add_database(parser)


@contextmanager
def centre(arguments: argparse.Namespace) -> Iterator[Session]:
    """A connection to the broker that was named."""
    host, port, tls = split_broker(arguments.broker)
    settings = MqttConfig(
        host=host, port=port, tls=tls or bool(arguments.ca_file), ca_file=arguments.ca_file, username=arguments.username
    )
    password = password_in(arguments.password_file, "--password-file") if arguments.password_file else None
    with session.connect(settings, password, reconnect=True, remedies=remedies()) as connection:
        yield connection


def _config(arguments: argparse.Namespace) -> int:
    with database(arguments) as store, centre(arguments) as broker:
        if arguments.again:
            return _again(arguments, store, broker)
        version = _next_version(store, arguments.tenant, arguments.name)
        document: dict[str, Any] = {"v": 1, "version": version, "tenant": arguments.tenant}
        document["values"] = dict(_value(text) for text in arguments.values)
        if arguments.privacy_on:
            document["privacy"] = "ON"
        payload = _signed(document, arguments)
        try:
            parse(opened(payload)[0], arguments.tenant, arguments.name)
        except Unreadable as unreadable:
            raise ConfigError(str(unreadable)) from None
        store.run(
            "insert into desired (tenant, name, version, document) values (%s, %s, %s, %s)",
            (arguments.tenant, arguments.name, version, payload.decode()),
        )
        broker.publish(topic(arguments.name, arguments.tenant), payload, retain=True)
    print(f"version {version} for {printable(arguments.name)} is sent; `emotion-edge fleet behind` shows who lacks it")
    return 0


def _signed(document: dict[str, Any], arguments: argparse.Namespace) -> bytes:
    """The message; with a key it says whom it is for, and is signed."""
    if not arguments.key:
        return msgspec.json.encode(document)
    content = msgspec.json.encode({**document, "name": arguments.name})
    return sealed(content, sign(content, arguments.key, NAMESPACE))


def _again(arguments: argparse.Namespace, store: Store, broker: Session) -> int:
    """For brokers that keep retained messages on one node, and for sites that were away."""
    rows = store.run(
        "select distinct on (name) name, document from desired where tenant = %s and name in"
        " (select document from fleet_behind where tenant = %s) order by name, version desc",
        (arguments.tenant, arguments.tenant),
    )
    for name, document in rows:
        broker.publish(topic(name, arguments.tenant), msgspec.json.encode(document), retain=True)
    print(f"{len(rows)} documents are sent once more")
    return 0


def _next_version(store: Store, tenant: str, name: str) -> int:
    rows = store.run(
        "select coalesce(max(version), 0) + 1 from desired where tenant = %s and name = %s", (tenant, name)
    )
    return int(rows[0][0])


def _value(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError(f"{text!r}: must be KEY=VALUE, such as decision.enter=0.5")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _watch(arguments: argparse.Namespace) -> int:
    with database(arguments) as store:
        while True:
            ((devices, online),) = store.run(
                "select count(*), count(*) filter (where availability = 'online') from device"
            )
            ((silent,),) = store.run("select count(*) from fleet_silent")
            ((behind,),) = store.run("select count(distinct device) from fleet_behind")
            ((facts,),) = store.run("select count(*) from fact where at > now() - interval '1 minute'")
            print(
                f"{time.strftime('%H:%M:%S')}  {devices} devices, {online} online, {silent} silent, {behind} behind, "
                f"{facts} facts in the last minute",
                flush=True,
            )
            if arguments.once:
                return 0
            time.sleep(arguments.every)
