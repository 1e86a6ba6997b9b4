"""The numbers of the recipe in one place."""

from __future__ import annotations

from dataclasses import dataclass

STEPS = 48  # pieces that the network sees at once; 99 of 100 sentences have fewer


@dataclass(frozen=True)
class Recipe:
    """Found on the parts for choosing."""

    pieces: int = 14000
    dimensions: int = 64
    channels: int = 192
    units: int = 160  # of the LSTM, in each direction
    epochs: int = 7
    lesson_epochs: int = 30  # after those, in which larger networks' answers teach beside the labels
    lesson_rate: float = 3e-3
    last_epochs: int = 12  # and after those, in which only sentences as they are teach
    last_rate: float = 1e-3
    last_share: float = 0.75  # of what those have learned: the weights are a mean of before and after
    lesson: float = 0.8  # how much its answers count, of one
    copies: float = 1.0  # how many changed copies of sentences an epoch of lessons has, for each sentence as it is
    batch: int = 512
    rate: float = 3e-3
    embedding_rate: float = 0.5  # of the rate
    weight_decay: float = 0.02
    dropout: float = 0.25
    embedding_dropout: float = 0.15
    lost: float = 0.06  # of the pieces, each time others
    unmarked: float = 0.25  # of the sentences, without their marks, as some speech-to-text gives them
    smoothing: float = 0.04
    own: float = 0.02  # weight decay of what each corpus has of its own
    spoken: float = 0.5  # how much of what spoken dialogue alone has goes into the shipped answer
