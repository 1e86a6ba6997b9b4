"""The Raspberry Pi's own camera through picamera2, grey: a small stream to find faces in, the main one to crop from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.base import Found
from edge.capture.grabber import Grabber
from edge.capture.luma import FULL, VIDEO
from edge.capture.picture import LUMA_WIDTH, oriented
from edge.config.schema import CameraConfig
from edge.device.clock import Clock
from edge.errors import CaptureError, MissingPackage
from edge.readings import Frame

_MISSING = (
    "picamera2 cannot be imported ({why}): `sudo apt install python3-picamera2`, and use a virtual environment made "
    "with --system-site-packages (scripts/install does both)"
)

Planes = tuple[float, NDArray[np.uint8], NDArray[np.uint8], tuple[int, int]]


def _picamera2() -> Any:
    try:
        import picamera2
    except Exception as error:
        raise MissingPackage(_MISSING.format(why=error)) from error
    return picamera2.Picamera2


def found() -> list[Found]:
    """Cameras on the ribbon cable. USB cameras, which libcamera shows too, are left to V4L2."""
    module = _picamera2()
    cameras = module.global_camera_info()
    _release_manager(module)
    return [
        Found(f"picamera2:{info['Num']}", str(info.get("Model", "camera")), None, "picamera2")
        for info in cameras
        if "usb" not in str(info.get("Id", "")).lower()
    ]


def _release_manager(module: Any) -> None:
    """Asking for cameras starts libcamera's manager, which holds every camera of the machine open, USB ones too.

    picamera2 drops it when its last camera is closed, and never if none was opened.
    """
    manager = getattr(module, "_cm", None)
    if manager is not None and not getattr(manager, "cameras", True):
        manager._cms = None


class PiCamera:
    """A FrameSource."""

    live = True

    def __init__(self, number: int, settings: CameraConfig, clock: Clock) -> None:
        self.name = f"Raspberry Pi camera {number}"
        self._settings = settings
        self._number = 0
        self._pi: _Pi | None = None
        self._every_s = 0.0
        self._grabber = Grabber(self.name, lambda: self._connected(number, clock))

    def open(self) -> None:
        self._grabber.open()

    def read(self) -> Frame:
        time, image, luma, levels = self._grabber.read()
        self._number += 1
        turn, flip = self._settings.rotation, self._settings.flip
        return Frame(time, self._number, oriented(image, turn, flip), oriented(luma, turn, flip), levels)

    def thin(self, every_s: float) -> None:
        self._every_s = every_s
        if self._pi is not None:
            self._pi.every_s = every_s

    def close(self) -> None:
        self._grabber.close()

    def _connected(self, number: int, clock: Clock) -> _Pi:
        self._pi = _Pi(self.name, number, self._settings, clock)
        self._pi.every_s = self._every_s
        return self._pi


class _Pi:
    """Picamera2 as a Device of the grabber."""

    def __init__(self, name: str, number: int, settings: CameraConfig, clock: Clock) -> None:
        self._clock = clock
        self.every_s = 0.0
        self._last = float("-inf")
        self._size = settings.width // 2 * 2, settings.height // 2 * 2  # colour, which nobody looks at, has half of it
        self._small = small_size(settings.width, settings.height)
        module = _picamera2()
        try:
            self._camera = module(number)
        except IndexError as error:
            raise CaptureError(f"{name} not found: check the ribbon cable; `rpicam-hello --list-cameras`") from error
        except RuntimeError as error:
            raise CaptureError(_explained(name, str(error))) from error
        try:
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": self._size, "format": "YUV420"},
                    lores={"size": self._small, "format": "YUV420"},
                    controls={"FrameRate": settings.fps},
                    queue=False,  # a picture that waited is an old one
                )
            )
            self._camera.start()
            self._levels = _levels(self._camera)
        except Exception as error:
            self._camera.close()
            raise CaptureError(_explained(name, str(error))) from error

    def grab(self) -> Planes | None:
        request = self._camera.capture_request()
        try:
            if self._clock.monotonic() - self._last < 0.8 * self.every_s:
                return None  # copying what nobody asked for costs
            self._last = self._clock.monotonic()
            image, small = request.make_array("main"), request.make_array("lores")
            stamp = request.get_metadata().get("SensorTimestamp", 0) / 1e9
        finally:
            request.release()  # the sensor's buffers are few
        now = self._clock.monotonic()
        time = stamp if 0.0 <= now - stamp < 1.0 else now
        return time, _grey(image, self._size), _grey(small, self._small), self._levels

    def release(self) -> None:
        try:
            self._camera.stop()
        finally:
            self._camera.close()


def _grey(planes: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture alone: rows are padded, and colour lies below."""
    width, height = size
    return np.ascontiguousarray(planes[:height, :width])


def _levels(camera: Any) -> tuple[int, int]:
    """Of black and white: those of video, unless libcamera says that it uses all of them."""
    configured = getattr(camera, "camera_config", None) or {}
    space = str(configured.get("colour_space", "")).lower()
    return FULL if "sycc" in space or "full" in space else VIDEO


def small_size(width: int, height: int) -> tuple[int, int]:
    """Size of the grey stream: even, at most LUMA_WIDTH wide, of the same proportions."""
    small = min(width, LUMA_WIDTH) // 2 * 2
    return small, max(2, round(height * small / width / 2) * 2)


def _explained(name: str, why: str) -> str:
    if any(word in why.lower() for word in ("busy", "acquire", "did not complete")):
        return f"{name} is used by another program"
    if "permission" in why.lower():
        return f"no permission to use {name}: add the user to the group video (sudo usermod -aG video $USER)"
    return f"{name} cannot be started: {why}"
