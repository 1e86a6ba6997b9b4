"""What is wrong with a source that seems to run: it stalls, its picture is frozen, its sound is all zeros."""

from __future__ import annotations

import zlib
from typing import Protocol, TypeVar

import numpy as np

from edge.readings import Frame, Sound

T_contra = TypeVar("T_contra", contravariant=True)

SOUND_STALL_S = 4.0
SUSPECT_S = 30.0  # opened anew and still without a sign of life: this long until the next opening


class Faults(Protocol[T_contra]):
    """Judges what a live source gives. Keeps its suspicion across a reopening, until there is a sign of life."""

    def opened(self, now: float) -> None:
        """The source was opened anew."""
        ...

    def judge(self, item: T_contra, now: float) -> str | None:
        """The fault that `item` completes, in words for a person, or None."""
        ...

    def stalled(self, now: float) -> str | None:
        """The fault if nothing has come for too long, or None."""
        ...

    @property
    def suspect(self) -> bool:
        """The last fault was of the content, and nothing since shows that it is over."""
        ...


class CameraFaults:
    """A real sensor has noise: pictures that are the same to the last bit come from a camera that hangs."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._last = 0.0
        self._sum: int | None = None
        self._same_since = 0.0
        self._suspect = False

    def opened(self, now: float) -> None:
        self._last = self._same_since = now

    def judge(self, item: Frame, now: float) -> str | None:
        self._last = now
        checksum = zlib.crc32(np.ascontiguousarray(item.luma).data)
        if checksum != self._sum:
            self._sum = checksum
            self._same_since = now
            self._suspect = False
            return None
        if now - self._same_since < (SUSPECT_S if self._suspect else self._stall_s):
            return None
        self._suspect = True
        if int(item.luma.max()) < 32:
            return "the picture is black and never changes: is the lens covered?"
        return f"the picture is frozen: the same for {self._stall_s:g} s"

    def stalled(self, now: float) -> str | None:
        return f"no frame for {self._stall_s:g} s" if now - self._last >= self._stall_s else None

    @property
    def suspect(self) -> bool:
        return self._suspect


class MicrophoneFaults:
    """A microphone that hears a silent room still has noise; nothing but zeros means that it is not connected."""

    def __init__(self, silence_s: float, stall_s: float = SOUND_STALL_S) -> None:
        self._silence_s = silence_s
        self._stall_s = stall_s
        self._last = 0.0
        self._zeros_s = 0.0
        self._suspect = False

    def opened(self, now: float) -> None:
        self._last = now
        self._zeros_s = 0.0

    def judge(self, item: Sound, now: float) -> str | None:
        self._last = now
        if np.any(item.samples):
            self._zeros_s = 0.0
            self._suspect = False
            return None
        self._zeros_s += item.seconds
        if self._zeros_s < (SUSPECT_S if self._suspect else self._silence_s):
            return None
        self._suspect = True
        return f"only silence (all zeros) for {self._silence_s:g} s: muted, unplugged or used by another program?"

    def stalled(self, now: float) -> str | None:
        return f"no sound for {self._stall_s:g} s" if now - self._last >= self._stall_s else None

    @property
    def suspect(self) -> bool:
        return self._suspect
