"""Cutting text into the pieces of a vocabulary. No text is out of vocabulary: bytes are pieces, too. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

SPACE = "\u2581"  # stands before the first piece of a word, so that "art" in "part" is not the word "art"
BYTES = tuple(f"<{number:02x}>" for number in range(256))

_PLAIN = {
    "'": "\x91\x92\u2018\u2019`\u00b4",
    '"': "\x93\x94\u201c\u201d\u00ab\u00bb\u201e",
    "-": "\x96\x97\u2013\u2014",
    "...": "\x85\u2026",
}
_QUOTES = str.maketrans({letter: plain for plain, letters in _PLAIN.items() for letter in letters})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe0f\ufeff]+")
_RUNS = re.compile(r"(.)\1{3,}", re.DOTALL)  # "sooooo" is "sooo": drawn out is enough to know
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*|([^\w\s]|_)\1*")  # a run of one mark is one word
_APOSTROPHES = re.compile(r"(?<=\w) ?' ?(?=(?:s|t|re|ve|ll|m|d)\b)")  # "don 't" of some corpora is "don't"
_SENTENCES = re.compile(r"(?<=[.!?…])\s+")


def normalised(text: str) -> str:
    """Lower case, one kind of quotation mark, no control characters, single spaces, runs of four cut to three."""
    plain = _CONTROL.sub(" ", unicodedata.normalize("NFC", text).translate(_QUOTES)).lower()
    return _APOSTROPHES.sub("'", _RUNS.sub(r"\1\1\1", " ".join(plain.split())))


def sentences(text: str) -> list[str]:
    """A normalised text at the ends of its sentences."""
    return [part for part in _SENTENCES.split(text) if part]


class Pieces:
    """A vocabulary; `ids` of a text are numbers of its pieces. Each word is cut from the left, longest piece first."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """ValueError where single bytes are missing, which everything else is said with."""
        if not set(BYTES) <= set(vocabulary):
            raise ValueError("the vocabulary lacks single bytes")
        self._numbers: Mapping[str, int] = {piece: number for number, piece in enumerate(vocabulary)}
        self._longest = max(map(len, vocabulary))
        self._bytes = tuple(self._numbers[name] for name in BYTES)

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self, text: str) -> list[int]:
        """Of a normalised text."""
        found: list[int] = []
        for word in words(text):
            found += self.ids_of_word(word)
        return found

    def ids_of_word(self, word: str) -> list[int]:
        """Of one of `words`."""
        found: list[int] = []
        at = 0
        while at < len(word):
            for end in range(min(len(word), at + self._longest), at, -1):
                number = self._numbers.get(word[at:end])
                if number is not None:
                    found.append(number)
                    at = end
                    break
            else:
                if word[at] != SPACE:
                    found += [self._bytes[byte] for byte in word[at].encode("utf-8", "replace")]
                at += 1
        return found


def words(text: str) -> list[str]:
    """Words and runs of marks of a normalised text; SPACE before a word that does not go on another one."""
    found = []
    end = -1
    for match in _WORDS.finditer(text):
        apart = match.start() != end and match.group(1) is None
        found.append(SPACE + match.group() if apart else match.group())
        end = match.end()
    return found
