"""`emotion-edge watch`: subscribe to a device's topics and show what it says."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time

from edge.commands import broker, common
from edge.commands.view import View, because, change_line, screen
from edge.config.load import load
from edge.messages.commands import Command
from edge.mqtt.subscriber import Subscriber

LOOK_S = 0.1
REDRAW_S = 0.25
ASK_HEALTH_S = 5.0


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("watch")
    common.add_config(parser)
    broker.add_options(parser)
    parser.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="stop after this time")
    parser.add_argument(
        "--why", action="store_true", help="with each change also what moved it (a terminal always shows it)"
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    target = broker.target(load(arguments.config).config, arguments)
    if arguments.child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then ends us
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    subscriber = Subscriber(target.mqtt, target.password, target.prefix, remedies=target.remedies)
    subscriber.start()
    try:
        _watch(subscriber, View(target.prefix), arguments.seconds, why=arguments.why)
    finally:
        subscriber.stop()
        if sys.stdout.isatty():
            sys.stdout.write("\x1b[?25h")
            sys.stdout.flush()
    return 0


def _watch(subscriber: Subscriber, view: View, seconds: float | None, *, why: bool) -> None:
    terminal = sys.stdout.isatty()
    drawn = asked = 0.0
    height = 0
    for message in subscriber.messages(LOOK_S, seconds):
        before, now = view, time.monotonic()
        if message is None:
            view = view.with_broker(subscriber.status().reason, now)
        else:
            view = view.with_message(*message, now)
        line = change_line(before, view)
        if line and not terminal:
            print(line, flush=True)
            if why and (moved := because(view)):
                print(f"         {moved}", flush=True)
        if terminal and now - asked >= ASK_HEALTH_S:
            asked = now
            subscriber.send(Command("request", "health", None, transaction="watch"))
        if terminal and now - drawn >= REDRAW_S:
            drawn = now
            size = shutil.get_terminal_size()
            lines = screen(view, size.columns, size.lines)
            up = f"\x1b[{height}A" if height else "\x1b[?25l"
            sys.stdout.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines) + "\x1b[0J")
            sys.stdout.flush()
            height = len(lines)
