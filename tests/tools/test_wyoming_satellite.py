"""A real Wyoming satellite forwards what Home Assistant understood to our listener, and no sound."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.device.clock import SystemClock
from edge.messages.commands import Command
from edge.service.transcripts import TranscriptListener
from tests.helpers.broker import free_port, wait_for
from tests.helpers.wyoming import event
from tests.tools.programs import tool

pytestmark = pytest.mark.timeout(180)
MICROPHONE = "while true; do head -c 2048 /dev/zero; sleep 0.064; done"


@pytest.fixture
def taken() -> list[Command]:
    return []


@pytest.fixture
def satellite(tmp_path: Path, taken: list[Command]) -> Iterator[int]:
    """Its port; its events go to a listener of ours."""
    python = tool("wyoming-satellite/bin/python")
    listener = TranscriptListener("wyoming://127.0.0.1:0", taken.append, SystemClock())
    listener.start()
    wait_for(lambda: listener.port, 10, "it to listen")
    microphone = tmp_path / "microphone.sh"
    microphone.write_text(f"#!/bin/sh\n{MICROPHONE}\n")
    microphone.chmod(0o755)
    port = free_port()
    command: list[str | Path] = [
        python, "-m", "wyoming_satellite", "--name", "kitchen", "--uri", f"tcp://127.0.0.1:{port}",
        "--no-zeroconf", "--mic-command", microphone, "--event-uri", f"tcp://127.0.0.1:{listener.port}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(port), 60, "the satellite to listen")
        yield port
    finally:
        process.terminate()
        process.wait(20)
        listener.stop()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_its_transcripts_come_as_words(satellite: int, taken: list[Command]) -> None:
    with socket.create_connection(("127.0.0.1", satellite), timeout=10) as assistant:
        assistant.sendall(event("describe") + event("run-satellite"))
        assert assistant.recv(100_000)  # it streams the sound to its assistant
        assistant.sendall(event("transcript", {"text": "How dare you!"}))
        assistant.sendall(event("transcript", {"text": "I am sorry."}))
        wait_for(lambda: len(taken) == 2, 30, "both")
    assert [command.value.content for command in taken] == ["How dare you!", "I am sorry."]
