from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.config import overrides
from edge.config.load import load
from edge.config.schema import Config
from edge.errors import ConfigError, StorageError

Write = Callable[[str], Path]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "overrides.toml"


def test_a_change_is_kept_and_survives_a_start(file: Path) -> None:
    config = overrides.change(file, Config(), {"decision.enter": 0.6})
    config = overrides.change(file, config, {"log.level": "debug"})
    config = overrides.change(file, config, {"speech.require_face": True})
    assert overrides.read(file) == {"decision.enter": 0.6, "log.level": "debug", "speech.require_face": True}
    loaded = load(None, overrides=file, board="pi5")
    assert loaded.config == config
    assert loaded.origins["decision.enter"] == "overrides"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["overrides.toml"]


def test_the_same_again_is_not_written(file: Path) -> None:
    config = overrides.change(file, Config(), {"decision.enter": 0.6})
    before = file.stat()
    overrides.change(file, config, {"decision.enter": 0.6})
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_reset_forgets_one_or_all(file: Path) -> None:
    config = overrides.change(file, Config(), {"decision.enter": 0.6})
    overrides.change(file, config, {"publish.max_hz": 5})
    overrides.reset(file, "decision.enter")
    assert overrides.read(file) == {"publish.max_hz": 5.0}
    overrides.reset(file, "decision.margin")  # never changed
    overrides.reset(file, None)
    assert not file.exists()
    overrides.reset(file, None)
    with pytest.raises(ConfigError, match=r"did you mean decision\.enter"):
        overrides.reset(file, "decision.entre")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("decision.entre", 0.5, "no such key; did you mean decision.enter?"),
        ("camera.fps", 10, "cannot be changed live"),
        ("mqtt.host", "evil.example", "cannot be changed live"),
        ("privacy.remote_off", True, "only the config file on the device may change this"),
        ("privacy.quiet_hours", [], "only the config file on the device may change this"),
        ("decision.enter", 1.5, "allowed: a number from 0 to 1"),
        ("decision.enter", "0.5", "allowed: a number from 0 to 1"),
        ("decision.enter", True, "allowed: a number from 0 to 1"),
        ("decision.enter", float("nan"), "allowed: a number from 0 to 1"),
        ("decision.enter", None, "null is not a value"),
        ("decision.enter", {"a": [1] * 100_000}, "allowed: a number from 0 to 1"),
        ("decision.exit", 0.9, "is above decision.enter"),
        ("face.max_people", 10**30, "allowed: a whole number from 1 to 50"),
        ("log.level", "loud", 'allowed: "debug", "info", "warning", "error"'),
        ("decision", {"enter": 1}, "no such key"),
        ("", 1, "no such key"),
    ],
)
def test_what_is_refused_leaves_no_trace(file: Path, key: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        overrides.change(file, Config(), {key: value})
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300
    assert not file.exists()


def test_live_values_are_what_may_be_changed() -> None:
    live = overrides.live_values(Config())
    assert live["decision.enter"] == 0.42
    assert {"privacy.remote_off", "privacy.quiet_hours", "camera.fps", "mqtt.host"}.isdisjoint(live)
    assert all(value is None or isinstance(value, (bool, int, float, str, dict)) for value in live.values())


@pytest.mark.parametrize("raw", [b"\0\0\0\0", b"decision.enter = ", b"\xff\xff"])
def test_a_damaged_file_warns_and_is_put_aside_by_the_next_change(file: Path, raw: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(raw)
    loaded = load(None, overrides=file, board="pi5")
    assert loaded.config == Config()
    assert len(loaded.warnings) == 1
    assert file.read_bytes() == raw  # loading changes nothing
    overrides.change(file, loaded.config, {"decision.enter": 0.7})
    assert overrides.read(file) == {"decision.enter": 0.7}
    assert file.with_name("overrides.toml.damaged").read_bytes() == raw


def test_what_is_wrong_in_it_never_stops_a_start(write: Write, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(
        "decision.exit = 0.4\npublish.max_hz = 'x'\nold.key = 1\ncamera.fps = 3\nprivacy.remote_off = true\n"
        "face.min_size = 60\n"
    )
    loaded = load(write("[decision]\nenter = 0.3\nexit = 0.2\n"), overrides=file, board="pi5")
    assert loaded.config.decision.exit == 0.2
    assert loaded.config.face.min_size == 60
    assert not loaded.config.privacy.remote_off
    assert loaded.config.camera.fps == 15
    told = "\n".join(loaded.warnings)
    for key in ("decision.exit", "publish.max_hz", "old: no such key", "camera.fps", "privacy.remote_off"):
        assert key in told


def test_a_change_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="the change cannot be stored"):
        overrides.change(tmp_path / "file" / "overrides.toml", Config(), {"decision.enter": 0.5})


def test_no_space_keeps_the_old_changes() -> None:
    with pytest.raises(StorageError, match="the change cannot be stored"):
        overrides.change(Path("/proc/overrides.toml"), Config(), {"decision.enter": 0.5})


def test_several_at_once_are_all_kept_or_none(file: Path) -> None:
    base = Config()
    changed = overrides.change(file, base, {"decision.enter": 0.2, "decision.exit": 0.1})  # one by one would clash
    assert (changed.decision.enter, changed.decision.exit) == (0.2, 0.1)
    for wrong in ({"decision.dwell_s": 5.0, "decision.exit": 0.9}, {"decision.dwell_s": 5.0, "camera.fps": 5}):
        with pytest.raises(ConfigError):
            overrides.change(file, changed, wrong)
    assert overrides.read(file) == {"decision.enter": 0.2, "decision.exit": 0.1}
