"""Which broker a command talks to: the one of the config, or one that is named."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from edge.config.schema import Config, MqttConfig
from edge.config.secrets import mqtt_password, password_in
from edge.device.identity import device_name, machine_id
from edge.errors import ConfigError, EdgeError
from edge.mqtt import reasons
from edge.mqtt.reasons import KEYS, Remedies

_SCHEMES = {"": False, "mqtt": False, "tcp": False, "mqtts": True, "ssl": True}


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--broker` and what belongs to it."""
    parser.add_argument(
        "--broker", metavar="HOST[:PORT]", help="instead of the one in the config; mqtts://HOST for TLS"
    )
    parser.add_argument("--username", metavar="U", help="the user at that broker")
    parser.add_argument("--password-file", metavar="F", help="file with the password, readable by nobody else")
    parser.add_argument("--ca-file", metavar="F", help="the authority that signed that broker's certificate")
    parser.add_argument("--base", help="first level of the topics (default: from the config)")
    parser.add_argument("--device", help="which device (default: this one)")
    parser.add_argument("--protocol", choices=("5", "3.1.1"), help="version of MQTT (default: from the config)")


def split_broker(text: str, option: str = "--broker") -> tuple[str, int | None, bool]:
    """Host, port and whether TLS is meant, of HOST, HOST:PORT, [IPv6]:PORT or mqtt(s)://HOST:PORT."""
    scheme, separator, rest = text.strip().rpartition("://")
    if scheme not in _SCHEMES or not rest or (separator and not scheme):
        raise ConfigError(f"{option}: {text!r} is not a broker; allowed: HOST, HOST:PORT, mqtts://HOST:PORT")
    if "@" in rest:
        raise ConfigError(f"{option}: takes no user or password; use --username and --password-file")
    if rest.count(":") > 1 and not rest.startswith("["):
        return rest, None, _SCHEMES[scheme]  # a bare IPv6 address
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or parts.path.strip("/") or (rest.endswith(":")):
        raise ConfigError(f"{option}: {text!r} is not a broker; allowed: HOST, HOST:PORT, mqtts://HOST:PORT")
    return host, port, _SCHEMES[scheme]


def remedies(broker: str = "--broker", version: str = "this command needs a broker that does") -> Remedies:
    """Those of a command that takes its broker from its options, the broker itself from `broker`."""
    return Remedies(
        user="check --username and --password-file",
        version=version,
        port=f"check the port in {broker}",
        tls_port=f"is the port in {broker} its TLS port?",
        tls_or_version="does it want TLS (mqtts://)?",
        network=f"check {broker} and the network",
        name=f"the host in {broker} must be a name in it",
        authority="--ca-file must name the authority that signed it",
        host_setting=broker,
        authority_setting="--ca-file",
    )


def same_broker(ours: MqttConfig, host: str, port: int | None, *, tls: bool) -> bool:
    """Whether a named broker is the one of the config, which alone may see the user and password of the config."""
    if host.lower() != ours.host.lower():
        return False
    return port in (None, reasons.port(ours)) and (ours.tls or not tls)


@dataclass(frozen=True, slots=True)
class TargetDevice:
    """The one device that a command is about, and the broker where it is found."""

    mqtt: MqttConfig
    password: str | None
    remedies: Remedies
    prefix: str  # of its topics: base and device

    @property
    def base(self) -> str:
        return self.prefix.rpartition("/")[0]

    @property
    def device(self) -> str:
        return self.prefix.rpartition("/")[2]


def target(config: Config, arguments: argparse.Namespace) -> TargetDevice:
    """What `--broker`, `--base` and `--device` name, or the config."""
    mqtt, password, words = connection(config.mqtt, arguments)
    device = arguments.device or device_name(config.device.name, machine_id())
    prefix = f"{arguments.base or config.topic_base}/{device}"
    if any(sign in prefix for sign in "+#"):
        raise EdgeError("--device: one device at a time, without wildcards")
    return TargetDevice(mqtt, password, words, prefix)


def connection(ours: MqttConfig, arguments: argparse.Namespace) -> tuple[MqttConfig, str | None, Remedies]:
    """How to reach the broker, the password for it, and what to do if that fails."""
    host, port, tls = split_broker(arguments.broker) if arguments.broker else (ours.host or "127.0.0.1", None, False)
    if same_broker(ours, host, port, tls=tls):
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
    return mqtt, password, remedies(version="try --protocol {version}") if arguments.broker else KEYS
