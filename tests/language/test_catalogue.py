"""The message catalogue: complete in every language, and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edge
from edge.language.catalogue import LANGUAGES, Language, accepted, words
from edge.readings import ABSENT, LABELS, UNCERTAIN

EDGE = Path(edge.__file__).parent
# Minutes are minutes in French, a person is one in German, decibels are decibels everywhere.
SHARED = {"ha.device", "ha.person", "time.minutes", "line.doctor.level"}
PLACE = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_missing_and_none_is_too_much(language: Language) -> None:
    assert list(words(language)) == list(words("en"))
    for key, english in words("en").items():
        said = words(language)[key]
        assert said.strip() == said != "", key
        assert set(PLACE.findall(said)) == set(PLACE.findall(english)), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_do_not_mix(language: Language) -> None:
    """What is the same in another language is a word that both have, not one that was forgotten."""
    if language == "en":
        return
    same = [key for key, said in words(language).items() if said == words("en")[key] and " " in said]
    assert set(same) - {key for key in same if not PLACE.sub("", words("en")[key]).strip("., :")} <= SHARED


def test_every_state_has_its_word() -> None:
    for label in (*LABELS, UNCERTAIN, ABSENT, "privacy", "offline", "deciding"):
        assert f"state.{label}" in words("en")


def test_what_the_page_asks_for_is_there_and_what_is_there_is_asked_for() -> None:
    known = set(words("en"))
    folders = [EDGE / room / "static" for room in ("dashboard", "wizard")]
    scripts = "".join(file.read_text("utf-8") for static in folders for file in static.glob("*.js"))
    pages = "".join(file.read_text("utf-8") for static in folders for file in static.glob("*.html"))
    called = set(re.findall(r'\bt\("([a-z_.]+)"', scripts)) | set(re.findall(r"\{\{([a-z_.]+)\}\}", pages)) - {
        "language"
    }
    asked = called | set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', scripts)) & known
    assert asked <= known, asked - known
    families = {family.rstrip(".") for family in re.findall(r"t\(`([a-z_.]+)\$", scripts)}
    python = "".join(file.read_text("utf-8") for file in EDGE.rglob("*.py"))
    unused = [
        key
        for key in known - asked
        if not key.startswith(tuple(families))
        and f'"{key}"' not in python + scripts
        and not key.startswith(("ha.", "line.", "doctor.check."))
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("de", "de"), ("de-AT,de;q=0.9,en;q=0.8", "de"), ("pt-BR, es;q=0.7, fr;q=0.8", "fr"),
        ("nl", "en"), ("EN-gb", "en"), ("fr;q=0", "en"), ("fr;q=x, es;q=0.1", "es"), ("*", "en"), (",,;;=", "en"),
        ("x," * 4_000 + "de", "en"),
    ],
)  # fmt: skip
def test_the_browser_says_which(header: str, language: Language) -> None:
    assert accepted(header) == language


def test_who_asks_for_none_of_ours_gets_the_owners() -> None:
    assert accepted("nl, pt;q=0.5", "de") == "de"
