from __future__ import annotations

from typing import Literal

import pytest

from edge.commands import calibrate
from edge.errors import EdgeError
from edge.messages.payloads import ResponsePayload


def test_before_and_after_are_shown_label_by_label() -> None:
    lines = calibrate.table({"sad": 0.5}, {"neutral": -0.4, "sad": 1.25}).splitlines()
    assert lines[0].split() == ["neutral", "+0.00", "->", "-0.40"]
    assert lines[1].split() == ["sad", "+0.50", "->", "+1.25"]


def answer(transaction: str, error: str | None = None) -> tuple[str, ResponsePayload]:
    status: Literal["ok", "error"] = "error" if error else "ok"
    return "response/calibrate", ResponsePayload(status=status, error=error, data={"a": 1}, transaction=transaction)


def test_its_own_answer_is_found_among_others() -> None:
    told = [("privacy", "OFF"), None, answer("somebody else's", "no"), answer("calibrate")]
    assert calibrate._data(told) == {"a": 1}


def test_what_the_service_refuses_is_said_in_its_words() -> None:
    with pytest.raises(EdgeError, match="nobody is in view"):
        calibrate._data([answer("calibrate", "nobody is in view")])


def test_silence_is_an_error_with_a_remedy() -> None:
    with pytest.raises(EdgeError, match="is it running"):
        calibrate._data([None])
