"""One broker and one observer for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.broker import MOSQUITTO, Broker, Observer


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
