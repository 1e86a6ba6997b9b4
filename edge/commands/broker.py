"""How a command reaches a device's topics: at the broker of the config, or at one that is named."""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec.structs import replace

from edge.commands.answers import split_broker
from edge.config.schema import Config, MqttConfig
from edge.config.secrets import mqtt_password, password_in
from edge.device.identity import device_name, machine_id
from edge.errors import ConfigError
from edge.mqtt import reasons


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--broker` and what belongs to it."""
    parser.add_argument(
        "--broker", metavar="HOST[:PORT]", help="instead of the one in the config; mqtts://HOST for TLS"
    )
    parser.add_argument("--username", metavar="U", help="the user at that broker")
    parser.add_argument("--password-file", metavar="F", help="file with the password, readable by nobody else")
    parser.add_argument("--ca-file", metavar="F", help="authority of that broker's certificate")
    parser.add_argument("--base", help="first level of the topics (default: from the config)")
    parser.add_argument("--device", help="which device (default: this one)")
    parser.add_argument("--protocol", choices=("5", "3.1.1"))


def prefix(config: Config, arguments: argparse.Namespace) -> str:
    """Base and device of the topics that are meant."""
    device = arguments.device or device_name(config.device.name, machine_id())
    return f"{arguments.base or config.mqtt.base}/{device}"


def connection(ours: MqttConfig, arguments: argparse.Namespace) -> tuple[MqttConfig, str | None]:
    """How to reach the broker. User, password and certificate of the config go to the broker of the config alone."""
    host, port, tls = split_broker(arguments.broker) if arguments.broker else (ours.host or "127.0.0.1", None, False)
    same = host.lower() == ours.host.lower() and port in (None, reasons.port(ours)) and (ours.tls or not tls)
    if same:
        mqtt, password = ours, mqtt_password(ours) if ours.username else None
    else:
        tls = tls or arguments.ca_file is not None
        mqtt, password = MqttConfig(host=host, port=port, base=ours.base, protocol=ours.protocol, tls=tls), None
    if arguments.ca_file:
        mqtt = replace(mqtt, ca_file=arguments.ca_file, tls=True)
    if arguments.username:
        mqtt = replace(mqtt, username=arguments.username)
        password = password_in(Path(arguments.password_file), "--password-file") if arguments.password_file else None
    elif arguments.password_file:
        raise ConfigError("--password-file: needs --username too")
    if arguments.protocol:
        mqtt = replace(mqtt, protocol=arguments.protocol)
    return mqtt, password
