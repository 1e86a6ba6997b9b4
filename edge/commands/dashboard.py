"""`emotion-edge dashboard`: where the page is; and where the service does not serve it, it is served from here."""

from __future__ import annotations

import argparse
import http.client

from msgspec.structs import replace

from edge.commands import broker, common
from edge.config.load import load
from edge.config.schema import Config
from edge.config.schema import DashboardConfig as Settings
from edge.dashboard.observer import DashboardObserver, address
from edge.dashboard.preview import Aim
from edge.dashboard.rooms_page import RoomsPage
from edge.dashboard.sign_in import checked_password
from edge.device.clock import SystemClock
from edge.errors import BrokerError, ConfigError
from edge.mqtt.subscriber import RoomsSubscriber, Subscriber


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("dashboard")
    common.add_config(parser)
    broker.add_options(parser)
    parser.add_argument("--listen", metavar="ADDRESS", help="(default: dashboard.listen of the config)")
    parser.add_argument("--port", type=_port, help="(default: dashboard.port of the config)")
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="stop after this time")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--setup", action="store_true", help="serve a page that leads through the first setup")
    kind.add_argument("--all", action="store_true", help="every device of a broker on one page")
    parser.set_defaults(run=run)


def _port(word: str) -> int:
    if word.isdecimal() and 0 < int(word) < 65_536:
        return int(word)
    raise argparse.ArgumentTypeError(f"{word!r} is not a port, 1 to 65535")


def run(arguments: argparse.Namespace) -> int:
    changes = {"listen": arguments.listen, "port": arguments.port}
    given = {name: value for name, value in changes.items() if value is not None}
    if arguments.setup:
        from edge.commands import wizard

        return wizard.run(arguments, given)
    config = load(arguments.config).config
    settings = replace(config.dashboard, **given)
    if arguments.all and arguments.device:
        raise ConfigError("--device: not with --all, which shows every device")
    elsewhere = bool(arguments.broker or arguments.device or arguments.all)
    if _answers(settings):
        if elsewhere:
            raise BrokerError(f"{address(settings)} is already in use by another page; choose another port with --port")
        print(f"the page is at {address(settings)}")
        return 0
    if arguments.all:
        return _all(arguments, config, settings)
    if settings.enabled and not elsewhere:
        print(
            "the service does not serve the page (is it running, and was it restarted after dashboard.enabled was set?)"
        )
    state = common.state(arguments)
    clock = SystemClock()
    # A picture never travels over MQTT, so there is none to aim by.
    settings = replace(settings, preview="off")
    target = broker.target(config, arguments)
    pages: list[DashboardObserver] = []  # page and subscriber refer to each other
    subscriber = Subscriber(
        target.mqtt,
        target.password,
        target.prefix,
        lambda *message: pages[0].notify(*message) if pages else None,
        remedies=target.remedies,
    )
    page = DashboardObserver(
        settings,
        password=checked_password(settings, state),
        device=target.device,
        send=subscriber.send,
        broker=subscriber.status,
        aim=Aim(clock, allowed=False),
        clock=clock,
        over_mqtt=True,
        language=config.device.language,
    )
    pages.append(page)
    line = f"{target.prefix} via {target.mqtt.host}: the page is at {address(settings)} (Ctrl-C ends it)"
    return _serve(page, subscriber, line, arguments.seconds)


def _all(arguments: argparse.Namespace, config: Config, settings: Settings) -> int:
    mqtt, password, remedies = broker.connection(config.mqtt, arguments)
    base = arguments.base or config.topic_base
    pages: list[RoomsPage] = []  # page and subscriber refer to each other
    subscriber = RoomsSubscriber(
        mqtt, password, base, lambda *message: pages[0].hear(*message) if pages else None, remedies=remedies
    )
    page = RoomsPage(
        settings, password=checked_password(settings, common.state(arguments)), base=f"{base} · {mqtt.host}",
        broker=subscriber.status, clock=SystemClock(), language=config.device.language,
    )  # fmt: skip
    pages.append(page)
    line = f"every device below {base} via {mqtt.host}: {address(settings)} (Ctrl-C ends it)"
    return _serve(page, subscriber, line, arguments.seconds)


def _serve(
    page: DashboardObserver | RoomsPage, subscriber: Subscriber | RoomsSubscriber, line: str, seconds: float | None
) -> int:
    page.start()
    try:
        subscriber.start()
        print(line, flush=True)
        common.wait_for_the_end(seconds)
        subscriber.stop()
    finally:
        page.stop()
    return 0


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
