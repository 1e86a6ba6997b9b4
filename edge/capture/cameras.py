"""From `camera.source` to the camera that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.capture import opencv, picamera, v4l2
from edge.capture.base import FrameSource, NoSource, NothingYet, Thinnable
from edge.capture.recordings import Folder, Video
from edge.config.schema import CameraConfig
from edge.device.clock import Clock
from edge.errors import CaptureError, EdgeError, MissingPackage
from edge.readings import Frame

_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
FIRST_PICTURE_TRIES = 6  # three seconds, about


def camera(settings: CameraConfig, clock: Clock) -> FrameSource:
    """The source that `settings.source` names, not yet opened; `auto` chooses when it is opened."""
    source = settings.source.strip()
    if source in {"", "auto"}:
        return Auto(settings, clock)
    if source == "none":
        return NoSource("camera")
    return _live(source, settings, clock) or _recording(source, settings)


def _live(source: str, settings: CameraConfig, clock: Clock) -> FrameSource | None:
    kind, _, rest = source.partition(":")
    if kind == "picamera2":
        return picamera.PiCamera(_number(source, rest), settings, clock)
    if kind == "csi":
        return _csi(_number(source, rest), settings, clock)
    target = None
    if kind == "gst":
        target = opencv.pipeline_target("GStreamer camera", rest)
    elif source.isdigit():
        target = opencv.node_target(f"/dev/video{source}")
    elif source.startswith("/dev/"):
        target = opencv.node_target(source)
    elif _URL.match(source) and kind.lower() != "file":
        target = opencv.stream_target(source)
    return opencv.OpenCvCamera(target, settings, clock) if target else None


def _recording(source: str, settings: CameraConfig) -> FrameSource:
    path = Path(re.sub(r"^file://", "", source)).expanduser()
    return Folder(path, settings) if path.is_dir() else Video(path, settings)


class Auto:
    """A FrameSource: the first camera of this board that works, looked for at every opening."""

    live = True

    def __init__(self, settings: CameraConfig, clock: Clock) -> None:
        self.name = "camera"
        self._candidates: Callable[[list[str]], Iterator[FrameSource]] = lambda why: _candidates(settings, clock, why)
        self._chosen: FrameSource | None = None

    def open(self) -> None:
        reasons: list[str] = []
        for candidate in self._candidates(reasons):
            self._chosen = candidate  # from here on close() reaches it
            try:
                candidate.open()
                _first_picture(candidate)
            except EdgeError as error:
                reasons.append(str(error))
                candidate.close()
                continue
            self.name = candidate.name
            return
        self._chosen = None
        if reasons:
            raise CaptureError("no camera found that works: " + "; ".join(reasons))
        raise CaptureError("no camera found: plug one in, or set camera.source (`emotion-edge devices` lists cameras)")

    def read(self) -> Frame:
        if self._chosen is None:
            raise CaptureError("no camera is open")
        return self._chosen.read()

    def thin(self, every_s: float) -> None:
        if isinstance(self._chosen, Thinnable):
            self._chosen.thin(every_s)

    def close(self) -> None:
        if self._chosen is not None:
            self._chosen.close()


def on_jetson() -> bool:
    """Whether this board is one of NVIDIA's."""
    return Path("/etc/nv_tegra_release").exists() or "nvidia" in _board().lower()


def on_raspberry_pi() -> bool:
    """Whether this board is a Raspberry Pi."""
    return "raspberry pi" in _board().lower()


def _board() -> str:
    try:
        return Path("/proc/device-tree/model").read_text("utf-8", "replace")
    except OSError:
        return ""


def _candidates(settings: CameraConfig, clock: Clock, reasons: list[str]) -> Iterator[FrameSource]:
    try:
        for found in picamera.found():
            yield picamera.PiCamera(int(found.source.partition(":")[2]), settings, clock)
    except MissingPackage as error:
        if on_raspberry_pi():  # elsewhere nobody misses it
            reasons.append(str(error))
    if on_jetson() and opencv.has_gstreamer():
        yield _csi(0, settings, clock)
    for path in v4l2.nodes():
        node = v4l2.describe(str(path))
        if node is None:
            objection = v4l2.why_not(str(path))
            if objection:
                reasons.append(objection)
        elif node.captures:
            yield opencv.OpenCvCamera(opencv.node_target(str(path)), settings, clock)


def _first_picture(source: FrameSource) -> None:
    for _ in range(FIRST_PICTURE_TRIES):
        try:
            source.read()
        except NothingYet:
            continue
        return
    raise CaptureError(f"{source.name} opens but gives no picture")


def _csi(number: int, settings: CameraConfig, clock: Clock) -> FrameSource:
    target = opencv.pipeline_target(f"CSI camera {number}", opencv.csi_pipeline(number, settings))
    return opencv.OpenCvCamera(target, settings, clock)


def _number(source: str, text: str) -> int:
    if text and not text.isdigit():
        raise CaptureError(f'camera.source = "{source}": what follows the colon must be a number')
    return int(text or 0)
