"""Home Assistant, a broker and the service, shared by all tests of this folder that need them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import media
from tests.helpers.broker import MOSQUITTO, Broker, Observer
from tests.helpers.service import DEVICE, Service, toml
from tests.homeassistant.rig import VARIABLE, HomeAssistant


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    one = Broker(folder)
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="module")
def observer(broker: Broker) -> Iterator[Observer]:
    one = Observer(broker.port)
    yield one
    one.close()


@pytest.fixture(scope="module")
def service(folder: Path, broker: Broker) -> Iterator[Service]:
    """The real process, on a recording; as configured by somebody who never heard of Home Assistant."""
    one = Service(
        folder,
        toml(
            device={"name": DEVICE},
            camera={"source": str(media.write_video(folder / "face.mp4"))},
            microphone={"source": str(media.write_speech(folder / "voice.wav"))},
            mqtt={"host": "127.0.0.1", "port": broker.port, "keepalive_s": 5},
            publish={"state_every_s": 2.0, "health_every_s": 2.0},
        ),
    )
    yield one.start()
    one.stop()


@pytest.fixture(scope="module")
def home(folder: Path, broker: Broker) -> Iterator[HomeAssistant]:
    tree = os.environ.get(VARIABLE)
    if not tree:
        pytest.skip("no Home Assistant here: scripts/home-assistant-test makes one and runs these tests")
    one = HomeAssistant(Path(tree), folder)
    try:
        one.start()
        one.onboard(broker.port)
        yield one
    finally:
        one.stop()
