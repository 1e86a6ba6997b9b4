"""Where one thread leaves something for the next: bounded, newest wins, drops are counted."""

from __future__ import annotations

import threading
from collections import deque

from edge.readings import Frame, Sound


class FrameSlot:
    """Holds the newest frame only."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._frame: Frame | None = None
        self.taken = 0
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Leave a frame; one that nobody took is dropped."""
        with self._ready:
            self.dropped += self._frame is not None
            self._frame = frame
            self._ready.notify()

    def take(self, timeout: float) -> Frame | None:
        """The newest frame, or None when none came in time."""
        with self._ready:
            if self._frame is None:
                self._ready.wait(timeout)
            frame, self._frame = self._frame, None
            self.taken += frame is not None
            return frame

    def clear(self) -> None:
        """Forget what is held."""
        with self._ready:
            self._frame = None


class SoundQueue:
    """Holds at most `limit_s` seconds of sound; when it is full the oldest is dropped."""

    def __init__(self, limit_s: float = 5.0) -> None:
        self._limit_s = limit_s
        self._ready = threading.Condition()
        self._blocks: deque[Sound] = deque()
        self._held_s = 0.0
        self.dropped_s = 0.0

    def put(self, sound: Sound) -> None:
        """Append a block."""
        with self._ready:
            self._blocks.append(sound)
            self._held_s += sound.seconds
            while self._held_s > self._limit_s and len(self._blocks) > 1:
                oldest = self._blocks.popleft()
                self._held_s -= oldest.seconds
                self.dropped_s += oldest.seconds
            self._ready.notify()

    def take(self, timeout: float) -> Sound | None:
        """The oldest block, or None when none came in time."""
        with self._ready:
            if not self._blocks:
                self._ready.wait(timeout)
            if not self._blocks:
                return None
            sound = self._blocks.popleft()
            self._held_s -= sound.seconds
            return sound

    def clear(self) -> None:
        """Forget what is held."""
        with self._ready:
            self._blocks.clear()
            self._held_s = 0.0

    def __len__(self) -> int:
        return len(self._blocks)
