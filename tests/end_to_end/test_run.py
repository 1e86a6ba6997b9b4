"""What `scripts/run` starts: the service with a broker and a view of its own, on the sample scene."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.broker import MOSQUITTO, Broker, Observer
from tests.helpers.service import DEVICE, Start, emotion_edge

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


def run(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    config = tmp_path / "config.toml"
    config.write_text(f'[device]\nname = "{DEVICE}"\n[publish]\nhealth_every_s = 1\n')
    return subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--config", str(config), "--state", str(tmp_path / "state"),
         "--local-broker", "--sample", "always", "--view", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def session_of(leader: int) -> list[str]:
    """Command lines of the processes that still belong to the session."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and os.getsid(int(process.name)) == leader:
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@needs_mosquitto
def test_for_some_seconds_it_shows_lines_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = run(tmp_path, "--for", "16")
    out, said = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert "SAMPLE" in said
    port = re.search(r"started mosquitto for this run on 127\.0\.0\.1 port (\d+)", said)
    assert port is not None
    assert f"mosquitto_sub -h 127.0.0.1 -p {port[1]} -t 'emotion/#' -v" in said
    assert "SAMPLE scene: a drawn face, not a camera" in out
    assert "people 1" in out
    assert session_of(process.pid) == []


@needs_mosquitto
def test_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    process = run(tmp_path)
    assert process.stdout is not None
    line = ""
    while not re.search(r"people 1.* SAMPLE$", line):
        line = process.stdout.readline()
        assert process.poll() is None
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=15)
    assert process.returncode == 0, said
    assert time.monotonic() - began < 8
    assert "Traceback" not in said
    assert session_of(process.pid) == []


def test_without_a_broker_it_says_what_to_do(tmp_path: Path) -> None:
    result = emotion_edge("run", "--state", tmp_path)
    assert result.returncode == 78
    assert "no broker is configured; run `emotion-edge setup --broker HOST`" in result.stderr


def test_replay_publishes_when_asked(
    start: Start, observer: Observer, broker: Broker, video: Path, tmp_path: Path
) -> None:
    config = tmp_path / "replay.toml"
    config.write_text(f'[device]\nname = "tape"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
    result = emotion_edge("replay", "--video", video, "--mqtt", "--quiet", "--config", config)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    observer.wait("tape/reading", 5)
    observer.wait("tape/state", 5, lambda m: m.json["label"] != "absent")
