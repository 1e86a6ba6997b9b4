"""`emotion-edge passwd`: the password of the page."""

from __future__ import annotations

import argparse
import getpass
import sys

from edge.commands import common
from edge.dashboard.password import MAX_LENGTH, MIN_LENGTH, file_in, remove, store
from edge.errors import ConfigError


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("passwd")
    parser.add_argument(
        "--remove", action="store_true", help="remove the password: the page is then served on this device only"
    )
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    file = file_in(common.state(arguments))
    if arguments.remove:
        remove(file)
        print("the password is removed; the page is now served on loopback only")
        return 0
    store(file, _asked())
    print(f"the password is set in {file} (as a hash); a running service uses it at once")
    return 0


def _asked() -> str:
    """From the terminal, twice; from a pipe its first line."""
    if sys.stdin.isatty():
        password = getpass.getpass("New password for the page: ")
        if getpass.getpass("Again: ") != password:
            raise ConfigError("the passwords differ; nothing was changed")
    else:
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if len(password) < MIN_LENGTH or len(password.encode()) > MAX_LENGTH:
        raise ConfigError(f"the password must have {MIN_LENGTH} to {MAX_LENGTH} characters; nothing was changed")
    return password
