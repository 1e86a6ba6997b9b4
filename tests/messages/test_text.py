"""`text/set`: plain text or JSON, bounded, and no refusal repeats what was said."""

from __future__ import annotations

import json

import pytest

from edge.messages.commands import MAX_CHARACTERS, Command, Refusal, Words, parse

PHRASE = "the quince jam is behind the boiler"


def parsed(payload: str | bytes, *, retained: bool = False) -> Command | Refusal | None:
    return parse("text/set", payload if isinstance(payload, bytes) else payload.encode(), retained=retained)


@pytest.mark.parametrize(
    ("payload", "words", "transaction"),
    [
        (PHRASE, PHRASE, None),
        (f'"{PHRASE}"', PHRASE, None),
        (f'"{PHRASE}" he said', f'"{PHRASE}" he said', None),
        ("42", "42", None),
        (json.dumps({"text": PHRASE, "transaction": 3}), PHRASE, 3),
        (json.dumps({"value": PHRASE}), PHRASE, None),
        ("  so what  ", "so what", None),
    ],
)
def test_what_is_understood(payload: str, words: str, transaction: int | None) -> None:
    command = parsed(payload)
    assert isinstance(command, Command)
    assert command.value == Words(words)
    assert command.transaction == transaction
    assert words not in repr(command)


def test_a_retained_or_empty_one_is_passed_over() -> None:
    assert parsed(PHRASE, retained=True) is None
    assert parsed(" ") is None


@pytest.mark.parametrize(
    "payload",
    [
        PHRASE * MAX_CHARACTERS,
        PHRASE * 60,
        json.dumps({"text": [PHRASE]}),
        json.dumps({"text": PHRASE * 60, "transaction": 1}),
        json.dumps({"said": PHRASE}),
        PHRASE.encode() + b"\xff",
    ],
)
def test_a_refusal_says_why_and_nothing_of_the_words(payload: str | bytes) -> None:
    refusal = parsed(payload)
    assert isinstance(refusal, Refusal)
    assert refusal.name == "text"
    assert "quince" not in repr(refusal)


def test_the_longest_that_is_taken() -> None:
    assert isinstance(parsed("x" * MAX_CHARACTERS), Command)
    assert isinstance(parsed("x" * (MAX_CHARACTERS + 1)), Refusal)
