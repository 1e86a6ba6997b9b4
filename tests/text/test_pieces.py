"""Cutting text into pieces: whatever it is, it can be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.text.pieces import BYTES, SPACE, Pieces, normalised, sentences, words

VOCABULARY = (*BYTES, f"{SPACE}part", f"{SPACE}art", "art", f"{SPACE}p", f"{SPACE}don't", "s", "!", "!!!", "a")
PIECES = Pieces(VOCABULARY)


def cut(text: str) -> list[str]:
    return [VOCABULARY[number] for number in PIECES.ids(normalised(text))]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("part", [f"{SPACE}part"]),
        ("Parts", [f"{SPACE}part", "s"]),  # the longest piece first
        ("part art", [f"{SPACE}part", f"{SPACE}art"]),
        ("Don 't", [f"{SPACE}don't"]),
        ("don\u2019t !", [f"{SPACE}don't", "!"]),  # whatever stands before a mark
        ("a!!!!!!", ["a", "!!!"]),
        ("\u00fc", ["<c3>", "<bc>"]),
        ("", []),
    ],
)
def test_how_texts_are_cut(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces


@given(st.text())
def test_no_text_is_out_of_vocabulary(text: str) -> None:
    plain = normalised(text)
    assert normalised(plain) == plain
    numbers = PIECES.ids(plain)
    assert all(0 <= number < len(PIECES) for number in numbers)
    assert bool(numbers) == bool(words(plain))


def test_a_text_falls_into_its_sentences() -> None:
    assert sentences("no way! are you sure? yes. 3.5 is fine") == ["no way!", "are you sure?", "yes.", "3.5 is fine"]


def test_a_vocabulary_without_single_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="single bytes"):
        Pieces(["a", "b"])
