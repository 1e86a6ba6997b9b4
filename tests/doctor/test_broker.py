"""The way to the broker, staged with a real mosquitto: each wrong set-up is named."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.doctor.broker import broker
from edge.doctor.findings import Finding, worst
from tests.helpers.broker import MOSQUITTO, Broker, free_port
from tests.helpers.doctor import MakeSubject

DEVICE = {"name": "shelf"}
StartBroker = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartBroker]:
    """A mosquitto with a password for `edge` and this access list; its port."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    running: list[Broker] = []

    def begin(*rules: str) -> int:
        (tmp_path / "access").write_text("\n".join(["user edge", *rules]) + "\n")
        passwords = tmp_path / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "edge", "right"], check=True)
        lines = f"allow_anonymous false\npassword_file {passwords}\nacl_file {tmp_path / 'access'}"
        running.append(Broker(tmp_path, lines))
        running[-1].start()
        return running[-1].port

    yield begin
    for one in running:
        one.kill()


def look(subject: MakeSubject, tmp_path: Path, port: int, *, word: str = "right", protocol: str = "5") -> list[Finding]:
    secret = tmp_path / "secret"
    secret.write_text(word)
    secret.chmod(0o600)
    mqtt = {"host": "127.0.0.1", "port": port, "username": "edge", "password_file": str(secret), "protocol": protocol}
    return list(broker(subject(device=DEVICE, mqtt=mqtt)))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_all_well(start: StartBroker, subject: MakeSubject, tmp_path: Path, protocol: str) -> None:
    found = look(subject, tmp_path, start("topic readwrite emotion/#"), protocol=protocol)
    assert worst(found) == "green", found
    assert [finding.check for finding in found] == ["broker", "rights"]


def test_only_what_the_service_needs_is_enough(start: StartBroker, subject: MakeSubject, tmp_path: Path) -> None:
    own = "emotion/shelf"
    reading = [f"topic read {own}/{topic}" for topic in ("privacy/set", "config/+/set", "request/+")]
    found = look(subject, tmp_path, start(f"topic write {own}/#", *reading))
    assert worst(found) == "green", found


def test_nobody_listens(subject: MakeSubject) -> None:
    (finding,) = broker(subject(mqtt={"host": "127.0.0.1", "port": free_port()}))
    assert finding.level == "red"
    assert "127.0.0.1" in finding.says
    assert "broker run" in finding.remedy


def test_no_broker_named(subject: MakeSubject) -> None:
    (finding,) = broker(subject())
    assert (finding.level, finding.remedy) == ("red", "emotion-edge setup --broker HOST")


def test_wrong_password(start: StartBroker, subject: MakeSubject, tmp_path: Path) -> None:
    (finding,) = look(subject, tmp_path, start("topic readwrite emotion/#"), word="wrong")
    assert finding.level == "red"
    assert "uthori" in finding.says or "password" in finding.says


def test_password_file_missing(subject: MakeSubject, tmp_path: Path) -> None:
    mqtt = {"host": "127.0.0.1", "port": 1, "username": "edge", "password_file": str(tmp_path / "none")}
    (finding,) = broker(subject(mqtt=mqtt))
    assert finding.level == "red"
    assert str(tmp_path / "none") in finding.says + finding.remedy


def test_may_not_publish(start: StartBroker, subject: MakeSubject, tmp_path: Path) -> None:
    found = look(subject, tmp_path, start("topic read emotion/#"))
    assert ("rights", "red", "this device may not publish below emotion/shelf") in [
        (f.check, f.level, f.says) for f in found
    ]


def test_nobody_says_whether_we_may_publish(start: StartBroker, subject: MakeSubject, tmp_path: Path) -> None:
    found = look(subject, tmp_path, start("topic read emotion/#"), protocol="3.1.1")
    assert [(f.check, f.level) for f in found] == [("broker", "green"), ("rights", "yellow")]
    assert "mqtt.protocol" in found[1].remedy


def test_commands_would_not_reach_us(start: StartBroker, subject: MakeSubject, tmp_path: Path) -> None:
    red = [f for f in look(subject, tmp_path, start("topic write emotion/#")) if f.level == "red"]
    assert [f.says for f in red] == ["commands would not arrive here"]
    assert "user edge" in red[0].remedy


def test_may_not_subscribe(subject: MakeSubject, tmp_path: Path) -> None:
    """mosquitto's access file never refuses a subscription; its dynamic security does."""
    plugins = sorted(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    if MOSQUITTO is None or not plugins:
        pytest.skip("mosquitto with its dynamic security plugin is not installed")
    rules = tmp_path / "rules.json"
    subprocess.run(["mosquitto_ctrl", "dynsec", "init", str(rules), "edge", "right"], check=True, capture_output=True)
    allowed = json.loads(rules.read_text())
    for client in allowed["clients"]:  # the administrator's role is all that there is
        client["roles"] = []
    rules.write_text(json.dumps(allowed))
    one = Broker(tmp_path, f"allow_anonymous false\nplugin {plugins[0]}\nplugin_opt_config_file {rules}")
    one.start()
    try:
        red = [finding.says for finding in look(subject, tmp_path, one.port) if finding.level == "red"]
    finally:
        one.kill()
    assert red == [
        "this device may not subscribe to privacy/set, config/+/set, request/+",
        "this device may not publish below emotion/shelf",
    ]
