"""Features of all clips, extracted once into .training/: as recorded, and several degraded copies.

Voice is found in the clean recording by the service's own Listener; a copy keeps those segments, moved a little,
because a detector in the room would not cut at exactly the same place. Features come from the service's code.
"""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.features import BAND_FLOOR, FEATURES, SegmentFeatures
from edge.speech.frames import Framer
from edge.speech.hearing import STEP
from edge.speech.listening import Listener
from edge.speech.segments import Turn
from edge.speech.settings import SpeechSettings
from edge.speech.spectrum import cepstrum, spectrum
from models.speech.augment import at_speed, for_training
from models.speech.corpora import UNLABELLED, Clip
from models.speech.recordings import read_clip

Spans = list[tuple[int, int]]  # first and last sample of each voiced segment
SPEEDS = (0.88, 0.94, 1.0, 1.06, 1.12)
WIDER = (0.8, 0.84, 0.92, 1.08, 1.16, 1.24)  # of the copies after the first
_NEAR = 4  # copies with SPEEDS
PIECE = 56000  # samples: what people read comes in pieces of at most 3.5 s, about what a clip holds
_JITTER = 2 * STEP


def voiced_spans(samples: Samples) -> Spans:
    """Where the service would hear segments."""
    listener = Listener(SpeechSettings())
    spans: Spans = []
    begin, end = 0, 0
    for pieces in (listener.push(samples), listener.rest()):
        for piece in pieces:
            end += STEP
            if piece.turn is Turn.BEGIN:
                begin = end - len(piece.samples)
            if piece.turn is Turn.END:
                spans.append((begin, end))
    if listener.interrupt().going:
        spans.append((begin, end))
    return spans


def span_features(samples: Samples, span: tuple[int, int], cepstral_mean: Floats) -> Floats:
    """Features of one segment; empty where it is shorter than a chunk."""
    chunks = SegmentFeatures(cepstral_mean).push(samples[span[0] : span[1]])
    return np.concatenate(chunks) if chunks else np.empty((0, FEATURES), np.float32)


def cached_spans(clips: list[Clip], folder: Path) -> dict[str, Spans]:
    """Segments by clip; what is missing is found and kept. Interrupt it at will."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Spans] = {}
    for clip in tqdm(clips, desc="voice", mininterval=10):
        path = folder / f"{clip.key.replace('/', '_')}.npy"
        if not path.exists():
            spans = voiced_spans(read_clip(clip.path))
            if clip.corpus == UNLABELLED:
                spans = [piece for span in spans for piece in in_pieces(span)]
            np.save(path, np.array(spans, np.int64).reshape(-1, 2))
        found[clip.key] = [(int(first), int(last)) for first, last in np.load(path)]
    return found


def in_pieces(span: tuple[int, int]) -> Spans:
    """Equal ones of at most PIECE samples."""
    edges = np.linspace(*span, -(-(span[1] - span[0]) // PIECE) + 1).astype(int)
    return [(int(first), int(last)) for first, last in itertools.pairwise(edges)]


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


def copy_features(clip: Clip, spans: Spans, copy: int, noises: list[Samples], cepstral_mean: Floats) -> list[Floats]:
    """Features of each segment in copy number `copy` (0 is as recorded)."""
    _, samples, spans = copy_samples(read_clip(clip.path), clip, spans, copy, noises)
    return [span_features(samples, span, cepstral_mean) for span in spans]


def copy_samples(
    samples: Samples, clip: Clip, spans: Spans, copy: int, noises: list[Samples]
) -> tuple[Samples, Samples, Spans]:
    """A copy before and after what life does to it, and where its segments are."""
    if not copy:
        return samples, samples, spans
    generator = np.random.default_rng((zlib.crc32(clip.key.encode()), copy))
    speed = float(generator.choice(SPEEDS if copy <= _NEAR else WIDER))
    before = at_speed(samples, speed)
    after = for_training(before, noises, generator)
    return before, after, [moved(span, speed, len(after), generator) for span in spans]


def moved(span: tuple[int, int], speed: float, length: int, generator: Generator) -> tuple[int, int]:
    """A segment at another speed, cut a little elsewhere."""
    first, last = (int(edge / speed + generator.uniform(-_JITTER, _JITTER)) for edge in span)
    return max(first, 0), min(last, length)


def cached_copy(
    clips: list[Clip],
    spans: dict[str, Spans],
    copy: int,
    *,
    noises: list[Samples],
    cepstral_mean: Floats,
    folder: Path,
) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """All segments of one copy: frames joined (float16), and rows (clip index, first frame, frames)."""
    path = folder / f"copy{copy}-{fingerprint(clips, str(np.round(cepstral_mean, 4).tolist()))}.npz"
    if not path.exists():
        frames, rows, at = [], [], 0
        for number, clip in enumerate(tqdm(clips, desc=f"features {copy}", mininterval=10)):
            for segment in copy_features(clip, spans[clip.key], copy, noises, cepstral_mean):
                if len(segment):
                    frames.append(segment.astype(np.float16))
                    rows.append((number, at, len(segment)))
                    at += len(segment)
        np.savez(path, frames=np.concatenate(frames), rows=np.array(rows, np.int64))
    with np.load(path) as kept:
        return kept["frames"], kept["rows"]


def fingerprint(clips: list[Clip], more: str = "") -> str:
    """Of which clips they are."""
    return f"{zlib.crc32((''.join(clip.key for clip in clips) + more).encode()):08x}"


def seconds(rows: NDArray[np.int64]) -> float:
    """How much voice the rows hold."""
    return float(rows[:, 2].sum()) * 160 / SAMPLE_RATE
