from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge.config.schema import PrivacyConfig, QuietHours
from edge.device.privacy import Gate, in_quiet_hours, store
from edge.errors import StorageError


def test_a_missing_file_takes_the_configs_word(tmp_path: Path) -> None:
    assert not Gate(tmp_path / "privacy", PrivacyConfig(start="off")).on
    assert Gate(tmp_path / "privacy", PrivacyConfig(start="on")).on


@pytest.mark.parametrize("content", [b"", b"offf", b"\xff\xfe", b"ON OFF", b"\x00" * 10])
def test_what_cannot_be_read_keeps_the_gate_shut(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "privacy").write_bytes(content)
    assert Gate(tmp_path / "privacy", PrivacyConfig(start="off")).on


def test_a_folder_in_its_place_keeps_the_gate_shut(tmp_path: Path) -> None:
    (tmp_path / "privacy").mkdir()
    assert Gate(tmp_path / "privacy", PrivacyConfig(start="off")).on


def test_the_switch_survives_a_restart_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "state" / "privacy"
    Gate(file, PrivacyConfig()).switch(True)
    assert Gate(file, PrivacyConfig(start="off")).on
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    Gate(file, PrivacyConfig()).switch(False)
    assert not Gate(file, PrivacyConfig(start="on")).on


def test_the_same_word_is_not_written_again_unless_the_file_may_say_another(tmp_path: Path) -> None:
    file = tmp_path / "privacy"
    gate = Gate(file, PrivacyConfig(start="on"))
    gate.switch(True)
    first = file.stat().st_ino, file.stat().st_mtime_ns
    gate.switch(True)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == first
    store(file, on=False)
    gate.switch(True)
    assert file.read_text() == "on\n"
    for garbage in (b"", b"\xff"):
        file.write_bytes(garbage)
        gate = Gate(file, PrivacyConfig())
        gate.switch(True)
        assert file.read_text() == "on\n"


def test_a_switch_that_cannot_be_stored_stays_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    gate = Gate(tmp_path / "file" / "privacy", PrivacyConfig())
    with pytest.raises(StorageError, match="stays on"):
        gate.switch(False)
    assert gate.on


def test_another_process_may_throw_the_switch(tmp_path: Path) -> None:
    file = tmp_path / "privacy"
    gate = Gate(file, PrivacyConfig())
    gate.refresh(0)
    assert not gate.on
    store(file, on=True)
    gate.refresh(0)
    assert gate.on
    assert gate.reason == "privacy is on"


def test_half_a_write_is_never_seen(tmp_path: Path) -> None:
    file = tmp_path / "privacy"
    store(file, on=False)
    (tmp_path / "privacy.new").write_text("o")  # power was cut in the middle of the next one
    assert not Gate(file, PrivacyConfig(start="on")).on


def test_quiet_hours_pass_midnight() -> None:
    night = (QuietHours("22:00", "07:00"),)
    assert in_quiet_hours(night, 23 * 60)
    assert in_quiet_hours(night, 0)
    assert in_quiet_hours(night, 6 * 60 + 59)
    assert not in_quiet_hours(night, 7 * 60)
    assert not in_quiet_hours(night, 12 * 60)


def test_quiet_hours_close_the_gate_and_open_it_again(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "privacy", PrivacyConfig(quiet_hours=(QuietHours("12:00", "13:00"),)))
    gate.refresh(12 * 60)
    assert gate.on
    assert gate.reason == "quiet hours"
    gate.refresh(13 * 60)
    assert not gate.on


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    store(tmp_path / "privacy", on=True)
    assert [path.name for path in tmp_path.iterdir()] == ["privacy"]
