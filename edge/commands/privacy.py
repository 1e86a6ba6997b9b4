"""`emotion-edge privacy on|off|status`: the owner's switch, from a shell on the device."""

from __future__ import annotations

import argparse

from edge.commands import common
from edge.config.load import load
from edge.device import paths
from edge.device.privacy import Gate, store


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("privacy", help="release camera and microphone, or take them again")
    parser.add_argument("switch", choices=("on", "off", "status"), help="on: camera and microphone are released")
    common.add_config(parser, of_service=True)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    file = paths.privacy_file(arguments.state or paths.state_of(arguments.config))
    if arguments.switch == "status":
        gate = Gate(file, load(arguments.config, overrides=None).config.privacy)
        print("on" if gate.on else "off")
        return 0
    store(file, arguments.switch == "on")
    print(f"privacy is {arguments.switch} in {file}; the service that uses it follows within a second")
    return 0
