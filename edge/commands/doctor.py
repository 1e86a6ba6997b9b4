"""`emotion-edge doctor`: what works on this device, what does not, and the remedy."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys

import msgspec

from edge.commands import common
from edge.config.load import load
from edge.device.board import detect
from edge.device.clock import SystemClock
from edge.device.paths import overrides_file
from edge.device.service_user import rights_of_service
from edge.doctor.examine import examine
from edge.doctor.findings import Finding, Subject, worst
from edge.errors import ConfigError
from edge.printable import printable, printable_lines

_MARKS = {"green": ("✔", "32"), "yellow": ("!", "33"), "red": ("✘", "31")}


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser(
        "doctor",
        epilog="Exit status 1 if anything does not work. Devices that the running service uses are not opened, and no "
        "device is opened while privacy is on.",
    )
    common.add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    logging.disable(logging.ERROR)  # problems are reported as findings
    subject = _subject(arguments)
    findings: list[Finding] = []
    for finding in examine(subject):
        findings.append(finding)
        if not arguments.json:
            print(*_lines(finding), sep="\n", flush=True)
    level = worst(findings)
    if arguments.json:
        print(json.dumps({"worst": level, "findings": msgspec.to_builtins(findings)}))
    else:
        print(_summary(findings))
    return 1 if level == "red" else 0


def _subject(arguments: argparse.Namespace) -> Subject:
    loaded = problem = None
    state = common.state(arguments)
    try:
        with rights_of_service(arguments.config):
            loaded = load(arguments.config, overrides=overrides_file(state))
    except ConfigError as error:
        problem = str(error)
    return Subject(loaded, problem, arguments.config, state, detect(), SystemClock())


def _lines(finding: Finding) -> list[str]:
    mark, colour = _MARKS[finding.level]
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        mark = f"\033[{colour}m{mark}\033[0m"
    first, *rest = printable_lines(finding.says)
    lines = [f"{mark} {finding.check:<11} {first}", *(f"{'':<14}{line}" for line in rest)]
    return [*lines, f"{'':<14}→ {printable(finding.remedy)}"] if finding.remedy else lines


def _summary(findings: list[Finding]) -> str:
    red = sum(finding.level == "red" for finding in findings)
    yellow = sum(finding.level == "yellow" for finding in findings)
    if not red and not yellow:
        return "\neverything works"
    return f"\n{red} not working, {yellow} could be better" if red else f"\nworks; {yellow} could be better"
