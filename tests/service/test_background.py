"""Requests that take a while: done once, answered to all who ask."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.errors import EdgeError, StorageError
from edge.messages.commands import Command
from edge.service.background import BEAT_S, FRESH_S, BackgroundAnswer, BackgroundRequests

Begin = Callable[[Callable[[BackgroundAnswer], object], Any], BackgroundRequests]


def asking(transaction: int) -> Command:
    return Command("request", "doctor", None, transaction)


class Work:
    """Counts how often it is done; waits until it may end."""

    def __init__(self) -> None:
        self.done = 0
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self.done += 1
        assert self.may_end.wait(10)
        return f"answer {self.done}"


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Background requests whose thread runs until the end of the test."""
    begun: list[BackgroundRequests] = []

    def make(deliver: Callable[[BackgroundAnswer], object], clock: Any) -> BackgroundRequests:
        background = BackgroundRequests(deliver, clock)
        begun.append(background)
        background.worker.start()
        return background

    yield make
    for background in begun:
        background.worker.stop()
        assert background.worker.join(10)


@pytest.fixture
def answers() -> queue.Queue[BackgroundAnswer]:
    return queue.Queue()


def test_who_asks_meanwhile_and_soon_afterwards_gets_the_same(
    begin: Begin, clock: Any, answers: queue.Queue[BackgroundAnswer]
) -> None:
    background, work = begin(answers.put, clock), Work()
    for number in range(3):
        background.run(asking(number), work)
    work.may_end.set()
    found = [answers.get(timeout=10) for _ in range(3)]
    assert [each.command.transaction for each in found] == [0, 1, 2]
    clock.pass_time(FRESH_S - 0.1)
    for number in range(500):
        background.run(asking(number), work)
        assert answers.get(timeout=10) == BackgroundAnswer(asking(number), "answer 1")
    assert work.done == 1
    clock.pass_time(0.2)
    background.run(asking(9), work)
    assert answers.get(timeout=10).data == "answer 2"


def test_too_many_at_once_are_refused(begin: Begin, clock: Any, answers: queue.Queue[BackgroundAnswer]) -> None:
    background, work = begin(answers.put, clock), Work()
    for number in range(16):
        background.run(asking(number), work)
    with pytest.raises(EdgeError, match="ask again later"):
        background.run(asking(16), work)
    work.may_end.set()
    answers.get(timeout=10)
    assert work.done == 1


@pytest.mark.parametrize(
    ("error", "told"), [(StorageError("the disk is full"), "the disk is full"), (ValueError("odd"), "ValueError: odd")]
)
def test_what_fails_is_answered_too(
    begin: Begin, clock: Any, answers: queue.Queue[BackgroundAnswer], error: Exception, told: str
) -> None:
    def fail() -> None:
        raise error

    background = begin(answers.put, clock)
    background.run(asking(1), fail)
    assert answers.get(timeout=10) == BackgroundAnswer(asking(1), None, told)


def test_the_thread_ends_at_once_when_it_is_told_to(begin: Begin, clock: Any) -> None:
    """It waits for long, so that a quiet service sleeps."""
    background = begin(lambda _: None, clock)
    background.worker.stop()
    assert background.worker.join(BEAT_S / 4)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_the_thread_is_answered_and_the_next_is_done_by_another(
    begin: Begin, clock: Any, answers: queue.Queue[BackgroundAnswer]
) -> None:
    """Such as a library that calls sys.exit: the supervisor starts the thread again."""

    def leave() -> None:
        raise SystemExit

    background = begin(answers.put, clock)
    background.run(asking(1), leave)
    assert "the log says why" in str(answers.get(timeout=10).error)
    assert background.worker.join(10)
    assert not background.worker.alive
    background.worker.start()
    clock.pass_time(FRESH_S)
    background.run(asking(2), lambda: 2)
    assert answers.get(timeout=10).data == 2
