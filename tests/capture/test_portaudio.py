"""A microphone through the real PortAudio, ALSA and PulseAudio: a null sink that something is played into."""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.capture import portaudio
from edge.capture.base import BLOCK, NothingYet, Source
from edge.capture.faults import MicrophoneFaults
from edge.capture.loop import CaptureLoop
from edge.capture.microphones import microphone
from edge.config.schema import MicrophoneConfig
from edge.device.clock import SystemClock
from edge.errors import CaptureError, MissingPackage
from edge.readings import Sound
from tests.helpers.pulse import Server, prepare

pytestmark = pytest.mark.slow


@pytest.fixture
def server_at(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Server]]:
    prepare(own_home, monkeypatch)
    servers: list[Server] = []

    def start(rate: int) -> Server:
        servers.append(Server(own_home, rate))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def peak_frequency(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * 16_000 / len(samples))


def heard(source: Source[Sound], seconds: float) -> list[Sound]:
    blocks: list[Sound] = []
    end = time.monotonic() + 15
    while sum(block.seconds for block in blocks) < seconds:
        assert time.monotonic() < end, "no sound arrives"
        try:
            block = source.read()
        except NothingYet:
            continue
        if blocks or np.abs(block.samples).max() > 0.1:  # the player takes a moment
            blocks.append(block)
    return blocks


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_tone_arrives_at_16_khz_whatever_the_rate(
    server_at: Callable[[int], Server],
    open_files: Callable[[], list[str]],
    opened_since: Callable[[list[str]], list[str]],
    rate: int,
) -> None:
    server = server_at(rate)
    before = open_files()
    server.play()
    source = microphone(MicrophoneConfig(source="auto"), SystemClock())
    assert source.live
    source.open()
    blocks = heard(source, 2.0)
    assert opened_since(before)
    source.close()
    source.close()
    assert not opened_since(before)  # no sound device, no socket to the sound server

    assert all(len(block.samples) <= 1.05 * BLOCK for block in blocks)
    gaps = [later.time - earlier.end for earlier, later in itertools.pairwise(blocks)]
    assert max(np.abs(gaps)) < 0.02
    samples = np.concatenate([block.samples for block in blocks])[3_200:]
    assert abs(peak_frequency(samples) - 440.0) < 2.0
    assert 0.2 < np.abs(samples).max() <= 1.0


def test_devices_are_listed_and_chosen_by_name_part_and_index(server_at: Callable[[int], Server]) -> None:
    server = server_at(48_000)
    server.play()
    found = portaudio.found()
    assert [device for device in found if "fakemic" in device.name], found
    for wanted in ("FAKEM", "fakemic"):
        source = microphone(MicrophoneConfig(source=wanted), SystemClock())
        source.open()
        assert "fakemic" in source.name
        assert abs(peak_frequency(heard(source, 1.0)[-1].samples) - 440.0) < 12.0
        source.close()
    source = microphone(MicrophoneConfig(source="no such thing"), SystemClock())
    with pytest.raises(CaptureError, match=r"no microphone matches 'no such thing'; there are: .*fakemic"):
        source.open()


def test_silence_of_an_unused_sink_is_noticed_and_pause_lets_go(
    server_at: Callable[[int], Server],
    open_files: Callable[[], list[str]],
    opened_since: Callable[[list[str]], list[str]],
) -> None:
    server = server_at(48_000)
    before = open_files()
    said: list[tuple[str, str]] = []
    loop: CaptureLoop[Sound] = CaptureLoop(
        lambda: microphone(MicrophoneConfig(), SystemClock()), lambda _: None, lambda *what: said.append(what),
        clock=SystemClock(), random=random.Random(1), faults=MicrophoneFaults(0.5),
    )  # fmt: skip

    def until(done: Callable[[], bool]) -> None:
        end = time.monotonic() + 15
        while not done():
            assert time.monotonic() < end, said
            time.sleep(0.02)

    loop.start()
    until(lambda: ("offline", said[-1][1]) in said and "all zeros" in said[-1][1] if said else False)
    server.play()
    until(lambda: said[-1][0] == "online")
    assert loop.pause()
    assert not opened_since(before)
    loop.resume()
    until(lambda: said[-1][0] == "online")
    server.stop()  # as good as unplugging it
    until(lambda: said[-1][0] == "offline")
    assert loop.stop()


def test_nobody_reading_drops_the_oldest_and_counts(server_at: Callable[[int], Server]) -> None:
    server_at(48_000)
    source = portaudio.PortAudioMicrophone("", SystemClock())
    source.open()
    end = time.monotonic() + 12
    while source.dropped_s < 0.4 and time.monotonic() < end:
        time.sleep(0.05)
    assert source.read().time > time.monotonic() - 2.6
    assert source.dropped_s >= 0.4
    source.close()


def test_no_microphone_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyaudio")
    monkeypatch.setattr(portaudio, "_inputs", lambda _: [])
    source = microphone(MicrophoneConfig(), SystemClock())
    with pytest.raises(CaptureError, match="no microphone found"):
        source.open()
    source.close()


def test_no_permission_is_told_from_no_microphone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "no microphone found" in portaudio._why_none(tmp_path)
    (tmp_path / "pcmC1D0c").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "group audio" in portaudio._why_none(tmp_path)


def test_without_pyaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    with pytest.raises(MissingPackage, match=r"apt install python3-pyaudio.*pip install 'emotion-edge\[audio\]"):
        microphone(MicrophoneConfig(), SystemClock()).open()
