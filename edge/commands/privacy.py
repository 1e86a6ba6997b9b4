"""`emotion-edge privacy on|off|status|log`: the owner's switch, from a shell on the device, and its record."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.commands import common
from edge.config.load import load
from edge.config.schema import PrivacyConfig
from edge.device import paths
from edge.device.privacy import Gate, may_ask
from edge.device.privacy_log import entries, is_whole
from edge.errors import EdgeError, StorageError
from edge.printable import printable


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("privacy")
    parser.add_argument(
        "action",
        choices=("on", "off", "status", "log"),
        help="on: close camera and microphone; off: open them again; status: which it is; log: when it was switched",
    )
    parser.add_argument(
        "--verify", action="store_true", help="with log: only check that no line was changed, and print the last hash"
    )
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    state = common.state(arguments)
    if arguments.verify and arguments.action != "log":
        raise EdgeError("--verify: only with `emotion-edge privacy log`")
    if arguments.action in ("status", "log") and not may_ask(state):
        raise StorageError(f"{state}: only root and the service may read it; use sudo")
    if arguments.action == "status":
        privacy = Gate(state, load(arguments.config, overrides=None).config.privacy).now()
        print(("on" if privacy.reason == "privacy is on" else f"on ({privacy.reason})") if privacy.on else "off")
    elif arguments.action == "log":
        _log(state, verify=arguments.verify)
    else:
        Gate(state, PrivacyConfig()).switch(arguments.action == "on")  # also with a config that cannot be read
        where = paths.privacy_file(state)
        print(f"privacy is {arguments.action} in {where}; the service that uses it applies it within a second")
    return 0


def _log(state: Path, *, verify: bool) -> None:
    found = entries(paths.privacy_log(state))
    if not verify:
        for entry in found:
            note = "" if entry.clock == "synced" else "  (clock not synchronised)"
            print(f"{printable(entry.ts)}  {printable(entry.privacy):<3}  {printable(entry.reason)}{note}")
        return
    if not found:
        print("nothing was recorded yet")
        return
    older = "" if is_whole(found) else "; older lines were removed because the file was full"
    many = "1 switch" if len(found) == 1 else f"{len(found)} switches"
    print(f"{many} since {printable(found[0].ts)}, none was changed{older}")
    print(f"last hash {found[-1].hash}; note it elsewhere to prove later that nothing was rewritten")
