"""What others ask over MQTT, on a service that only notes what is done to it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.config.load import Loaded, load
from edge.config.schema import PrivacyConfig
from edge.device.board import detect
from edge.device.privacy import PrivacyState
from edge.messages.commands import Command
from edge.messages.payloads import HealthPayload, Payload, ResponsePayload
from edge.service.background import BackgroundAnswer, BackgroundRequests
from edge.service.request_handler import CHANGES, RequestHandler
from edge.service.settings import Settings
from tests.helpers.broker import wait_for


class FakeOutlets:
    def __init__(self) -> None:
        self.broker = FakeBroker()
        self.told: list[tuple[str, Payload | str]] = []

    def tell(self, topic: str, payload: Payload | str, captured: float | None = None) -> None:
        self.told.append((topic, payload))


class FakeBroker:
    device = "shelf"


class FakePrivacy:
    """Does at once what it is told."""

    def __init__(self) -> None:
        self.state = PrivacyState(False)
        self.problem: str | None = None

    @property
    def holds(self) -> bool:
        return self.state.on and self.problem is None

    def switch(self, *, on: bool) -> str | None:
        self.state = PrivacyState(on, "privacy is on" if on else "")
        return self.problem


class FakeService:
    """As much of a service as commands act on."""

    def __init__(self, folder: Path, clock: Any) -> None:
        config = folder / "config.toml"
        config.write_text('[mqtt]\nhost = "127.0.0.1"\n')
        self.overrides = folder / "state" / "overrides.toml"
        self.settings = Settings(load(config, overrides=self.overrides), self.overrides)
        self.outlets = FakeOutlets()
        self.privacy = FakePrivacy()
        self.late: list[BackgroundAnswer] = []
        self.background = BackgroundRequests(self.late.append, clock)
        self.board = detect()
        self.models: dict[str, dict[str, str]] = {}
        self.statuses: dict[str, Any] = {}
        self.applied = 0

    def health(self) -> HealthPayload:
        return HealthPayload(
            uptime_s=1, fps=1, frames=1, frames_dropped=0, sound_dropped_s=0, queue=0, latency_ms=None,
            cpu_percent=1, rss_mb=1,
        )  # fmt: skip

    def apply(self, changed: Loaded) -> None:
        self.applied += 1
        self.settings.adopt(changed)


class Bench:
    def __init__(self, folder: Path, clock: Any) -> None:
        self.service = FakeService(folder, clock)
        self.late = self.service.late
        self.handler = RequestHandler(self.service, clock)  # type: ignore[arg-type]
        self.number = 0

    def ask(self, name: str, value: Any = None, kind: Any = "request") -> ResponsePayload:
        """The answer to a command; there must be exactly one, with the same transaction."""
        self.number += 1
        self.service.outlets.told.clear()
        self.handler.obey(Command(kind, name, value, self.number))
        answers = [payload for _, payload in self.service.outlets.told if isinstance(payload, ResponsePayload)]
        (answer,) = answers
        assert answer.transaction == self.number
        assert (answer.status == "ok") == (answer.error is None)
        return answer

    def value(self, key: str) -> Any:
        return self.service.settings.live_values()[key]


@pytest.fixture
def bench(tmp_path: Path, clock: Any) -> Bench:
    return Bench(tmp_path, clock)


WRONG_SHAPES = [[1, 2], "text", 5, True, {"keys": "decision.enter"}, {"key": 5}, {"key": None}, {"key": ["a"]},
                {"key": "decision.enter", "more": 1}, {"Key": "decision.enter"}]  # fmt: skip


@pytest.mark.parametrize("value", WRONG_SHAPES)
def test_reset_with_a_wrong_shape_changes_nothing(bench: Bench, value: Any) -> None:
    bench.ask("set", {"values": {"decision.enter": 0.6, "decision.dwell_s": 3.0}})
    answer = bench.ask("reset", value)
    assert answer.status == "error"
    assert "nothing was changed" in str(answer.error)
    assert (bench.value("decision.enter"), bench.value("decision.dwell_s")) == (0.6, 3.0)
    assert "decision.enter" in bench.service.overrides.read_text()


@pytest.mark.parametrize("value", [None, {}])
def test_reset_of_everything(bench: Bench, value: Any) -> None:
    bench.ask("set", {"values": {"decision.enter": 0.6}})
    assert bench.ask("reset", value).status == "ok"
    assert bench.value("decision.enter") == 0.42


def test_reset_of_one_key(bench: Bench) -> None:
    bench.ask("set", {"values": {"decision.enter": 0.6, "decision.dwell_s": 3.0}})
    assert bench.ask("reset", {"key": "decision.enter"}).status == "ok"
    assert (bench.value("decision.enter"), bench.value("decision.dwell_s")) == (0.42, 3.0)
    assert "no such key" in str(bench.ask("reset", {"key": "decision.entre"}).error)
    assert bench.value("decision.dwell_s") == 3.0


@pytest.mark.parametrize("name", ["info", "health", "config", "reload", "doctor", "calibrate"])
@pytest.mark.parametrize("value", [[1], "text", 5, {"key": "decision.enter"}, {"values": {}}])
def test_requests_that_take_no_document_refuse_one(bench: Bench, name: str, value: Any) -> None:
    assert bench.ask(name, value).status == "error"
    assert bench.service.applied == 0


@pytest.mark.parametrize(
    "value",
    [
        None, {}, [], "x", {"values": None}, {"values": []}, {"values": {}}, {"values": {"decision.enter": "high"}},
        {"values": {"decision.enter": 0.5}, "more": 1}, {"values": {"decision.enter": 0.5, "no.such": 1}},
        {"decision.enter": 0.5},
    ],
)  # fmt: skip
def test_set_with_a_wrong_shape_changes_nothing(bench: Bench, value: Any) -> None:
    assert bench.ask("set", value).status == "error"
    assert bench.value("decision.enter") == 0.42
    assert not bench.service.overrides.exists()


def test_what_is_answered(bench: Bench) -> None:
    assert bench.ask("info").data["device"] == "shelf"
    assert bench.ask("health", {}).data["uptime_s"] == 1
    assert bench.ask("config").data["decision"]["enter"] == 0.42
    assert bench.ask("set", {"values": {"decision.enter": 0.5}}).data == {"decision.enter": 0.5}
    assert bench.ask("reload").data == {"pending_restart": []}
    assert "no request 'nothing'; there are: calibrate, config, doctor" in str(bench.ask("nothing").error)
    assert bench.ask("", True, "privacy").data == {"privacy": "ON"}
    assert "privacy.remote_off" in str(bench.ask("", False, "privacy").error)
    assert bench.ask("decision.enter", 0.55, "config").data == {"decision.enter": 0.55}
    assert bench.ask("decision.enter", 7, "config").status == "error"
    assert bench.value("decision.enter") == 0.55


def test_reloads_are_limited_like_changes(bench: Bench, clock: Any) -> None:
    burst, every_s = CHANGES
    answers = [bench.ask("reload") for _ in range(burst + 50)]
    assert [each.status for each in answers] == ["ok"] * burst + ["error"] * 50
    assert bench.service.applied == burst
    assert bench.ask("", True, "privacy").status == "ok"  # never too often
    clock.pass_time(every_s)
    assert bench.ask("reload").status == "ok"


def test_a_doctor_in_a_loop_looks_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []

    def look() -> dict[str, str]:
        looked.append(time.monotonic())
        return {"worst": "green"}

    monkeypatch.setattr(RequestHandler, "_doctor", lambda _: look)
    bench.service.background.worker.start()
    for number in range(519):
        bench.handler.obey(Command("request", "doctor", None, number))
    wait_for(lambda: len(bench.late) + len(bench.service.outlets.told) == 519, 10, "every answer")
    bench.service.background.worker.stop()
    assert len(looked) == 1
    assert {each.data["worst"] for each in bench.late} == {"green"}


def test_one_command_that_fails_does_not_end_the_loop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(bench.service.privacy, "switch", fail)
    assert "odd" in str(bench.ask("", True, "privacy").error)


def test_on_that_does_not_hold_yet_is_an_error_that_says_what_is_open(bench: Bench) -> None:
    bench.service.privacy.problem = "still open: camera"
    answer = bench.ask("", True, "privacy")
    assert answer.error == "still open: camera"
    assert answer.data == {"privacy": "OFF"}


def test_off_during_quiet_hours_says_what_keeps_it_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.service.privacy.state = PrivacyState(True, "quiet hours")
    monkeypatch.setattr(bench.service.privacy, "switch", lambda **_: None)
    bench.handler.obey(Command("privacy", "", False, 1, local=True))
    (answer,) = [each for _, each in bench.service.outlets.told if isinstance(each, ResponsePayload)]
    assert answer.error == "privacy stays on: quiet hours"


def test_off_over_mqtt_is_limited_and_on_is_not(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.service.settings.config = replace(bench.service.settings.config, privacy=PrivacyConfig(remote_off=True))
    answers = []
    for _ in range(CHANGES[0] + 10):
        assert bench.ask("", True, "privacy").status == "ok"
        answers.append(bench.ask("", False, "privacy").status)
    assert answers == ["ok"] * CHANGES[0] + ["error"] * 10
