"""The numbers of the recipe, in one place."""

from __future__ import annotations

from dataclasses import dataclass

FRAMES = 5  # that an LSTM step takes together: 50 ms


@dataclass(frozen=True)
class Recipe:
    front: int = 96
    units: int = 112
    hidden: int = 48
    dropout: float = 0.2
    weight_decay: float = 1e-5
    epochs: int = 40
    batch: int = 64
    rate: float = 3e-3
    copies: int = 4  # degraded copies of each clip, beside the clean one
    tess_share: float = 0.3  # of its two hundred words
    clean_share: float = 0.3  # of items taken as recorded
    others_share: float = 0.5  # of the clips of other corpora than RAVDESS, each epoch anew
    smoothing: float = 0.1  # of the labels
    teacher: float = 0.7  # how much its judgement counts; the label has the rest
    most_s: float = 4.0  # of a segment seen in training
