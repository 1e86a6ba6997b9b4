"""All that a training or evaluation needs from the data, extracted once into the work folder."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.inference import Floats
from models.speech.cache import Copy, Extraction, Spans, cached_spans, mean_cepstrum
from models.speech.corpora import Clip, find_clips, thinned
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.whisper import BASE, TINY_EN, Encoder, Stem, encoder_weights


@dataclass(frozen=True)
class Material:
    extraction: Extraction
    copies: list[Copy]

    @property
    def clips(self) -> list[Clip]:
        return self.extraction.clips


def prepare(data: Path, work: Path, recipe: Recipe) -> Material:
    """Find voice, extract features of every copy, let the teacher listen. Minutes the first time, then from `work`."""
    work.mkdir(parents=True, exist_ok=True)
    clips = thinned(find_clips(data), recipe.tess_share)
    if not clips:
        raise SystemExit(f"{data}: no clips found; it should hold folders whose names begin with ravdess, tess, ...")
    mark = f"{len(clips)}-{zlib.crc32(''.join(clip.key for clip in clips).encode()):08x}"
    spans = cached_spans(clips, work / f"spans-{mark}.npy")
    mean = kept_mean(clips, spans, work / f"cepstral_mean-{mark}.npy")
    stem, teacher = Stem(encoder_weights(TINY_EN, work)), Encoder(encoder_weights(BASE, work), 4)
    noises = [read_clip(path) for path in noise_files(data)]
    extraction = Extraction(clips, spans, noises, mean, stem, teacher)
    clean = extraction.copy(0, work / f"copy0-{mark}")
    others = [extraction.copy(number, work / f"copy{number}-{mark}", clean) for number in range(1, recipe.copies + 1)]
    return Material(extraction, [clean, *others])


def kept_mean(clips: list[Clip], spans: dict[str, Spans], path: Path) -> Floats:
    """Computed once."""
    if not path.exists():
        np.save(path, mean_cepstrum(clips, spans))
    mean: Floats = np.load(path)
    return mean.astype(np.float32)
