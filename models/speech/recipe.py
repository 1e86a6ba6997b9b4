"""The numbers of the recipe, in one place."""

from __future__ import annotations

from dataclasses import dataclass

FRAMES = 4  # that an LSTM step takes together: 40 ms
UNIT = 2  # frames that the stem describes together: 20 ms
EARLY = 16  # LSTM steps (0.64 s) before an answer is asked for, and before the teacher's description counts


@dataclass(frozen=True)
class Recipe:
    front: int = 192
    units: int = 288
    dropout: float = 0.35
    weight_decay: float = 0.02
    epochs: int = 120
    branches: int = 3  # short trainings from where that ends; what counts is the mean of all
    branch_epochs: int = 20
    branch_rate: float = 1e-3
    batch: int = 96
    rate: float = 3e-3
    copies: int = 6  # degraded copies of each clip, beside the clean one
    stem_rate: float = 0.1  # of the stem, as a share of the others' rate: it knows much already
    tess_share: float = 0.3  # of its two hundred words
    clean_share: float = 0.3  # of items taken as recorded
    others_share: float = 0.6  # of the clips of other corpora than RAVDESS, each epoch anew
    plain_share: float = 0.5  # of plain speech
    smoothing: float = 0.1  # of the labels
    talk_times: int = 3  # that each stretch of talk is taken in an epoch: there is little of it
    talk_smoothing: float = 0.3  # of neutral, where people just talk: nobody asked them
    told: float = 0.5  # of items whose corpus the answer is told; the others are answered as a stranger's would be
    teacher: float = 0.6  # how much its judgement counts; the label has the rest
    answer: float = 0.7  # how much the label and the teacher's judgement count in training
    thought: float = 0.5  # how much the teacher's state counts, step by step, beside the answer
    view: float = 2.0  # how much its description of what came so far counts
    thoughts: int = 64  # numbers that its state is reduced to
    views: int = 96  # numbers that its description is reduced to
    judge: float = 12.0  # how much each number of its judgement counts against one of those
    most_s: float = 4.0  # of a segment seen in training
    longest_gap: int = 12  # units of 20 ms that are missing at a time
    colour: float = 0.15  # deviations by which each item's features are moved, all along
    shrinkage: float = 0.15  # of the answer's covariance towards a sphere
    shared: float = 3.0  # how much the logits count in the end that the network learned for all corpora alike
    talk_often: float = 4.5  # added to the logits of talk: most of what is heard in life is talk
    strangers: bool = True  # whether the answer has a group of means for people of no corpus
