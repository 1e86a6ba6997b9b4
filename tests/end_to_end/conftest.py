"""A broker, an observer, a recording and the running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import media
from tests.helpers.broker import MOSQUITTO, Broker, Observer
from tests.helpers.service import Service, toml

DEVICE = "shelf"


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


Start = Callable[..., Service]


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
