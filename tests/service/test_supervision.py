from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from edge.service.supervision import HUNG_S, RESTARTS, Supervisor, Worker
from tests.helpers.clock import FakeClock


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def watching(worker: Worker, clock: FakeClock) -> Supervisor:
    supervisor = Supervisor(clock)
    supervisor.watch([worker])
    return supervisor


def test_a_worker_works_until_it_is_told_to_stop(clock: FakeClock) -> None:
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        time.sleep(0.001)

    worker = Worker("w", step, clock)
    worker.start()
    wait_until(lambda: len(steps) > 3)
    worker.stop()
    assert worker.join(2.0)
    assert not worker.alive


def test_one_that_dies_is_restarted_and_given_up_when_it_keeps_dying(clock: FakeClock) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    worker = Worker("face", fail, clock)
    supervisor = watching(worker, clock)
    worker.start()
    for _ in range(RESTARTS):
        wait_until(lambda: not worker.alive)
        assert supervisor.check() is None
    wait_until(lambda: not worker.alive)
    assert supervisor.check() == f"thread face died {RESTARTS} times within 300 s"
    assert supervisor.restarts() == {"face": RESTARTS}


def test_deaths_long_ago_are_forgiven(clock: FakeClock) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    worker = Worker("face", fail, clock)
    supervisor = watching(worker, clock)
    worker.start()
    for _ in range(3 * RESTARTS):
        wait_until(lambda: not worker.alive)
        assert supervisor.check() is None
        clock.pass_time(100.0)


@pytest.fixture
def hanging(clock: FakeClock) -> Iterator[Worker]:
    release = threading.Event()

    def hang() -> None:
        release.wait(10)

    worker = Worker("speech", hang, clock)
    worker.start()
    yield worker
    worker.stop()
    release.set()
    assert worker.join(2.0)


def each_second(supervisor: Supervisor, clock: FakeClock, seconds: int) -> list[str | None]:
    """What the checks of so many seconds say."""
    said = []
    for _ in range(seconds):
        clock.pass_time(1.0)
        said.append(supervisor.check())
    return said


def test_one_that_hangs_is_noticed(hanging: Worker, clock: FakeClock) -> None:
    supervisor = watching(hanging, clock)
    *before, at_last = each_second(supervisor, clock, int(HUNG_S) + 1)
    assert set(before) == {None}
    assert at_last == f"thread speech has not responded for {HUNG_S + 1:.0f} s"


def test_a_process_that_was_stopped_waits_for_its_threads_anew(hanging: Worker, clock: FakeClock) -> None:
    """Whoever judges was stopped as well (SIGSTOP, a frozen container): that nobody showed life proves nothing."""
    supervisor = watching(hanging, clock)
    assert set(each_second(supervisor, clock, 3)) == {None}
    clock.pass_time(10 * HUNG_S)
    assert supervisor.check() is None
    *before, at_last = each_second(supervisor, clock, int(HUNG_S) + 1)
    assert set(before) == {None}
    assert at_last == f"thread speech has not responded for {HUNG_S + 1:.0f} s"
