"""The cameras and microphones of this machine, for `emotion-edge devices`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edge.capture import opencv, picamera, portaudio, v4l2
from edge.capture.base import Found
from edge.capture.cameras import on_jetson
from edge.errors import MissingPackage

__all__ = ["Found", "cameras_closed", "cameras_found", "microphones_closed", "microphones_found"]


def cameras_found() -> list[Found]:
    """What `camera.source` could name; opens none of them for pictures."""
    cameras = []
    with contextlib.suppress(MissingPackage):  # not a Raspberry Pi
        cameras += picamera.found()
    nodes = [node for node in (v4l2.describe(str(path)) for path in v4l2.nodes()) if node and node.captures]
    for node in nodes:
        stable = v4l2.stable_path(Path(node.path))
        cameras.append(Found(stable or node.path, f"{node.card} ({node.path})", stable, "v4l2"))
    if on_jetson() and opencv.has_gstreamer():
        ribbon = [node for node in nodes if "tegra" in node.driver.lower()]
        cameras += [Found(f"csi:{number}", node.card, None, "gstreamer") for number, node in enumerate(ribbon)]
    return cameras


def microphones_found() -> list[Found]:
    """What `microphone.source` could name. MissingPackage without PyAudio."""
    return portaudio.found()


def cameras_closed() -> list[str]:
    """Cameras that exist and may not be opened by this user, or do not respond: why, one line each."""
    reasons = (v4l2.why_not(str(path)) for path in v4l2.nodes() if v4l2.describe(str(path)) is None)
    return [reason for reason in reasons if reason]


def microphones_closed(folder: Path = Path("/dev/snd")) -> list[str]:
    """The same for sound devices, which sound libraries do not even list then."""
    closed = [node for node in sorted(folder.glob("pcmC*D*c")) if not os.access(node, os.R_OK | os.W_OK)]
    if not closed:
        return []
    names = ", ".join(str(node) for node in closed)
    return [f"no permission to open {names}: add this user to the group audio (sudo usermod -aG audio USER) and log in "
            "again"]  # fmt: skip
