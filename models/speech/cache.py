"""Features of all clips and what the teacher says of them, extracted once: as recorded, and several degraded copies.

Voice is found in the clean recording by the service's own Listener; a copy keeps those segments, moved a little,
because a detector in the room would not cut at exactly the same place. Features come from the service's code. The
teacher hears the clip as recorded alone, each segment by itself, as the network does: its account, moved to where the
same sound is in a copy, is what the network should have of the degraded one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.features import BAND_FLOOR, SegmentFeatures
from edge.speech.frames import CHUNK, HOP, Framer
from edge.speech.segments import Phase, Segmenter
from edge.speech.settings import SpeechSettings
from edge.speech.spectrum import cepstrum, spectrum
from edge.speech.voice_detector import STEP
from models.speech.augment import at_speed, for_training
from models.speech.corpora import Clip
from models.speech.recipe import FRAMES, UNIT
from models.speech.recordings import read_clip
from models.speech.whisper import Encoder, Stem

Spans = list[tuple[int, int]]  # first and last sample of each voiced segment
SPEEDS = (0.88, 0.94, 1.0, 1.06, 1.12)
BLOCKS = (1, 2, 3)  # of the teacher, counted from 0: what speaks of feelings most
_JITTER = 2 * STEP
_LOUD_DB = 25.0  # below the loudest steps: what is taken where the detector finds no voice
_AT_ONCE = 32  # segments that the teacher hears together
_SHELF = 512  # clips whose segments are sorted by length before it does


@dataclass(frozen=True)
class Copy:
    """All segments of all clips in one version; arrays are read from disk as they are needed."""

    rows: NDArray[np.int64]  # clip, first frame, frames (whole chunks)
    frames: NDArray[np.float16]  # (frames, FEATURES)
    stem: NDArray[np.float16]  # (frames / UNIT, 384)
    states: NDArray[np.float16]  # (frames / FRAMES, teacher's width * BLOCKS): means over a step
    sums: NDArray[np.float32]  # (rows, 2, teacher's width * BLOCKS): of its states of 20 ms and squares; none in copies


def voiced_spans(samples: Samples, segmenter: Segmenter) -> Spans:
    """Where the service would hear segments; where it hears none, what is loud."""
    segmenter.reset(SpeechSettings())
    spans: Spans = []
    begin, end = 0, 0
    for steps in (segmenter.push(samples), segmenter.finish()):
        for step in steps:
            end += STEP
            if step.phase is Phase.BEGIN:
                begin = end - len(step.samples)
            if step.phase is Phase.END:
                spans.append((begin, end))
    if segmenter.interrupt().going:
        spans.append((begin, end))
    return spans or [loud_span(samples)]


def loud_span(samples: Samples) -> tuple[int, int]:
    """From the first to the last step that is not much softer than the loudest ones."""
    steps = samples[: len(samples) // STEP * STEP].reshape(-1, STEP)
    power = np.mean(steps.astype(np.float64) ** 2, axis=1)
    if not len(power) or not power.any():
        return 0, len(samples)
    loud = np.flatnonzero(power >= np.percentile(power, 95) * 10 ** (-_LOUD_DB / 10))
    return max(0, int(loud[0]) - 2) * STEP, (int(loud[-1]) + 3) * STEP


def cached_spans(clips: list[Clip], path: Path) -> dict[str, Spans]:
    """Segments by clip, found once."""
    if not path.exists():
        segmenter = Segmenter(SpeechSettings())
        found = [voiced_spans(read_clip(clip.path), segmenter) for clip in tqdm(clips, desc="voice", mininterval=10)]
        flat = [(number, *span) for number, spans in enumerate(found) for span in spans]
        np.save(path, np.array(flat, np.int64))
    spans: dict[str, Spans] = {clip.key: [] for clip in clips}
    for number, first, last in np.load(path):
        spans[clips[number].key].append((int(first), int(last)))
    return spans


def mean_cepstrum(clips: list[Clip], spans: dict[str, Spans]) -> Floats:
    """The prior mean of the cepstral normalisation, from at most 400 clips."""
    rows = []
    for clip in clips[:: max(1, len(clips) // 400)]:
        samples = read_clip(clip.path)
        for first, last in spans[clip.key]:
            for frames in Framer().push(samples[first:last]):
                seen = spectrum(frames)
                rows.append(cepstrum(seen.power, BAND_FLOOR * seen.energy.max())[:, 1:])
    mean: Floats = np.concatenate(rows).mean(axis=0)
    return mean


def copy_samples(
    samples: Samples, clip: Clip, spans: Spans, copy: int, noises: list[Samples]
) -> tuple[Samples, Spans, float]:
    """A copy as life would have it, where its segments are, and its speed. Copy 0 is as recorded."""
    if not copy:
        return samples, spans, 1.0
    generator = np.random.default_rng((zlib.crc32(clip.key.encode()), copy))
    speed = float(generator.choice(SPEEDS))
    after = for_training(at_speed(samples, speed), noises, generator)
    return after, [moved(span, speed, len(after), generator) for span in spans], speed


def moved(span: tuple[int, int], speed: float, length: int, generator: Generator) -> tuple[int, int]:
    """A segment at another speed, cut a little elsewhere."""
    first, last = (int(edge / speed + generator.uniform(-_JITTER, _JITTER)) for edge in span)
    return max(first, 0), min(last, length)


@dataclass(frozen=True)
class Whence:
    """Where in the recording a segment of a copy comes from."""

    segment: int
    speed: float
    after: float  # samples of the recording after the begin of the segment there

    def states(self, clean: Copy, row: NDArray[np.int64] | None, steps: int) -> NDArray[np.float16]:
        """What the teacher had in mind as it heard in the recording what is at each step of the copy."""
        if row is None:  # too short a segment to have been heard
            return np.zeros((steps, clean.states.shape[1]), np.float16)
        middle = (np.arange(steps) + 0.5) * self.speed + self.after / (FRAMES * HOP)
        place = np.clip(middle.astype(int), 0, int(row[2]) // FRAMES - 1)
        return np.asarray(clean.states[int(row[1]) // FRAMES + place])


@dataclass(frozen=True)
class Extraction:
    """What is needed to make a copy."""

    clips: list[Clip]
    spans: dict[str, Spans]
    noises: list[Samples]
    cepstral_mean: Floats
    stem: Stem
    teacher: Encoder

    def heard(self, clip: int, number: int) -> list[Samples]:
        """The segments of a clip in copy `number`, as the network hears them."""
        one = self.clips[clip]
        samples, spans, _ = copy_samples(read_clip(one.path), one, self.spans[one.key], number, self.noises)
        return [samples[first:last] for first, last in spans]

    def copy(self, number: int, folder: Path, clean: Copy | None = None) -> Copy:
        """Made once, then read from `folder`; `clean` is copy 0, for all the others."""
        if not (folder / "rows.npy").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._make(number, folder, clean)
        names = ("rows", "frames", "stem", "states", "sums")
        return Copy(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names))

    def _make(self, number: int, folder: Path, clean: Copy | None) -> None:
        rows: list[tuple[int, int, int]] = []
        frames, stem, states, sums, at = [], [], [], [], 0
        recorded = {} if clean is None else self._recorded(clean)
        bar = tqdm(total=len(self.clips), desc=f"copy {number}", mininterval=20)
        for start in range(0, len(self.clips), _SHELF):
            clips = self.clips[start : start + _SHELF]
            heard: list[tuple[Samples, int]] = []
            for place, clip in enumerate(clips):
                for samples, features, described, whence in self._segments(clip, number):
                    rows.append((start + place, at, len(features)))
                    at += len(features)
                    frames.append(features.astype(np.float16))
                    stem.append(described.astype(np.float16))
                    if clean is None:
                        heard.append((samples, len(features)))
                    else:
                        row = recorded.get((start + place, whence.segment))
                        states.append(whence.states(clean, row, len(features) // FRAMES))
                bar.update()
            for state, both in _taught(self.teacher, heard):
                states.append(state)
                sums.append(both)
        bar.close()
        np.save(folder / "frames.npy", np.concatenate(frames))
        np.save(folder / "stem.npy", np.concatenate(stem))
        np.save(folder / "states.npy", np.concatenate(states))
        np.save(folder / "sums.npy", np.stack(sums) if sums else np.zeros(0, np.float32))
        np.save(folder / "rows.npy", np.array(rows, np.int64))

    @staticmethod
    def _recorded(clean: Copy) -> dict[tuple[int, int], NDArray[np.int64]]:
        """The row of each segment, as recorded; one that hardly begins before the clip ends has none."""
        found: dict[tuple[int, int], NDArray[np.int64]] = {}
        counts: dict[int, int] = {}
        for row in clean.rows:
            clip = int(row[0])
            found[clip, counts.get(clip, 0)] = row
            counts[clip] = counts.get(clip, 0) + 1
        return found

    def _segments(self, clip: Clip, number: int) -> Iterator[tuple[Samples, Floats, Floats, Whence]]:
        """Of each segment: its sound, the features, what the stem makes of the bands, and where it was recorded."""
        recorded = self.spans[clip.key]
        samples, spans, speed = copy_samples(read_clip(clip.path), clip, recorded, number, self.noises)
        for segment, (first, last) in enumerate(spans):
            chunks = SegmentFeatures(self.cepstral_mean).push(samples[first:last])
            if chunks:
                described = self.stem(np.stack([chunk.bands for chunk in chunks]))
                features = np.concatenate([chunk.features for chunk in chunks])
                whence = Whence(segment, speed, first * speed - recorded[segment][0])
                yield samples[first:last], features, described.reshape(-1, described.shape[2]), whence


def _taught(teacher: Encoder, heard: list[tuple[Samples, int]]) -> Iterator[tuple[NDArray[np.float16], Floats]]:
    """For each segment the teacher's states, step by step, and their sums; in the order given."""
    order = sorted(range(len(heard)), key=lambda n: len(heard[n][0]))
    found: dict[int, tuple[NDArray[np.float16], Floats]] = {}
    for start in range(0, len(order), _AT_ONCE):
        some = order[start : start + _AT_ONCE]
        for n, blocks in zip(some, teacher([_equally_loud(heard[n][0]) for n in some]), strict=True):
            units = np.concatenate([blocks[block] for block in BLOCKS], axis=1)[: heard[n][1] // UNIT]
            missing = heard[n][1] // UNIT - len(units)
            padded = np.concatenate((units, np.repeat(units[-1:], missing, axis=0)))
            steps = padded.reshape(heard[n][1] // FRAMES, FRAMES // UNIT, -1).mean(axis=1)
            found[n] = steps.astype(np.float16), np.stack((padded.sum(axis=0), (padded**2).sum(axis=0)))
    for n in range(len(heard)):
        yield found[n]


def _equally_loud(samples: Samples) -> Samples:
    rms = float(np.sqrt(np.mean(samples**2))) + 1e-9
    return np.asarray(samples * np.float32(0.07 / rms), np.float32)


def seconds(rows: NDArray[np.int64]) -> float:
    """How much voice the rows hold."""
    return float(rows[:, 2].sum()) * 160 / SAMPLE_RATE


assert CHUNK % FRAMES == 0  # noqa: S101 - a chunk holds whole steps
