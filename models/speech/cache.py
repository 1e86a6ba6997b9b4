"""Features of all clips and what the teacher says of them, extracted once: as recorded, and several degraded copies.

Voice is found in the clean recording by the service's own Listener; a copy keeps those segments, moved a little,
because a detector in the room would not cut at exactly the same place. Features come from the service's code. The
teacher hears the clip as recorded alone, each segment by itself, as the network does: its account, moved to where the
same sound is in a copy, is what the network should have of the degraded one. Several processes share the work, a shelf
of clips each; the order of what is kept does not depend on how many they are.
"""

from __future__ import annotations

import multiprocessing
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
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
_SHELF = 128  # clips that one process extracts before it hands them over


@dataclass(frozen=True)
class Copy:
    """All segments of all clips in one version; arrays are read from disk as they are needed."""

    rows: NDArray[np.int64]  # clip, first frame, frames (whole chunks)
    frames: NDArray[np.float16]  # (frames, FEATURES)
    stem: NDArray[np.float16]  # (frames / UNIT, 384)
    heard: NDArray[np.int64]  # (frames / FRAMES,): the step of the recording that is heard at each step, or -1


@dataclass(frozen=True)
class Account:
    """What the teacher makes of the clips as recorded, by the rows and steps of copy 0."""

    states: NDArray[np.float16]  # (steps, teacher's width * BLOCKS): means over a step
    sums: NDArray[np.float32]  # (rows, 2, teacher's width * BLOCKS): of its states of 20 ms and squares


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

    def steps(self, row: NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
        """The step of the recording that is heard at each step of the copy; `row` is the segment's there, if any."""
        if row is None:  # too short a segment to have been heard
            return np.full(count, -1)
        middle = (np.arange(count) + 0.5) * self.speed + self.after / (FRAMES * HOP)
        place = np.clip(middle.astype(int), 0, int(row[2]) // FRAMES - 1)
        return np.asarray(int(row[1]) // FRAMES + place)


@dataclass(frozen=True)
class Segment:
    """One of a clip, extracted."""

    clip: int
    samples: Samples | None  # where the teacher has to hear it
    features: NDArray[np.float16]
    stem: NDArray[np.float16]
    whence: Whence


@dataclass(frozen=True)
class Extraction:
    """What is needed to make a copy."""

    clips: list[Clip]
    spans: dict[str, Spans]
    noises: list[Samples]
    cepstral_mean: Floats
    stem: Stem

    def heard(self, clip: int, number: int) -> list[Samples]:
        """The segments of a clip in copy `number`, as the network hears them."""
        one = self.clips[clip]
        samples, spans, _ = copy_samples(read_clip(one.path), one, self.spans[one.key], number, self.noises)
        return [samples[first:last] for first, last in spans]

    def recorded(self, folder: Path, teacher: Encoder, workers: int) -> tuple[Copy, Account]:
        """Copy 0 and what the teacher makes of it; made once, then read from `folder`."""
        if not (folder / "rows.npy").exists():
            states, sums = [], []

            def listen(shelf: list[Segment]) -> None:
                heard = [(one.samples, len(one.features)) for one in shelf if one.samples is not None]
                for state, both in _taught(teacher, heard):
                    states.append(state)
                    sums.append(both)

            parts = self._shelves(0, workers, listen)
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / "states.npy", np.concatenate(states))
            np.save(folder / "sums.npy", np.stack(sums))
            _keep(folder, parts)
        rows, frames, stem, states_kept, sums_kept = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rows", "frames", "stem", "states", "sums")
        )
        return Copy(rows, frames, stem, np.arange(len(frames) // FRAMES)), Account(states_kept, sums_kept)

    def degraded(self, number: int, folder: Path, clean: Copy, workers: int) -> Copy:
        """Copy `number`, with its way back to `clean`; made once, then read from `folder`."""
        if not (folder / "rows.npy").exists():
            parts = self._shelves(number, workers)
            recorded = _by_segment(clean)
            heard = [
                part.whence.steps(recorded.get((part.clip, part.whence.segment)), len(part.features) // FRAMES)
                for part in parts
            ]
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / "heard.npy", np.concatenate(heard))
            _keep(folder, parts)
        return Copy(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rows", "frames", "stem", "heard")))

    def _shelves(
        self, number: int, workers: int, listen: Callable[[list[Segment]], None] = lambda _: None
    ) -> list[Segment]:
        """All segments of a copy in the order of the clips; `listen` has each shelf with its sound, as it comes."""
        parts: list[Segment] = []
        starts = range(0, len(self.clips), _SHELF)
        with multiprocessing.get_context("fork").Pool(workers, _begin, (self, number)) as pool:
            for shelf in tqdm(pool.imap(_shelf, starts), desc=f"copy {number}", total=len(starts), mininterval=20):
                listen(shelf)
                parts += [replace(one, samples=None) for one in shelf]
        return parts

    def segments(self, clip: int, number: int) -> Iterator[Segment]:
        """Of each segment: its sound, the features, what the stem makes of the bands, and where it was recorded."""
        one = self.clips[clip]
        recorded = self.spans[one.key]
        samples, spans, speed = copy_samples(read_clip(one.path), one, recorded, number, self.noises)
        for segment, (first, last) in enumerate(spans):
            chunks = SegmentFeatures(self.cepstral_mean).push(samples[first:last])
            if chunks:
                described = self.stem(np.stack([chunk.bands for chunk in chunks]))
                features = np.concatenate([chunk.features for chunk in chunks])
                yield Segment(
                    clip,
                    None if number else samples[first:last],
                    features.astype(np.float16),
                    described.reshape(-1, described.shape[2]).astype(np.float16),
                    Whence(segment, speed, first * speed - recorded[segment][0]),
                )


_worker: list[tuple[Extraction, int]] = []  # what a process of the pool extracts from, and which copy


def _begin(extraction: Extraction, number: int) -> None:
    torch.set_num_threads(1)
    _worker[:] = [(extraction, number)]


def _shelf(start: int) -> list[Segment]:
    extraction, number = _worker[0]
    clips = range(start, min(start + _SHELF, len(extraction.clips)))
    return [part for clip in clips for part in extraction.segments(clip, number)]


def _keep(folder: Path, parts: list[Segment]) -> None:
    """The rows come last: they say that all is there."""
    lengths = np.array([len(part.features) for part in parts])
    np.save(folder / "frames.npy", np.concatenate([part.features for part in parts]))
    np.save(folder / "stem.npy", np.concatenate([part.stem for part in parts]))
    clips = [part.clip for part in parts]
    np.save(folder / "rows.npy", np.stack((clips, np.cumsum(lengths) - lengths, lengths), axis=1).astype(np.int64))


def _by_segment(clean: Copy) -> dict[tuple[int, int], NDArray[np.int64]]:
    """The row of each segment, as recorded; one that hardly begins before the clip ends has none."""
    found: dict[tuple[int, int], NDArray[np.int64]] = {}
    counts: dict[int, int] = {}
    for row in clean.rows:
        clip = int(row[0])
        found[clip, counts.get(clip, 0)] = row
        counts[clip] = counts.get(clip, 0) + 1
    return found


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
