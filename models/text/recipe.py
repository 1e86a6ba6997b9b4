"""The numbers of the recipe in one place."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = 48  # pieces that the network sees at once; 99 of 100 sentences have fewer


@dataclass(frozen=True)
class Recipe:
    """Found on the parts for choosing."""

    pieces: int = 14000
    dimensions: int = 96
    channels: int = 128
    units: int = 96  # of the LSTM, in each direction
    epochs: int = 7
    lesson_epochs: int = 18  # after those, in which a larger network's answers teach beside the labels
    lesson_rate: float = 1.5e-3
    lesson: float = 0.8  # how much its answers count, of one
    copies: float = 1.0  # how many changed copies of sentences an epoch of lessons has, for each sentence as it is
    batch: int = 128
    rate: float = 2e-3
    embedding_rate: float = 0.5  # of the rate
    weight_decay: float = 0.02
    dropout: float = 0.35
    embedding_dropout: float = 0.2
    lost: float = 0.06  # of the pieces, each time others
    unmarked: float = 0.25  # of the sentences, without their marks, as some speech-to-text gives them
    smoothing: float = 0.04
    own: float = 0.02  # weight decay of what each corpus has of its own
    spoken: float = 0.5  # how much of what spoken dialogue alone has goes into the shipped answer
