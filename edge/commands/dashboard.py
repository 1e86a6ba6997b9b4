"""`emotion-edge dashboard`: where the page is; and where the service does not serve it, it is served from here."""

from __future__ import annotations

import argparse
import http.client
import signal
import threading

from msgspec.structs import replace

from edge.commands import broker, common
from edge.config.load import load
from edge.config.schema import DashboardConfig as Settings
from edge.dashboard.observer import DashboardObserver, address
from edge.dashboard.preview import Aim
from edge.dashboard.sign_in import checked_password
from edge.device.clock import SystemClock
from edge.errors import BrokerError
from edge.mqtt.subscriber import Subscriber


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("dashboard")
    common.add_config(parser)
    broker.add_options(parser)
    parser.add_argument("--listen", metavar="ADDRESS", help="(default: dashboard.listen of the config)")
    parser.add_argument("--port", type=int, help="(default: dashboard.port of the config)")
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="stop after this time")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config).config
    changes = {"listen": arguments.listen, "port": arguments.port}
    settings = replace(config.dashboard, **{name: value for name, value in changes.items() if value is not None})
    elsewhere = bool(arguments.broker or arguments.device)
    if _answers(settings):
        if elsewhere:
            raise BrokerError(f"{address(settings)} is already in use by another page; choose another port with --port")
        print(f"the page is at {address(settings)}")
        return 0
    if settings.enabled and not elsewhere:
        print(
            "the service does not serve the page (is it running, and was it restarted after dashboard.enabled was set?)"
        )
    state = common.state(arguments)
    clock = SystemClock()
    # A picture never travels over MQTT, so there is none to aim by.
    settings = replace(settings, preview="off")
    mqtt, password = broker.connection(config.mqtt, arguments)
    prefix = broker.prefix(config, arguments)
    pages: list[DashboardObserver] = []  # page and subscriber refer to each other
    subscriber = Subscriber(mqtt, password, prefix, lambda *message: pages[0].notify(*message) if pages else None)
    page = DashboardObserver(
        settings,
        password=checked_password(settings, state),
        device=prefix.rpartition("/")[2],
        send=subscriber.send,
        broker=subscriber.status,
        aim=Aim(clock, allowed=False),
        clock=clock,
        over_mqtt=True,
        language=config.device.language,
    )
    pages.append(page)
    page.start()
    try:
        subscriber.start()
        print(f"{prefix} via {mqtt.host}: the page is at {address(settings)} (Ctrl-C ends it)", flush=True)
        _wait(arguments.seconds)
        subscriber.stop()
    finally:
        page.stop()
    return 0


def _wait(seconds: float | None) -> None:
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    signal.signal(signal.SIGINT, lambda *_: done.set())
    done.wait(seconds)


def _answers(settings: Settings) -> bool:
    """Whether a page of ours is there."""
    where = address(settings).removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(where, timeout=2.0)
    try:
        connection.request("GET", "/page.css")
        return b"Emotion Edge" in connection.getresponse().read(200)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
