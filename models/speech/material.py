"""All that a training or evaluation needs from the data, extracted once into the work folder."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edge.inference import Floats
from models.speech.cache import Account, Copy, Extraction, Spans, cached_spans, mean_cepstrum
from models.speech.corpora import Clip, find_clips, thinned
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.shelf import Shelf
from models.speech.whisper import BASE, TINY_EN, Encoder, Stem, encoder_weights


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
    def recorded(self) -> tuple[Copy, Account]:
        """Copy 0 and the teacher's account of it."""
        teacher = Encoder(encoder_weights(BASE, self.work), 4, self.device)
        return self.extraction.recorded(self.work / f"copy0-{self.mark}", teacher, self.workers)

    @cached_property
    def shelf(self) -> Shelf:
        """All copies."""
        clean = self.recorded[0]
        others = [
            self.extraction.degraded(number, self.work / f"degraded{number}-{self.mark}", clean, self.workers)
            for number in range(1, self.recipe.copies + 1)
        ]
        return Shelf.of([clean, *others], self.device)


def prepare(data: Path, work: Path, recipe: Recipe, device: str = "cpu", workers: int = 1) -> Material:
    """Find clips and where they are voiced; the rest follows when it is needed, once, and is read from `work` then."""
    work.mkdir(parents=True, exist_ok=True)
    clips = thinned(find_clips(data), recipe.tess_share)
    if not clips:
        raise SystemExit(f"{data}: no clips found; it should hold folders whose names begin with ravdess, tess, ...")
    mark = f"{len(clips)}-{zlib.crc32(''.join(clip.key for clip in clips).encode()):08x}"
    spans = cached_spans(clips, work / f"spans-{mark}.npy")
    mean = kept_mean(clips, spans, work / f"cepstral_mean-{mark}.npy")
    noises = [read_clip(path) for path in noise_files(data)]
    extraction = Extraction(clips, spans, noises, mean, Stem(encoder_weights(TINY_EN, work)))
    return Material(extraction, recipe, work, mark, device, workers)


def kept_mean(clips: list[Clip], spans: dict[str, Spans], path: Path) -> Floats:
    """Computed once."""
    if not path.exists():
        np.save(path, mean_cepstrum(clips, spans))
    mean: Floats = np.load(path)
    return mean.astype(np.float32)
