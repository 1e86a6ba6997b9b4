from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from edge.config.schema import CameraConfig, Config, MqttConfig
from edge.config.secrets import masked, mqtt_password, public
from edge.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("EMOTION_EDGE_MQTT_PASSWORD", raising=False)
    path = tmp_path / "password"
    path.write_text("from file\n")
    path.chmod(0o600)
    return path


def with_file(path: Path) -> MqttConfig:
    return MqttConfig(username="u", password_file=str(path))


def test_the_order_credential_variable_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mqtt_password(MqttConfig()) is None
    assert mqtt_password(with_file(file)) == "from file"
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "from variable")
    assert mqtt_password(with_file(file)) == "from variable"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert mqtt_password(with_file(file)) == "from variable"  # the folder holds another credential
    (tmp_path / "mqtt-password").write_text("from credential\n\n")
    assert mqtt_password(with_file(file)) == "from credential\n"  # one newline is an editor's, two are meant


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {file}") as caught:
        mqtt_password(with_file(file))
    assert "from file" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "told"), [(b"", "empty"), (b"\n", "empty"), (b"\xff", "not UTF-8"), (b"x" * 70_000, "too long")]
)
def test_a_file_that_holds_no_password(file: Path, raw: bytes, told: str) -> None:
    file.write_bytes(raw)
    with pytest.raises(ConfigError, match=told):
        mqtt_password(with_file(file))


def test_a_file_that_is_not_there(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        mqtt_password(with_file(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"is not a file|cannot be read"):
        mqtt_password(with_file(tmp_path))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:hunter2@10.0.0.9:554/live", "rtsp://***@10.0.0.9:554/live"),
        ("rtsp://admin:hunt/er@2@10.0.0.9/live", "rtsp://***@10.0.0.9/live"),
        ("http://10.0.0.9/v?user=bob&password=hunter2&fps=5", "http://10.0.0.9/v?user=***&password=***&fps=5"),
        ("gst:rtspsrc location=rtsp://a:hunter2@h user-pw=hunter2 ! appsink", None),
        ("/dev/v4l/by-id/usb-046d_C270-index0", "/dev/v4l/by-id/usb-046d_C270-index0"),
        ("auto", "auto"),
    ],
)
def test_credentials_in_urls_are_masked(text: str, shown: str | None) -> None:
    assert "hunt" not in masked(text)
    assert shown is None or masked(text) == shown


def test_what_info_shows() -> None:
    config = Config(
        camera=CameraConfig(source="rtsp://admin:hunter2@cam/x"),
        mqtt=MqttConfig(host="broker", username="bob", password_file="/etc/secret", key_file="/etc/key", tls=True),  # noqa: S106
    )
    shown = public(config)
    text = json.dumps(shown)
    for secret in ("hunter2", "bob", "/etc/secret", "/etc/key"):
        assert secret not in text
    assert shown["mqtt"]["host"] == "broker"
    assert shown["camera"]["source"] == "rtsp://***@cam/x"
    assert set(shown) == set(msgspec.to_builtins(config))
