from __future__ import annotations

import os
import pty
import re
import select
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.capture.base import Found
from edge.commands.answers import Answers, ask
from edge.commands.broker import split_broker
from edge.config.load import load
from edge.config.schema import Config, MqttConfig
from edge.config.secrets import mqtt_password
from edge.device import paths, resources
from edge.errors import ConfigError
from tests.helpers.broker import MOSQUITTO, Broker, free_port
from tests.helpers.listener import Listener
from tests.helpers.service import Run


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that wants user `edge` with the password `let me in`."""
    passwd = shutil.which("mosquitto_passwd")
    if MOSQUITTO is None or passwd is None:
        pytest.skip("mosquitto is not installed")
    passwords = tmp_path / "broker-passwords"
    passwords.touch(0o600)
    subprocess.run([passwd, "-b", str(passwords), "edge", "let me in"], check=True, capture_output=True)
    broker = Broker(tmp_path, f"password_file {passwords}")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "config.toml"


def test_by_flags_with_a_broker_that_accepts(run: Run, config: Path, tmp_path: Path, broker: Broker) -> None:
    password = tmp_path / "password"
    password.write_text("let me in\n")
    password.chmod(0o600)
    status, out, _ = run(
        "setup", "--broker", f"127.0.0.1:{broker.port}", "--name", "hall", "--username", "edge",
        "--password-file", password, "--camera", "none", "--microphone", "USB", "--config", config,
    )  # fmt: skip
    assert status == 0
    assert "accepts this device" in out
    loaded = load(config).config
    assert loaded.mqtt.port == broker.port
    assert loaded.device.name == "hall"
    assert loaded.camera.source == "none"
    assert loaded.microphone.source == "USB"
    assert mqtt_password(loaded.mqtt) == "let me in"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert "let me in" not in config.read_text()
    assert sorted(path.name for path in config.parent.iterdir()) == ["config.toml"]


def test_a_refused_password_is_told_and_the_config_is_written(run: Run, config: Path, broker: Broker) -> None:
    status, out, _ = run("setup", "--broker", f"127.0.0.1:{broker.port}", "--username", "edge", "--config", config)
    assert status == 0
    assert f"the broker 127.0.0.1:{broker.port} refuses user 'edge': Not authorized" in out
    assert "--username U and --password-file F" in out
    assert load(config).config.mqtt.username == "edge"


def test_a_broker_that_is_not_there(run: Run, config: Path) -> None:
    status, out, _ = run("setup", "--broker", f"127.0.0.1:{free_port()}", "--config", config)
    assert status == 0
    assert "nothing is listening" in out
    assert config.exists()


def test_an_existing_config_is_changed_only_by_force_and_only_where_told(run: Run, config: Path) -> None:
    config.parent.mkdir()
    mine = '# mine\n[decision]\nenter = 0.6\n[mqtt]\nhost = "old"\nport = 9999\n'
    config.write_text(mine)
    status, _, err = run("setup", "--broker", "new", "--no-test", "--config", config)
    assert status == 78
    assert "--force" in err
    assert config.read_text() == mine
    status, out, _ = run("setup", "--broker", "new", "--no-test", "--config", config, "--force")
    assert status == 0
    assert config.read_text() == mine.replace("old", "new").replace("port = 9999\n", "")
    assert "removed, because it belongs to the broker old: mqtt.port\n" in out
    assert "kept: decision.enter = 0.6\n" in out
    assert config.with_name("config.toml.bak").read_text() == mine


class Stub:
    """Listens as a broker would, keeps what it is sent, and says nothing."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = Listener(self._listen)
        self.port = self._listener.port

    def _listen(self, caller: socket.socket) -> None:
        with caller:
            while part := caller.recv(1000):
                self.heard += part
                if part.startswith(b"\x10"):  # CONNECT: taken, so that more would come if there were more
                    caller.sendall(b"\x20\x03\x00\x00\x00")

    def close(self) -> bytes:
        self._listener.close()
        return self.heard


OLD = """\
[mqtt]
host = "old"
port = 8884
base = "home"
username = "edge-user"
password_file = "{folder}/mqtt-password"
tls = true
ca_file = "{folder}/ca.pem"
cert_file = "{folder}/cert.pem"
key_file = "{folder}/key.pem"
transport = "websockets"
"""


def test_nothing_of_another_broker_survives_and_its_credentials_go_nowhere(run: Run, config: Path) -> None:
    config.parent.mkdir()
    config.write_text(OLD.format(folder=config.parent))
    password = config.with_name("mqtt-password")
    password.write_text("let me in\n")
    password.chmod(0o600)
    stub = Stub()
    status, out, _ = run("setup", "--force", "--yes", "--broker", f"127.0.0.1:{stub.port}", "--config", config)
    heard = stub.close()
    assert status == 0
    assert load(config).config.mqtt == MqttConfig(host="127.0.0.1", port=stub.port, base="home")
    assert b"MQTT" in heard  # or this test would prove nothing
    assert b"edge-user" not in heard
    assert b"let me in" not in heard
    removed = next(
        line for line in out.splitlines() if line.startswith("removed, because it belongs to the broker old")
    )
    for key in ("transport", "username", "password_file", "tls", "ca_file", "cert_file", "key_file"):
        assert f"mqtt.{key}" in removed
    assert f"{password} still holds the previous password" in out
    assert 'kept: mqtt.base = "home"' in out


@pytest.mark.parametrize("broker", ["old", "OLD", "old:8884", "mqtts://old"])
def test_the_same_broker_keeps_its_credentials(run: Run, config: Path, broker: str) -> None:
    config.parent.mkdir()
    config.write_text(OLD.format(folder=config.parent))
    before = load(config).config.mqtt
    assert run("setup", "--force", "--yes", "--no-test", "--broker", broker, "--config", config)[0] == 0
    after = load(config).config.mqtt
    assert replace(after, host="old") == before


def test_another_user_does_not_get_the_password_of_the_one_before(run: Run, config: Path) -> None:
    config.parent.mkdir()
    config.write_text(OLD.format(folder=config.parent))
    status, out, _ = run("setup", "--force", "--yes", "--no-test", "--username", "other", "--config", config)
    assert status == 0
    assert load(config).config.mqtt.password_file == ""
    assert "removed: mqtt.password_file" in out


def test_tls_at_the_same_broker_takes_the_usual_port_of_tls(run: Run, config: Path) -> None:
    config.parent.mkdir()
    config.write_text('[mqtt]\nhost = "old"\nport = 1883\n')
    assert run("setup", "--force", "--yes", "--no-test", "--broker", "mqtts://old", "--config", config)[0] == 0
    assert load(config).config.mqtt == MqttConfig(host="old", tls=True)


def test_the_untouched_default_needs_no_force(run: Run, config: Path) -> None:
    config.parent.mkdir()
    shutil.copy(resources.firmware_config() / "default.toml", config)
    assert run("setup", "--broker", "h", "--no-test", "--config", config)[0] == 0
    assert load(config, board="pi5").config.mqtt.host == "h"
    assert not config.with_name("config.toml.bak").exists()


def test_what_would_not_load_is_not_written(run: Run, config: Path) -> None:
    status, _, err = run("setup", "--broker", "h", "--name", "no spaces", "--no-test", "--config", config)
    assert status == 78
    assert "device.name" in err
    assert ".new" not in err
    assert list(config.parent.iterdir()) == []
    config.write_text('mqtt = { host = "x" }\n')  # nothing that lines could be set in
    status, _, err = run("setup", "--broker", "h", "--no-test", "--config", config, "--force")
    assert status == 78
    assert "mqtt.host: cannot be changed automatically" in err
    assert config.read_text() == 'mqtt = { host = "x" }\n'


def test_another_service_gets_a_camera_of_its_own_by_its_stable_path(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "config.toml")
    cameras = [
        Found(f"/dev/v4l/by-id/usb-{name}", f"{name} (/dev/video{number})", f"/dev/v4l/by-id/usb-{name}", "v4l2")
        for number, name in enumerate(("one", "two"))
    ]
    monkeypatch.setattr("edge.commands.setup.cameras_found", lambda: cameras)
    for file in ("config.toml", "door.toml", "hall.toml"):
        assert run("setup", "--yes", "--broker", "h", "--no-test", "--config", tmp_path / file)[0] == 0
    assert load(tmp_path / "config.toml", board="pi5").config.camera.source == "auto"
    door = load(tmp_path / "door.toml", board="pi5").config
    assert (door.device.name, door.camera.source) == ("door", "/dev/v4l/by-id/usb-two")
    assert load(tmp_path / "hall.toml", board="pi5").config.camera.source == "auto"  # none is left: check warns


def test_without_broker_and_terminal_it_asks_for_flags(run: Run, config: Path) -> None:
    status, _, err = run("setup", "--yes", "--config", config)
    assert status == 78
    assert "--broker" in err


def test_a_folder_that_cannot_be_written(run: Run) -> None:
    status, _, err = run("setup", "--broker", "h", "--no-test", "--config", "/proc/config.toml")
    assert status == 1
    assert "cannot be written" in err


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("broker", ("broker", None, False)),
        ("broker:1884", ("broker", 1884, False)),
        ("mqtts://broker", ("broker", None, True)),
        ("mqtt://broker:1/", ("broker", 1, False)),
        ("::1", ("::1", None, False)),
        ("[::1]:99", ("::1", 99, False)),
    ],
)
def test_ways_to_name_a_broker(text: str, parts: tuple[str, int | None, bool]) -> None:
    assert split_broker(text) == parts


@pytest.mark.parametrize("text", ["", "b:x", "b:0", "b:99999", "b:", "http://b", "://b", "u:p@b", "b/path", "[::1"])
def test_what_is_no_broker(text: str) -> None:
    with pytest.raises(ConfigError, match="--broker"):
        split_broker(text)


def test_only_what_is_open_is_asked() -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return ""

    given = ask(Answers(host="h", name="n", username="u", camera="0"), answer, lambda _: "secret")
    assert [question.split()[0] for question in asked] == ["Microphone"]
    assert given.password == "secret"  # noqa: S105
    assert given.microphone is None


def test_asked_on_a_real_terminal(config: Path, broker: Broker) -> None:
    """The password is not echoed, and goes to a file that nobody else can read."""
    answers = [f"127.0.0.1:{broker.port}", "hall", "edge", "let me in", "none", ""]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "edge", "setup", "--config", str(config)])  # noqa: S606
    seen = b""
    end = time.monotonic() + 30
    try:
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                part = os.read(terminal, 1000)
            except OSError:  # how Linux tells that the other end is closed
                break
            seen += part
            if answers and re.search(rb"\]: $", seen):
                os.write(terminal, answers.pop(0).encode() + b"\n")
                seen += b"\0"  # so that the same question is not answered twice
    finally:
        status = os.waitpid(pid, 0)[1]
        os.close(terminal)
    text = seen.decode()
    assert os.waitstatus_to_exitcode(status) == 0, text
    assert "accepts this device" in text
    assert "let me in" not in text
    loaded = load(config, board="pi5").config
    assert loaded.device.name == "hall"
    assert loaded.camera.source == "none"
    password = config.with_name("mqtt-password")
    assert loaded.mqtt.password_file == str(password)
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert mqtt_password(loaded.mqtt) == "let me in"
    assert loaded.decision == Config().decision
