"""`emotion-edge privacy on|off|status`: the owner's switch, from a shell on the device."""

from __future__ import annotations

import argparse

from edge.commands import common
from edge.config.load import load
from edge.config.schema import PrivacyConfig
from edge.device import paths
from edge.device.privacy import Gate, may_ask
from edge.errors import StorageError


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("privacy")
    parser.add_argument("switch", choices=("on", "off", "status"), help="on: camera and microphone are released")
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    state = common.state(arguments)
    if arguments.switch == "status":
        if not may_ask(state):
            raise StorageError(f"{state}: only root and the service may read it; use sudo")
        privacy = Gate(state, load(arguments.config, overrides=None).config.privacy).now()
        print(("on" if privacy.reason == "privacy is on" else f"on ({privacy.reason})") if privacy.on else "off")
        return 0
    Gate(state, PrivacyConfig()).switch(arguments.switch == "on")  # must work with a config that cannot be read too
    where = paths.privacy_file(state)
    print(f"privacy is {arguments.switch} in {where}; the service that uses it applies it within a second")
    return 0
