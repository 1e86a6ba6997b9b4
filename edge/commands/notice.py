"""`emotion-edge notice`: a notice for the door and a sheet on the intended use, as one page for a browser to print."""

from __future__ import annotations

import argparse
import html
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.commands import common
from edge.config.load import load
from edge.config.schema import Config
from edge.device.files import write_atomically
from edge.device.identity import device_name, machine_id
from edge.errors import StorageError
from edge.language.catalogue import LANGUAGES, Language, words

_DOOR = (
    "notice.door.title", "notice.door.what", "notice.door.kept", "notice.door.stop", "notice.door.responsible",
    "notice.door.contact",
)  # fmt: skip
_STYLE = """\
body { font: 12pt/1.45 sans-serif; margin: 0; color: #111; background: #fff; }
section { box-sizing: border-box; max-width: 190mm; min-height: 270mm; margin: auto; padding: 15mm; }
section + section { break-before: page; }
.door { font-size: 17pt; text-align: center; } .door h1 { font-size: 34pt; } .door h1::before { content: "◉ "; }
dt { font-weight: bold; margin-top: .6em; } dd { margin: 0; }
"""


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("notice", epilog="Neither replaces legal advice.")
    common.add_config(parser)
    parser.add_argument("--owner", required=True, metavar="NAME", help="the person or organisation responsible")
    parser.add_argument("--contact", required=True, metavar="TEXT", help="how to reach them, such as an e-mail address")
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="of both, may be repeated (default: en)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the HTML file to write (default: standard output)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config).config
    text = page(config, arguments.owner, arguments.contact, tuple(arguments.language or ("en",)))
    if arguments.output is None:
        sys.stdout.write(text)
        return 0
    try:
        write_atomically(arguments.output, text, mode=0o644)
    except OSError as error:
        raise StorageError(f"{arguments.output}: cannot be written: {error.strerror}") from None
    print(f"wrote {arguments.output}; open it in a browser and print it")
    return 0


def page(config: Config, owner: str, contact: str, languages: tuple[Language, ...]) -> str:
    """Both sheets in each language as HTML that needs nothing else."""
    sections = [
        *(_door(language, owner, contact) for language in languages),
        *(_sheet(config, language, owner, contact) for language in languages),
    ]
    return (
        f'<!doctype html>\n<html lang="{languages[0]}">\n<meta charset="utf-8">\n<title>Emotion Edge: notice</title>\n'
        f"<style>\n{_STYLE}</style>\n" + "\n".join(sections) + "\n</html>\n"
    )


def _door(language: Language, owner: str, contact: str) -> str:
    """What people who enter must know (EU AI Act, Article 50 (3); GDPR, Article 13)."""
    say = words(language)
    title, what, kept, stop, responsible, reach = (html.escape(say[key]) for key in _DOOR)
    return (
        f'<section class="door" lang="{language}">\n<h1>{title}</h1>\n<p>{what}</p>\n<p>{kept}</p>\n<p>{stop}</p>\n'
        f"<p>{responsible}: {html.escape(owner)}<br>{reach}: {html.escape(contact)}</p>\n</section>"
    )


def _sheet(config: Config, language: Language, owner: str, contact: str) -> str:
    say = words(language)
    rows = "\n".join(
        f"<dt>{html.escape(say[term])}</dt><dd>{html.escape(text)}</dd>" for term, text in _facts(config, say)
    )
    operated = html.escape(say["notice.operated"].format(owner=owner, contact=contact))
    return (
        f'<section lang="{language}">\n<h1>{html.escape(say["notice.title"])}</h1>\n<p>{operated}</p>\n'
        f"<dl>\n{rows}\n</dl>\n</section>"
    )


def _facts(config: Config, say: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each row: the key of its term, and what is so with this config."""
    name = device_name(config.device.name, machine_id())
    yield "notice.device", say["notice.with"].format(device=name, senses=_senses(config, say))
    yield "notice.does", say["notice.does_text"]
    host = config.mqtt.host or say["notice.no_broker"]
    yield "notice.results", say["notice.results_text"].format(host=host)
    yield "notice.stays", _kept(config, say)
    yield "notice.halt", _stop(config, say)
    if config.dashboard.preview != "off":
        yield "notice.aiming", say["notice.aiming_text"]
    yield "notice.limits", say["notice.limits_text"]
    yield "notice.forbidden", say["notice.forbidden_text"]


def _senses(config: Config, say: Mapping[str, str]) -> str:
    camera = config.camera.enabled and config.camera.source != "none"
    microphone = config.microphone.enabled and config.microphone.source != "none"
    if camera and microphone:
        return say["notice.and"].format(one=say["notice.camera"], other=say["notice.microphone"])
    return say["notice.camera" if camera else "notice.microphone" if microphone else "notice.no_sensor"]


def _kept(config: Config, say: Mapping[str, str]) -> str:
    kept, days = say["notice.stays_text"].format(hours=f"{config.outbox.max_age_h:g}"), config.history.keep_days
    if not days:
        return kept
    summary = say["notice.days_one" if days == 1 else "notice.days"].format(days=days)
    return f"{kept} {summary}"


def _stop(config: Config, say: Mapping[str, str]) -> str:
    stop = say["notice.halt_text"].format(command="`emotion-edge privacy on`")
    quiet = config.privacy.quiet_hours
    if not quiet:
        return stop
    hours = ", ".join(say["notice.hours"].format(start=each.start, end=each.end) for each in quiet)
    always = say["notice.quiet_text"].format(hours=hours)
    return f"{stop} {always}"
