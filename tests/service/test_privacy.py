"""The transaction alone, with devices, a broker and a disk that do what they are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.config.schema import PrivacyConfig, QuietHours
from edge.device.privacy import Gate, PrivacyState
from edge.errors import StorageError
from edge.service.privacy import Privacy
from tests.helpers.clock import FakeClock

ALL_DAY = (QuietHours("00:00", "12:00"), QuietHours("12:00", "00:00"))
CLOSE_S = 0.3  # enough for what answers at once


class FakeDevice:
    """Closes at once, or when it is freed."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.free = threading.Event()
        self.free.set()
        self._log = log

    def release(self, reason: str) -> bool:
        assert reason
        if not self.free.wait(0.05):
            return False
        self._log.append(f"{self.name} closed")
        return True

    def resume(self) -> None:
        self._log.append(f"{self.name} open")


class Bench:
    """A privacy switch with everything around it passed in; `log` is what happened, in order."""

    def __init__(self, folder: Path) -> None:
        self.log: list[str] = []
        self.told: list[PrivacyState] = []
        self.camera, self.microphone = FakeDevice("camera", self.log), FakeDevice("microphone", self.log)
        self.kernel: list[str] = []  # what it says is open
        self.disk_error: str | None = None
        self.disk_answers = threading.Event()
        self.disk_answers.set()
        self.purges = 0
        self.planned = False  # the last of them
        self.gate = Gate(folder, PrivacyConfig(), FakeClock(), runtime=folder / "run")
        self.privacy = Privacy(
            self.gate, [self.camera, self.microphone], purge=self._purge, forget=lambda: self.log.append("forgotten"),
            tell=self._tell, still_open=lambda: self.kernel, close_s=CLOSE_S,
        )  # fmt: skip

    def _purge(self, state: PrivacyState) -> None:
        self.purges += 1
        self.planned = state.planned
        self.disk_answers.wait(10)
        if self.disk_error:
            raise StorageError(self.disk_error)
        self.log.append("purged")

    def _tell(self, state: PrivacyState) -> None:
        self.told.append(state)
        self.log.append("ON told" if state.on else "OFF told")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    for event in (one.camera.free, one.microphone.free, one.disk_answers):
        event.set()


def test_on_is_told_when_everything_is_closed_and_forgotten(bench: Bench) -> None:
    assert bench.privacy.follow() is None
    assert bench.privacy.open
    bench.log.clear()
    assert bench.privacy.switch(on=True) is None
    assert set(bench.log[:-2]) == {"camera closed", "microphone closed", "purged"}
    assert bench.log[-2:] == ["forgotten", "ON told"]
    assert bench.privacy.holds
    assert not bench.privacy.open


def test_off_forgets_what_was_left_before_anything_is_opened(bench: Bench) -> None:
    bench.privacy.switch(on=True)
    bench.log.clear()
    assert bench.privacy.switch(on=False) is None
    assert bench.log == ["forgotten", "camera open", "microphone open", "OFF told"]


def test_nothing_happens_twice(bench: Bench) -> None:
    bench.privacy.switch(on=True)
    before = list(bench.log)
    assert bench.privacy.switch(on=True) is None
    assert bench.privacy.follow() is None
    assert bench.log == before


def test_a_start_with_privacy_on_closes_what_a_driver_may_have_left(bench: Bench) -> None:
    bench.gate.switch(True)
    assert bench.privacy.follow() is None
    assert bench.log[-1] == "ON told"
    assert "camera closed" in bench.log


def test_a_device_that_hangs_is_named_and_nothing_takes_the_failure_back(bench: Bench) -> None:
    bench.privacy.follow()
    bench.camera.free.clear()
    began = time.monotonic()
    problem = bench.privacy.switch(on=True)
    assert time.monotonic() - began < CLOSE_S + 1.0
    assert problem is not None
    assert "still open: camera." in problem
    assert "ON told" not in bench.log
    assert bench.gate.now().on, "the next start is on"
    bench.camera.free.set()  # late
    told = list(bench.told)
    for attempt in (bench.privacy.follow(), bench.privacy.switch(on=True), bench.privacy.switch(on=False)):
        assert attempt == bench.privacy.failure == problem
    assert bench.told == told
    assert "ON told" not in bench.log


def test_the_kernel_has_the_last_word(bench: Bench) -> None:
    """A driver that says it is closed, and is not."""
    bench.privacy.follow()
    bench.kernel = ["/dev/video0"]
    problem = bench.privacy.switch(on=True)
    assert problem is not None
    assert "still open: /dev/video0." in problem
    assert "ON told" not in bench.log


def test_an_outbox_that_cannot_be_emptied_is_said_and_tried_again(bench: Bench) -> None:
    bench.privacy.follow()
    bench.disk_error = "read-only"
    for _ in range(2):
        problem = bench.privacy.switch(on=True)
        assert problem is not None
        assert "could not be deleted: read-only" in problem
        assert bench.privacy.failure is None, "ending the process would not help: the devices are closed"
        assert not bench.privacy.open
        assert "ON told" not in bench.log
    bench.disk_error = None
    assert bench.privacy.follow() is None
    assert bench.log[-1] == "ON told"


def test_a_disk_that_does_not_answer_is_asked_only_once(bench: Bench) -> None:
    bench.privacy.follow()
    bench.disk_answers.clear()
    for _ in range(3):
        problem = bench.privacy.switch(on=True)
        assert problem is not None
        assert "the disk does not respond" in problem
    assert bench.purges == 1
    bench.disk_answers.set()
    assert _until(bench.privacy.follow)
    assert bench.log[-1] == "ON told"


def _until(follow: Callable[[], Any]) -> bool:
    end = time.monotonic() + 5
    while follow() is not None:
        if time.monotonic() > end:
            return False
    return True


def test_what_goes_wrong_unexpectedly_ends_the_process_too(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.privacy.follow()
    bench.privacy._forget = lambda: 1 / 0  # type: ignore[assignment]
    problem = bench.privacy.switch(on=True)
    assert problem is not None
    assert "ZeroDivisionError" in problem
    assert bench.privacy.failure == problem
    assert "ON told" not in bench.log


def test_another_process_may_switch(bench: Bench, tmp_path: Path) -> None:
    bench.privacy.follow()
    Gate(tmp_path, PrivacyConfig(), FakeClock(), runtime=tmp_path / "run").switch(True)
    bench.privacy.follow()
    assert bench.told == [PrivacyState(False), PrivacyState(True, "privacy is on")]


def test_a_switch_that_cannot_be_stored_is_carried_out_and_said(bench: Bench, tmp_path: Path) -> None:
    bench.privacy.follow()
    (tmp_path / "privacy").mkdir()
    (tmp_path / "privacy" / "in-the-way").touch()
    (tmp_path / "run").write_text("in the way of a folder")
    problem = bench.privacy.switch(on=True)
    assert problem is not None
    assert "could not be stored" in problem
    assert bench.log[-1] == "ON told"
    assert bench.privacy.holds


def test_asked_for_within_quiet_hours_it_demands_more(tmp_path: Path) -> None:
    """Quiet hours come by themselves; who then asks for privacy wants the past hour forgotten, too."""
    bench = Bench(tmp_path)
    bench.gate.apply(PrivacyConfig(quiet_hours=ALL_DAY, trust_clock=True))
    bench.privacy.follow()
    assert bench.privacy.holds
    assert (bench.purges, bench.planned) == (1, True)
    bench.privacy.follow()
    assert bench.purges == 1
    bench.privacy.switch(on=True)
    assert bench.privacy.holds
    assert (bench.purges, bench.planned) == (2, False)
    bench.privacy.follow()
    assert bench.purges == 2
