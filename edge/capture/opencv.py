"""Live pictures through OpenCV: V4L2 cameras, network streams, GStreamer pipelines."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture import network, v4l2
from edge.capture.grabber import Grabber
from edge.capture.luma import FULL, format_name, knows, luma
from edge.capture.picture import as_asked, luma_of, unpacked
from edge.config.schema import CameraConfig
from edge.device.clock import Clock
from edge.errors import CaptureError, MissingPackage
from edge.readings import Frame

OPEN_MS = 10_000
BROKEN = 15  # pictures in a row that cannot be decoded
_NOT_SO = 5  # of them, until the camera's format is taken to be another than it says

# Errors only: what went wrong is told in our words. OpenCV moved the switch between 4.11 and 4.14.
_moved = getattr(getattr(cv2, "utils", None), "logging", None)
_set_log_level = getattr(cv2, "setLogLevel", getattr(_moved, "setLogLevel", None))
if _set_log_level is not None:
    _set_log_level(2)

_GSTREAMER_MISSING = (
    "this OpenCV has no GStreamer, which {name} needs: `sudo apt install python3-opencv`, use a virtual environment "
    "made with --system-site-packages, and `pip uninstall opencv-python-headless` in it"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What OpenCV is asked to open."""

    name: str
    address: str
    api: int
    path: str | None = None  # of the V4L2 node


def node_target(path: str) -> Target:
    """A camera by /dev path; stable paths are links."""
    real = str(Path(path).resolve())
    return Target(f"camera {path}", real, cv2.CAP_V4L2, real)


def stream_target(url: str) -> Target:
    """A network camera."""
    return Target(f"camera {network.without_password(url)}", url, cv2.CAP_FFMPEG)


def pipeline_target(name: str, pipeline: str) -> Target:
    """A GStreamer pipeline; it must end in BGR pictures."""
    sink = "" if "appsink" in pipeline else " ! videoconvert ! video/x-raw, format=BGR ! " + APPSINK
    return Target(name, pipeline + sink, cv2.CAP_GSTREAMER)


APPSINK = "appsink drop=true max-buffers=1 sync=false"


def csi_pipeline(number: int, settings: CameraConfig) -> str:
    """NVIDIA's camera source, converted from the GPU's memory to BGR."""
    return (
        f"nvarguscamerasrc sensor-id={number} ! video/x-raw(memory:NVMM), width={settings.width}, "
        f"height={settings.height}, framerate={max(1, round(settings.fps))}/1 ! nvvidconv ! "
        f"video/x-raw, format=BGRx ! videoconvert ! video/x-raw, format=BGR ! {APPSINK}"
    )


def has_gstreamer() -> bool:
    """Whether this OpenCV was built with it."""
    return re.search(r"GStreamer:\s*YES", cv2.getBuildInformation()) is not None


class OpenCvCamera:
    """A FrameSource: a capture in a thread of its own, always drained so that the newest picture is new."""

    live = True

    def __init__(self, target: Target, settings: CameraConfig, clock: Clock) -> None:
        self.name = target.name
        self._settings = settings
        self._number = 0
        hang_up = (lambda: network.hang_up(target.address)) if target.api == cv2.CAP_FFMPEG else None
        self._pace = _Pace(1.0 / settings.fps)
        self._grabber = Grabber(target.name, lambda: _Capture(target, settings, self._pace, clock), hang_up)

    def open(self) -> None:
        self._grabber.open()

    def read(self) -> Frame:
        time_, picture, levels = self._grabber.read()
        image = as_asked(picture, self._settings)
        self._number += 1
        return Frame(time_, self._number, image, luma_of(image), levels)

    def thin(self, every_s: float) -> None:
        self._pace.every_s = max(every_s, 1.0 / self._settings.fps)

    def close(self) -> None:
        self._grabber.close()


class _Pace:
    """How often a picture is wanted; changed from another thread than it is read."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s


class _Capture:
    """cv2.VideoCapture as a Device of the grabber."""

    def __init__(self, target: Target, settings: CameraConfig, pace: _Pace, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._pace = pace
        self._last = 0.0
        self._broken = 0
        self._capture = _opened(target, settings)
        self._pixels = self._own_format()  # of the camera, if its pictures are taken as they are; else empty

    def grab(self) -> tuple[float, NDArray[np.uint8], tuple[int, int]] | None:
        began = time.monotonic()
        if not self._capture.grab():
            if self._target.path and not Path(self._target.path).exists():
                raise CaptureError(f"{self._target.name} was unplugged")
            if self._target.path and time.monotonic() - began > 0.5:
                return None  # it waited, see OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT: not a failure yet
            raise CaptureError(f"{self._target.name} stopped giving pictures")
        now = self._captured_at()
        if now - self._last < 0.8 * self._pace.every_s:  # a little less, or jitter would drop every second picture
            return None  # decoding what nobody asked for costs
        done, picture = self._capture.retrieve()
        if not done or picture is None or picture.size == 0:
            self._broken += 1
            if self._broken >= BROKEN:
                raise CaptureError(f"{self._target.name} gives pictures that cannot be decoded")
            return None
        levels = FULL
        if self._pixels:
            grey = luma(np.asarray(picture, np.uint8), self._pixels, *self._size())
            if grey is None:
                self._broken += 1
                if self._broken >= _NOT_SO:
                    self._pixels = ""
                    self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)  # from now on OpenCV makes of them what it can
                return None
            picture, levels = grey
        elif picture.shape[0] == 1:
            picture = unpacked(np.asarray(picture, np.uint8), *self._size())
            if picture is None:
                raise CaptureError(f"{self._target.name} gives pictures in a format that OpenCV does not read")
        self._broken = 0
        self._last = now
        return now, np.asarray(picture, np.uint8), levels

    def _own_format(self) -> str:
        """Have the pictures as the camera gives them, if that is a format whose luma can be taken."""
        if self._target.api != cv2.CAP_V4L2:
            return ""
        pixels = format_name(self._capture.get(cv2.CAP_PROP_FOURCC))
        return pixels if knows(pixels) and self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0) else ""

    def _size(self) -> tuple[int, int]:
        width, height = (self._capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        return int(width), int(height)

    def release(self) -> None:
        self._capture.release()

    def _captured_at(self) -> float:
        now = self._clock.monotonic()
        if self._target.path:  # the driver's stamp, on the same clock if it is a sane driver
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if 0.0 <= now - stamp < 1.0:
                return float(stamp)
        return now


def _opened(target: Target, settings: CameraConfig) -> cv2.VideoCapture:
    if target.path:
        objection = v4l2.why_not(target.path)
        if objection:
            raise CaptureError(objection)
    if target.api == cv2.CAP_GSTREAMER and not has_gstreamer():
        raise MissingPackage(_GSTREAMER_MISSING.format(name=target.name))
    capture = _OPENERS[target.api](target, settings)
    if not capture.isOpened():
        capture.release()
        raise CaptureError(_refused(target))
    return capture


def _open_v4l2(target: Target, settings: CameraConfig) -> cv2.VideoCapture:
    wanted = [cv2.CAP_PROP_FRAME_WIDTH, settings.width, cv2.CAP_PROP_FRAME_HEIGHT, settings.height]
    if settings.width * settings.height > 640 * 480:  # USB 2 carries larger pictures compressed only
        wanted = [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"), *wanted]
    capture = cv2.VideoCapture(target.address, cv2.CAP_V4L2)
    for key, value in zip(wanted[::2], wanted[1::2], strict=True):
        capture.set(key, value)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
    return capture


def _open_stream(target: Target, settings: CameraConfig) -> cv2.VideoCapture:
    parameters = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        OPEN_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        round(settings.stall_s * 1000),
    ]
    if hasattr(cv2, "CAP_PROP_N_THREADS"):  # threads of frames would each add a frame of delay
        parameters += [cv2.CAP_PROP_N_THREADS, 1]
    return cv2.VideoCapture(target.address, cv2.CAP_FFMPEG, parameters)


def _open_pipeline(target: Target, _settings: CameraConfig) -> cv2.VideoCapture:
    return cv2.VideoCapture(target.address, cv2.CAP_GSTREAMER)


_OPENERS: dict[int, Callable[[Target, CameraConfig], cv2.VideoCapture]] = {
    cv2.CAP_V4L2: _open_v4l2,
    cv2.CAP_FFMPEG: _open_stream,
    cv2.CAP_GSTREAMER: _open_pipeline,
}


def _refused(target: Target) -> str:
    if target.path:
        return v4l2.why_not(target.path) or f"{target.name} is busy or gives no picture format that OpenCV reads"
    if target.api == cv2.CAP_GSTREAMER:
        return f"{target.name}: the GStreamer pipeline does not start; is the camera connected, and the pipeline right?"
    return f"{target.name} cannot be opened: check address, user and password, and that the camera is on the network"
