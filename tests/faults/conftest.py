"""Faults take their time, nearly all of it waiting: the scenarios of a session run beside each other.

A test marked with `@alongside` is written like any other, with a `Rig` as its argument. All that were collected start
with the first of them, in threads, each with a service and a broker of its own; the test then hands on how it ended.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.faults.rig import Rig

AT_ONCE = int(os.environ.get("EMOTION_EDGE_FAULTS_AT_ONCE", "6"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each may have to wait for others, and for what it was told to do."""
    asked = {
        name: float(os.environ.get(f"EMOTION_EDGE_{name}", "0")) for name in ("OUTAGE_S", "COMMANDS", "POWER_CUTS")
    }
    patience = 600 + asked["OUTAGE_S"] + asked["COMMANDS"] / 50 + asked["POWER_CUTS"] * 5
    for item in items:
        if hasattr(getattr(item, "function", None), "scenario"):
            item.add_marker(pytest.mark.timeout(patience))


@pytest.fixture(scope="session")
def under_way(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, video: Path, audio: Path
) -> Iterator[Callable[[pytest.Item], None]]:
    """Everything that was collected, begun; called with a test it waits for that one."""
    lock = threading.Lock()

    def play(scenario: Callable[..., None], broker: str, given: dict[str, Any]) -> None:
        with lock:
            folder = tmp_path_factory.mktemp("rig")
        rig = Rig(folder, video=video, audio=audio, broker=broker)
        try:
            scenario(rig, **given)
        finally:
            rig.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[str, Future[None]] = {}
        for item in request.session.items:
            scenario = getattr(getattr(item, "function", None), "scenario", None)
            if scenario is not None:
                given = dict(item.callspec.params) if hasattr(item, "callspec") else {}
                running[item.nodeid] = pool.submit(play, scenario, item.function.broker, given)  # type: ignore[attr-defined]

        def outcome(item: pytest.Item) -> None:
            running[item.nodeid].result()

        yield outcome
        for each in running.values():
            each.cancel()
