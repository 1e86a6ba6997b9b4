"""The aiming picture: the newest frame, small and grey, in memory, while somebody has asked for it within a minute.

It is the only picture that ever leaves the service, and only if dashboard.preview in the owner's file allows it.
"""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.device.clock import Clock
from edge.readings import Frame

LONGEST_S = 60.0
_WIDTH = 320
_FRESH_S = 2.0  # an older one is no news of where the camera points
_QUALITY = 60


class Aim:
    """`look` comes from the face worker, the rest from the page; nothing waits for anything."""

    def __init__(self, clock: Clock, *, allowed: bool) -> None:
        self.allowed = allowed
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0
        self._private = True  # until told otherwise
        self._luma: NDArray[np.uint8] | None = None
        self._seen = 0.0

    def look(self, frame: Frame) -> None:
        """A frame on its way; kept only while aiming."""
        if self._until and self.left() > 0.0:
            with self._lock:
                if self._until:
                    self._luma, self._seen = frame.luma, self._clock.monotonic()

    def start(self) -> str | None:
        """Begin, or go on, for a minute. Returns why not."""
        with self._lock:
            if not self.allowed:
                return 'the aiming picture is off: dashboard.preview is "off" in the config'
            if self._private:
                return "privacy is on: there is no picture"
            self._until = self._clock.monotonic() + LONGEST_S
            return None

    def stop(self) -> None:
        with self._lock:
            self._forget()

    def privacy(self, *, on: bool) -> None:
        """Nothing is kept or shown while privacy is on."""
        with self._lock:
            self._private = on
            if on:
                self._forget()

    def left(self) -> float:
        """Seconds until it ends by itself; 0 when it is off."""
        with self._lock:
            now = self._clock.monotonic()
            if self._until and now >= self._until:
                self._forget()
            return max(0.0, self._until - now)

    def picture(self) -> bytes | None:
        """The newest picture as JPEG, None without one."""
        if self.left() <= 0.0:
            return None
        with self._lock:
            luma = self._luma
            if luma is None or self._clock.monotonic() - self._seen > _FRESH_S:
                return None
        if luma.shape[1] > _WIDTH:
            height = round(luma.shape[0] * _WIDTH / luma.shape[1])
            luma = np.asarray(cv2.resize(luma, (_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)
        made, jpeg = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return jpeg.tobytes() if made and self.left() > 0.0 else None

    def _forget(self) -> None:
        self._until = 0.0
        self._luma = None
