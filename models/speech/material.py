"""All that a training or evaluation needs from the data, extracted once into the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.inference import Floats
from edge.speech.features import FEATURES
from models.speech.cache import Spans, cached_copy, cached_spans, mean_cepstrum
from models.speech.corpora import Clip, find_clips, thinned
from models.speech.dataset import Copies, Front, fronted
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.teacher import descriptions


@dataclass(frozen=True)
class Material:
    clips: list[Clip]
    spans: dict[str, Spans]
    copies: Copies
    described: Floats  # by the teacher


def prepare(data: Path, work: Path, recipe: Recipe) -> Material:
    """Find voice, extract features of every copy. Minutes the first time, then read from `work`."""
    work.mkdir(parents=True, exist_ok=True)
    clips = thinned(find_clips(data), recipe.tess_share)
    if not clips:
        raise SystemExit(f"{data}: no clips found; it should hold folders whose names begin with ravdess, tess, ...")
    spans = cached_spans(clips, work / "spans")
    cepstral_mean = kept_mean(clips, spans, work / f"cepstral_mean-{len(clips)}.npy")
    noises = [read_clip(path) for path in noise_files(data)]
    both = [
        cached_copy(clips, spans, copy, noises=noises, cepstral_mean=cepstral_mean, folder=work)
        for copy in range(recipe.copies + 1)
    ]
    plain = Front(cepstral_mean, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))
    copies = Copies([one[0] for one in both], [one[1] for one in both], cepstral_mean, plain)
    return Material(clips, spans, copies, descriptions(clips, spans, work))


def learned_from(material: Material, chosen: list[int], path: Path) -> Copies:
    """The copies, normalised with what the chosen clips alone tell; their mean cepstrum is kept in `path`."""
    mean = kept_mean([material.clips[n] for n in chosen], material.spans, path)
    return fronted(material.copies, set(chosen), mean)


def kept_mean(clips: list[Clip], spans: dict[str, Spans], path: Path) -> Floats:
    """Computed once."""
    if not path.exists():
        np.save(path, mean_cepstrum(clips, spans))
    mean: Floats = np.load(path)
    return mean.astype(np.float32)
