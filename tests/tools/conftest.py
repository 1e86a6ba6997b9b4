"""Other people's programs, where scripts/tools-test puts them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.broker import MOSQUITTO, Broker, Observer

VARIABLE = "EMOTION_EDGE_TOOLS"


def tool(path: str) -> Path:
    """A file that scripts/tools-test fetched, or a skipped test."""
    folder = os.environ.get(VARIABLE)
    found = Path(folder) / path if folder else None
    if found is None or not found.exists():
        pytest.skip(f"{Path(path).name} is not here: scripts/tools-test fetches it and runs these tests")
    return found


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    one = Broker(tmp_path_factory.mktemp("broker"))
    one.start()
    yield one
    one.kill()


@pytest.fixture(scope="module")
def observer(broker: Broker) -> Iterator[Observer]:
    one = Observer(broker.port)
    yield one
    one.close()
