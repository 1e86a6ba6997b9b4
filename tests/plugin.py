"""Fixtures for every test, which tests are slow, and a word at the end on what was skipped.

Types and plain functions that tests share stand in tests/helpers, what only one folder needs in its conftest.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cli import main
from tests.helpers import media
from tests.helpers.broker import MOSQUITTO, Broker, Observer
from tests.helpers.browser import Browser, missing
from tests.helpers.clock import FakeClock
from tests.helpers.service import DEVICE, Run, Service, Start, toml

# These folders start programs, make environments or wait for real time to pass, and so do these fixtures.
SLOW_FOLDERS = {"end_to_end", "faults", "packaging", "scripts", "security", "systemd"}
PROGRAMS = {"broker", "browser", "home", "mosquitto", "node_red", "service", "start", "video"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test is fast or slow: by its folder, by the programs that it asks for, or by a mark of its own."""
    for item in items:
        programs = PROGRAMS.intersection(getattr(item, "fixturenames", ()))
        if programs or SLOW_FOLDERS.intersection(item.path.parts):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.fast)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many tests were skipped, by reason."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[why.removeprefix("Skipped: ")] += 1
    if reasons:
        terminalreporter.section(f"{reasons.total()} skipped, and why")
        for why, times in reasons.most_common():
            terminalreporter.write_line(f"{times:4}  {why}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, so that the machine's caches and sound settings stay untouched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run("check", path)` gives exit status, stdout and stderr; nothing outside tmp_path is touched."""
    for name in ("EMOTION_EDGE_CONFIG", "EMOTION_EDGE_MQTT_PASSWORD", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))

    def run(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(word) for word in words])
        written = capsys.readouterr()
        return status, written.out, written.err

    return run


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if missing():
        pytest.skip(missing())
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    one = Broker(tmp_path)
    one.start()
    yield one
    one.kill()


@pytest.fixture
def observer(broker: Broker) -> Iterator[Observer]:
    one = Observer(broker.port)
    yield one
    one.close()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write_video(tmp_path_factory.mktemp("media") / "face.mp4")


@pytest.fixture(scope="session")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write_speech(tmp_path_factory.mktemp("media") / "voice.wav")


@pytest.fixture
def start(tmp_path: Path, broker: Broker, video: Path, audio: Path) -> Iterator[Start]:
    """Starts the service on the recording; keyword arguments are config sections laid over the test's own."""
    running: list[Service] = []

    def begin(*words: str, env: dict[str, str] | None = None, **sections: dict[str, Any]) -> Service:
        config: dict[str, dict[str, Any]] = {
            "device": {"name": DEVICE},
            "camera": {"source": str(video)},
            "microphone": {"source": str(audio)},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
            "publish": {"health_every_s": 1.0, "state_every_s": 1.0, "summary_every_s": 5.0},
            "home_assistant": {"enabled": False},
        }
        for name, values in sections.items():
            config[name] = {**config.get(name, {}), **values}
        service = Service(tmp_path, toml(**config), env)
        running.append(service)
        return service.start(*words)

    yield begin
    for service in running:
        service.stop()
