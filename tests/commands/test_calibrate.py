from __future__ import annotations

import queue

import pytest

from edge.commands import calibrate
from edge.errors import EdgeError
from edge.messages.payloads import ResponsePayload


def test_before_and_after_are_shown_label_by_label() -> None:
    lines = calibrate.table({"sad": 0.5}, {"neutral": -0.4, "sad": 1.25}).splitlines()
    assert lines[0].split() == ["neutral", "+0.00", "->", "-0.40"]
    assert lines[1].split() == ["sad", "+0.50", "->", "+1.25"]


def test_what_the_service_refuses_is_said_in_its_words() -> None:
    answers: queue.Queue[ResponsePayload] = queue.Queue()
    answers.put(ResponsePayload(status="error", error="nobody is in view"))
    with pytest.raises(EdgeError, match="nobody is in view"):
        calibrate._data(answers)


def test_silence_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "ANSWER_S", 0.01)
    with pytest.raises(EdgeError, match="is it running"):
        calibrate._data(queue.Queue())
