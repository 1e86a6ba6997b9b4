from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.device.privacy_log import PrivacyLog
from tests.helpers.clock import FakeClock

Run = Callable[..., tuple[int, str, str]]


def test_the_log_is_shown_and_verified(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "privacy.log"
    assert run("privacy", "log", "--verify", "--state", tmp_path)[1] == "nothing was recorded yet\n"
    log = PrivacyLog(file, FakeClock(), synced=lambda: True, reason=lambda: "quiet hours")
    log.notify("privacy", "ON", None)
    log.notify("privacy", "OFF", None)
    status, out, _ = run("privacy", "log", "--state", tmp_path)
    assert status == 0
    assert [line.split()[1] for line in out.splitlines()] == ["ON", "OFF"]
    status, out, _ = run("privacy", "log", "--verify", "--state", tmp_path)
    assert status == 0
    assert "2 switches since" in out
    assert "last hash " in out
    file.write_text(file.read_text().replace('"ON"', '"OFF"'))
    status, _, err = run("privacy", "log", "--verify", "--state", tmp_path)
    assert status == 1
    assert "line 1 was altered" in err


def test_verify_is_for_the_log(run: Run, tmp_path: Path) -> None:
    assert run("privacy", "on", "--verify", "--state", tmp_path)[0] == 1
    assert not (tmp_path / "privacy").exists()
