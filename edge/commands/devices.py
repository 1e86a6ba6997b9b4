"""`emotion-edge devices`: which cameras and microphones there are, and what to write in the config to use them."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from edge.capture.devices import Found, cameras_closed, cameras_found, microphones_closed, microphones_found
from edge.errors import EdgeError
from edge.printable import printable


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("devices")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    found: dict[str, list[Found]] = {}
    trouble: dict[str, str] = {}
    closed = {"camera": cameras_closed(), "microphone": microphones_closed()}
    for kind, look in (("camera", cameras_found), ("microphone", microphones_found)):
        try:
            found[kind] = look()
        except EdgeError as error:
            found[kind], trouble[kind] = [], str(error)
    if arguments.json:
        print(json.dumps({kind: [asdict(one) for one in all_found] for kind, all_found in found.items()}))
        return 0
    for kind, all_found in found.items():
        print(f"{kind}s:")
        for one in all_found:
            print(f'  {kind}.source = "{one.stable or one.source}"    # {printable(one.name)} ({one.backend})')
        for reason in closed[kind]:
            print(f"  {printable(reason)}")
        if not all_found and not closed[kind]:
            print(f"  none found{': ' + trouble[kind] if kind in trouble else ''}")
    return 0
