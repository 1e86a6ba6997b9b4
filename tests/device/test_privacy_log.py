"""The record of privacy's switches: a line for each change, and every change of a line shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge.device import privacy_log
from edge.device.privacy_log import PrivacyLog, entries, is_whole
from edge.errors import StorageError
from tests.helpers.clock import FakeClock


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "privacy.log"


def record(file: Path, *words: str, reason: str = "privacy is on") -> None:
    clock = FakeClock()
    log = PrivacyLog(file, clock, synced=lambda: True, reason=lambda: reason)
    log.start()
    for word in words:
        clock.pass_time(60.0)
        log.notify("privacy", word, None)
        log.notify("state", word, None)
    log.stop()


def test_each_change_is_a_line_also_over_restarts(file: Path) -> None:
    record(file, "OFF", "ON", "ON", "OFF")
    record(file, "OFF", "ON", reason="quiet hours")
    found = entries(file)
    assert [entry.privacy for entry in found] == ["OFF", "ON", "OFF", "ON"]
    assert found[-1].reason == "quiet hours"
    assert found[0].ts == "2027-01-15T08:01:00+00:00"
    assert is_whole(found)
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_recorded_is_an_empty_record(file: Path) -> None:
    assert entries(file) == []
    assert is_whole([])


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda lines: lines[1].replace("ON", "OFF"), "line 2 was altered"),
        (lambda lines: lines[1].replace("quiet hours", "x"), "line 2 was altered"),
        (lambda _: "", "between lines 1 and 2"),
        (lambda lines: lines[1] + lines[0], "between lines 2 and 3"),
        (lambda _: "garbage\n", "line 2 is damaged"),
        (lambda _: '{"ts": 3}\n', "line 2 is damaged"),
    ],
)
def test_whatever_is_changed_shows(file: Path, tamper: object, told: str) -> None:
    record(file, "OFF", "ON", "OFF", reason="quiet hours")
    lines = file.read_text().splitlines(keepends=True)
    assert callable(tamper)
    lines[1] = tamper(lines)
    file.write_text("".join(lines))
    with pytest.raises(StorageError, match=told):
        entries(file)


def test_a_line_taken_off_the_end_shows_by_the_last_hash_alone(file: Path) -> None:
    record(file, "OFF", "ON")
    last = entries(file)[-1].hash
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    assert entries(file)[-1].hash != last


def test_it_is_bounded_and_the_rest_stays_a_chain(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy_log, "MAX_BYTES", 3_000)
    record(file, *(["OFF", "ON"] * 20))
    assert file.stat().st_size <= 3_000
    found = entries(file)
    assert len(found) >= 4
    assert not is_whole(found)


def test_a_damaged_file_is_continued_and_still_shows(file: Path) -> None:
    record(file, "OFF")
    with file.open("a") as out:
        out.write("half a li\n")
    record(file, "ON")
    assert json.loads(file.read_text().splitlines()[-1])["privacy"] == "ON"
    with pytest.raises(StorageError, match="line 2"):
        entries(file)


def test_a_disk_that_fails_costs_the_line_and_nothing_else(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int, __: bytes) -> int:
        raise OSError(28, "No space left on device")

    record(file, "OFF")
    monkeypatch.setattr(os, "write", full)
    record(file, "ON")
    monkeypatch.undo()
    record(file, "ON")
    assert [entry.privacy for entry in entries(file)] == ["OFF", "ON"]
