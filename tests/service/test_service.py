"""The decision loop with clock, devices, broker and every thread passed in: no time passes but what the script says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.config.load import load
from edge.config.schema import PrivacyConfig
from edge.device import systemd
from edge.device.board import Board
from edge.device.gpio import Gpio
from edge.device.privacy import Gate
from edge.emotion.scene import Scene
from edge.messages.commands import Command, Words
from edge.messages.payloads import Payload, ResponsePayload
from edge.messages.status import BrokerStatus
from edge.readings import FacesReading, SourceStatus
from edge.service.inbox import Inbox, Item
from edge.service.service import FAIL_S, FLOW_S, NO_RESTART, SLOW_HUNG_S, STOP_S, Service
from edge.service.supervision import HUNG_S, RESTARTS
from edge.service.text import TEXTS, TextInput
from edge.text.classifier import Judged
from tests.helpers.clock import FakeClock
from tests.helpers.readings import WEIGHTS, face, sure_of

TURN_S = 0.125  # adds up without rounding


class FakeThread:
    """Lives and shows it, until told otherwise."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.alive = self.stopping = False
        self.starts = 0
        self.dies = False
        self.hung_since: float | None = None
        self._clock = clock

    @property
    def heartbeat(self) -> float:
        return self._clock.monotonic() if self.hung_since is None else self.hung_since

    def start(self) -> None:
        self.starts += 1
        self.alive = not self.dies

    def stop(self) -> None:
        self.stopping = True


class FakeBackground:
    def __init__(self, clock: FakeClock) -> None:
        self.worker = FakeThread("background", clock)


class FakeSlot:
    taken = dropped = 0


class FakeSense:
    """A camera without a device."""

    name = "camera"

    def __init__(self, clock: FakeClock, log: list[str]) -> None:
        self.capture, self.worker = FakeThread("camera-capture", clock), FakeThread("face", clock)
        self.slot = FakeSlot()
        self.last_item: float | None = None
        self.rates: list[float | None] = []
        self.closes = True
        self.stop_s = 0.0
        self._log = log

    def release(self, reason: str) -> bool:
        self._log.append("camera closed" if self.closes else "camera hangs")
        return self.closes

    def resume(self) -> None:
        self._log.append("camera opened")

    def apply(self, config: Any) -> None:
        self._log.append("camera applied")

    def thin(self, rate: float | None) -> None:
        self.rates.append(rate)

    def stop(self, seconds: float) -> None:
        self._log.append("camera stopped")
        time.sleep(self.stop_s)


class FakeBroker:
    device = "shelf"

    def __init__(self, log: list[str]) -> None:
        self.told: list[tuple[str, Payload | str]] = []
        self._log = log

    def start(self) -> None:
        self._log.append("broker started")

    def publish(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        self.told.append((topic, payload))

    def purge(self) -> None:
        self._log.append("purged")

    def status(self) -> BrokerStatus:
        return BrokerStatus(state="connected")

    def stop(self, timeout: float) -> None:
        self._log.append(f"broker stopped within {timeout:g} s")


class Scripted(Inbox):
    """Waiting makes the clock go on, and what the script has for that second happens."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.script: list[tuple[float, Callable[[], object]]] = []
        self._clock = clock
        self._began = clock.monotonic()

    def at(self, second: float, do: Callable[[], object]) -> None:
        self.script.append((second, do))

    def take(self, timeout: float) -> list[Item]:
        self._clock.pass_time(TURN_S)
        for second, do in [each for each in self.script if self._clock.monotonic() - self._began >= each[0]]:
            self.script.remove((second, do))
            do()
        return super().take(0.0)


class Bench:
    def __init__(self, folder: Path, clock: FakeClock) -> None:
        config = folder / "config.toml"
        config.write_text('[mqtt]\nhost = "127.0.0.1"\n[publish]\nhealth_every_s = 1.0\n')
        from edge.service.settings import Settings

        self.clock = clock
        self.log: list[str] = []
        self.ended: list[int] = []
        self.reloads = 0
        self.broker = FakeBroker(self.log)
        self.camera = FakeSense(clock, self.log)
        self.page = FakeThread("dashboard", clock)
        self.page.start()
        self.inbox = Scripted(clock)
        self.gate = Gate(folder / "state", PrivacyConfig(), clock, runtime=folder / "run")
        loaded = load(config, overrides=folder / "state" / "overrides.toml")
        self.service = Service(
            settings=Settings(loaded, folder / "state" / "overrides.toml"),
            board=Board("laptop", "test", folder),
            broker=self.broker,
            scene=Scene(loaded.config, WEIGHTS, clock.monotonic()),
            gate=self.gate,
            gpio=Gpio(loaded.config.privacy),
            sight=self.camera,  # type: ignore[arg-type]
            hearing=None,
            inbox=self.inbox,
            clock=clock,
            supervised=[self.page],
            background=FakeBackground(clock),  # type: ignore[arg-type]
            on_reload=self._reloaded,
            end=self.ended.append,
        )

    def _reloaded(self, _: Any) -> None:
        self.reloads += 1

    def told(self, topic: str) -> list[Any]:
        return [payload for each, payload in self.broker.told if each == topic]

    def put(self, item: Item) -> Callable[[], object]:
        return lambda: self.inbox.put(item)


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    return Bench(tmp_path, clock)


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemd is told."""
    lines: list[str] = []
    monkeypatch.setattr(systemd, "notify", lines.append)
    return lines


def someone(time: float, label: str = "happy") -> FacesReading:
    return FacesReading(time, 1, (face(label, time),))


def switch(on: bool) -> Command:
    return Command("privacy", "", on, "t", local=True)


def test_a_quiet_run(bench: Bench, notified: list[str]) -> None:
    assert bench.service.run(5.0) == 0
    assert bench.told("privacy") == ["OFF"]
    assert bench.told("status/microphone")[0].state == "disabled"
    assert len(bench.told("health")) == 5
    assert bench.ended == []
    assert notified[0] == "READY=1"
    assert notified.count("WATCHDOG=1") >= 4


def test_readings_become_states_and_nothing_of_them_is_told_under_privacy(bench: Bench) -> None:
    for tenth in range(10, 150):
        bench.inbox.at(tenth / 10, lambda: bench.inbox.put(someone(bench.clock.monotonic())))
    bench.inbox.at(8.0, bench.put(switch(True)))
    bench.service.run(15.0)
    labels = [payload.label for payload in bench.told("state")]
    assert "happy" in labels
    assert labels[-1] == "absent"
    on = next(i for i, (topic, payload) in enumerate(bench.broker.told) if (topic, payload) == ("privacy", "ON"))
    after = {topic for topic, _ in bench.broker.told[on:]}
    assert after == {"privacy", "response/privacy", "health"}


def test_what_lay_in_the_inbox_before_privacy_does_not_count_afterwards(bench: Bench) -> None:
    def flip() -> None:
        for _ in range(3):
            bench.inbox.put(someone(bench.clock.monotonic()))
        bench.inbox.put(switch(True))
        bench.inbox.put(switch(False))

    bench.inbox.at(2.0, flip)
    bench.service.run(3.0)
    assert bench.told("privacy") == ["OFF", "ON", "OFF"]
    assert bench.told("reading") == []


def test_a_camera_that_cannot_be_closed_ends_the_process_whatever_comes_after(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.service.privacy.CLOSE_S", 0.2)
    bench.service.privacy._close_s = 0.2
    bench.camera.closes = False

    def flood() -> None:
        bench.inbox.put(switch(True))
        for number in range(20):
            bench.inbox.put(Command("request", "health", None, number))

    bench.inbox.at(2.0, flood)
    assert bench.service.run(60.0) == 1
    assert bench.ended == [1]
    answer = next(each for each in bench.told("response/privacy") if isinstance(each, ResponsePayload))
    assert "still open: camera" in str(answer.error)
    assert "ON" not in bench.told("privacy")
    assert f"broker stopped within {FAIL_S:g} s" in bench.log
    assert bench.gate.now().on


def test_privacy_that_could_be_stored_nowhere_is_not_followed_by_a_restart(bench: Bench, tmp_path: Path) -> None:
    """A new process would not know of it and open the camera."""
    bench.service.privacy._close_s = 0.2
    bench.camera.closes = False

    def break_the_disk() -> None:
        (tmp_path / "state" / "privacy" / "in-the-way").mkdir(parents=True)
        (tmp_path / "run").write_text("in the way of a folder")
        bench.inbox.put(switch(True))

    bench.inbox.at(2.0, break_the_disk)
    bench.service.run(60.0)
    assert bench.ended == [NO_RESTART]


@pytest.mark.parametrize("name", ["page", "capture", "worker"])
def test_every_thread_is_started_again_and_not_for_ever(bench: Bench, notified: list[str], name: str) -> None:
    thread = bench.page if name == "page" else getattr(bench.camera, name)

    def die() -> None:
        thread.alive = False

    bench.inbox.at(2.0, die)

    def die_for_good() -> None:
        thread.dies = True
        thread.alive = False

    bench.inbox.at(5.0, die_for_good)
    assert bench.service.run(60.0) == 1
    assert bench.told("health")[2].restarts == {thread.name: 1}
    assert thread.starts == 1 + RESTARTS
    assert bench.clock.monotonic() < 1000.0 + 15.0
    assert bench.ended == [1]


@pytest.mark.parametrize(("name", "limit"), [("page", SLOW_HUNG_S), ("capture", SLOW_HUNG_S), ("worker", HUNG_S)])
def test_a_thread_that_hangs_ends_the_process(bench: Bench, notified: list[str], name: str, limit: float) -> None:
    thread = bench.page if name == "page" else getattr(bench.camera, name)

    def hang() -> None:
        thread.hung_since = bench.clock.monotonic()

    bench.inbox.at(2.0, hang)
    assert bench.service.run(600.0) == 1
    assert limit < bench.clock.monotonic() - 1002.0 < limit + 3.0


def test_the_watchdog_is_not_fed_once_frames_have_stopped_for_good(bench: Bench, notified: list[str]) -> None:
    bench.camera.last_item = bench.clock.monotonic()
    bench.service.run(FLOW_S + 20)
    assert FLOW_S - 2 <= notified.count("WATCHDOG=1") <= FLOW_S


def test_statuses_are_told_and_kept_for_the_doctor(bench: Bench) -> None:
    status = SourceStatus("camera", "offline", "no camera found")
    bench.inbox.at(1.0, bench.put(status))
    bench.service.run(2.0)
    assert bench.service.statuses == {"camera": status}
    assert bench.told("status/camera")[-1].reason == "no camera found"


def test_a_reload_reads_the_config_and_the_secrets_again(bench: Bench, notified: list[str], tmp_path: Path) -> None:
    def change() -> None:
        file = tmp_path / "config.toml"
        file.write_text(file.read_text() + "[decision]\nenter = 0.7\n")
        bench.service.reload()

    bench.inbox.at(1.0, change)
    bench.service.run(2.0)
    assert bench.service.settings.config.decision.enter == 0.7
    assert bench.reloads == 1
    assert "camera applied" in bench.log
    assert any(line.startswith("RELOADING=1") for line in notified)


def test_too_much_work_is_thinned_and_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.service.health.CpuMeter.percent", lambda *_: 90.0)
    bench.service.run(10.0)
    assert bench.camera.rates[-1] is not None
    assert "max_cpu_percent is 60" in bench.told("health")[-1].thinned


def test_stopping_tells_offline_first_and_has_one_deadline_for_everything(bench: Bench) -> None:
    bench.inbox.at(1.0, bench.service.stop)
    bench.camera.stop_s = 30.0
    began = time.monotonic()
    assert bench.service.run() == 0
    assert time.monotonic() - began < STOP_S + 0.9, "systemd waits five seconds"
    assert bench.log.index(f"broker stopped within {STOP_S:g} s") < bench.log.index("camera stopped")
    assert bench.ended == [0], "a driver that hangs keeps no exit waiting"


def test_a_start_that_fails_stops_what_was_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(bench.service.requests, "announce", refuse)
    with pytest.raises(RuntimeError, match="no such luck"):
        bench.service.run()
    assert f"broker stopped within {STOP_S:g} s" in bench.log


class FakeClassifier:
    """Finds every text happy, and remembers nothing."""

    def classify(self, text: str) -> Judged | None:
        return Judged(sure_of("happy"), 0.8) if "happy" in text else None


def said(content: str, transaction: int) -> Command:
    return Command("text", "", Words(content), transaction)


def text_answers(bench: Bench) -> dict[Any, str | None]:
    return {answer.transaction: answer.error for answer in bench.told("response/text")}


def test_words_become_readings_and_are_answered(bench: Bench) -> None:
    bench.service.text = TextInput(FakeClassifier(), bench.clock.monotonic())  # type: ignore[arg-type]
    bench.inbox.at(1.0, bench.put(said("hm", 1)))
    bench.inbox.at(2.0, bench.put(said("so happy", 2)))
    bench.service.run(4.0)
    assert text_answers(bench) == {1: None, 2: None}
    assert {payload.label for payload in bench.told("reading")} == {"happy"}


def test_words_are_refused_where_text_is_off(bench: Bench) -> None:
    bench.inbox.at(1.0, bench.put(said("so happy", 1)))
    bench.service.run(2.0)
    assert "text.enabled" in str(text_answers(bench)[1])
    assert bench.told("reading") == []


def test_under_privacy_words_are_refused_and_forgotten(bench: Bench) -> None:
    bench.service.text = TextInput(FakeClassifier(), bench.clock.monotonic())  # type: ignore[arg-type]
    bench.inbox.at(1.0, bench.put(said("so happy", 1)))
    bench.inbox.at(2.0, bench.put(switch(True)))
    bench.inbox.at(3.0, bench.put(said("so happy", 2)))
    bench.inbox.at(4.0, bench.put(switch(False)))

    def flip() -> None:
        for item in (said("so happy", 3), switch(True), switch(False)):
            bench.inbox.put(item)

    bench.inbox.at(5.0, flip)
    bench.service.run(8.0)
    assert text_answers(bench)[1] is None
    assert "privacy" in str(text_answers(bench)[2])
    assert "privacy" in str(text_answers(bench)[3])
    on = next(i for i, (topic, payload) in enumerate(bench.broker.told) if (topic, payload) == ("privacy", "ON"))
    assert "reading" not in {topic for topic, _ in bench.broker.told[on:]}


def test_too_many_texts_are_refused(bench: Bench) -> None:
    bench.service.text = TextInput(FakeClassifier(), bench.clock.monotonic())  # type: ignore[arg-type]

    def flood() -> None:
        for number in range(TEXTS[0] + 5):
            bench.inbox.put(said("so happy", number))

    bench.inbox.at(1.0, flood)
    bench.service.run(2.0)
    assert sum("too many" in str(error) for error in text_answers(bench).values()) == 5
