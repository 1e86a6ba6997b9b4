"""Sound from files: WAV always; FLAC, OGG, MP3 and others where the package soundfile is installed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.capture.base import BLOCK
from edge.capture.resample import HIGHEST, LOWEST, Resampler
from edge.capture.wav import UnknownCoding, WavFile
from edge.errors import CaptureError, EdgeError, MediaError, MissingPackage, SourceEnded
from edge.readings import SAMPLE_RATE, Samples, Sound

SUFFIXES = {".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".m4a"}


class Reader(Protocol):
    """An open sound file."""

    rate: int
    channels: int

    def read(self, frames: int) -> NDArray[np.float32]:
        """Up to `frames` frames x channels; none at the end."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def mono(frames: NDArray[np.float32]) -> Samples:
    """The mean of the channels."""
    return frames[:, 0] if frames.shape[1] == 1 else np.asarray(frames.mean(axis=1, dtype=np.float32))


def read_sound(path: Path) -> Samples:
    """A whole file at 16 kHz mono; MediaError if it cannot be read, MissingPackage if only soundfile could."""
    reader = open_sound(path)
    try:
        resampler = Resampler(reader.rate)
        parts = []
        while True:
            frames = reader.read(reader.rate // 10)
            if not len(frames):
                break
            parts.append(resampler.push(mono(frames)))
        parts.append(resampler.finish())
        return np.concatenate(parts)
    finally:
        reader.close()


def open_sound(path: Path) -> Reader:
    """A reader for any file whose kind is known."""
    reader = _opened(path)
    if not LOWEST <= reader.rate <= HIGHEST:
        reader.close()
        raise MediaError(f"{path}: damaged header (sample rate {reader.rate})")
    return reader


class SoundFile:
    """A SoundSource over a file."""

    live = False

    def __init__(self, path: Path) -> None:
        self.name = f"sound {path}"
        self._path = path
        self._lock = threading.Lock()  # close() may come from another thread
        self._reader: Reader | None = None

    def open(self) -> None:
        self.close()
        try:
            reader = open_sound(self._path)
        except MediaError as error:
            raise CaptureError(str(error)) from error
        with self._lock:
            self._reader = reader
        self._resampler = Resampler(reader.rate)
        self._ready: Samples = np.zeros(0, dtype=np.float32)
        self._over = False
        self._position = 0

    def read(self) -> Sound:
        while len(self._ready) < BLOCK and not self._over:
            self._ready = np.concatenate((self._ready, self._more()))
        block, self._ready = self._ready[:BLOCK], self._ready[BLOCK:]
        if not len(block):
            if self._position == 0:
                raise CaptureError(f"{self._path}: no sound in it")
            raise SourceEnded(f"{self.name} is over")
        sound = Sound(self._position / SAMPLE_RATE, block)
        self._position += len(block)
        return sound

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _more(self) -> Samples:
        with self._lock:
            if self._reader is None:
                raise CaptureError(f"{self.name} is closed")
            frames = self._reader.read(self._reader.rate // 10)
        if len(frames):
            return self._resampler.push(mono(frames))
        self._over = True
        return self._resampler.finish()


class _Libsndfile:
    """soundfile.SoundFile as a Reader."""

    def __init__(self, path: Path, soundfile: Any) -> None:
        self._soundfile = soundfile
        try:
            self._file = soundfile.SoundFile(str(path))
        except (OSError, RuntimeError) as error:
            raise MediaError(f"{path}: not a sound file that can be read, or damaged") from error
        # It would seek after each read to where it is already, from which an MP3 decoder does not recover.
        self._file.seekable = lambda: False
        self.rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)

    def read(self, frames: int) -> NDArray[np.float32]:
        try:
            return np.asarray(self._file.read(frames, dtype="float32", always_2d=True), dtype=np.float32)
        except (OSError, RuntimeError):  # cut off or damaged from here on: it is read as far as it goes
            return np.zeros((0, self.channels), dtype=np.float32)

    def close(self) -> None:
        self._file.close()


def _opened(path: Path) -> Reader:
    if _is_wav(path):
        try:
            return WavFile(path)
        except UnknownCoding as error:
            return _through_libsndfile(path, error)
    return _through_libsndfile(path, MissingPackage(
        f"{path}: only WAV files can be read without the package soundfile: `pip install 'emotion-edge[media]'`"
    ))  # fmt: skip


def _through_libsndfile(path: Path, otherwise: EdgeError) -> Reader:
    try:
        import soundfile
    except (ImportError, OSError):
        raise otherwise from None
    return _Libsndfile(path, soundfile)


def _is_wav(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror or error}") from error
    if not head:
        raise MediaError(f"{path}: the file is empty")
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"
