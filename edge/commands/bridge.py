"""`emotion-edge bridge ros2|lsl|osc`: pass a device's readings on to robots, laboratories and art."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from datetime import datetime, timezone

from edge.bridges.base import Bridge
from edge.commands import broker, common
from edge.config.load import load
from edge.errors import ConfigError
from edge.messages.payloads import Payload
from edge.messages.topics import LIVE_AGE_S
from edge.mqtt.subscriber import Subscriber

LOOK_S = 0.2  # Ctrl-C and the end are noticed so soon


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("bridge")
    parser.add_argument("to", choices=sorted(_MAKERS), help="where to")
    parser.add_argument(
        "--osc", metavar="HOST:PORT", default="127.0.0.1:9000", help="OSC receiver (default: %(default)s)"
    )
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end after this time")
    common.add_config(parser)
    broker.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    target = broker.target(load(arguments.config).config, arguments)
    bridge = _MAKERS[arguments.to](target.device, arguments)
    signal.signal(signal.SIGTERM, lambda *_: _interrupt())
    subscriber = Subscriber(target.mqtt, target.password, target.prefix, remedies=target.remedies)
    subscriber.start()
    print(f"{target.prefix} -> {bridge.where}", flush=True)
    try:
        for message in subscriber.messages(LOOK_S, arguments.seconds):
            if message is not None:
                bridge.forward(*message, _age(message[1]))
    finally:
        subscriber.stop()
        bridge.close()
    return 0


def _age(payload: Payload | str) -> float:
    """Seconds since capture, as far as both clocks agree; a live message is never older than a few seconds."""
    if not isinstance(payload, Payload) or payload.clock != "synced" or not payload.ts:
        return 0.0
    captured = datetime.fromisoformat(payload.ts.replace("Z", "+00:00"))
    age = (datetime.now(timezone.utc) - captured).total_seconds()
    return age if 0.0 <= age <= LIVE_AGE_S else 0.0


def _interrupt() -> None:
    raise KeyboardInterrupt


def _osc(device: str, arguments: argparse.Namespace) -> Bridge:
    from edge.bridges.osc import OscBridge

    host, _, port = arguments.osc.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"--osc: {arguments.osc!r} is not HOST:PORT, such as 127.0.0.1:9000")
    return OscBridge(device, host, int(port))


def _lsl(device: str, _: argparse.Namespace) -> Bridge:
    from edge.bridges.lsl import LslBridge

    return LslBridge(device)


def _ros2(device: str, _: argparse.Namespace) -> Bridge:
    from edge.bridges.ros2 import Ros2Bridge

    return Ros2Bridge(device)


_MAKERS: dict[str, Callable[[str, argparse.Namespace], Bridge]] = {"osc": _osc, "lsl": _lsl, "ros2": _ros2}
