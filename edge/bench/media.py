"""What the bench runs on: recordings that are given, or the sample scene written to a temporary folder."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.config.schema import CameraConfig
from edge.demo import scene
from edge.demo.sample import SampleScene, SampleVoice
from edge.errors import MediaError
from edge.readings import SAMPLE_RATE, Image, Samples

FPS = 15
SECONDS = 30


@dataclass(frozen=True)
class Media:
    """A picture and a sound recording."""

    video: Path
    audio: Path


def sample_pictures(folder: Path, count: int = 40) -> Path:
    """Frames of the sample scene as files."""
    (folder / "sample").mkdir(parents=True)
    shown = SampleScene(CameraConfig(source="sample", width=640, height=480, fps=FPS))
    shown.open()
    for number in range(count):
        cv2.imwrite(str(folder / "sample" / f"{number:04}.png"), shown.read().image)
    shown.close()
    return folder


def people_picture(people: int, width: int, height: int, time: float) -> Image:
    """So many people of the sample scene side by side, each at another moment of the time that it is in view."""
    columns = min(people, 4)
    rows = -(-people // columns)
    wall = scene.background(width // columns, height // rows)
    cells = [scene.picture(wall, (time + 2.0 * each) % 38.0) for each in range(columns * rows)]
    return np.concatenate([np.concatenate(cells[row * columns : (row + 1) * columns], axis=1) for row in range(rows)])


def sample_media(folder: Path, people: int = 1, fps: int = FPS) -> Media:
    """The sample scene as files: what is measured then is the service and not the making of the scene."""
    media = Media(folder / "scene.mp4", folder / "voice.wav")
    writer = cv2.VideoWriter(str(media.video), cv2.VideoWriter.fourcc(*"mp4v"), fps, (640, 480))
    if not writer.isOpened():
        raise MediaError(f"{media.video}: this OpenCV cannot write mp4; give --video and --audio")
    for number in range(SECONDS * fps):
        writer.write(people_picture(people, 640, 480, number / fps))
    writer.release()
    voice = SampleVoice(synthetic=True)  # the same on every machine
    voice.open()
    samples: list[Samples] = []
    while sum(map(len, samples)) < SECONDS * SAMPLE_RATE:
        samples.append(voice.read().samples)
    voice.close()
    with wave.open(str(media.audio), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(np.concatenate(samples), -1, 1) * 32767).astype(np.int16).tobytes())
    return media
