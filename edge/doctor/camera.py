"""The camera: opened for a moment, as the service does it, and judged by its pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.capture.base import FrameSource, NothingYet
from edge.config.schema import Config
from edge.demo.sources import camera as camera_source
from edge.device.clock import Clock
from edge.doctor.findings import Finding, Level, Subject
from edge.doctor.sensors import Judgement, examine
from edge.readings import Frame

LOOK_S = 2.0
_ENOUGH = 10  # pictures of a recording
_DARK, _BRIGHT = 20.0, 240.0  # mean grey
_SLOW = 0.6  # of the frames asked for


def camera(subject: Subject) -> Iterator[Finding]:
    """Does the camera deliver pictures, at a useful rate and brightness?"""

    def look(source: FrameSource, config: Config) -> Judgement:
        frames, seconds = _frames(source, subject.clock)
        return judged(frames, seconds, source.name, live=source.live, fps=config.camera.fps)

    return examine(subject, "camera", "/dev/video", lambda config: camera_source(config.camera, subject.clock), look)


def judged(frames: list[Frame], seconds: float, name: str, *, live: bool, fps: float) -> Judgement:
    """`seconds` is how long the device took for `frames`; `fps` was asked for."""
    if not frames:
        return "red", f"{name} opens but delivers no picture", "unplug it and plug it in again"
    height, width = frames[-1].image.shape[:2]
    rate = (len(frames) - 1) / seconds
    grey = float(np.mean(frames[-1].luma))
    says, remedy = f"{name}: {width} by {height}, {rate:.0f} fps", ""
    level: Level = "green"
    if not live:
        says = f"{name}: {width} by {height}, a recording"
    elif len(frames) > 2 and all(np.array_equal(frames[0].luma, frame.luma) for frame in frames[1:]):
        level, remedy = "red", "unplug it and plug it in again"
        says = f"{says}, but the picture is frozen"
    elif grey < _DARK:
        level, remedy = "yellow", "uncover the lens or add light"
        says = f"{says}, but the picture is dark (brightness {grey:.0f} of 255)"
    elif grey > _BRIGHT:
        level, remedy = "yellow", "turn it away from the window"
        says = f"{says}, but the picture is overexposed (brightness {grey:.0f} of 255)"
    elif rate < fps * _SLOW:
        level, remedy = "yellow", "add light (cameras slow down in the dark), or lower camera.fps or camera.width"
        says = f"{says} instead of {fps:g}"
    return level, says, remedy


def _frames(source: FrameSource, clock: Clock) -> tuple[list[Frame], float]:
    """What comes within LOOK_S of the first picture, for which a camera may take as long again."""
    began = clock.monotonic()
    frames: list[Frame] = []
    while clock.monotonic() - began < (LOOK_S if frames else 2 * LOOK_S):
        try:
            frame = source.read()
        except NothingYet:
            continue
        if not frames:
            began = clock.monotonic()
        frames.append(frame)
        if not source.live and len(frames) >= _ENOUGH:
            break
    return frames, max(clock.monotonic() - began, 1e-3)
