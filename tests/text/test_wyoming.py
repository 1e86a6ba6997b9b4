"""Events of the Wyoming protocol, in whatever parts they come: transcripts are found, the rest is passed over."""

from __future__ import annotations

import pytest

from edge.text.wyoming import MAX_HEADER, Events
from tests.helpers.wyoming import event

STREAM = (
    event("detection", {"name": "ok_nabu"})
    + event("transcript", {"text": "I hate\nthis", "language": "en"})
    + event("audio-chunk", {"rate": 16000}, b"\n{}\x00" * 500)
    + event("transcript", {"text": "so what"}, inline=True)
    + event("transcript", {"text": 3})
    + event("synthesize", {"text": "what the assistant says"})
)


@pytest.mark.parametrize("part", [1, 7, 500, 100_000])
def test_transcripts_are_found_however_the_bytes_come(part: int) -> None:
    events, found = Events(), []
    for at in range(0, len(STREAM), part):
        found += events.feed(STREAM[at : at + part])
    assert found == ["I hate\nthis", "so what"]


def test_words_are_at_hand_with_the_last_byte_and_not_before() -> None:
    events, whole = Events(), event("transcript", {"text": "well"})
    assert events.feed(whole[:-1]) == []
    assert events.feed(whole[-1:]) == ["well"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * (MAX_HEADER + 1),
        b'{"type": "transcript", "data_length": -1}\n',
        b'{"type": "transcript", "data_length": 900000}\n',
        b'{"type": "audio-chunk", "payload_length": 90000000}\n',
        b'{"type": 3}\n',
        b'{"type": "transcript", "data_length": 4}\nquin',
        b"[" * 10_000 + b"\n",
    ],
)
def test_what_is_no_event_is_refused_without_repeating_it(sent: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(a line|an event|data) ") as refused:
        Events().feed(sent)
    assert "quin" not in str(refused.value)
    assert refused.value.__cause__ is None
