"""The command `emotion-edge`: finds the subcommand, shows errors as one clear line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from edge.errors import EdgeError
from edge.printable import printable, printable_lines
from edge.version import __version__

# Imported only when called for: a `--help` on a Pi should not wait for OpenCV.
COMMANDS = {
    "run": "run the service",
    "watch": "show live readings from the broker",
    "bridge": "pass readings on to ROS 2, LabStreamingLayer or OSC",
    "replay": "run the whole pipeline over recordings, the same answer every time",
    "classify": "what a model says of pictures or sounds, one JSON line per file",
    "check": "check a config file and show what is in effect",
    "setup": "write a first config",
    "doctor": "what works on this device, what does not, and the remedy",
    "devices": "list cameras and microphones",
    "unit": "write the systemd drop-in that limits the network to what the config names",
    "dashboard": "the page to look at: where it is, or serve it from here",
    "passwd": "set the password of that page",
    "privacy": "release camera and microphone, or take them again",
    "forget": "take a device's retained messages from the broker, and the device out of Home Assistant",
    "model": "list models, install one of your own, go back to the one before",
    "bench": "measure each stage and the whole service on this machine",
}


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; the return value is the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = _parser(next((word for word in arguments if not word.startswith("-")), None))
    namespace = parser.parse_args(arguments)
    if not hasattr(namespace, "run"):
        parser.print_help()
        return 2
    try:
        return int(namespace.run(namespace))
    except EdgeError as error:
        print("emotion-edge: " + "\n".join(printable_lines(error, 2_000)), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a folder that is none, a disk that is full
        print(printable(f"emotion-edge: {error.filename or ''}: {error.strerror or error}"), file=sys.stderr)
        return 1


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-edge",
        description="Says on MQTT how the people in front of a small device seem to feel; media never leave it.",
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        if name == wanted:
            importlib.import_module(f"edge.commands.{name}").add(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    return parser
