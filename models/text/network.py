"""The network: pieces, two convolutions, an LSTM read both ways, the strongest of its states, one answer.

An input is (STEPS, dimensions + 1): the embedding of each piece, and a last number that is 1 where there is a piece.
Every corpus learns with the logarithm of how common each label is in it added to the answer, so that the answer itself
is evidence under a uniform prior; what annotators of one corpus alone mean by a label goes into a part of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from edge.inference import Floats
from edge.readings import LABELS
from models.text.recipe import Recipe

PRESENT = 3.0  # what says that there is a piece: as large as embeddings are, for the sake of int8


class Network(nn.Module):  # type: ignore[misc]
    """Pieces in, logits of LABELS out; `taught` adds what each corpus has of its own."""

    def __init__(self, embeddings: Floats, corpora: int, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.embedding = nn.Parameter(torch.from_numpy(embeddings.copy()))
        width = embeddings.shape[1] + 1
        self.first = nn.Conv1d(width, recipe.channels, 3, padding=1)
        self.second = nn.Conv1d(recipe.channels, recipe.channels, 3, stride=2, padding=1)
        self.lstm = nn.LSTM(recipe.channels, recipe.units, batch_first=True, bidirectional=True)
        pooled = 4 * recipe.units + recipe.channels
        self.shared = nn.Linear(pooled, len(LABELS))
        self.own = nn.Parameter(torch.zeros(corpora, pooled, len(LABELS)))
        self.own_bias = nn.Parameter(torch.zeros(corpora, len(LABELS)))

    def inputs(self, ids: torch.Tensor) -> torch.Tensor:
        """(items, steps, dimensions + 1) of numbers of pieces; below zero is none."""
        there = (ids >= 0)[..., None].float()
        rows = functional.embedding(ids.clamp(min=0), self.embedding) * there
        return torch.cat((rows, PRESENT * there), dim=2)

    def pooled(self, inputs: torch.Tensor) -> torch.Tensor:
        """(items, 4 * units + channels): the highest and lowest of the LSTM's states, the highest of the channels."""
        there = (inputs[:, :, -1:] > 0).float()
        first = torch.relu(self.first(inputs.transpose(1, 2))) * there.transpose(1, 2)
        first = functional.dropout(first, self.recipe.dropout / 2, self.training)
        second = torch.relu(self.second(first)).transpose(1, 2)
        pairs = there.reshape(len(there), -1, 2).amax(2, keepdim=True)
        second = second * pairs
        lengths = pairs.sum((1, 2)).clamp(min=1).long().cpu()
        dropped = functional.dropout(second, self.recipe.dropout / 2, self.training)
        packed = pack_padded_sequence(dropped, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=second.shape[1])
        nothing = pairs - 1.0  # below all states where no piece is: a short sentence is the same however it is padded
        highest, lowest = (states + nothing).amax(1), (nothing - states).amax(1)
        return torch.cat((highest, lowest, second.amax(1)), dim=1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.shared(self.pooled(self.inputs(ids)))

    def taught(self, ids: torch.Tensor, corpora: torch.Tensor, talk: int) -> tuple[torch.Tensor, ...]:
        """Logits of what all share, of what the corpus means, and of what ships: with a part of what `talk` means."""
        inputs = self.inputs(ids)
        rows = functional.dropout(inputs[:, :, :-1], self.recipe.embedding_dropout, self.training)
        pooled = self.pooled(torch.cat((rows, inputs[:, :, -1:]), dim=2))
        kept = functional.dropout(pooled, self.recipe.dropout, self.training)
        shared = self.shared(kept)
        own = torch.einsum("id,idk->ik", kept, self.own[corpora]) + self.own_bias[corpora]
        spoken = kept @ self.own[talk] + self.own_bias[talk]
        return shared, shared + own, shared + self.recipe.spoken * spoken


def from_labels(
    answers: Sequence[torch.Tensor], truth: torch.Tensor, prior: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """The loss of each sentence, the mean over some answers to it, which have its corpus's prior while they learn."""
    return torch.stack([_one_of(evidence + prior, truth, prior, smoothing) for evidence in answers]).mean(0)


def _one_of(logits: torch.Tensor, truth: torch.Tensor, prior: torch.Tensor, smoothing: float) -> torch.Tensor:
    """-log p(one of the true labels), with some of the weight spread over all that the corpus has."""
    likely = functional.log_softmax(logits, dim=1)
    right = -torch.logsumexp(likely.masked_fill(~truth, -1e4), dim=1)
    known = prior > -10
    spread = -(likely * known).sum(1) / known.sum(1)
    return (1 - smoothing) * right + smoothing * spread
