"""The command `emotion-edge`: finds the subcommand, shows errors as one clear line."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys

from edge.errors import EdgeError
from edge.printable import PrintableRecords, printable, printable_lines
from edge.version import __version__

# Imported only when called for: a `--help` on a Pi should not wait for OpenCV.
GROUPS = {
    "Set up": {
        "setup": "write a first config and try the broker",
        "check": "check a config file and show what is in effect",
        "doctor": "find out what does not work on this device, and how to fix it",
        "devices": "list cameras and microphones",
        "unit": "write the systemd drop-in that limits the network to what the config names",
    },
    "Run": {
        "run": "run the service",
        "calibrate": "learn what faces in this seat look like at rest",
        "privacy": "close camera and microphone, or open them again",
        "notice": "print a notice for the door and a sheet on the intended use",
    },
    "Look": {
        "watch": "show live readings in the terminal",
        "dashboard": "show where the web page is, or serve it from here",
        "passwd": "set the password of the web page",
        "bridge": "pass readings on to ROS 2, LabStreamingLayer or OSC",
    },
    "Models and recordings": {
        "model": "list models, install your own, switch to the previous one",
        "classify": "classify pictures, sound files or sentences, one JSON line each",
        "replay": "run the whole pipeline over recordings, with the same result every time",
        "bench": "measure each stage and the whole service on this machine",
    },
    "Many devices": {
        "enroll": "get a certificate from the fleet's signing service, or renew it",
        "update": "install the fleet's signed model or package; go back if the service runs worse",
        "collect": "collect what many devices say, from a broker into PostgreSQL",
        "fleet": "show many devices at a glance, from the database of `collect`",
    },
    "Remove": {
        "forget": "delete a device's retained messages and past days, and remove it from Home Assistant",
    },
}
COMMANDS = {name: summary for commands in GROUPS.values() for name, summary in commands.items()}


def main(argv: list[str] | None = None) -> int:  # noqa: PLR0911  one for each way to end
    """Run one subcommand; the return value is the exit status."""
    # Before numpy is there. Our matrices are small: after each, OpenBLAS's other threads spin for some 30 ms, which
    # was two fifths of the service's processor time on two cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = sys.argv[1:] if argv is None else argv
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    if wanted is not None and wanted not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(wanted, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else "`emotion-edge --help` lists the commands"
        print(f"emotion-edge: {printable(wanted)} is not a command; {hint}", file=sys.stderr)
        return 2
    parser = _parser(wanted)
    namespace = parser.parse_args(arguments)
    if not hasattr(namespace, "run"):
        parser.print_help()
        return 2
    handler = logging.StreamHandler()
    handler.addFilter(PrintableRecords())
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])  # `run` sets up its own
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
        usage="emotion-edge COMMAND [OPTION ...]",
        description="Publishes over MQTT how the people in front of a small device seem to feel.\n"
        "Pictures and sound never leave the device.",
        epilog=_listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    subparsers = parser.add_subparsers(prog="emotion-edge", metavar="COMMAND", help=argparse.SUPPRESS)
    for name, summary in COMMANDS.items():
        if name == wanted:
            importlib.import_module(f"edge.commands.{name}").add(subparsers)
            subparsers.choices[name].description = summary[0].upper() + summary[1:] + "."
        else:
            subparsers.add_parser(name, help=summary)
    return parser


def _listing() -> str:
    """The commands by what they are for; argparse knows no groups of commands."""
    lines = []
    for title, commands in GROUPS.items():
        lines += [f"{title}:", *(f"  {name:<11} {summary}" for name, summary in commands.items()), ""]
    return "\n".join([*lines, "`emotion-edge COMMAND --help` explains a command."])
