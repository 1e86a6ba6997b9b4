"""Runs one subcommand as the command line does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`run("check", path)` gives exit status, stdout and stderr; nothing outside tmp_path is touched."""
    for name in ("EMOTION_EDGE_CONFIG", "EMOTION_EDGE_MQTT_PASSWORD", "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))

    def run(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(word) for word in words])
        written = capsys.readouterr()
        return status, written.out, written.err

    return run
