"""Voices in a room: neutral sentences of one speaker, then sentences with a feeling, as one recording."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import SourceEnded
from edge.readings import LABELS, SAMPLE_RATE, Samples, Sound
from models.life.people import Part
from models.speech.recordings import read_clip

CORPORA = ("ravdess_speech", "emovo", "nemo_pl", "rcebrian_es", "banglaser", "urdu")
_NAMES = {
    "calm": "neutral", "surprise": "surprised", "pleasant_surprise": "surprised", "anger": "angry",
    "fear": "fearful", "disgust": "disgusted", "joy": "happy", "sadness": "sad",
}  # fmt: skip
_TUNED_ON = 0.5
_PAUSE_S = (0.25, 0.6)
_LIPS_AHEAD_S = (0.05, 0.2)
_SYLLABLES_HZ = 4.0
_BLOCK = SAMPLE_RATE // 10


@dataclass(frozen=True)
class Speaker:
    """Clips of one speaker by what they express."""

    name: str  # corpus/speaker
    clips: dict[str, tuple[Path, ...]]


def speakers(data: Path, part: Part, corpora: Sequence[str] = CORPORA, unheard: Collection[str] = ()) -> list[Speaker]:
    """Who speaks neutrally and with a feeling, in the order of their names: of the part, and of `unheard` if any."""
    found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for corpus in corpora:
        with (data / corpus / "index.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                name, label = f"{corpus}/{row['speaker']}", _NAMES.get(row["emotion"], row["emotion"])
                if label in LABELS and part_of(name) == part:
                    found[name][label].append(data / corpus / row["file"])
    return [
        Speaker(name, {label: tuple(sorted(paths)) for label, paths in clips.items()})
        for name, clips in sorted(found.items())
        if LABELS[0] in clips and len(clips) > 1 and (not unheard or name in unheard)
    ]


def part_of(name: str) -> Part:
    """Tuned on, or reported on: the same for a speaker and ever."""
    digest = hashlib.sha256(f"life/{name}".encode()).digest()
    return "tune" if int.from_bytes(digest[:8], "big") / 2**64 < _TUNED_ON else "report"


def spoken(
    speaker: Speaker, acts: Sequence[tuple[str, float]], random: np.random.Generator, *, delay: float = 0.0
) -> Samples:
    """For each of (label, seconds) sentences of that label, filled up with pauses; `delay` s of silence first."""
    parts: list[Samples] = []
    for label, seconds in acts:
        room = round(seconds * SAMPLE_RATE)
        act = np.zeros(room, np.float32)
        place = round(delay * SAMPLE_RATE)
        for path in random.permutation(np.array(speaker.clips[label], dtype=object)).tolist():
            clip = _trimmed(read_clip(path))
            end = min(place + len(clip), room)
            act[place:end] = clip[: end - place]
            place = end + round(float(random.uniform(*_PAUSE_S)) * SAMPLE_RATE)
            if place >= room:
                break
        parts.append(act)
        delay = 0.0
    voice = np.concatenate(parts)
    level = float(random.uniform(-34, -20))  # dBFS of what is spoken
    loud = voice[np.abs(voice) > 1e-4]
    if loud.size:
        voice *= np.float32(10 ** (level / 20) / max(float(np.sqrt((loud**2).mean())), 1e-6))
    noise = random.standard_normal(len(voice)).astype(np.float32)
    voice += noise * np.float32(10 ** ((level - float(random.uniform(18, 38))) / 20))
    return np.clip(voice, -1, 1)


def loudness(samples: Samples, fps: float) -> np.ndarray:  # type: ignore[type-arg]
    """0..1 for each frame of a picture: how loud the voice is, as a mouth would follow it."""
    step = round(SAMPLE_RATE / fps)
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    level = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    floor, top = np.percentile(level, 10), np.percentile(level, 95)
    return np.asarray(np.clip((level - 1.5 * floor) / max(top - 1.5 * floor, 1e-6), 0, 1) ** 0.6)


def lips(samples: Samples, fps: float, random: np.random.Generator) -> np.ndarray:  # type: ignore[type-arg]
    """0..1 for each frame: how far a mouth is open that says this.

    Lips are ahead of the sound by a tenth of a second or two, and only loosely coupled to it: what they do follows
    loudness for half, and for half the sounds that are said (closed for m and b, wide for a quiet a).
    """
    step = round(SAMPLE_RATE / fps)
    ahead = float(random.uniform(*_LIPS_AHEAD_S))
    early = np.concatenate((samples[round(ahead * SAMPLE_RATE) :], np.zeros(round(ahead * SAMPLE_RATE), np.float32)))
    loud = loudness(early, fps)
    time = np.arange(len(loud)) * step / SAMPLE_RATE
    pace = _SYLLABLES_HZ * np.cumsum(random.uniform(0.5, 1.5, len(loud))) * step / SAMPLE_RATE
    sounds = 0.5 + 0.5 * np.sin(2 * np.pi * (pace + random.uniform()) + np.sin(1.7 * time))
    speaks = np.convolve(loud > 0.05, np.ones(3), "same") > 0
    return np.asarray(np.clip(0.5 * loud + 0.5 * sounds * speaks * random.uniform(0.7, 1.0), 0, 1))


class Speech:
    """A SoundSource over samples in memory."""

    live = False
    name = "composed voice"

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._place = 0

    def open(self) -> None:
        self._place = 0

    def read(self) -> Sound:
        if self._place >= len(self._samples):
            raise SourceEnded("the voice is over")
        start = self._place
        self._place += _BLOCK
        return Sound(start / SAMPLE_RATE, self._samples[start : start + _BLOCK])

    def close(self) -> None:
        """Nothing is held."""


def _trimmed(clip: Samples) -> Samples:
    """Without most of the silence at both ends."""
    step = SAMPLE_RATE // 50
    frames = clip[: len(clip) // step * step].reshape(-1, step)
    level = np.sqrt((frames**2).mean(axis=1))
    if not level.size:
        return clip
    heard = np.flatnonzero(level > 0.06 * level.max())
    return clip[max(0, heard[0] - 5) * step : (heard[-1] + 6) * step]
