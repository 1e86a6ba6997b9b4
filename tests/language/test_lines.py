"""What the program says in English reads in the other languages too: every line of the doctor, of the broker's
reasons, of what is wrong with a config, of devices, and of what the setup page did."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edge
from edge.language.catalogue import LANGUAGES, Language, words
from edge.language.lines import LONGEST, said, said_in_each

EDGE = Path(edge.__file__).parent
OTHERS = tuple(language for language in LANGUAGES if language != "en")

SIGN = "{§}"
WORDS = re.compile(r"[a-z]{2,} [a-z({`]|[a-z)}]: [a-z{]|[a-z}] [a-z]{2,}")
UNREAD = re.compile(r"\blog\.|\blogging\.|once\.say|subprocess\.|add_argument|add_parser|^print")
COMMANDS = ("sudo ", "emotion-edge ", "timedatectl ", "\nimport ", "appsink ", "nvarguscamerasrc ")  # as they are typed
ONLY_COMMANDS = (
    f"no permission to open {SIGN}: add this user to the group audio (sudo usermod -aG audio USER) and log in again"
)

# Where lines come from, and what is no line there.
SOURCES = {
    "doctor": {
        "a test by emotion-edge doctor", "no message", "not received", "used by another program", "-m edge",
        f"{SIGN}, numpy {SIGN}, OpenCV {SIGN}, Python {SIGN}",
    },
    "mqtt/reasons.py": {
        "taken over", "not yet valid", "not valid for", "protocol version", "unsupported protocol",
        f"{SIGN}: {SIGN}: {SIGN}", f"mqtt.cert_file: {SIGN}: {SIGN}; {SIGN}",
    },
    "mqtt/session.py": set(),
    "config/advice.py": set(),
    "config/combinations.py": set(),
    "config/files.py": set(),
    "config/secrets.py": {f"credential {SIGN}", f"{SIGN}: {SIGN}"},
    "config/schema.py": {  # text.source, in the schema
        "wyoming://127.0.0.1:PORT, where a Wyoming satellite on this device forwards its events to (its --event-uri); "
        "what other machines understand comes by text/set",
    },
    "capture": {
        f"{SIGN}: {SIGN}", f"no {SIGN}", "raspberry pi", "did not complete", "no camera found that works: ",
        ONLY_COMMANDS, f"sample rate {SIGN} is outside {SIGN}..{SIGN}",
    },
    "wizard": {"there is nothing here", '"on" must be true or false'},
}  # fmt: skip
OF_OTHERS = {  # paho's, OpenSSL's and the C library's words, and what a key's type makes
    "line.name.not_authorised", "line.name.bad_password", "line.name.expired", "line.name.self_signed",
    "line.name.self_signed_chain", "line.name.no_issuer", "line.name.host_mismatch", "line.name.address_mismatch",
    "line.name.no_name", "line.name.no_dns", "line.name.no_address", "line.name.no_route", "line.name.no_network",
    "line.name.whole_from_to", "line.name.whole_from", "line.name.number_from_to", "line.name.number_from",
    "line.name.number_above_to", "line.name.number_above",
}  # fmt: skip


def files(name: str) -> list[Path]:
    path = EDGE / name
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def lines(file: Path) -> Iterator[str]:
    """Of `texts` those that a person may read: with a space between words, or a colon."""
    return (text for text in texts(file) if WORDS.search(text))


def texts(file: Path) -> Iterator[str]:
    """Texts in the code, with a sign for what is put in, and without docstrings and what is logged or printed."""
    tree = ast.parse(file.read_text("utf-8"))
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(id(node.value))  # docstrings
        if isinstance(node, ast.Call) and UNREAD.search(ast.unparse(node.func)):
            left_out.update(id(each) for each in ast.walk(node))
        if isinstance(node, ast.JoinedStr):
            left_out.update(id(each) for each in ast.walk(node) if each is not node)
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        text = ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(str(each.value) if isinstance(each, ast.Constant) else SIGN for each in node.values)
        if text:
            yield text


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", SOURCES)
def test_no_line_is_missing(name: str, language: Language) -> None:
    missing = []
    for file in files(name):
        for text in lines(file):
            if text in SOURCES[name] or text.startswith(COMMANDS):
                continue
            whole = text
            for index in range(text.count(SIGN)):
                whole = whole.replace(SIGN, f"<{index}>", 1)
            # Names of devices and the like are known inside of a line only.
            read = said(whole, language), said(f"not opened: {whole}", language)
            missing += [
                f"{file.relative_to(EDGE)}: {part}"
                for part in whole.split("; ")
                if WORDS.search(part) and all(part in each for each in read)
            ]
    assert missing == []


def test_a_line_keeps_what_is_put_in() -> None:
    text = "the broker 10.0.0.2:1883 refuses user 'edge': Not authorized; check mqtt.username and its password"
    assert said(text, "de") == (
        "der Broker 10.0.0.2:1883 weist Benutzer 'edge' ab: nicht berechtigt; "
        "mqtt.username und das Passwort dazu prüfen"
    )
    assert said("/var/lib/emotion-edge: writable, 12.5 GB left", "fr").endswith("12,5 Go libres")
    assert (
        said("camera /dev/video0 is used by another program", "es") == "cámara /dev/video0 lo está usando otro programa"
    )
    assert said(text, "en") == text


def test_lines_that_are_joined_are_read_one_by_one() -> None:
    text = (
        "no camera found that works: camera /dev/video0 is used by another program; "
        "no permission to use camera /dev/video1: add the user to the group video (sudo usermod -aG video $USER)"
    )
    assert said(text, "de") == (
        "keine Kamera gefunden, die funktioniert: Kamera /dev/video0 wird von einem anderen Programm benutzt; "
        "keine Erlaubnis für Kamera /dev/video1: "
        "den Benutzer in die Gruppe video aufnehmen (sudo usermod -aG video $USER)"
    )


@pytest.mark.parametrize(
    "text", ["", "Eine andere Sprache.", "x; y: z", "; ; : ", "{host} {0} {", "y" * 2 * LONGEST, "on (" * 200]
)
def test_what_is_not_known_stays(text: str) -> None:
    assert said_in_each(text) == {}


def test_every_line_is_said_somewhere() -> None:
    """A message under `line.` that no code says is one that was reworded and forgotten."""
    code = "\n".join(text for file in sorted(EDGE.rglob("*.py")) for text in texts(file))
    forgotten = []
    for key, line in words("en").items():
        if key.startswith("line.") and key not in OF_OTHERS:
            longest = max(re.split(r"\{\w+\}", line), key=len)
            if longest not in code:
                forgotten.append(key)
    assert forgotten == []
