"""All that a training or evaluation needs from the data, extracted once into the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.features import FEATURES
from models.speech.cache import Spans, cached_copy, cached_spans, fingerprint, mean_cepstrum
from models.speech.corpora import UNLABELLED, Clip, find_clips, find_voices, thinned
from models.speech.dataset import Copies, Front, fronted
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.states import cached_states
from models.speech.teacher import descriptions, teacher_weights


@dataclass(frozen=True)
class Material:
    clips: list[Clip]  # with labels first, then unlabelled voices
    labelled: int  # how many have labels
    spans: dict[str, Spans]
    copies: Copies
    states: list[NDArray[np.float16]]  # of the teacher, by copy
    described: Floats  # by the teacher: the labelled clips

    @property
    def voices(self) -> list[int]:
        return list(range(self.labelled, len(self.clips)))


def prepare(data: Path, voices: Path, work: Path, recipe: Recipe) -> Material:
    """Find voice, extract features of every copy, let the teacher listen. Minutes the first time, then from `work`."""
    work.mkdir(parents=True, exist_ok=True)
    clips = thinned(find_clips(data), recipe.tess_share)
    if not clips:
        raise SystemExit(f"{data}: no clips found; it should hold folders whose names begin with ravdess, tess, ...")
    others = find_voices([voices, *sorted(data.glob(f"{UNLABELLED}*"))])
    spans = cached_spans(clips, work / "spans")
    cepstral_mean = kept_mean(clips, spans, work / f"cepstral_mean-{len(clips)}.npy")
    noises = [read_clip(path) for path in noise_files(data)]
    weights = teacher_weights(work)
    spans |= cached_spans(others, work / "spans")
    frames, rows, states = [], [], []
    for copy in range(recipe.copies + 1):
        parts: list[tuple[NDArray[np.float16], NDArray[np.int64], NDArray[np.float16]]] = []
        for some, first in ((clips, 0), (others, len(clips))):
            if some:
                features, own = cached_copy(some, spans, copy, noises=noises, cepstral_mean=cepstral_mean, folder=work)
                path = work / f"states{copy}-{fingerprint(some)}.npy"
                thoughts = cached_states(some, spans, copy, own, noises=noises, weights=weights, path=path)
                at = sum(len(part[0]) for part in parts)
                parts.append((features, own + np.array([first, at, 0]), thoughts))
        frames.append(np.concatenate([part[0] for part in parts]))
        rows.append(np.concatenate([part[1] for part in parts]))
        states.append(np.concatenate([part[2] for part in parts]))
    plain = Front(cepstral_mean, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))
    copies = Copies(frames, rows, cepstral_mean, plain)
    return Material(clips + others, len(clips), spans, copies, states, descriptions(clips, spans, work))


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
