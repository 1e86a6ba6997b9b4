"""`emotion-edge dashboard --setup` from the word at the terminal to the config on disk."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.commands.wizard import _save
from edge.config.load import load
from edge.wizard.wanted import Wanted
from tests.dashboard.web import Web
from tests.helpers.broker import Broker, free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Web]:
    """Whoever started it, signed in with the word that it shows."""
    port = free_port()
    command = [
        sys.executable, "-m", "edge", "dashboard", "--setup", "--config", str(tmp_path / "config.toml"),
        "--state", str(tmp_path / "state"), "--port", str(port), "--for", "60",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.fullmatch(
            r"open http://127.0.0.1:(\d+)/ and sign in with the word  (\w+)\n", process.stdout.readline()
        )
        assert found is not None
        web = Web(int(found[1]))
        web.wait()
        web.sign_in(found[2])
        yield web
        process.terminate()


def test_what_is_saved_there_is_what_the_service_starts_with(owner: Web, tmp_path: Path, broker: Broker) -> None:
    told = owner.get("/values").json
    owner.token = told["token"]
    wanted = {
        **told["values"], "host": "127.0.0.1", "port": broker.port, "username": "me", "password": 'a"b', "area": "Hall",
        "quiet_from": "22:00", "quiet_to": "07:00", "page": True, "name": "hall", "camera": "none", "language": "de",
    }  # fmt: skip
    lines = owner.post("/save", wanted).json["lines"]
    file = tmp_path / "config.toml"
    assert lines[0] == f"wrote {file}"
    assert any(line.startswith("next: ") for line in lines)
    config = load(file).config
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.username) == ("127.0.0.1", broker.port, "me")
    assert Path(config.mqtt.password_file).read_text() == 'a"b\n'
    assert stat.S_IMODE(Path(config.mqtt.password_file).stat().st_mode) == 0o600
    assert (config.device.name, config.device.language, config.home_assistant.area) == ("hall", "de", "Hall")
    assert [(hours.start, hours.end) for hours in config.privacy.quiet_hours] == [("22:00", "07:00")]
    assert (config.dashboard.enabled, config.camera.source) == (True, "none")
    checks = {finding["check"] for finding in owner.post("/check", {}).json["findings"]}
    assert {"config", "camera", "broker", "privacy"} <= checks


def test_emptied_fields_take_back_what_stood_there_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[mqtt]\nhost = "h"\nport = 1884\nkeepalive_s = 20\n[home_assistant]\narea = "Hall"\n'
        '[privacy]\nquiet_hours = [{ start = "22:00", end = "07:00" }]\n'
    )
    _save(file, Wanted(host="h"))
    config = load(file).config
    assert (config.mqtt.port, config.mqtt.keepalive_s, config.home_assistant.area) == (None, 20, None)
    assert config.privacy.quiet_hours == ()
    assert (tmp_path / "config.toml.bak").exists()


def test_saving_twice_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    wanted = Wanted(host="h", quiet_from="22:00", quiet_to="07:00", area="Hall", microphone="none")
    _save(file, wanted)
    first = file.read_text()
    _save(file, wanted)
    assert file.read_text() == first
