"""All that a training or evaluation needs from the data, extracted once into the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.inference import Floats
from models.speech.cache import cached_copy, cached_spans, mean_cepstrum
from models.speech.corpora import Clip, find_clips, thinned
from models.speech.dataset import Copies, statistics
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip


@dataclass(frozen=True)
class Material:
    clips: list[Clip]
    copies: Copies
    cepstral_mean: Floats


def prepare(data: Path, work: Path, recipe: Recipe) -> Material:
    """Find voice, extract features of every copy. Minutes the first time, then read from `work`."""
    work.mkdir(parents=True, exist_ok=True)
    clips = thinned(find_clips(data), recipe.tess_share)
    if not clips:
        raise SystemExit(f"{data}: no clips found; it should hold folders whose names begin with ravdess, tess, ...")
    spans = cached_spans(clips, work / "spans")
    path = work / f"cepstral_mean-{len(clips)}.npy"
    if not path.exists():
        np.save(path, mean_cepstrum(clips, spans))
    cepstral_mean: Floats = np.load(path)
    noises = [read_clip(path) for path in noise_files(data)]
    both = [
        cached_copy(clips, spans, copy, noises=noises, cepstral_mean=cepstral_mean, folder=work)
        for copy in range(recipe.copies + 1)
    ]
    mean, deviation = statistics(both[0][0])
    return Material(clips, Copies([one[0] for one in both], [one[1] for one in both], mean, deviation), cepstral_mean)
