"""What every camera, microphone and recording is to the rest of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar, runtime_checkable

from edge.errors import CaptureError
from edge.readings import SAMPLE_RATE, Frame, Sound

T_co = TypeVar("T_co", covariant=True)

BLOCK_S = 0.16  # of sound that is handed on at a time: whole steps of voice detector and model, so that none waits
BLOCK = round(BLOCK_S * SAMPLE_RATE)


class NothingYet(CaptureError):
    """A live source gave nothing within a second. Ask again; only a stall that lasts is a fault."""


class Source(Protocol[T_co]):
    """Opened, read again and again, closed. Only `close` may be called from another thread, at any time."""

    live: bool  # False for recordings: read() gives as fast as asked, and `time` is the position in the recording
    name: str  # for a person: "camera /dev/video0", "video a.mp4"; never with a password in it

    def open(self) -> None:
        """CaptureError or MissingPackage with a reason that a person understands."""
        ...

    def read(self) -> T_co:
        """The next one; blocks for a second at most.

        NothingYet: nothing came in that time. CaptureError: it failed. SourceEnded: a recording is over.
        """
        ...

    def close(self) -> None:
        """Release the device: no descriptor stays open. Idempotent.

        CaptureError if the driver does not respond in time; the device is closed as soon as it does.
        """
        ...


class FrameSource(Source[Frame], Protocol):
    """Gives pictures. One that has a method `thin(every_s)` spares itself the work for more than one in that time."""


@runtime_checkable
class Thinnable(Protocol):
    """A source that can be told to give less."""

    def thin(self, every_s: float) -> None:
        """No more often than this from now on; 0: as often as set. From any thread."""
        ...


class SoundSource(Source[Sound], Protocol):
    """Gives sound."""


@dataclass(frozen=True, slots=True)
class Found:
    """A camera or microphone that this machine has."""

    source: str  # what to write in the config
    name: str
    stable: str | None  # a path that survives a reboot, /dev/v4l/by-id/...
    backend: str


class NoSource:
    """What `source = "none"` gives: never opens."""

    live = True

    def __init__(self, kind: str) -> None:
        self.name = f"no {kind}"
        self._reason = f'no {kind} is wanted ({kind}.source = "none")'

    def open(self) -> None:
        raise CaptureError(self._reason)

    def read(self) -> NoReturn:
        raise CaptureError(self._reason)

    def close(self) -> None:
        """Nothing to release."""
