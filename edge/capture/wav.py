"""WAV files of every common kind. The standard library's `wave` reads no float and, before 3.12, no extensible header
(which most 24-bit files have), and gives up on files that were cut off."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import MediaError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class UnknownCoding(MediaError):
    """A WAV file that holds neither PCM nor float."""


class WavFile:
    """Reads frames of all channels as float32 within -1..1, as far as the file goes, whatever its header promises."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise MediaError(f"{path}: {error.strerror or error}") from error
        try:
            self._read_header(path)
        except BaseException:
            self._file.close()
            raise

    def read(self, frames: int) -> NDArray[np.float32]:
        """Up to `frames` frames x channels; fewer only at the end."""
        size = self._width * self.channels
        raw = self._file.read(min(frames * size, self._left))
        self._left -= len(raw)
        raw = raw[: len(raw) // size * size]
        return self._decoded(raw).reshape(-1, self.channels)

    def close(self) -> None:
        self._file.close()

    def _read_header(self, path: Path) -> None:
        head = self._file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            raise MediaError(f"{path}: not a WAV file")
        form = b""
        while True:
            chunk = self._file.read(8)
            if len(chunk) < 8:
                raise MediaError(f"{path}: cut off before its sound begins")
            name, size = struct.unpack("<4sI", chunk)
            if name == b"data":
                break
            body = self._file.read(min(size + size % 2, 1 << 16))
            if name == b"fmt ":
                form = body
            elif size > len(body):
                self._file.seek(size + size % 2 - len(body), 1)
        if len(form) < 16:
            raise MediaError(f"{path}: damaged header")
        coding, self.channels, self.rate, _bytes, _align, bits = struct.unpack("<HHIIHH", form[:16])
        if coding == _EXTENSIBLE and len(form) >= 26:
            coding = struct.unpack("<H", form[24:26])[0]
        if (coding, bits) not in _DECODERS:
            raise UnknownCoding(f"{path}: WAV with coding {coding} and {bits} bits is not supported")
        if not 1 <= self.channels <= 64:
            raise MediaError(f"{path}: damaged header ({self.channels} channels)")
        self._decoded = _DECODERS[coding, bits]
        self._width = bits // 8
        self._left = size or 1 << 62  # a program that was killed while recording left 0


def _int24(raw: bytes) -> NDArray[np.float32]:
    wide = np.zeros((len(raw) // 3, 4), dtype=np.uint8)
    wide[:, 1:] = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 3)
    return wide.view("<i4").ravel().astype(np.float32) / np.float32(2**31)


def _float(raw: bytes, kind: str) -> NDArray[np.float32]:
    # Clipped first: what a float64 can hold may be too much for a float32.
    return np.clip(np.nan_to_num(np.frombuffer(raw, kind)), -1.0, 1.0).astype(np.float32)


def _int(raw: bytes, kind: str) -> NDArray[np.float32]:
    kept = np.frombuffer(raw, kind)
    return kept.astype(np.float32) / np.float32(2.0 ** (8 * kept.itemsize - 1))


def _unsigned8(raw: bytes) -> NDArray[np.float32]:
    return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / np.float32(128)


_DECODERS: dict[tuple[int, int], Callable[[bytes], NDArray[np.float32]]] = {
    (_PCM, 8): _unsigned8,
    (_PCM, 16): partial(_int, kind="<i2"),
    (_PCM, 24): _int24,
    (_PCM, 32): partial(_int, kind="<i4"),
    (_FLOAT, 32): partial(_float, kind="<f4"),
    (_FLOAT, 64): partial(_float, kind="<f8"),
}
