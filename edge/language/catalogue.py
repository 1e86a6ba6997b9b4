"""The message catalogue: one JSON file for each language, every key in each of them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

Language = Literal["en", "de", "fr", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_MOST = 20  # entries of an Accept-Language header that are looked at


@functools.cache
def words(language: Language) -> Mapping[str, str]:
    """All messages by their keys; `{name}` stands where something is put in."""
    text = (Path(__file__).parent / f"{language}.json").read_bytes()
    return MappingProxyType(msgspec.json.decode(text, type=dict[str, str]))


def accepted(header: str, otherwise: Language = "en") -> Language:
    """The best of our languages for an Accept-Language header."""
    ranked: list[tuple[float, Language]] = []
    for entry in header.split(",")[:_MOST]:
        tag, _, rest = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        ranked += [(_quality(rest), ours) for ours in LANGUAGES if ours == language]
    quality, best = max(ranked, key=lambda each: each[0], default=(0.0, otherwise))
    return best if quality > 0.0 else otherwise


def of_terminal(environment: Mapping[str, str]) -> Language:
    """The language that the locale's variables name, if it is one of ours."""
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    tag = locale.lower().partition(".")[0].partition("_")[0]
    return next((ours for ours in LANGUAGES if ours == tag), "en")


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
