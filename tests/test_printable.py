"""Nothing that a terminal would act upon gets through, and ordinary text of any language does."""

from __future__ import annotations

import io
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.printable import PrintableRecords, printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("\x9b31mred", "\\x9b31mred"),  # the one-byte introducer that some terminals know
        ("one\r\ntwo\x00", "one\\r\\ntwo\\x00"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("Wohnzimmer 居間 ☺ ok", "Wohnzimmer 居間 ☺ ok"),
    ],
)
def test_what_it_makes_of(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_every_character_is_visible(text: str) -> None:
    line = printable(text)
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for each in line)
    assert text.isprintable() == (line == text) or len(text) > 500


def test_a_log_record_cannot_be_forged_or_act_upon_a_terminal() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(PrintableRecords())
    log = logging.Logger("edge.mqtt")
    log.addHandler(handler)
    log.warning("%s was refused", "x\x1b[2J\nERROR edge: the disk is full\x07")
    try:
        int("\x1b]0;title\x07")
    except ValueError as error:
        error.args = ("\x1b]0;title\x07",)
        log.exception("it failed")
    lines = written.getvalue().splitlines()
    assert lines[:2] == ["WARNING edge.mqtt: x\\x1b[2J", "    ERROR edge: the disk is full\\x07 was refused"]
    assert lines[2] == "ERROR edge.mqtt: it failed"
    assert lines[-1] == "ValueError: \\x1b]0;title\\x07"


def test_it_is_bounded_and_lines_of_our_own_stay_lines() -> None:
    assert printable("x" * 10_000) == "x" * 499 + "…"
    assert printable_lines("a: \x1b\nb: ok") == ["a: \\x1b", "b: ok"]
