"""`emotion-edge run`: the service itself, and around it what a person at a terminal wants."""

from __future__ import annotations

import argparse
import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from edge.capture.base import Found
from edge.capture.devices import cameras_closed, cameras_found, microphones_closed, microphones_found
from edge.commands import common
from edge.config.load import load
from edge.config.schema import Config, MqttConfig
from edge.config.secrets import exposed
from edge.device import paths, systemd
from edge.device.hardening import forbid_dumps, keep_out_of_swap
from edge.errors import ConfigError, EdgeError
from edge.mqtt.config_error_report import report_config_error
from edge.printable import PrintableRecords
from edge.service.build import build, obey_signals


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("run")
    common.add_config(parser)
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="stop after this time, status 0")
    parser.add_argument(
        "--local-broker", action="store_true", help="if no broker is configured, start mosquitto on loopback"
    )
    parser.add_argument(
        "--sample", choices=("never", "missing", "always"), default="never",
        help="play the sample scene in place of a missing camera or microphone, or always",
    )  # fmt: skip
    parser.add_argument("--view", action="store_true", help="show live readings, received from the broker")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    forbid_dumps()
    _log_to(level="WARNING" if arguments.view else "INFO")
    try:
        state = arguments.state or paths.own_state(arguments.config)
        loaded = load(arguments.config, overrides=paths.overrides_file(state))
    except ConfigError as error:
        report_config_error(arguments.config, str(error))
        raise
    for warning in (*loaded.warnings, *exposed(loaded.config, loaded.path)):
        logging.warning("%s", warning)
    if not arguments.view:
        logging.getLogger().setLevel(loaded.config.log.level.upper())
    loaded = replace(loaded, config=_with_samples(loaded.config, arguments.sample))
    if not keep_out_of_swap():
        logging.info("memory is not locked, so pictures and sound could reach swap; the systemd unit prevents that")
    configured = bool(loaded.config.mqtt.host)
    with contextlib.ExitStack() as stack:
        if arguments.local_broker and not configured:
            loaded = replace(loaded, config=stack.enter_context(_own_broker(loaded.config)))
        if not loaded.config.mqtt.host:
            raise ConfigError(
                "mqtt.host: no broker is configured; run `emotion-edge setup --broker HOST` or, in a browser, "
                "`emotion-edge dashboard --setup`; or use --local-broker"
            )
        service = build(loaded, state)
        obey_signals(service)
        if arguments.view:
            own = ["--config", str(loaded.path)] if loaded.path and configured else _address(loaded.config)
            stack.enter_context(_view([*own, "--device", service.outlets.broker.device]))
        return service.run(arguments.seconds)


def _log_to(level: str) -> None:
    handler = systemd.log_handler()
    handler.addFilter(PrintableRecords())  # some quote what came over the network
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _with_samples(config: Config, when: str) -> Config:
    """Put the sample scene where a device is missing, and say so: nobody may take it for real."""
    if when == "never":
        return config
    camera, microphone = config.camera, config.microphone
    missing_camera = camera.enabled and camera.source == "auto" and not _any(cameras_found)
    missing_microphone = microphone.enabled and microphone.source == "auto" and not _any(microphones_found)
    if when == "always" or missing_camera:
        camera = structs.replace(camera, source="sample")
        why = "" if when == "always" else _why("camera", cameras_closed())
        _say(f"{why}playing a SAMPLE scene (a drawn face); readings are of the sample, not of you")
    if when == "always" or missing_microphone:
        microphone = structs.replace(microphone, source="sample")
        why = "" if when == "always" else _why("microphone", microphones_closed())
        _say(f"{why}playing SAMPLE speech (a synthesiser's); readings are of the sample, not of you")
    return structs.replace(config, camera=camera, microphone=microphone)


def _why(kind: str, closed: list[str]) -> str:
    """One that exists and may not be opened is not called missing."""
    return f"{'; '.join(closed)}; until then: " if closed else f"no {kind}: "


def _any(look: Callable[[], list[Found]]) -> bool:
    try:
        return bool(look())
    except EdgeError as error:
        _say(str(error))
        return False


@contextlib.contextmanager
def _own_broker(config: Config) -> Iterator[Config]:
    from edge.demo.local_broker import USUAL_PORT, LocalBroker, find_mosquitto, is_free

    if find_mosquitto() is None:
        _say("mosquitto is not installed: fetching Debian's package into the cache, some seconds")
    broker = LocalBroker()
    port = broker.start(USUAL_PORT if is_free(USUAL_PORT) else 0)
    _say(f"no broker is configured: started mosquitto for this run on 127.0.0.1 port {port}; to listen to it:")
    _say(f"    mosquitto_sub -h 127.0.0.1 -p {port} -t '{config.mqtt.base}/#' -v")
    command = Path(sys.argv[0]).resolve() if Path(sys.argv[0]).name == "emotion-edge" else "emotion-edge"
    _say("to set this device up in a browser, with a test of each step:")
    _say(f"    {command} dashboard --setup")
    try:
        yield structs.replace(
            config, mqtt=MqttConfig(host="127.0.0.1", port=port, base=config.mqtt.base, protocol=config.mqtt.protocol)
        )
    finally:
        broker.stop()


def _address(config: Config) -> list[str]:
    """Where our own broker is, in words for `watch`."""
    mqtt = config.mqtt
    return ["--broker", f"{mqtt.host}:{mqtt.port}", "--base", config.topic_base, "--protocol", mqtt.protocol]


@contextlib.contextmanager
def _view(words: list[str]) -> Iterator[None]:
    """`emotion-edge watch` beside us, a subscriber like any other."""
    child = subprocess.Popen([sys.executable, "-m", "edge", "watch", "--child", *words])
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(3)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _say(line: str) -> None:
    print(f"· {line}", file=sys.stderr, flush=True)
