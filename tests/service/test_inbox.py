from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages.commands import Command
from edge.readings import FaceReading, FacesReading, SourceStatus
from edge.service.background import BackgroundAnswer
from edge.service.inbox import COMMANDS, PRIVACY, READINGS, Inbox, Item


def privacy(on: bool, transaction: int = 0) -> Command:
    return Command("privacy", "", on, transaction)


def request(number: int) -> Command:
    return Command("request", "health", None, number)


def test_privacy_finds_its_place_in_a_flood_and_comes_first() -> None:
    inbox = Inbox()
    taken = [inbox.put(request(number)) for number in range(45_000)]
    assert taken.count(True) == COMMANDS
    assert inbox.put(privacy(True))
    assert inbox.refused == 45_000 - COMMANDS
    first, *rest = inbox.take(0.0)
    assert first == privacy(True)
    assert rest == [request(number) for number in range(COMMANDS)]
    assert len(inbox) == 0


def test_the_newest_status_of_each_source_is_never_dropped() -> None:
    inbox = Inbox()
    for number in range(10_000):
        inbox.put(request(number))
        inbox.put(FacesReading(float(number), number, ()))
        for source in ("camera", "microphone"):
            inbox.put(SourceStatus(source, "offline", str(number)))
    statuses = [item for item in inbox.take(0.0) if isinstance(item, SourceStatus)]
    assert [(status.source, status.reason) for status in statuses] == [("camera", "9999"), ("microphone", "9999")]


def test_of_too_many_readings_the_oldest_go_and_are_counted() -> None:
    inbox = Inbox()
    for number in range(READINGS + 7):
        inbox.put(FacesReading(float(number), number, ()))
    assert inbox.readings_dropped == 7
    left = [item.time for item in inbox.take(0.0) if isinstance(item, FacesReading)]
    assert left == [float(number) for number in range(7, READINGS + 7)]


def test_only_news_ends_the_wait() -> None:
    """A face that was merely followed may wait for the next decision; whatever asks for something may not."""
    inbox = Inbox()
    taken: list[list[Item]] = []
    waiting = threading.Thread(target=lambda: taken.append(inbox.take(30.0)))
    waiting.start()
    face = FaceReading(1.0, 1, (1.0, *[0.0] * 6), 1.0, 100.0)
    followed, classified = FacesReading(2.0, 2, (face,)), FacesReading(3.0, 3, (face, replace(face, time=3.0)))
    inbox.put(followed)
    inbox.put(FacesReading(2.5, 3))
    waiting.join(0.2)
    assert waiting.is_alive()
    inbox.put(classified)
    waiting.join(10.0)
    assert taken == [[followed, FacesReading(2.5, 3), classified]]


def test_an_answer_that_took_a_while_finds_its_place() -> None:
    inbox = Inbox()
    for number in range(COMMANDS + 1):
        inbox.put(request(number))
    late = BackgroundAnswer(Command("request", "doctor", None), {})
    assert inbox.put(late)
    assert inbox.take(0.0)[0] == late


@given(st.lists(st.booleans(), min_size=1, max_size=4 * PRIVACY))
def test_however_many_privacy_commands_come_the_last_word_holds_and_no_on_is_lost_before_it(words: list[bool]) -> None:
    inbox = Inbox()
    for number, on in enumerate(words):
        assert inbox.put(privacy(on, number))
    items = inbox.take(0.0)
    carried_out = [item for item in items if isinstance(item, Command)]
    assert len(carried_out) <= PRIVACY
    assert carried_out[-1] == privacy(words[-1], len(words) - 1)
    assert [item.transaction for item in carried_out] == sorted(item.transaction for item in carried_out)  # type: ignore[type-var]
    refused = [item for item in items if isinstance(item, BackgroundAnswer)]
    assert len(refused) == min(len(words) - len(carried_out), PRIVACY)
    assert inbox.refused == len(words) - len(carried_out)
    for answer in refused:  # a word that goes is followed by one that says the same, or the other one
        assert any(item.transaction > answer.command.transaction for item in carried_out)  # type: ignore[operator]


def test_whoever_waits_is_woken() -> None:
    inbox = Inbox()
    threading.Timer(0.05, inbox.put, [privacy(True)]).start()
    assert inbox.take(5.0) == [privacy(True)]


def test_nothing_comes() -> None:
    assert Inbox().take(0.0) == []


@pytest.mark.parametrize("on", [True, False])
def test_one_switch_is_carried_out(on: bool) -> None:
    inbox = Inbox()
    inbox.put(privacy(on))
    assert inbox.take(0.0) == [privacy(on)]
