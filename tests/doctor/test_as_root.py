"""`sudo emotion-edge ...` on a device where the service is installed: its switch counts, and its rights."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.broker import MOSQUITTO, Broker
from tests.helpers.installed import Installed
from tests.helpers.listener import Listener
from tests.helpers.service import toml


class Camera:
    """A network camera's address that counts who comes."""

    def __init__(self) -> None:
        self.opened = 0
        self._listener = Listener(self._count)
        self.url = f"http://127.0.0.1:{self._listener.port}/stream.mjpg"

    def _count(self, caller: socket.socket) -> None:
        caller.close()
        self.opened += 1

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def camera() -> Iterator[Camera]:
    made = Camera()
    yield made
    made.close()


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path)


def found(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.stdout.startswith("{"), done.stderr
    return {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


ALL_DAY = [{"start": "00:00", "end": "23:59"}, {"start": "23:59", "end": "00:01"}]


@pytest.mark.parametrize("reason", ["switch", "quiet hours", "nothing"])
def test_the_doctor_opens_nothing_under_privacy(installed: Installed, camera: Camera, reason: str) -> None:
    quiet = {"privacy": {"quiet_hours": ALL_DAY, "trust_clock": True}} if reason == "quiet hours" else {}
    sections: dict[str, dict[str, Any]] = {"camera": {"source": camera.url}, "microphone": {"source": "none"}, **quiet}
    installed.write("config.toml", toml(**sections))
    word = "echo on >/var/lib/emotion-edge/privacy" if reason == "switch" else ""
    done = installed.run("emotion-edge", "doctor", "--json", before=word)
    assert (camera.opened > 0) == (reason == "nothing")  # the last case shows that the others prove something
    level = found(done)["privacy"]["level"]
    assert level == ("green" if reason == "nothing" else "yellow")
    status = installed.run("emotion-edge", "privacy", "status", before=word)
    assert status.stdout.strip() == {"switch": "on", "quiet hours": "on (quiet hours)", "nothing": "off"}[reason]


def test_a_password_that_only_root_can_read_is_told(installed: Installed, tmp_path: Path) -> None:
    """By check, doctor and setup alike; the service could not connect."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    broker = Broker(tmp_path)
    broker.start()
    try:
        password = installed.write("password", "secret\n", mode=0o600, group=0)
        mqtt = {"host": "127.0.0.1", "port": broker.port, "username": "edge", "password_file": password}
        installed.write("config.toml", toml(mqtt=mqtt, camera={"source": "none"}, microphone={"source": "none"}))
        check = installed.run("emotion-edge", "check", "--quiet")
        assert f"mqtt.password_file: {password}: no permission to read it" in check.stderr
        doctor = found(installed.run("emotion-edge", "doctor", "--json"))
        assert doctor["broker"]["level"] == "red"
        assert "no permission" in doctor["broker"]["says"]
        again = f"--yes --force --broker 127.0.0.1:{broker.port}".split()
        setup = installed.run("emotion-edge", "setup", *again)
        assert "the broker does not work yet: mqtt.password_file" in setup.stdout
    finally:
        broker.kill()


def test_a_certificate_and_a_config_that_only_root_can_read_are_told(installed: Installed) -> None:
    authority = installed.write("ca.pem", "x", mode=0o600, group=0)
    mqtt = {"host": "127.0.0.1", "tls": True, "ca_file": authority}
    installed.write("config.toml", toml(mqtt=mqtt))
    done = installed.run("emotion-edge", "check", "--quiet")
    assert done.returncode == 0
    assert f"mqtt.ca_file: {authority} cannot be read" in done.stderr
    installed.write("config.toml", toml(mqtt=mqtt), mode=0o600, group=0)
    done = installed.run("emotion-edge", "check", "--quiet")
    assert done.returncode == 1
    assert "config.toml: no permission to read it" in done.stderr


def test_a_state_folder_that_the_service_cannot_write_is_told(installed: Installed) -> None:
    installed.write("config.toml", toml(camera={"source": "none"}, microphone={"source": "none"}))
    done = installed.run("emotion-edge", "doctor", "--json", before="chown 0:0 /var/lib/emotion-edge")
    disk = found(done)["disk"]
    assert disk["level"] == "red"
    assert "chown -R emotion-edge: /var/lib/emotion-edge" in disk["remedy"]


def test_without_root_the_doctor_opens_nothing_and_says_how_to_see_more(installed: Installed, camera: Camera) -> None:
    """Somebody else may not ask whether privacy is on, so it may be."""
    installed.write("config.toml", toml(camera={"source": camera.url}, microphone={"source": "none"}), mode=0o644)
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
    done = installed.run("sh", "-c", f'{nobody} "$0" -m edge doctor --json', sys.executable)
    assert camera.opened == 0
    for check in ("camera", "privacy", "disk"):
        assert found(done)[check]["level"] == "yellow"
        assert found(done)[check]["remedy"] == "sudo emotion-edge doctor"
    assert found(done)["models"]["level"] == "green"
    installed.write("config.toml", "", mode=0o640)
    done = installed.run("sh", "-c", f'{nobody} "$0" -m edge doctor --json', sys.executable)
    assert found(done)["config"]["level"] == "yellow"
    assert done.returncode == 0
    status = installed.run("sh", "-c", f'{nobody} "$0" -m edge privacy status', sys.executable)
    assert (status.returncode, status.stdout) == (1, "")
    assert "use sudo" in status.stderr
