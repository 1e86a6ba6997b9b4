"""A config that cannot be used: status 78 within seconds, whatever the broker does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mqtt.parts import Ear, Mosquitto, until
from tests.mqtt.stub_broker import MANNERS, Manner, StubBroker

WITHIN_S = 20.0  # seconds of a busy machine: starting Python takes most of them


def run(tmp_path: Path, mqtt: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "config.toml"
    config.write_text(f'[device]\nname = "shelf"\n[decision]\nenter = "high"\n[mqtt]\n{mqtt}\n')
    command = [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(tmp_path / "state")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("tls", [False, True])
def test_whatever_the_broker_does(tmp_path: Path, manner: Manner, tls: bool) -> None:
    broker = StubBroker(manner)
    began = time.monotonic()
    done = run(tmp_path, f'host = "127.0.0.1"\nport = {broker.port}\ntls = {str(tls).lower()}\nusername = "shelf"')
    took = time.monotonic() - began
    assert broker.connections == 1
    broker.close()
    assert done.returncode == 78, done.stderr
    assert "decision.enter" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert took < WITHIN_S


@pytest.mark.parametrize(
    "mqtt",
    ['host = "no-such-host.invalid"', 'host = "127.0.0.1"\nport = 1', 'host = "127.0.0.1"\nport = "x"', "host = 5"],
)
def test_a_broker_that_is_not_there(tmp_path: Path, mqtt: str) -> None:
    done = run(tmp_path, mqtt)
    assert done.returncode == 78, done.stderr
    assert "Traceback" not in done.stderr


def test_a_broker_that_works_is_told(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], listen: Callable[..., Ear]
) -> None:
    broker = mosquitto()
    ear = listen(broker.port)
    assert run(tmp_path, f'host = "127.0.0.1"\nport = {broker.port}').returncode == 78
    until(lambda: ear.on("info"))
    assert "decision.enter" in ear.on("info")[0].json["config_error"]
