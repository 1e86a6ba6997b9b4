"""Requests that take a while: done once, answered to all who ask."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from edge.errors import EdgeError, StorageError
from edge.messages.commands import Command
from edge.service.background import FRESH_S, BackgroundAnswer, BackgroundRequests


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
def answers() -> queue.Queue[BackgroundAnswer]:
    return queue.Queue()


def test_who_asks_meanwhile_and_soon_afterwards_gets_the_same(
    clock: Any, answers: queue.Queue[BackgroundAnswer]
) -> None:
    background, work = BackgroundRequests(answers.put, clock), Work()
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


def test_too_many_at_once_are_refused(clock: Any, answers: queue.Queue[BackgroundAnswer]) -> None:
    background, work = BackgroundRequests(answers.put, clock), Work()
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
    clock: Any, answers: queue.Queue[BackgroundAnswer], error: Exception, told: str
) -> None:
    def fail() -> None:
        raise error

    background = BackgroundRequests(answers.put, clock)
    background.run(asking(1), fail)
    assert answers.get(timeout=10) == BackgroundAnswer(asking(1), None, told)
