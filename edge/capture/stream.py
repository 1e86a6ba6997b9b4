"""Picture and sound of one network camera over one connection, read by two sources.

OpenCV gives no sound, so this uses PyAV, which is FFmpeg within our own process: an address with a password in it never
shows in a list of processes.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.base import BLOCK, NothingYet
from edge.capture.network import hang_up, without_password
from edge.capture.picture import as_asked, luma_of
from edge.config.schema import CameraConfig
from edge.device.clock import Clock
from edge.errors import CaptureError, MissingPackage
from edge.readings import SAMPLE_RATE, Frame, Sound

_WAIT_S = 1.0  # of one read
_OPEN_S = 10.0
_HELD = 31  # blocks of sound that wait to be read: five seconds
_DRIFT_S = 0.5  # what arrival may differ from the count of samples; more is a gap
_CLOSE_S = 1.5
# Names of FFmpeg's errors, and what they mean for the owner. Its own words hold the address, and are not repeated.
_REASONS = {
    "HTTPUnauthorizedError": "user or password is wrong",
    "HTTPForbiddenError": "the camera forbids it to this user",
    "HTTPNotFoundError": "there is no stream at this address",
    "ConnectionRefusedError": "nothing answers there",
    "TimeoutError": "it does not answer",
    "ExitError": "it does not answer",
    "InvalidDataError": "it does not answer as a camera does",
}


class CameraStream:
    """The connection that a StreamCamera and a StreamMicrophone share. Whichever closes it ends it for both.

    `open` and `close` may be called from any thread; the other source notices the end and opens it anew.
    """

    def __init__(self, url: str, settings: CameraConfig, clock: Clock, *, picture: bool, sound: bool) -> None:
        self.name = without_password(url)
        self._url = url
        self._settings = settings
        self._clock = clock
        self._wanted = picture, sound
        self._lock = threading.Lock()  # one opens or closes at a time
        self._reader: threading.Thread | None = None
        self._changed = threading.Condition()  # for what follows
        self._closing = threading.Event()
        self._picture: tuple[float, NDArray[np.uint8]] | None = None
        self._sound: deque[Sound] = deque(maxlen=_HELD)
        self._ended = "it was not opened"  # why nothing comes; empty while it runs

    def open(self) -> None:
        """Connect, unless the other source has done so already."""
        try:
            import av
        except ImportError:
            raise MissingPackage(
                "sound of a network camera needs PyAV: sudo apt install python3-av, or pip install 'emotion-edge[av]'"
            ) from None
        with self._lock:
            if self._reader is not None and not self._ended:
                return
            self._end()
            container = self._connected(av)
            closing = self._closing = threading.Event()
            with self._changed:
                self._ended, self._picture = "", None
                self._sound.clear()
            self._reader = threading.Thread(
                target=self._read, args=(av, container, closing), name="camera-stream", daemon=True
            )
            self._reader.start()

    def close(self) -> None:
        """End the connection. CaptureError if FFmpeg does not return; it ends as soon as it does."""
        with self._lock:
            self._end()

    def picture(self) -> tuple[float, NDArray[np.uint8]]:
        """The newest picture that was not read yet, and when it came."""
        with self._changed:
            self._changed.wait_for(lambda: self._picture is not None or self._ended, _WAIT_S)
            if self._picture is None:
                raise self._nothing()
            newest, self._picture = self._picture, None
            return newest

    def sound(self) -> Sound:
        """The next block."""
        with self._changed:
            self._changed.wait_for(lambda: self._sound or self._ended, _WAIT_S)
            if not self._sound:
                raise self._nothing()
            return self._sound.popleft()

    def _nothing(self) -> CaptureError:
        return CaptureError(f"{self.name}: {self._ended}") if self._ended else NothingYet(f"{self.name}: nothing yet")

    def _connected(self, av: Any) -> Any:
        options = {"rtsp_transport": "tcp"} if self._url.lower().startswith("rtsp") else {}
        try:
            container = av.open(self._url, options=options, timeout=(_OPEN_S, self._settings.stall_s))
        except (OSError, av.error.FFmpegError) as error:
            raise CaptureError(f"{self.name}: {_meaning(error)}") from None
        for wanted, streams, what in zip(
            self._wanted, (container.streams.video, container.streams.audio), ("picture", "sound"), strict=True
        ):
            if wanted and not streams:
                container.close()
                raise CaptureError(f"{self.name}: this stream has no {what}")
        return container

    def _end(self) -> None:
        reader, self._reader = self._reader, None
        if reader is None:
            return
        self._closing.set()
        hang_up(self._url)
        reader.join(_CLOSE_S)
        self._stopped("the connection was closed")
        if reader.is_alive():
            raise CaptureError(f"{self.name}: the connection could not be closed")

    def _stopped(self, why: str) -> None:
        with self._changed:
            self._ended = self._ended or why
            self._picture = None
            self._sound.clear()
            self._changed.notify_all()

    def _read(self, av: Any, container: Any, closing: threading.Event) -> None:
        """The thread that owns the connection."""
        picture, sound = self._wanted
        streams = [*container.streams.video[: int(picture)], *container.streams.audio[: int(sound)]]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE) if sound else None
        blocks = _Blocks(self._clock)
        why = "the stream ended"
        due = 0.0
        try:
            for packet in container.demux(streams):
                if closing.is_set():
                    break
                for decoded in packet.decode():
                    if packet.stream.type == "video":
                        now = self._clock.monotonic()
                        if now >= due:  # converting what nobody asked for costs
                            due = max(due + 0.9 / self._settings.fps, now - 1.0)
                            self._show(now, decoded)
                    elif resampler is not None:
                        for part in resampler.resample(decoded):
                            self._play(blocks.push(part.to_ndarray().reshape(-1)))
        except (OSError, ValueError, av.error.FFmpegError) as error:
            why = _meaning(error)
        finally:
            with suppress(OSError, av.error.FFmpegError):
                container.close()
            if self._closing is closing and not closing.is_set():
                self._stopped(why)

    def _show(self, now: float, frame: Any) -> None:
        scale = min(self._settings.width / frame.width, self._settings.height / frame.height, 1.0)
        size = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
        grey = frame.reformat(*size, "gray").to_ndarray()
        with self._changed:
            self._picture = (now, grey)
            self._changed.notify_all()

    def _play(self, sounds: list[Sound]) -> None:
        if not sounds:
            return
        with self._changed:
            self._sound.extend(sounds)
            self._changed.notify_all()


class _Blocks:
    """Samples as they arrive, in blocks. Time runs with the samples and never backwards.

    What comes in a burst, as cameras send when one connects, is older than it seems; what is too much of it is dropped.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rest = np.zeros(0, np.float32)
        self._end: float | None = None  # of the last block

    def push(self, samples: NDArray[np.float32]) -> list[Sound]:
        self._rest = np.concatenate((self._rest, samples.astype(np.float32)))
        done = []
        while len(self._rest) >= BLOCK:
            arrived = self._clock.monotonic() - len(self._rest) / SAMPLE_RATE
            block, self._rest = self._rest[:BLOCK], self._rest[BLOCK:]
            ahead = 0.0 if self._end is None else self._end - arrived
            if ahead > _DRIFT_S:
                continue
            begins = arrived if self._end is None or ahead < -_DRIFT_S else self._end
            done.append(Sound(begins, block))
            self._end = done[-1].end
        return done


def _meaning(error: Exception) -> str:
    return _REASONS.get(type(error).__name__, "the connection broke")


class StreamCamera:
    """A FrameSource: the picture of the stream, grey."""

    live = True

    def __init__(self, stream: CameraStream, settings: CameraConfig) -> None:
        self.name = f"camera {stream.name}"
        self._stream = stream
        self._settings = settings
        self._number = 0

    def open(self) -> None:
        self._stream.open()

    def read(self) -> Frame:
        captured, grey = self._stream.picture()
        self._number += 1
        image = as_asked(grey, self._settings)
        return Frame(captured, self._number, image, luma_of(image))

    def close(self) -> None:
        self._stream.close()


class StreamMicrophone:
    """A SoundSource: the sound of the stream."""

    live = True

    def __init__(self, stream: CameraStream) -> None:
        self.name = f"microphone of {stream.name}"
        self._stream = stream

    def open(self) -> None:
        self._stream.open()

    def read(self) -> Sound:
        return self._stream.sound()

    def close(self) -> None:
        self._stream.close()


def is_stream(source: str) -> bool:
    """An address on the network."""
    return re.match(r"^(rtsps?|https?|rtmp)://", source, re.IGNORECASE) is not None
