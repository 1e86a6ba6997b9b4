"""Features of all clips and what the teacher says of them, extracted once: as recorded, and several degraded copies.

Voice is found in the clean recording by the service's own Listener; a copy keeps those segments, moved a little,
because a detector in the room would not cut at exactly the same place. Features come from the service's code. A copy is
also slower or faster, and so a voice of its own: the teacher hears that voice, before room, device and background, each
segment by itself, as the network does; what it makes of it is what the network should make of the degraded one. Several
processes share the work, a shelf of clips each; the order of what is kept does not depend on how many they are.
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
from edge.speech.frames import CHUNK, Framer
from edge.speech.segments import Phase, Segmenter
from edge.speech.settings import SpeechSettings
from edge.speech.spectrum import cepstrum, spectrum
from edge.speech.voice_detector import STEP
from models.speech.augment import at_speed, for_training
from models.speech.corpora import Clip
from models.speech.recipe import FRAMES, UNIT
from models.speech.recordings import read_clip
from models.speech.whisper import Encoder

Spans = list[tuple[int, int]]  # first and last sample of each voiced segment
SPEEDS = (0.88, 0.94, 1.0, 1.06, 1.12)
BLOCKS = (1, 2, 3)  # of the teacher, counted from 0: what speaks of feelings most
_JITTER = 2 * STEP
_LOUD_DB = 25.0  # below the loudest steps: what is taken where the detector finds no voice
_AT_ONCE = 32  # segments that the teacher hears together
_LONGEST = 479_000  # samples of a segment: the teacher knows thirty seconds
_NOTHING = np.empty(0, np.float32)  # of a sound that was heard; no view of it, which would keep it all
_SHELF = 128  # clips that one process extracts before it hands them over


@dataclass(frozen=True)
class Copy:
    """All segments of all clips in one version; arrays are read from disk as they are needed."""

    rows: NDArray[np.int64]  # clip, first frame, frames (whole chunks)
    frames: NDArray[np.float16]  # (frames, FEATURES)
    bands: NDArray[np.float16]  # (frames / CHUNK, CONTEXT + CHUNK, BANDS): what the stem looks at
    states: NDArray[np.float16]  # (frames / FRAMES, teacher's width * BLOCKS): what the teacher makes of each step


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


@dataclass(frozen=True)
class Version:
    """A clip in one copy, and where its segments are."""

    plain: Samples  # as the teacher hears it
    heard: Samples  # as the network does
    spans: Spans


def version(samples: Samples, clip: Clip, spans: Spans, copy: int, noises: list[Samples]) -> Version:
    """As life would have it. Copy 0 is as recorded."""
    if not copy:
        return Version(samples, samples, spans)
    generator = np.random.default_rng((zlib.crc32(clip.key.encode()), copy))
    speed = float(generator.choice(SPEEDS))
    plain = at_speed(samples, speed)
    heard = for_training(plain, noises, generator)
    return Version(plain, heard, [moved(span, speed, len(heard), generator) for span in spans])


def moved(span: tuple[int, int], speed: float, length: int, generator: Generator) -> tuple[int, int]:
    """A segment at another speed, cut a little elsewhere."""
    first, last = (int(edge / speed + generator.uniform(-_JITTER, _JITTER)) for edge in span)
    return max(first, 0), min(last, length)


@dataclass(frozen=True)
class Segment:
    """One of a clip, extracted."""

    clip: int
    plain: Samples  # for the teacher
    features: NDArray[np.float16]
    bands: NDArray[np.float16]


@dataclass(frozen=True)
class Extraction:
    """What is needed to make a copy."""

    clips: list[Clip]
    spans: dict[str, Spans]
    noises: list[Samples]
    cepstral_mean: Floats

    def heard(self, clip: int, number: int) -> list[Samples]:
        """The segments of a clip in copy `number`, as the network hears them."""
        one = self._version(clip, number)
        return [one.heard[first:last] for first, last in one.spans]

    def copy(self, number: int, folder: Path, teacher: Callable[[], Encoder], workers: int) -> Copy:
        """Copy `number`; made once, then read from `folder`."""
        if not (folder / "rows.npy").exists():
            listener = teacher()
            parts: list[Segment] = []
            states: list[NDArray[np.float16]] = []
            starts = range(0, len(self.clips), _SHELF)
            with multiprocessing.get_context("fork").Pool(workers, _begin, (self, number)) as pool:
                for shelf in tqdm(pool.imap(_shelf, starts), desc=f"copy {number}", total=len(starts), mininterval=20):
                    states += taught(listener, [(one.plain, len(one.features)) for one in shelf])
                    parts += [replace(one, plain=_NOTHING) for one in shelf]
            _keep(folder, parts, states)
        return Copy(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("rows", "frames", "bands", "states")))

    def segments(self, clip: int, number: int) -> Iterator[Segment]:
        """Those that are long enough to be heard."""
        one = self._version(clip, number)
        for first, last in one.spans:
            chunks = SegmentFeatures(self.cepstral_mean).push(one.heard[first:last])
            if chunks:
                features = np.concatenate([chunk.features for chunk in chunks])
                bands = np.stack([chunk.bands for chunk in chunks])
                yield Segment(clip, one.plain[first:last], features.astype(np.float16), bands.astype(np.float16))

    def _version(self, clip: int, number: int) -> Version:
        one = self.clips[clip]
        return version(read_clip(one.path), one, self.spans[one.key], number, self.noises)


_worker: list[tuple[Extraction, int]] = []  # what a process of the pool extracts from, and which copy


def _begin(extraction: Extraction, number: int) -> None:
    torch.set_num_threads(1)
    _worker[:] = [(extraction, number)]


def _shelf(start: int) -> list[Segment]:
    extraction, number = _worker[0]
    clips = range(start, min(start + _SHELF, len(extraction.clips)))
    return [part for clip in clips for part in extraction.segments(clip, number)]


def _keep(folder: Path, parts: list[Segment], states: list[NDArray[np.float16]]) -> None:
    """The rows come last: they say that all is there."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths = np.array([len(part.features) for part in parts])
    np.save(folder / "states.npy", np.concatenate(states))
    np.save(folder / "frames.npy", np.concatenate([part.features for part in parts]))
    np.save(folder / "bands.npy", np.concatenate([part.bands for part in parts]))
    clips = [part.clip for part in parts]
    np.save(folder / "rows.npy", np.stack((clips, np.cumsum(lengths) - lengths, lengths), axis=1).astype(np.int64))


def taught(teacher: Encoder, heard: list[tuple[Samples, int]]) -> list[NDArray[np.float16]]:
    """For each segment, of so many frames, the teacher's states, step by step; in the order given."""
    order = sorted(range(len(heard)), key=lambda n: len(heard[n][0]))
    found: dict[int, NDArray[np.float16]] = {}
    for start in range(0, len(order), _AT_ONCE):
        some = order[start : start + _AT_ONCE]
        for n, blocks in zip(some, teacher([_equally_loud(heard[n][0][:_LONGEST]) for n in some]), strict=True):
            units = np.concatenate([blocks[block] for block in BLOCKS], axis=1)[: heard[n][1] // UNIT]
            missing = heard[n][1] // UNIT - len(units)
            padded = np.concatenate((units, np.repeat(units[-1:], missing, axis=0)))
            found[n] = padded.reshape(heard[n][1] // FRAMES, FRAMES // UNIT, -1).mean(axis=1).astype(np.float16)
    return [found[n] for n in range(len(heard))]


def _equally_loud(samples: Samples) -> Samples:
    rms = float(np.sqrt(np.mean(samples**2))) + 1e-9
    return np.asarray(samples * np.float32(0.07 / rms), np.float32)


def seconds(rows: NDArray[np.int64]) -> float:
    """How much voice the rows hold."""
    return float(rows[:, 2].sum()) * 160 / SAMPLE_RATE


assert CHUNK % FRAMES == 0  # noqa: S101 - a chunk holds whole steps
