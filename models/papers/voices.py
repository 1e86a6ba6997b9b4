"""The recordings of a corpus as numbers, and a network on each split of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from edge.inference import Floats
from edge.readings import LABELS
from models.papers.fit import Classes, Outcome, standardised, trained
from models.papers.section import PEOPLE, RANDOM, Asked
from models.papers.splits import Rows, at_random, some, without
from models.speech.corpora import FOLDS, Clip, class_index, find_clips

_RAVDESS_EIGHT = (*LABELS, "calm")


@dataclass(frozen=True)
class Voices:
    """Each recording's numbers, with who speaks and what is said."""

    values: Floats
    truth: Classes
    people: list[str]
    words: list[str] = field(default_factory=list)
    copies: Floats | None = None  # copies x recordings x numbers, changed; learned from, never judged by

    @classmethod
    def of(cls, asked: Asked, corpus: str, describe: Callable[[Path], Floats]) -> Voices:
        """RAVDESS with its eight classes."""
        clips = clips_of(asked, corpus)
        classes = _RAVDESS_EIGHT if corpus == "ravdess" else LABELS
        return cls(
            np.stack([describe(clip.path) for clip in clips]),
            np.array([class_index(clip, classes) for clip in clips]),
            [clip.speaker for clip in clips],
            [_word(clip) for clip in clips],
        )


def clips_of(asked: Asked, corpus: str) -> list[Clip]:
    """All of a corpus, or as many as asked for."""
    clips = find_clips(asked.data, (corpus,))
    if asked.most is not None and len(clips) > asked.most:
        clips = [clips[row] for row in np.sort(np.random.default_rng(0).permutation(len(clips))[: asked.most])]
    return clips


def _word(clip: Clip) -> str:
    """The word of a TESS recording: OAF_back_angry."""
    return clip.path.stem.split("_")[1] if clip.corpus == "tess" else ""


def first_fold(people: list[str]) -> set[str]:
    """The five actors whom the product's first fold holds out; of other people a fifth."""
    actors = {who for who in people if who.partition("-")[2] in {f"{number:02d}" for number in FOLDS[0]}}
    return actors or some(people)


def two(voices: Voices) -> dict[str, tuple[Rows, Rows]]:
    """The paper's split and the one by people."""
    return {RANDOM: at_random(len(voices.truth)), PEOPLE: without(voices.people, first_fold(voices.people))}


def on_each(
    voices: Voices,
    splits: Mapping[str, tuple[Rows, Rows]],
    epochs: int,
    make: Callable[[int], torch.nn.Module],
    *,
    standardise: bool = True,
) -> dict[str, Outcome]:
    """A new network for each split, from the same beginning."""
    found = {}
    count, copies = len(voices.truth), [] if voices.copies is None else list(voices.copies)
    values = np.concatenate((voices.values, *copies))
    truth = np.tile(voices.truth, len(copies) + 1)
    for name, (learn, held) in splits.items():
        every = np.concatenate([learn + number * count for number in range(len(copies) + 1)])
        torch.manual_seed(0)
        net = make(int(truth.max()) + 1)
        ready = standardised(values, every) if standardise else values
        found[name] = trained(net, ready, truth, (every, held), epochs=epochs)
    return found
