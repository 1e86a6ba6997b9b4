"""A recording to feed the service with: a face that moves and a voice, made on the spot."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

FPS = 15


def write_video(path: Path, seconds: float = 6.0, size: tuple[int, int] = (640, 480)) -> Path:
    """The public-domain astronaut portrait, swaying as a person does, with sensor noise."""
    skimage = pytest.importorskip("skimage.data", reason="scikit-image is needed for a real face")
    portrait = cv2.cvtColor(skimage.astronaut(), cv2.COLOR_RGB2BGR)
    random = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, size)
    assert writer.isOpened()
    width, height = size
    for i in range(round(seconds * FPS)):
        t = i / FPS
        scale = 0.95 + 0.05 * np.sin(t)
        matrix = np.array(
            [[scale, 0, 60 + 25 * np.sin(0.9 * t)], [0, scale, -10 + 8 * np.sin(1.7 * t)]], dtype=np.float32
        )
        picture = cv2.warpAffine(portrait, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        noise = random.normal(0, 2, picture.shape)
        writer.write(np.clip(picture + noise, 0, 255).astype(np.uint8))
    writer.release()
    return path


def write_speech(path: Path, text: str = "I am so very glad to see you here today, what a wonderful surprise") -> Path:
    """A synthetic voice at 16 kHz, from espeak-ng."""
    espeak = shutil.which("espeak-ng")
    if espeak is None:
        pytest.skip("espeak-ng is needed for a voice: apt install espeak-ng")
    raw = path.with_suffix(".raw.wav")
    subprocess.run([espeak, "-w", str(raw), text], check=True, timeout=30)
    with wave.open(str(raw)) as source:
        rate = source.getframerate()
        samples = np.frombuffer(source.readframes(source.getnframes()), np.int16).astype(np.float32)
    raw.unlink()
    positions = np.arange(0, len(samples) - 1, rate / 16_000)
    voice = np.interp(positions, np.arange(len(samples)), samples)
    random = np.random.default_rng(1)
    padded = np.concatenate([np.zeros(8000), voice, np.zeros(16_000)]) + random.normal(0, 10, len(voice) + 24_000)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(padded.astype(np.int16).tobytes())
    return path
