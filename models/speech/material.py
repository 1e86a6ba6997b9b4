"""All that a training or evaluation needs from the data, extracted once into the work folder."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edge.inference import Floats
from models.speech.cache import Copy, Extraction, Spans, cached_spans, mean_cepstrum
from models.speech.corpora import CORPORA, PLAIN, Clip, find_clips, thinned
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.shelf import Shelf
from models.speech.whisper import BASE, TINY_EN, Convolutions, Encoder, convolutions, encoder_weights


@dataclass(frozen=True, eq=False)
class Material:
    """Everything is extracted when it is first asked for: a run that is over needs no copies."""

    extraction: Extraction
    recipe: Recipe
    work: Path
    mark: str  # of the clips
    device: str
    workers: int

    @property
    def clips(self) -> list[Clip]:
        return self.extraction.clips

    @cached_property
    def copies(self) -> list[Copy]:
        """As recorded, then degraded."""
        return [
            self.extraction.copy(number, self.work / f"version{number}-{self.mark}", self._teacher, self.workers)
            for number in range(1 + self.recipe.copies)
        ]

    @cached_property
    def shelf(self) -> Shelf:
        """All copies."""
        return Shelf.of(self.copies, self.device)

    @cached_property
    def stem(self) -> Convolutions:
        """That the network begins with."""
        return convolutions(encoder_weights(TINY_EN, self.work))

    def _teacher(self) -> Encoder:
        return Encoder(encoder_weights(BASE, self.work), 4, self.device)


def prepare(data: Path, work: Path, recipe: Recipe, device: str = "cpu", workers: int = 1) -> Material:
    """Find clips and where they are voiced; the rest follows when it is needed, once, and is read from `work` then."""
    work.mkdir(parents=True, exist_ok=True)
    clips = thinned(find_clips(data, (*CORPORA, PLAIN)), recipe.tess_share)
    if not clips:
        raise SystemExit(f"{data}: no clips found; it should hold folders whose names begin with ravdess, tess, ...")
    mark = f"{len(clips)}-{zlib.crc32(''.join(clip.key for clip in clips).encode()):08x}"
    spans = cached_spans(clips, work / f"spans-{mark}.npy")
    mean = kept_mean(clips, spans, work / f"cepstral_mean-{mark}.npy")
    noises = [read_clip(path) for path in noise_files(data)]
    return Material(Extraction(clips, spans, noises, mean), recipe, work, mark, device, workers)


def kept_mean(clips: list[Clip], spans: dict[str, Spans], path: Path) -> Floats:
    """Computed once."""
    if not path.exists():
        np.save(path, mean_cepstrum(clips, spans))
    mean: Floats = np.load(path)
    return mean.astype(np.float32)
