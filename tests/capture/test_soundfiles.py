"""Sound files of every kind, whole, cut off and wrong."""

from __future__ import annotations

import struct
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture.microphones import microphone
from edge.capture.soundfiles import SoundFile, read_sound
from edge.config.schema import MicrophoneConfig
from edge.device.clock import SystemClock
from edge.errors import CaptureError, MediaError, MissingPackage, SourceEnded
from edge.readings import Sound


def tone(rate: int, seconds: float = 0.55) -> NDArray[np.float64]:
    return np.asarray(0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate))


def packed(values: NDArray[np.float64], bits: int) -> bytes:
    if bits == 8:
        return bytes(np.round(values * 127 + 128).astype(np.uint8))
    wide = np.round(values * (2 ** (bits - 1) - 1)).astype("<i4")
    return bytes(wide.view(np.uint8).reshape(-1, 4)[:, : bits // 8])


def write(path: Path, rate: int = 16_000, bits: int = 16, channels: int = 1, seconds: float = 0.55) -> Path:
    values = np.repeat(tone(rate, seconds), channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(packed(values, bits))
    return path


def close_to_tone(samples: NDArray[np.float32], tolerance: float = 0.01) -> bool:
    middle = slice(400, len(samples) - 400)
    return bool(np.abs(samples[middle] - tone(16_000)[: len(samples)][middle]).max() < tolerance)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 6), (8_000, 1)])
def test_every_width_rate_and_channels(tmp_path: Path, bits: int, rate: int, channels: int) -> None:
    samples = read_sound(write(tmp_path / "a.wav", rate, bits, channels))
    assert samples.dtype == np.float32
    assert len(samples) == 8_800
    assert close_to_tone(samples)


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_float_and_extensible_headers(tmp_path: Path, subtype: str, form: str) -> None:
    import soundfile

    soundfile.write(str(tmp_path / "a.wav"), tone(16_000), 16_000, subtype=subtype, format=form)
    assert close_to_tone(read_sound(tmp_path / "a.wav"))


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3"])
def test_other_kinds_through_soundfile(tmp_path: Path, name: str) -> None:
    import soundfile

    soundfile.write(str(tmp_path / name), tone(16_000), 16_000)
    samples = read_sound(tmp_path / name)
    assert abs(np.sqrt(np.mean(samples[1000:8000] ** 2)) - 0.5 / np.sqrt(2)) < 0.02


def test_without_soundfile_wav_still_works_and_the_rest_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    assert close_to_tone(read_sound(write(tmp_path / "a.wav")))
    (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(100))
    with pytest.raises(MissingPackage, match=r"pip install 'emotion-edge\[media\]"):
        read_sound(tmp_path / "a.flac")


def test_the_source_gives_blocks_of_160_ms_and_then_ends(tmp_path: Path) -> None:
    source = microphone(MicrophoneConfig(source=str(write(tmp_path / "a.wav", 44_100))), SystemClock())
    assert not source.live
    source.open()
    blocks: list[Sound] = [source.read() for _ in range(4)]
    with pytest.raises(SourceEnded):
        source.read()
    source.close()
    assert [len(block.samples) for block in blocks] == [2_560] * 3 + [1_120]
    assert [round(block.time, 3) for block in blocks] == [0.0, 0.16, 0.32, 0.48]
    assert close_to_tone(np.concatenate([block.samples for block in blocks]))


def test_a_file_opened_twice_is_the_same_and_leaves_nothing_open(tmp_path: Path, open_files) -> None:  # type: ignore[no-untyped-def]
    path = write(tmp_path / "a.wav")
    source = SoundFile(path)
    source.open()
    first = source.read()
    source.open()
    assert np.array_equal(source.read().samples, first.samples)
    assert str(path) in open_files()
    source.close()
    source.close()
    assert str(path) not in open_files()
    with pytest.raises(CaptureError, match="closed"):
        source.read()


@pytest.mark.parametrize("kept", [46, 1_000, 9_001])
def test_a_wav_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:kept])
    assert len(read_sound(path)) == (kept - 44) // 2


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_wav_whose_length_was_never_written(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.wav")
    raw = path.read_bytes()
    path.write_bytes(raw[:40] + struct.pack("<I", size) + raw[44:])
    assert len(read_sound(path)) == 8_800


def test_chunks_before_the_sound_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    raw = path.read_bytes()
    path.write_bytes(raw[:12] + b"LIST" + struct.pack("<I", 5) + b"hello\0" + raw[12:])
    assert len(read_sound(path)) == 8_800


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"just text, no sound" * 20, "not a sound file"),
        (b"RIFF\0\0\0\0WAVE", "cut off"),
        (b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(16), "damaged header"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 7, 0, 0, 16) + b"data\0\0\0\0", "rate 7"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 0, 16000, 0, 0, 16) + b"data\0\0\0\0", "0 chan"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=reason):
        read_sound(path)
    with pytest.raises(CaptureError, match=r"a\.wav"):
        SoundFile(path).open()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    source = microphone(MicrophoneConfig(source=str(tmp_path / "no.wav")), SystemClock())
    with pytest.raises(CaptureError, match=r"no\.wav: No such file"):
        source.open()


def test_a_wav_without_sound(tmp_path: Path) -> None:
    source = SoundFile(write(tmp_path / "a.wav", seconds=0.0))
    source.open()
    with pytest.raises(CaptureError, match="no sound in it") as caught:
        source.read()
    source.close()
    assert not isinstance(caught.value, SourceEnded)
