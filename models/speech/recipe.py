"""The numbers of the recipe, in one place."""

from __future__ import annotations

from dataclasses import dataclass

FRAMES = 5  # that an LSTM step takes together: 50 ms


@dataclass(frozen=True)
class Recipe:
    front: int = 96
    units: int = 112
    hidden: int = 48
    dropout: float = 0.1
    weight_decay: float = 1e-5
    epochs: int = 40
    batch: int = 64
    rate: float = 3e-3
    copies: int = 4  # degraded copies of each clip, beside the clean one
    tess_share: float = 0.3  # of its two hundred words
    clean_share: float = 0.3  # of items taken as recorded
    others_share: float = 0.5  # of the clips of other corpora than RAVDESS, each epoch anew
    voices_share: float = 0.6  # of the unlabelled voices, likewise
    smoothing: float = 0.1  # of the labels
    teacher: float = 0.7  # how much its judgement counts; the label has the rest
    answer: float = 0.7  # how much the label and the teacher's judgement count in training
    thought: float = 0.5  # how much the teacher's state counts, step by step, beside the answer
    view: float = 2.0  # how much its description of what came so far counts
    thoughts: int = 48  # numbers that its state is reduced to
    views: int = 64  # numbers that its description is reduced to
    judge: float = 12.0  # how much each number of its judgement counts against one of those
    most_s: float = 4.0  # of a segment seen in training
