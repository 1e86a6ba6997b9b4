"""A real Prometheus scrapes the real service, as our sample tells it to."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.device import resources
from tests.helpers import media
from tests.helpers.broker import Broker, Observer, free_port, wait_for
from tests.helpers.service import Service, toml
from tests.tools.programs import tool
from tests.tools.samples import DASHBOARD, RARE

pytestmark = pytest.mark.timeout(180)
Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[tuple[Service, int]]:
    port = free_port()
    folder = tmp_path_factory.mktemp("service")
    one = Service(
        folder,
        toml(
            device={"name": "shelf"},
            camera={"source": str(media.write_video(folder / "face.mp4"))},
            microphone={"enabled": False},
            mqtt={"host": "127.0.0.1", "port": broker.port},
            publish={"state_every_s": 1.0, "health_every_s": 1.0, "summary_every_s": 5.0},
            metrics={"enabled": True, "port": port},
        ),
    )
    yield one.start(), port
    one.stop()


@pytest.fixture
def ask(tmp_path: Path, service: tuple[Service, int]) -> Iterator[Ask]:
    """What Prometheus, started on our sample with the port of this test, answers to a query."""
    sample = (resources.firmware_config() / "prometheus" / "emotion-edge.yml").read_text()
    config = tmp_path / "prometheus.yml"
    config.write_text(sample.replace("9877", str(service[1])).replace("15s", "1s"))
    program = tool("prometheus/usr/bin/prometheus")
    subprocess.run([program.parent / "promtool", "check", "config", config], check=True, timeout=30)
    port = free_port()
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log,
        )  # fmt: skip

    def query(expression: str) -> list[dict[str, Any]]:
        words = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{words}", timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def ready() -> bool:
        try:
            return query("1") != []
        except OSError:
            return False

    try:
        wait_for(ready, 30, "Prometheus to answer")
        yield query
    finally:
        process.terminate()
        process.wait(20)


def test_it_scrapes_and_every_panel_of_the_dashboard_has_its_data(
    ask: Ask, service: tuple[Service, int], observer: Observer
) -> None:
    wait_for(lambda: [one for one in ask("up") if one["value"][1] == "1"], 30, "the target to be up")
    observer.wait("/summary", 30)
    wait_for(lambda: ask('emotion_edge_state{state!="absent"} == 1'), 30, "a state")
    wait_for(lambda: ask("increase(emotion_edge_state_seconds_total[1h])"), 20, "two summaries")
    device = ask("emotion_edge_info")[0]["metric"]
    assert device["device"] == "shelf"
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            if any(name in target["expr"] for name in RARE):
                continue
            expression = target["expr"].replace("$instance", device["instance"])
            assert ask(expression), f"{panel['title']}: {expression} has no data"
    told = observer.on("/state")[-1].json["confidence"]
    wait_for(lambda: abs(float(ask("emotion_edge_confidence")[0]["value"][1]) - told) < 0.2, 10, "the same confidence")


def test_promtool_finds_nothing_to_say(service: tuple[Service, int], observer: Observer) -> None:
    promtool = tool("prometheus/usr/bin/promtool")
    observer.wait("/reading", 30)
    observer.wait("/health", 30)
    time.sleep(0.5)
    with urllib.request.urlopen(f"http://127.0.0.1:{service[1]}/metrics", timeout=5) as answer:
        page = answer.read()
    assert b"emotion_edge_probability{" in page
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
