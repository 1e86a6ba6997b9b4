"""`emotion-edge notice`: a notice for the door and a sheet on the intended use, as one page for a browser to print."""

from __future__ import annotations

import argparse
import html
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.commands import common
from edge.config.load import load
from edge.config.schema import Config
from edge.device.files import write_atomically
from edge.device.identity import device_name, machine_id
from edge.errors import StorageError

# What people who enter must know (EU AI Act, Article 50 (3); GDPR, Article 13).
DOOR = {
    "en": (
        "Emotion recognition in use",
        "A device in this room estimates emotions from faces and voices, by camera and microphone.",
        "Pictures and sound are processed on the device, are not stored, and do not leave it. Nobody is identified.",
        "You may ask to have it switched off at any time.",
        "Responsible",
        "Contact",
    ),
    "de": (
        "Emotionserkennung in Betrieb",
        "Ein Gerät in diesem Raum schätzt mit Kamera und Mikrofon Emotionen aus Gesichtern und Stimmen.",
        "Bild und Ton werden auf dem Gerät verarbeitet, nicht gespeichert und nicht übertragen. Niemand wird "
        "identifiziert.",
        "Sie können jederzeit verlangen, dass es ausgeschaltet wird.",
        "Verantwortlich",
        "Kontakt",
    ),
    "fr": (
        "Reconnaissance des émotions en service",
        "Dans cette pièce, un appareil estime les émotions d'après les visages et les voix, avec caméra et microphone.",
        "Les images et le son sont traités sur l'appareil ; ils ne sont ni enregistrés ni transmis. Personne n'est "
        "identifié.",
        "Vous pouvez demander à tout moment qu'il soit arrêté.",
        "Responsable",
        "Contact",
    ),
    "es": (
        "Reconocimiento de emociones en funcionamiento",
        "Un dispositivo en esta sala estima emociones a partir de rostros y voces, con cámara y micrófono.",
        "Las imágenes y el sonido se procesan en el dispositivo; no se guardan ni se transmiten. No se identifica a "
        "nadie.",
        "Puede pedir en cualquier momento que se apague.",
        "Responsable",
        "Contacto",
    ),
}

_STYLE = """\
body { font: 12pt/1.45 sans-serif; margin: 0; color: #111; background: #fff; }
section { box-sizing: border-box; max-width: 190mm; min-height: 270mm; margin: auto; padding: 15mm; }
section + section { break-before: page; }
.door { font-size: 17pt; text-align: center; } .door h1 { font-size: 34pt; } .door h1::before { content: "◉ "; }
dt { font-weight: bold; margin-top: .6em; } dd { margin: 0; }
"""


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = parsers.add_parser("notice", epilog="The sheet is in English. Neither replaces legal advice.")
    common.add_config(parser)
    parser.add_argument("--owner", required=True, metavar="NAME", help="the person or organisation responsible")
    parser.add_argument("--contact", required=True, metavar="TEXT", help="how to reach them, such as an e-mail address")
    parser.add_argument(
        "--language", choices=DOOR, action="append", help="of the notice for the door, may be repeated (default: en)"
    )
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


def page(config: Config, owner: str, contact: str, languages: tuple[str, ...]) -> str:
    """Both sheets as HTML that needs nothing else."""
    sections = [*(_door(language, owner, contact) for language in languages), _sheet(config, owner, contact)]
    return (
        f'<!doctype html>\n<html lang="{languages[0]}">\n<meta charset="utf-8">\n<title>Emotion Edge: notice</title>\n'
        f"<style>\n{_STYLE}</style>\n" + "\n".join(sections) + "\n</html>\n"
    )


def _door(language: str, owner: str, contact: str) -> str:
    title, what, kept, stop, responsible, reach = (html.escape(line) for line in DOOR[language])
    return (
        f'<section class="door" lang="{language}">\n<h1>{title}</h1>\n<p>{what}</p>\n<p>{kept}</p>\n<p>{stop}</p>\n'
        f"<p>{responsible}: {html.escape(owner)}<br>{reach}: {html.escape(contact)}</p>\n</section>"
    )


def _sheet(config: Config, owner: str, contact: str) -> str:
    rows = "\n".join(f"<dt>{html.escape(term)}</dt><dd>{html.escape(text)}</dd>" for term, text in _facts(config))
    return (
        f'<section lang="en">\n<h1>Emotion Edge: intended use</h1>\n<p>Operated by {html.escape(owner)}, '
        f"{html.escape(contact)}.</p>\n<dl>\n{rows}\n</dl>\n</section>"
    )


def _days(keep: int) -> str:
    if not keep:
        return ""
    return (
        f" A summary of each minute (how long each state lasted, how many people were in view; nothing about a single "
        f"person) stays on the device for {keep} {'day' if keep == 1 else 'days'}."
    )


def _facts(config: Config) -> Iterator[tuple[str, str]]:
    senses = [
        name
        for name, used in (
            ("camera", config.camera.enabled and config.camera.source != "none"),
            ("microphone", config.microphone.enabled and config.microphone.source != "none"),
        )
        if used
    ]
    quiet = ", ".join(f"{hours.start} to {hours.end}" for hours in config.privacy.quiet_hours)
    yield (
        "Device",
        f"{device_name(config.device.name, machine_id())}, with {' and '.join(senses) or 'no sensor'} in use",
    )
    yield (
        "What it does",
        "It estimates which of seven emotions (neutral, happy, sad, angry, fearful, disgusted, surprised) the "
        "people in "
        "front of it express, and how many people are in view.",
    )
    yield (
        "Where the results go",
        f"To the MQTT broker {config.mqtt.host or '(none is configured)'} of the operator, as numbers and words. What "
        "happens to them there is the operator's responsibility.",
    )
    yield (
        "What is kept",
        "Pictures and sound stay in memory for moments and are never written to disk. While the broker is unreachable, "
        f"results wait on the device for at most {config.outbox.max_age_h:g} hours.{_days(config.history.keep_days)}",
    )
    yield (
        "How to stop it",
        "Switch privacy on: the button on the device if it has one, the web page, Home Assistant, or `emotion-edge "
        "privacy "
        f"on`. Camera and microphone are then closed.{f' They are always closed from {quiet}.' if quiet else ''}",
    )
    if config.dashboard.preview != "off":
        yield "Aiming picture", "The operator can see a small grey picture of the camera for up to a minute at a time."
    yield (
        "Limits",
        "It sees expressions and not what somebody feels. Expressions differ between people and cultures, and faces "
        "at rest "
        "may look sad or angry; it is less reliable in poor light, at an angle, for children, and for languages on "
        "which it "
        "was not trained. The model cards state how often it is right. It must not be used for decisions about a "
        "person.",
    )
    yield (
        "Not permitted",
        "Inferring emotions at work and in education is prohibited in the European Union, except for medical or safety "
        "reasons (Regulation (EU) 2024/1689, Article 5 (1) (f)). Elsewhere it is a high-risk use (Annex III, 1 "
        "(c)), and "
        "those who are exposed to it must be informed (Article 50 (3)).",
    )
