"""What service and commands say in English, in another language.

Reasons and findings are English in the program, on the wire and in logs, so that there is one wording to search for.
Where a person reads them they are known again by that wording: a line is a message of the catalogue under `line.`, or
several of them joined. What is not known stays as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

from edge.language.catalogue import LANGUAGES, Language, words

LONGEST = 800  # characters; what is longer is no line of ours
_DEEPEST = 5  # lines within lines
_NAMES = "line.name."  # parts of a line, known only inside of one
_PLACE = re.compile(r"\{(\w+)\}")


def said(text: str, language: Language) -> str:
    """`text`, line by line, in `language`."""
    if language == "en":
        return text
    return "\n".join(_said(line, language) for line in text.split("\n"))


def said_in_each(text: str) -> dict[str, str]:
    """The languages in which `text` reads otherwise than in English."""
    found = {language: said(text, language) for language in LANGUAGES}
    return {language: line for language, line in found.items() if line != text}


@functools.lru_cache(maxsize=512)
def _said(line: str, language: Language, depth: int = 0, names: bool = False) -> str:
    if not line or len(line) > LONGEST or depth > _DEEPEST:
        return line
    halves = list(_halves(line, language, depth))
    for joint, parts, others in halves:
        if all(one != other for one, other in zip(parts, others, strict=True)):
            return joint.join(others)
    for pattern in _patterns():
        if pattern.key.startswith(_NAMES) and not names:
            continue
        values = pattern.values(line)
        if values is not None:
            filled = {name: _value(name, value, language, depth) for name, value in values.items()}
            return words(language)[pattern.key].format(**filled)
    return next((joint.join(others) for joint, parts, others in halves if parts != others), line)


def _halves(line: str, language: Language, depth: int) -> Iterator[tuple[str, tuple[str, str], tuple[str, str]]]:
    """Two lines that may be joined here: what joins them, and both as they are and in `language`."""
    for joint in ("; ", ": "):
        for at in dict.fromkeys((line.find(joint), line.rfind(joint))):
            if at > 0:
                one, other = line[:at], line[at + len(joint) :]
                read = _said(one, language, depth + 1), _said(other, language, depth + 1)
                yield _joint(joint, language), (one, other), read


def _value(name: str, value: str, language: Language, depth: int) -> str:
    if name.startswith("number"):
        return value.replace(".", ",")
    return _said(value, language, depth + 1, names=True)


def _joint(joint: str, language: Language) -> str:
    return f"\N{NO-BREAK SPACE}{joint}" if language == "fr" else joint


class _Pattern:
    """A message's English wording: literal text around what is put in."""

    def __init__(self, key: str, english: str) -> None:
        self.key = key
        self.first, *rest = _PLACE.split(english)
        self.names, self.after = rest[::2], rest[1::2]
        self.literal = len(self.first) + sum(map(len, self.after))

    def values(self, line: str) -> Mapping[str, str] | None:
        """What was put in; None if `line` is not this message. Each piece is looked for once, from the left."""
        if not self.names:
            return {} if line == self.first else None
        if not line.startswith(self.first) or not line.endswith(self.after[-1]):
            return None
        found: dict[str, str] = {}
        at, end = len(self.first), len(line) - len(self.after[-1])
        for name, literal in zip(self.names[:-1], self.after[:-1], strict=True):
            until = line.find(literal, at + 1, end)
            if until < 0:
                return None
            found[name], at = line[at:until], until + len(literal)
        found[self.names[-1]] = line[at:end]
        return found if end > at else None


@functools.cache
def _patterns() -> tuple[_Pattern, ...]:
    """Those with the most literal text first, so that the narrower message wins."""
    made = [_Pattern(key, english) for key, english in words("en").items() if key.startswith("line.")]
    return tuple(sorted(made, key=lambda pattern: -pattern.literal))
