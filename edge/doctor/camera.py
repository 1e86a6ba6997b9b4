"""The camera: opened for a moment, as the service does it, and judged by its pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.capture.base import FrameSource, NothingYet
from edge.demo.sources import camera as camera_source
from edge.device.service_user import rights_of_service
from edge.doctor.findings import Finding, Subject
from edge.doctor.holders import must_not_open, named, split
from edge.errors import EdgeError
from edge.readings import Frame

LOOK_S = 2.0
_ENOUGH = 10  # pictures of a recording
_DARK, _BRIGHT = 20.0, 240.0  # mean grey
_SLOW = 0.6  # of the frames asked for


def camera(subject: Subject) -> Iterator[Finding]:
    """Does the camera deliver pictures, at a useful rate and brightness?"""
    if subject.loaded is None:
        return
    settings = subject.loaded.config.camera
    held = must_not_open(subject, "camera", "/dev/video", wanted=settings.enabled and settings.source != "none")
    if held:
        yield held
        return
    source = camera_source(settings, subject.clock)
    try:
        with rights_of_service(subject.path):
            source.open()
            frames, seconds = _frames(source, subject)
    except EdgeError as error:
        yield Finding("camera", "red", *split(named(str(error), "/dev/video")))
        return
    finally:
        source.close()
    if not frames:
        yield Finding("camera", "red", f"{source.name} opens but delivers no picture", "unplug it and plug it in again")
        return
    height, width = frames[-1].image.shape[:2]
    rate = (len(frames) - 1) / seconds
    grey = float(np.mean(frames[-1].luma))
    says = f"{source.name}: {width} by {height}, {rate:.0f} fps"
    if not source.live:
        yield Finding("camera", "green", f"{source.name}: {width} by {height}, a recording")
    elif len(frames) > 2 and all(np.array_equal(frames[0].luma, frame.luma) for frame in frames[1:]):
        yield Finding("camera", "red", f"{says}, but the picture is frozen", "unplug it and plug it in again")
    elif grey < _DARK:
        yield Finding(
            "camera",
            "yellow",
            f"{says}, but the picture is dark (brightness {grey:.0f} of 255)",
            "uncover the lens or add light",
        )
    elif grey > _BRIGHT:
        yield Finding(
            "camera",
            "yellow",
            f"{says}, but the picture is overexposed (brightness {grey:.0f} of 255)",
            "turn it away from the window",
        )
    elif rate < settings.fps * _SLOW:
        remedy = "add light (cameras slow down in the dark), or lower camera.fps or camera.width"
        yield Finding("camera", "yellow", f"{says} instead of {settings.fps:g}", remedy)
    else:
        yield Finding("camera", "green", says)


def _frames(source: FrameSource, subject: Subject) -> tuple[list[Frame], float]:
    """What comes within LOOK_S of the first picture, for which a camera may take as long again."""
    began = subject.clock.monotonic()
    frames: list[Frame] = []
    while subject.clock.monotonic() - began < (LOOK_S if frames else 2 * LOOK_S):
        try:
            frame = source.read()
        except NothingYet:
            continue
        if not frames:
            began = subject.clock.monotonic()
        frames.append(frame)
        if not source.live and len(frames) >= _ENOUGH:
            break
    return frames, max(subject.clock.monotonic() - began, 1e-3)
