from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import systemd_dropin
from edge.config.advice import advice
from edge.config.files import parse
from edge.config.load import checked, load
from edge.config.schema import Config
from edge.device import paths
from tests.helpers.service import Run


def test_the_effective_config_is_toml_with_the_origin_of_each_value(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[mqtt]\nhost = "broker"\n[device]\nboard = "pi4"\n[decision]\nenter = 0.5\n')
    state = tmp_path / "state"
    state.mkdir()
    (state / "overrides.toml").write_text("decision.margin = 0.25\n")
    status, out, err = run("check", config, "--state", state)
    assert status == 0
    assert err == ""
    values, wrong = checked(parse(out))
    assert wrong == []
    assert values["decision.margin"] == 0.25
    assert values["camera.fps"] == 10.0
    lines = {line.partition("=")[0].strip(): line for line in out.splitlines()}
    assert lines["enter"].endswith(f"# {config}")
    assert lines["margin"].endswith("# overrides")
    assert lines["fps"].endswith("# preset pi4")
    assert lines["exit"].endswith("# default")
    assert "1 live change" in out
    assert "#port is unset" in out


def test_a_config_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[camera]\nfps = 0\nwidht = 3\n")
    status, out, err = run("check", config)
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 3
    assert "camera.fps" in err
    assert "did you mean camera.width" in err
    assert run("check", tmp_path / "none.toml")[0] == 1


def test_without_a_config_it_says_what_would_happen(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "etc" / "config.toml")
    status, out, err = run("check")
    assert status == 0
    assert "no config file" in out
    assert "mqtt.host: no broker is configured" in err


def test_secrets_are_not_shown(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[camera]\nsource = "rtsp://admin:hunter2@cam/1"\n[mqtt]\nhost = "b"\n')
    _, out, err = run("check", config)
    assert "hunter2" not in out + err
    assert "rtsp://***@cam/1" in out


def test_what_will_probably_not_work_is_told(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    password = tmp_path / "password"
    password.write_text("x")
    password.chmod(0o644)
    config.write_text(
        f'[mqtt]\nhost = "b"\ntls = true\nca_file = "{tmp_path}/none.pem"\nusername = "u"\n'
        f'password_file = "{password}"\n[camera]\nsource = "/dev/none"\n'
    )
    status, out, err = run("check", config, "--quiet")
    assert (status, out) == (0, "")
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        ["warning", "mqtt.password_file"],
        ["warning", "camera.source"],
        ["warning", "mqtt.ca_file"],
    ]


def test_damaged_live_changes_are_a_warning(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[mqtt]\nhost = "b"\n')
    (tmp_path / "overrides.toml").write_text("???")
    status, _, err = run("check", config, "--state", tmp_path)
    assert status == 0
    assert "overrides.toml" in err


def test_a_drop_in_of_another_broker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "config.toml")
    config = Config()
    assert systemd_dropin.stale(config, tmp_path / "config.toml", tmp_path) == []
    folder = systemd_dropin.folder(None, tmp_path)
    folder.mkdir()
    (folder / "10-network.conf").write_text(systemd_dropin.drop_in(config, tmp_path / "config.toml"))
    assert systemd_dropin.stale(config, tmp_path / "config.toml", tmp_path) == []
    (folder / "10-network.conf").write_text("# hosts: other\n")
    (line,) = systemd_dropin.stale(config, tmp_path / "config.toml", tmp_path)
    assert "emotion-edge unit --write" in line


def test_two_services_that_want_the_same_device_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "config.toml")
    (tmp_path / "config.toml").write_text('[mqtt]\nhost = "b"\n[microphone]\nsource = "none"\n')
    second = tmp_path / "door.toml"

    def told(text: str) -> list[str]:
        second.write_text(f'[device]\nname = "door"\n[mqtt]\nhost = "b"\n{text}')
        return [line.partition(":")[0] for line in advice(load(second).config, second) if "same device" in line]

    assert told("") == ["camera.source"]
    assert told('[camera]\nsource = "none"\n') == []
    assert told('[camera]\nsource = "/dev/v4l/by-id/usb-two"\n') == []
    (tmp_path / "config.toml").write_text('[camera]\nsource = "/dev/v4l/by-id/usb-two"\n')
    assert told('[camera]\nsource = "/dev/v4l/by-id/usb-two"\n') == ["camera.source", "microphone.source"]
    (tmp_path / "config.toml").write_text('[camera]\nsource = "rtsp://cam/1"\n[microphone]\nenabled = false\n')
    assert told('[camera]\nsource = "rtsp://cam/1"\n') == []
    (tmp_path / "config.toml").write_text("damaged [")
    assert told("") == []
