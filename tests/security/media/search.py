"""Looks for known pictures and sounds in a stream of bytes: raw, written as text, or packed as files usually are."""

from __future__ import annotations

import base64
import re
import wave
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW = 1 << 20  # searched at a time
OVERLAP = 1 << 16  # what may lie across two windows
MAGIC = {
    "JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG", "RIFF (WAV, AVI, WebP)": b"RIFF", "FLAC": b"fLaC", "Ogg": b"OggS",
    "MP4": b"ftyp", "WebP": b"WEBP", "GIF": b"GIF8", "Matroska": b"\x1a\x45\xdf\xa3", "AIFF": b"FORM",
    "JPEG 2000": b"\x00\x00\x00\x0cjP", "HEIF": b"ftypheic", "BMP of a picture": b"BM6", "AU": b".snd",
}  # fmt: skip
WRITTEN = {"JPEG": b"/9j/", "PNG": b"iVBORw", "RIFF": b"UklGR", "FLAC": b"ZkxhQ", "Ogg": b"T2dnU", "GIF": b"R0lGO"}
PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
# Nothing of ours is that long: a hash has 64 characters, a distribution seven numbers.
LONG_WORD = re.compile(rb"[A-Za-z0-9+/_=-]{161,}")
LONG_LIST = re.compile(rb"(?:-?\d+(?:\.\d+)?(?:e-?\d+)?\s*,\s*){40,}")


@dataclass(frozen=True)
class Known:
    """Byte strings that only the given pictures and sounds have, by what they are."""

    pieces: Mapping[bytes, str]

    @classmethod
    def of(cls, video: Path, audio: Path) -> Known:
        """Pieces of every frame and of all sound, each in all the ways below."""
        found: dict[bytes, str] = {}
        for name, piece in (*_of_pictures(video), *_of_sound(audio), *_of_files(video, audio)):
            if len(set(piece)) >= 6:  # a flat wall looks like any other
                found[piece] = name
                found.update((text, f"{name}, {how}") for how, text in as_text(piece))
        return cls(found)


def as_text(piece: bytes) -> Iterator[tuple[str, bytes]]:
    """How bytes are written where only text may go."""
    for shift in range(3):
        body = base64.b64encode(bytes(shift) + piece)[4 if shift else 0 :]
        yield "in base64", body[: len(body) // 4 * 4 - 4]
    yield "in hexadecimal", piece.hex().encode()
    yield "in hexadecimal", piece.hex().upper().encode()
    yield "as a list of numbers", ",".join(map(str, piece)).encode()
    yield "as a list of numbers", ", ".join(map(str, piece)).encode()


def _of_pictures(video: Path) -> Iterator[tuple[str, bytes]]:
    capture = cv2.VideoCapture(str(video))
    number = 0
    while True:
        more, picture = capture.read()
        if not more:
            break
        number += 1
        if number % 5:
            continue
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        small = cv2.resize(grey, (320, 240), interpolation=cv2.INTER_AREA)
        brightness = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        height, width = grey.shape
        for row, column in ((height // 3, width // 3), (height // 2, width // 2), (2 * height // 3, width // 2)):
            yield "a picture (BGR)", _part(picture, row, column, 8)
            yield "a picture (RGB)", _part(picture[:, :, ::-1], row, column, 8)
            yield "a picture (grey)", _part(grey, row, column, 24)
            yield "a picture (Y of YUV)", _part(brightness, row, column, 24)
            yield "a picture (small, grey)", _part(small, row // 2, column // 2, 24)
    capture.release()


def _part(picture: NDArray[np.uint8], row: int, column: int, pixels: int) -> bytes:
    return np.ascontiguousarray(picture[row, column : column + pixels]).tobytes()


def _of_sound(audio: Path) -> Iterator[tuple[str, bytes]]:
    with wave.open(str(audio)) as source:
        pcm = np.frombuffer(source.readframes(source.getnframes()), np.int16)
    for start in range(0, len(pcm) - 16, 800):
        piece = pcm[start : start + 12]
        if np.abs(piece).max() < 100:
            continue
        yield "sound (16 bits)", piece.astype("<i2").tobytes()
        yield "sound (16 bits, the other way round)", piece.astype(">i2").tobytes()
        yield "sound (float)", (piece / np.float32(32768)).astype("<f4").tobytes()
        yield "sound (8 bits)", ((pcm[start : start + 24] >> 8) + 128).astype(np.uint8).tobytes()


def _of_files(video: Path, audio: Path) -> Iterator[tuple[str, bytes]]:
    for name, path in (("the video file", video), ("the sound file", audio)):
        content = path.read_bytes()
        for start in range(500, len(content) - 24, 20_000):
            yield name, content[start : start + 24]


@dataclass
class Searched:
    """A stream that is searched as it comes."""

    known: Known
    name: str
    total: int = 0
    found: set[str] = field(default_factory=set)
    window: int = WINDOW
    overlap: int = OVERLAP
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, content: bytes) -> None:
        self.total += len(content)
        self._rest += content
        if len(self._rest) >= self.window:
            self.look()
            del self._rest[: -self.overlap]

    def look(self) -> set[str]:
        """Searches what has come and was not searched yet; all findings so far."""
        content = bytes(self._rest)
        self.found.update(f"{self.name}: {what}" for what in findings(content, self.known))
        return self.found


def findings(content: bytes, known: Known, depth: int = 0) -> Iterable[str]:
    """What is in `content` that should not be."""
    for magic, signature in (*MAGIC.items(), *((f"{name} in base64", text) for name, text in WRITTEN.items())):
        if signature in content:
            yield f"the beginning of a {magic} file"
    for piece, name in known.pieces.items():
        if piece in content:
            yield name
    for pattern, what in ((LONG_WORD, "a long run of letters"), (LONG_LIST, "a long list of numbers")):
        match = next((each for each in pattern.finditer(content) if len(set(each[0])) >= 6), None)
        if match:
            yield f"{what}: {match[0][:40]!r}…"
    if depth == 0:
        for begin in PACKED.finditer(content):
            inside = _unpacked(content[begin.start() : begin.start() + OVERLAP])
            if inside:
                yield "something compressed"
                yield from findings(inside, known, depth + 1)


def _unpacked(content: bytes) -> bytes:
    """What was compressed there; nothing if it only looks like it."""
    try:
        inside = zlib.decompressobj(47).decompress(content, 1 << 20)
    except zlib.error:
        return b""
    return inside if len(inside) >= 64 else b""
