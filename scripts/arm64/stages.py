"""Runs inside the emulated processor: each stage of the service alone, between two marks that the plugin counts at.

python stages.py MATERIAL STAGE...      MATERIAL is a folder that scripts/arm64/cost.py filled
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

MARK = 0xE0E0
_prctl = ctypes.CDLL(None).prctl


def mark(number: int) -> None:
    _prctl(MARK, number, 0, 0, 0)


mark(0)  # the interpreter is there; what follows until mark 1 is what the service imports

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

import edge.service.build  # noqa: E402, F401
from edge.capture.luma import luma  # noqa: E402
from edge.capture.picture import as_asked, luma_of  # noqa: E402
from edge.config.schema import CameraConfig, Config  # noqa: E402
from edge.emotion.fusion import learned_weights  # noqa: E402
from edge.emotion.scene import Scene  # noqa: E402
from edge.face.classify import FaceClassifier  # noqa: E402
from edge.face.finder import SingleShot  # noqa: E402
from edge.face.path import FacePath  # noqa: E402
from edge.readings import SAMPLE_RATE, Frame, Sound  # noqa: E402
from edge.service.senses import speech_settings  # noqa: E402
from edge.speech.path import SpeechPath  # noqa: E402

mark(1)

Run = Callable[[], None]
MATERIAL = Path(sys.argv[1])
FPS = 15.0


def frames(name: str, fps: float = FPS) -> list[Frame]:
    pictures = np.load(MATERIAL / f"{name}.npy")
    greys = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8) for picture in pictures]
    return [Frame(i / fps, i + 1, grey, luma_of(grey)) for i, grey in enumerate(greys)]


def classify() -> tuple[Run, int]:
    classifier = FaceClassifier()
    crop = frames("people-1")[0].luma[40:160, 100:220]
    classifier.classify(crop)
    return (lambda: [classifier.classify(crop) for _ in range(5)] and None), 5


def look() -> tuple[Run, int]:
    finder, luma = SingleShot(quick=True), frames("people-1")[0].luma
    finder.find(luma)
    return (lambda: [finder.find(luma) for _ in range(5)] and None), 5


def prepare(name: str, pixels: str = "YUYV") -> tuple[Run, int]:
    """What happens to a USB camera's picture before anybody looks at it: decoding, and a smaller copy."""
    pictures = np.load(MATERIAL / f"{name}.npy")[:10]
    height, width = pictures.shape[1:3]
    settings = CameraConfig(width=width, height=height)
    raw = [_as_camera(picture, pixels) for picture in pictures]

    def one(given: NDArray[np.uint8]) -> None:
        grey, _ = cast("tuple[NDArray[np.uint8], tuple[int, int]]", luma(given, pixels, width, height))
        luma_of(as_asked(grey, settings))

    return (lambda: [one(given) for given in raw] and None), len(raw)


def _as_camera(picture: NDArray[np.uint8], pixels: str) -> NDArray[np.uint8]:
    """As a camera with this pixel format would give it."""
    if pixels == "MJPG":
        return np.asarray(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], np.uint8).reshape(1, -1)
    packed = np.full((*picture.shape[:2], 2), 128, np.uint8)
    packed[:, :, 0] = 16 + cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) * (219 / 255)
    return packed


def follow(name: str, fps: float = FPS) -> tuple[Run, int]:
    """The face path, once everybody is known."""
    path, shown = FacePath(Config().face), frames(name, fps)
    half = len(shown) // 2
    for frame in shown[:half]:
        path.process(frame)
    return (lambda: [path.process(frame) for frame in shown[half:]] and None), len(shown) - half


def hear(name: str) -> tuple[Run, int]:
    """The speech path, a second of sound; the first two seconds warm it up."""
    samples = np.load(MATERIAL / f"{name}.npy")
    path = SpeechPath(speech_settings(Config().speech))
    tenth = SAMPLE_RATE // 10
    blocks = [Sound(at / SAMPLE_RATE, samples[at : at + tenth]) for at in range(0, len(samples) - tenth + 1, tenth)]
    for block in blocks[:20]:
        path.process(block)
    return (lambda: [path.process(block) for block in blocks[20:]] and None), (len(blocks) - 20) // 10


def decide() -> tuple[Run, int]:
    path = FacePath(Config().face)
    readings = [path.process(frame) for frame in frames("people-1")]

    def run() -> None:
        scene = Scene(Config(), learned_weights(), 0.0)
        for reading in readings:
            scene.feed(reading)
            scene.tick(reading.time, reading.time)

    run()
    return run, len(readings)


STAGES: dict[str, Callable[[], tuple[Run, int]]] = {
    "classify a face": classify,
    "one look for faces": look,
    "prepare a frame": lambda: prepare("people-1"),
    "prepare a frame, JPEG": lambda: prepare("people-1", "MJPG"),
    "follow a frame": lambda: follow("people-1"),
    "a voiced second": lambda: hear("voice"),
    "a second of other sound": lambda: hear("other"),
    "a quiet second": lambda: hear("quiet"),
    "decide": decide,
    **{f"follow a frame, {people} people": (lambda people=people: follow(f"people-{people}")) for people in (2, 4, 8)},
    **{
        f"prepare a frame, {size}": (lambda size=size: prepare(f"size-{size}"))
        for size in ("320x240", "1280x720", "1920x1080")
    },
    **{
        f"follow a frame, {size}": (lambda size=size: follow(f"size-{size}"))
        for size in ("320x240", "1280x720", "1920x1080")
    },
    **{f"follow a frame, {fps} fps": (lambda fps=fps: follow("people-1", float(fps))) for fps in (5, 30, 60)},
}


def main() -> None:
    cv2.setNumThreads(1)
    number = 2
    for name in sys.argv[2:]:
        run, times = STAGES[name]()
        print(f"STAGE {number} {times} {name}", file=sys.stderr, flush=True)
        mark(number)
        run()
        mark(number + 1)
        number += 2


main()
