"""A larger network that teaches the small one: all-MiniLM-L6-v2 fitted to the English sentences, then asked about them.

It answers as the small one does: evidence that all corpora share, and what each means of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from edge.inference import Floats
from edge.readings import LABELS
from models.text.corpora import Sentence
from models.text.dataset import LESSON, NAMES, TALK, WEIGHT, Task
from models.text.minilm import Encoder
from models.text.network import from_labels
from models.text.recipe import Recipe

WIDTH = 384
_HALF = bool(torch.cpu._is_avx512_bf16_supported())  # bfloat16 is quicker where the machine can
_ASKED_AT_ONCE = 256
_WARMING = 0.06  # share of the fitting in which the rates rise
_LONGEST = 64  # tokens that are read


@dataclass(frozen=True)
class Teaching:
    """The numbers of its recipe."""

    epochs: int = 2
    batch: int = 96
    rate: float = 1.5e-4
    head_rate: float = 2e-3
    dropout: float = 0.1
    lost: float = 0.05  # of the tokens
    smoothing: float = 0.04
    unmarked: float = 0.2


class Teacher(nn.Module):  # type: ignore[misc]
    """The encoder, its table of words as it was, and a linear answer on it."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self._encoder = encoder
        learned = {name: one for name, one in encoder.weights.items() if name.startswith("encoder.")}
        self.layers = nn.ParameterDict({name.replace(".", "/"): one.clone() for name, one in learned.items()})
        self.shared = nn.Linear(WIDTH, len(LABELS))
        self.own = nn.Parameter(torch.zeros(len(NAMES), WIDTH, len(LABELS)))
        self.own_bias = nn.Parameter(torch.zeros(len(NAMES), len(LABELS)))

    def pooled(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        fitted = {name.replace("/", "."): one for name, one in self.layers.items()}
        with torch.autocast("cpu", torch.bfloat16, enabled=_HALF):
            means: torch.Tensor = self._encoder.having(fitted).means(tokens)
        return means.float()

    def answers(self, pooled: torch.Tensor, corpora: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of what all share, and of what the corpus means."""
        shared = self.shared(pooled)
        return shared, shared + torch.einsum("id,idk->ik", pooled, self.own[corpora]) + self.own_bias[corpora]


def lessons(chosen: Sequence[Sentence], task: Task, work: Path) -> Floats:
    """(sentences, LABELS): the evidence that is to be learned, nan for what is not known in English.

    `task` has `chosen` in the same order. The teacher's weights and its answers are kept in `work`.
    """
    path = work / "lessons.npy"
    if path.is_file():
        kept: Floats = np.load(path)
        return kept
    encoder = Encoder.fetched(work)
    teacher = fitted(chosen, task, encoder, work / "teacher.pt", Teaching())
    evidence: Floats = answers(teacher, [one.english for one in chosen], encoder)
    np.save(path, evidence)
    return evidence


def fitted(chosen: Sequence[Sentence], task: Task, encoder: Encoder, path: Path, teaching: Teaching) -> Teacher:
    """Fitted to the English ones; goes on where `path` says."""
    torch.manual_seed(0)
    teacher, done = Teacher(encoder), 0
    if path.is_file():
        kept = torch.load(path, weights_only=True)
        teacher.load_state_dict(kept["net"])
        done = kept["done"]
    tokens = [encoder.tokens(one.text) if one.language == "en" else [] for one in chosen]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(teacher.layers.values()), "lr": teaching.rate},
            {"params": [*teacher.shared.parameters(), teacher.own, teacher.own_bias], "lr": teaching.head_rate},
        ],
        weight_decay=0.01,
    )
    highest = [group["lr"] for group in optimizer.param_groups]
    for number in range(done, teaching.epochs):
        teacher.train()
        torch.manual_seed(number)
        draw = np.random.default_rng(number)
        groups = _batches(tokens, task, teaching, draw)
        losses = []
        for step, rows in enumerate(tqdm(groups, f"teacher {number + 1}/{teaching.epochs}")):
            progress = (number + step / len(groups)) / teaching.epochs
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["lr"] = rate * min(progress / _WARMING, 1.0) * (1 - progress)
            loss = _loss(
                teacher, [_changed(tokens[row], teaching, encoder, draw) for row in rows], task, rows, teaching
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        torch.save({"net": teacher.state_dict(), "done": number + 1}, path)
        print(f"teacher epoch {number + 1} loss {np.mean(losses):.4f}", flush=True)
    teacher.eval()
    return teacher


def _loss(
    teacher: Teacher, tokens: Sequence[Sequence[int]], task: Task, rows: NDArray[np.int64], teaching: Teaching
) -> torch.Tensor:
    pooled = functional.dropout(teacher.pooled(tokens), teaching.dropout)
    corpora = torch.from_numpy(task.corpora[rows])
    prior, truth = torch.from_numpy(task.priors)[corpora], torch.from_numpy(task.truth[rows])
    counts = torch.from_numpy(WEIGHT)[corpora]
    loss = from_labels(teacher.answers(pooled, corpora), truth, prior, teaching.smoothing)
    return (loss * counts).sum() / counts.sum()


def _batches(
    tokens: Sequence[Sequence[int]], task: Task, teaching: Teaching, draw: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Rows of like length together, each corpus with its share."""
    lengths = np.array([len(one) for one in tokens])
    order = np.argsort(lengths + draw.uniform(0, 4, len(tokens)))
    told = (lengths > 0) & ~task.truth.all(1)
    order = order[told[order] & (draw.random(len(order)) < LESSON[task.corpora[order]])]
    groups = [order[at : at + teaching.batch] for at in range(0, len(order), teaching.batch)]
    return [groups[number] for number in draw.permutation(len(groups))]


def _changed(tokens: list[int], teaching: Teaching, encoder: Encoder, draw: np.random.Generator) -> list[int]:
    inner = tokens[1:-1]
    if draw.random() < teaching.unmarked:
        inner = [token for token in inner if token not in encoder.marks] or inner
    inner = [token for token in inner if draw.random() >= teaching.lost] or inner
    return [tokens[0], *inner[: _LONGEST - 2], tokens[-1]]


@torch.inference_mode()  # type: ignore[untyped-decorator]
def answers(teacher: Teacher, texts: Sequence[str], encoder: Encoder) -> Floats:
    """(texts, LABELS): evidence as it ships, with a part of what spoken dialogue means; nan where there is no text."""
    once = sorted(set(texts) - {""}, key=len)
    found, talk = {"": np.full(len(LABELS), np.nan, np.float32)}, NAMES.index(TALK)
    for at in range(0, len(once), _ASKED_AT_ONCE):
        some = once[at : at + _ASKED_AT_ONCE]
        pooled = teacher.pooled([encoder.tokens(text)[:_LONGEST] for text in some])
        shared, own = teacher.answers(pooled, torch.full((len(some),), talk))
        found |= dict(zip(some, torch.lerp(shared, own, Recipe.spoken).numpy(), strict=True))
    return np.asarray([found[text] for text in texts], np.float32)
