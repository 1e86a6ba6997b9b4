"""Pictures from files: a video, or a folder of images."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.picture import as_asked, luma_of
from edge.config.schema import CameraConfig
from edge.errors import CaptureError, MediaError, SourceEnded
from edge.readings import Frame, Image

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}


def read_image(path: Path) -> Image:
    """One picture file as BGR; MediaError if it cannot be read."""
    try:
        raw = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror or error}") from error
    try:
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except cv2.error as error:
        raise MediaError(f"{path}: too large or damaged") from error
    if image is None:
        raise MediaError(f"{path}: empty" if raw.size == 0 else f"{path}: not a picture, or damaged")
    return cast(Image, image)


class Video:
    """A FrameSource over a video file, at most settings.fps pictures a second of it."""

    live = False

    def __init__(self, path: Path, settings: CameraConfig) -> None:
        self.name = f"video {path}"
        self._path = path
        self._settings = settings
        self._lock = threading.Lock()  # close() may come from another thread
        self._capture: cv2.VideoCapture | None = None
        self._every_s = 1.0 / settings.fps

    def thin(self, every_s: float) -> None:
        self._every_s = max(every_s, 1.0 / self._settings.fps)

    def open(self) -> None:
        self.close()
        _must_be_file(self._path)
        one_thread = [cv2.CAP_PROP_N_THREADS, 1] if hasattr(cv2, "CAP_PROP_N_THREADS") else []
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG, one_thread)
        if not capture.isOpened():
            capture.release()
            raise CaptureError(f"{self._path}: not a video that can be read, or cut off before its index")
        with self._lock:
            self._capture = capture
        self._fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        self._raw = -1  # pictures in the file so far, less one
        self._number = 0
        self._time = -1.0
        self._due = 0.0

    def read(self) -> Frame:
        with self._lock:
            picture = self._next()
        image = as_asked(picture, self._settings)
        self._number += 1
        return Frame(self._time, self._number, image, luma_of(image))

    def close(self) -> None:
        with self._lock:
            if self._capture is not None:
                self._capture.release()
                self._capture = None

    def _next(self) -> NDArray[np.uint8]:
        if self._capture is None:
            raise CaptureError(f"{self.name} is closed")
        while self._capture.grab():
            self._raw += 1
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            time = stamp if stamp > self._time and self._raw else max(self._time, self._raw / self._fps)
            self._time = time
            if time < self._due - 0.001:
                continue
            done, picture = self._capture.retrieve()
            if done and picture is not None and picture.size:
                self._due = max(self._due + self._every_s, time)
                return cast("NDArray[np.uint8]", picture)
        if self._number == 0:
            raise CaptureError(f"{self._path}: no picture in it can be read")
        raise SourceEnded(f"{self.name} is over")


class Folder:
    """A FrameSource over a folder of pictures, in the order of their names, settings.fps of them a second."""

    live = False

    def __init__(self, path: Path, settings: CameraConfig) -> None:
        self.name = f"pictures in {path}"
        self._path = path
        self._settings = settings
        self._waiting: list[Path] = []
        self._number = 0

    def open(self) -> None:
        try:
            files = [file for file in self._path.iterdir() if file.suffix.lower() in PICTURES]
        except OSError as error:
            raise CaptureError(f"{self._path}: {error.strerror}") from error
        if not files:
            raise CaptureError(f"{self._path}: no pictures in this folder ({', '.join(sorted(PICTURES))})")
        self._waiting = sorted(files, key=_natural, reverse=True)
        self._number = 0

    def read(self) -> Frame:
        while self._waiting:
            file = self._waiting.pop()
            try:
                image = as_asked(read_image(file), self._settings)
            except MediaError:
                continue  # one bad picture does not end the show
            self._number += 1
            return Frame((self._number - 1) / self._settings.fps, self._number, image, luma_of(image))
        if self._number == 0:
            raise CaptureError(f"{self._path}: none of its pictures can be read")
        raise SourceEnded(f"{self.name} are over")

    def close(self) -> None:
        self._waiting = []


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """So that 2.jpg comes before 10.jpg."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", path.name)]


def _must_be_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from error
    if empty:
        raise CaptureError(f"{path}: the file is empty")
