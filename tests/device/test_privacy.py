from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.config.schema import PrivacyConfig, QuietHours
from edge.device import privacy
from edge.device.paths import runtime_of
from edge.device.privacy import STORE_AGAIN_S, Gate, PrivacyState, in_quiet_hours
from edge.errors import StorageError
from tests.helpers.clock import FakeClock

NOON = PrivacyConfig(quiet_hours=(QuietHours("12:00", "13:00"),))
Make = Callable[..., Gate]


@pytest.fixture
def gate(tmp_path: Path) -> Make:
    """A gate on the test's own folders; each call is what a new process would make."""

    def make(settings: PrivacyConfig | None = None, clock: FakeClock | None = None, *, synced: bool = True) -> Gate:
        return Gate(
            tmp_path / "state", settings or PrivacyConfig(), clock or FakeClock(),
            synced=lambda: synced, runtime=tmp_path / "run",
        )  # fmt: skip

    return make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the switch is stored."""
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path / "state" / "privacy"


def at(hour: int, minute: int = 0) -> FakeClock:
    """A clock that shows that local time of day."""
    return FakeClock(wall=time.mktime((2026, 11, 26, hour, minute, 0, 0, 0, -1)))


def test_a_missing_file_takes_the_configs_word(gate: Make) -> None:
    assert gate(PrivacyConfig(start="off")).now() == PrivacyState(False)
    assert gate(PrivacyConfig(start="on")).now() == PrivacyState(True, "privacy is on")


@pytest.mark.parametrize("content", [b"", b"offf", b"\xff\xfe", b"ON OFF", b"\x00" * 10])
def test_what_cannot_be_read_keeps_the_gate_shut(gate: Make, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert gate(PrivacyConfig(start="off")).now().on


def test_a_folder_in_its_place_keeps_the_gate_shut(gate: Make, file: Path) -> None:
    file.mkdir()
    assert gate(PrivacyConfig(start="off")).now().on


def test_the_switch_survives_a_restart_and_nobody_else_can_read_it(gate: Make, tmp_path: Path) -> None:
    gate().switch(True)
    assert gate(PrivacyConfig(start="off")).now().on
    assert stat.S_IMODE((tmp_path / "state" / "privacy").stat().st_mode) == 0o600
    gate().switch(False)
    assert not gate(PrivacyConfig(start="on")).now().on


def test_the_same_word_is_not_written_again_unless_the_file_may_say_another(gate: Make, file: Path) -> None:
    ours = gate(PrivacyConfig(start="on"))
    ours.switch(True)
    first = file.stat().st_ino, file.stat().st_mtime_ns
    ours.switch(True)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == first
    gate().switch(False)  # another process
    ours.switch(True)
    assert file.read_text() == "on\n"
    for garbage in (b"", b"\xff"):
        file.write_bytes(garbage)
        gate().switch(True)
        assert file.read_text() == "on\n"


def test_off_that_cannot_be_stored_leaves_it_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    ours = Gate(tmp_path / "file", PrivacyConfig(), FakeClock(), runtime=tmp_path / "run")
    with pytest.raises(StorageError, match="stays on"):
        ours.switch(False)
    assert ours.now().on


def test_another_process_may_switch(gate: Make, file: Path) -> None:
    ours = gate()
    assert not ours.now().on
    gate().switch(True)
    assert ours.now() == PrivacyState(True, "privacy is on")
    gate().switch(False)
    assert not ours.now().on


def test_half_a_write_is_never_seen(gate: Make, file: Path) -> None:
    gate().switch(False)
    file.with_suffix(".new").write_text("o")  # power was cut in the middle of the next one
    assert not gate(PrivacyConfig(start="on")).now().on


def test_no_temporary_file_is_left(gate: Make, file: Path) -> None:
    gate().switch(True)
    assert [path.name for path in file.parent.iterdir()] == ["privacy"]


# A disk that refuses


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From now on nothing can be written into a folder of that name; with `shrink` files can at least be emptied."""
    written, emptied = privacy._write, privacy._emptied

    def begin(*folders: str, shrink: bool = False) -> None:
        def write(path: Path, word: str) -> None:
            if path.parent.name in folders:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written(path, word)

        monkeypatch.setattr(privacy, "_write", write)
        monkeypatch.setattr(privacy, "_emptied", lambda path: shrink and emptied(path))

    return begin


def test_a_full_disk_still_takes_an_empty_file_which_means_on(
    gate: Make, file: Path, refuse: Callable[..., None]
) -> None:
    gate().switch(False)
    refuse("state", shrink=True)
    gate().switch(True)
    assert file.read_bytes() == b""
    assert gate().now().on


def test_a_read_only_disk_is_told_and_the_next_start_is_on(
    gate: Make, file: Path, refuse: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    gate().switch(False)
    refuse("state")
    ours = gate(clock=clock)
    with pytest.raises(StorageError, match=r"stays on until this machine restarts.*No space left"):
        ours.switch(True)
    assert ours.now().on
    assert not ours.lost_on_restart
    assert file.read_text() == "off\n"
    again = gate(clock=clock)  # a new process, on the same boot
    assert again.now().on
    (file.parents[1] / "run" / "privacy").unlink()  # somebody tidies up: no reason to open anything
    assert again.now().on
    with pytest.raises(StorageError, match="stays on"):
        again.switch(False)
    monkeypatch.undo()
    clock.pass_time(STORE_AGAIN_S)
    again.store_again()
    assert file.read_text() == "on\n"
    again.switch(False)
    assert not gate().now().on


def test_the_switch_back_on_another_day_ends_what_was_kept_elsewhere(
    gate: Make, file: Path, refuse: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate().switch(False)
    refuse("state")
    ours = gate()
    with pytest.raises(StorageError):
        ours.switch(True)
    monkeypatch.undo()
    gate().switch(False)  # `emotion-edge privacy off`
    assert not ours.now().on
    assert not gate().now().on


def test_what_no_place_takes_is_known_to_be_lost_with_the_process(gate: Make, refuse: Callable[..., None]) -> None:
    refuse("state", "run")
    ours = gate()
    with pytest.raises(StorageError, match="while the service runs"):
        ours.switch(True)
    assert ours.now().on
    assert ours.lost_on_restart


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")
def test_a_folder_of_strangers_says_nothing(gate: Make, file: Path, tmp_path: Path) -> None:
    gate().switch(False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "privacy").write_text("on\n")
    assert gate().now().on
    os.chown(tmp_path / "run", 65534, 65534)
    assert not gate().now().on


def test_each_state_folder_has_a_second_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert runtime_of(Path("/var/lib/emotion-edge-door")) == Path("/run/emotion-edge-door")
    assert runtime_of(tmp_path / "a") != runtime_of(tmp_path / "b")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert runtime_of(tmp_path / "a") == tmp_path


# Quiet hours


def test_quiet_hours_pass_midnight() -> None:
    night = (QuietHours("22:00", "07:00"),)
    assert in_quiet_hours(night, 23 * 60)
    assert in_quiet_hours(night, 0)
    assert in_quiet_hours(night, 6 * 60 + 59)
    assert not in_quiet_hours(night, 7 * 60)
    assert not in_quiet_hours(night, 12 * 60)


def test_quiet_hours_close_the_gate_and_open_it_again(gate: Make) -> None:
    clock = at(12)
    ours = gate(NOON, clock)
    assert ours.now() == PrivacyState(True, "quiet hours", planned=True)
    clock.pass_time(3600)
    assert not ours.now().on


def test_a_clock_that_may_be_wrong_keeps_it_shut_where_there_are_quiet_hours(gate: Make) -> None:
    """A board without a battery clock begins at any time of day, until a time server answers."""
    ours = gate(NOON, at(15), synced=False)
    assert ours.now().on
    assert "not synchronised" in ours.now().reason
    assert not gate(PrivacyConfig(), at(15), synced=False).now().on, "no quiet hours, no matter"
    trusting = PrivacyConfig(quiet_hours=NOON.quiet_hours, trust_clock=True)
    assert not gate(trusting, at(15), synced=False).now().on
    assert gate(trusting, at(12, 30), synced=False).now().reason == "quiet hours"


def test_a_clock_that_was_right_once_stays_known(tmp_path: Path) -> None:
    """Without a network the kernel doubts its clock after some hours; nobody has to sit in the dark for that."""
    words = iter([False, True, False])
    ours = Gate(tmp_path, NOON, at(15), synced=lambda: next(words), runtime=tmp_path / "run")
    assert [ours.now().on for _ in range(4)] == [True, False, False, False]
