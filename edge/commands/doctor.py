"""`emotion-edge doctor`: what works on this device, what does not, and the remedy."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys

import msgspec

from edge.commands import common
from edge.config.load import DEFAULT, load
from edge.device.board import detect
from edge.device.clock import SystemClock
from edge.device.paths import overrides_file
from edge.device.service_user import rights_of_service
from edge.doctor.examine import examine
from edge.doctor.findings import Finding, Subject, finding_in, name_of, worst
from edge.errors import ConfigError
from edge.language.catalogue import LANGUAGES, Language, of_terminal, words
from edge.printable import printable, printable_lines

_MARKS = {"green": ("✔", "32"), "yellow": ("!", "33"), "red": ("✘", "31")}


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser(
        "doctor",
        epilog="Exit status 1 if anything does not work. Devices that the running service uses are not opened, and no "
        "device is opened while privacy is on. The language is device.language where the config sets it, else the "
        "terminal's (LANG); JSON is English.",
    )
    common.add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--language", choices=LANGUAGES, help="of the findings (default: see below)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    logging.disable(logging.ERROR)  # problems are reported as findings
    subject = _subject(arguments)
    language = arguments.language or _language(subject)
    width = _width(language)
    findings: list[Finding] = []
    for finding in examine(subject):
        findings.append(finding)
        if not arguments.json:
            print(*_lines(finding, language, width), sep="\n", flush=True)
    level = worst(findings)
    if arguments.json:
        print(json.dumps({"worst": level, "findings": msgspec.to_builtins(findings)}))
    else:
        print(_summary(findings, language))
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


def _language(subject: Subject) -> Language:
    """The owner's, where the config says it, else the terminal's."""
    if subject.loaded is not None and subject.loaded.origins["device.language"] != DEFAULT:
        return subject.loaded.config.device.language
    return of_terminal(os.environ)


def _width(language: Language) -> int:
    """Of the longest name of a check."""
    return max(len(name) for key, name in words(language).items() if key.startswith("doctor.check."))


def _lines(finding: Finding, language: Language, width: int) -> list[str]:
    mark, colour = _MARKS[finding.level]
    name, finding = name_of(finding.check, language), finding_in(finding, language)
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        mark = f"\033[{colour}m{mark}\033[0m"
    first, *rest = printable_lines(_plain(finding.says))
    indent = " " * (width + 3)
    lines = [f"{mark} {name:<{width}} {first}", *(f"{indent}{line}" for line in rest)]
    return [*lines, f"{indent}→ {printable(_plain(finding.remedy))}"] if finding.remedy else lines


def _plain(text: str) -> str:
    """French sets off its colons with a space that terminals need not know."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def _summary(findings: list[Finding], language: Language) -> str:
    red = sum(finding.level == "red" for finding in findings)
    yellow = sum(finding.level == "yellow" for finding in findings)
    say = words(language)
    if red:
        return "\n" + say["doctor.bad"].format(red=red, yellow=yellow)
    return "\n" + (say["doctor.fair"].format(count=yellow) if yellow else say["doctor.good"])
