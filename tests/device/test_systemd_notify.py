from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from edge.device import systemd


def test_messages_reach_systemds_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd.notify("READY=1")
        assert listener.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.notify("READY=1")


def test_a_socket_that_is_gone_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    for _ in range(3):
        systemd.notify("WATCHDOG=1")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "NOTIFY_SOCKET" in caplog.text


def test_an_address_that_no_socket_can_have_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/" + "x" * 300)
    for _ in range(3):
        systemd.notify("WATCHDOG=1")
    assert len(caplog.records) == 1


def test_lines_for_the_journal_carry_their_priority() -> None:
    formatter = systemd._Priorities("%(message)s")
    record = logging.LogRecord("edge", logging.WARNING, "", 0, "two\nlines", (), None)
    assert formatter.format(record) == "<4>two\n<4>lines"
