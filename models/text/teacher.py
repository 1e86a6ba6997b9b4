"""Larger networks that teach the small one: a sentence encoder fitted to the English sentences, then asked about them.

Each answers as the small one does: evidence that all corpora share, and what each means of its own. They differ by
how fast they learn; the mean of their answers is the lesson.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
from models.text.mpnet import MPNet
from models.text.network import from_labels
from models.text.recipe import Recipe

_ASKED_AT_ONCE = {"cuda": 512, "cpu": 32}  # the quickest of some
_WARMING = 0.06  # share of the fitting in which the rates rise
_LONGEST = 64  # tokens that are read


@dataclass(frozen=True)
class Teaching:
    """The numbers of their recipe."""

    rates: tuple[float, ...] = (2e-5, 3e-5, 5e-5)  # one for each teacher
    epochs: int = 3
    batch: int = 64
    head_rate: float = 1e-3
    dropout: float = 0.1
    lost: float = 0.05  # of the tokens
    smoothing: float = 0.04
    unmarked: float = 0.2


@dataclass(frozen=True)
class Fitting:
    """What a teacher is fitted with."""

    chosen: Sequence[Sentence]
    task: Task  # with these first, in the same order
    encoder: Encoder
    teaching: Teaching = field(default_factory=Teaching)
    device: str = "cpu"


class Teacher(nn.Module):  # type: ignore[misc]
    """The encoder, all of it fitted, and a linear answer on it."""

    def __init__(self, encoder: Encoder, dropout: float) -> None:
        super().__init__()
        self._encoder, self._dropout = encoder, dropout
        self.inner = nn.ParameterDict({name.replace(".", "/"): one.clone() for name, one in encoder.weights.items()})
        self.shared = nn.Linear(encoder.width, len(LABELS))
        self.own = nn.Parameter(torch.zeros(len(NAMES), encoder.width, len(LABELS)))
        self.own_bias = nn.Parameter(torch.zeros(len(NAMES), len(LABELS)))

    def pooled(self, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        fitted = {name.replace("/", "."): one for name, one in self.inner.items()}
        device = self.own.device.type
        with torch.autocast(device, torch.bfloat16, enabled=_bfloat16(device)):
            means = self._encoder.having(fitted, self._dropout if self.training else 0.0).means(tokens)
        return functional.dropout(means.float(), self._dropout, self.training)

    def answers(self, pooled: torch.Tensor, corpora: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of what all share, and of what the corpus means."""
        shared = self.shared(pooled)
        return shared, shared + torch.einsum("id,idk->ik", pooled, self.own[corpora]) + self.own_bias[corpora]


def _bfloat16(device: str) -> bool:
    """Whether it is quicker there."""
    return device == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def lessons(
    chosen: Sequence[Sentence], asked: Sequence[Sentence], task: Task, work: Path, device: str = "cpu"
) -> Floats:
    """(sentences, LABELS): the evidence on `asked` that is to be learned, nan for what is not known in English.

    The teachers are fitted to `chosen`. Their weights and their answers are kept in `work`.
    """
    path = work / "lessons.npy"
    if path.is_file():
        kept: Floats = np.load(path)
        return kept
    fitting = Fitting(chosen, task, MPNet.fetched(work), device=device)
    teachers = [teacher(number, fitting, work) for number in range(len(fitting.teaching.rates))]
    evidence: Floats = answers(teachers, [one.english for one in asked], fitting.encoder)
    np.save(path, evidence)
    return evidence


def teacher(number: int, fitting: Fitting, work: Path) -> Teacher:
    """One of them: fitted, or as it was kept."""
    return fitted(fitting, work / f"teacher{number}.pt", number)


def fitted(fitting: Fitting, path: Path, number: int = 0) -> Teacher:
    """Fitted to the English ones; goes on where `path` says."""
    torch.manual_seed(number)
    done = 0
    result: Teacher = Teacher(fitting.encoder, fitting.teaching.dropout).to(fitting.device)
    if path.is_file():
        kept = torch.load(path, weights_only=True, map_location=fitting.device)
        result.load_state_dict(kept["net"])
        done = kept["done"]
    if done < fitting.teaching.epochs:
        _fit(result, done, fitting, path, number)
    result.eval()
    return result


def _fit(teacher: Teacher, done: int, fitting: Fitting, path: Path, seed: int) -> None:
    task, encoder, teaching = fitting.task, fitting.encoder, fitting.teaching
    tokens = [encoder.tokens(one.text) if one.language == "en" else [] for one in fitting.chosen]
    optimizer = torch.optim.AdamW(
        [
            {"params": list(teacher.inner.values()), "lr": teaching.rates[seed]},
            {"params": [*teacher.shared.parameters(), teacher.own, teacher.own_bias], "lr": teaching.head_rate},
        ],
        weight_decay=0.01,
        fused=True,
    )
    highest = [group["lr"] for group in optimizer.param_groups]
    for number in range(done, teaching.epochs):
        teacher.train()
        torch.manual_seed(1000 * seed + number)
        draw = np.random.default_rng((seed, number))
        groups = _batches(tokens, task, teaching, draw)
        losses = []
        for step, rows in enumerate(tqdm(groups, f"{path.stem} {number + 1}/{teaching.epochs}", mininterval=10)):
            progress = (number + step / len(groups)) / teaching.epochs
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["lr"] = rate * min(progress / _WARMING, 1.0) * (1 - progress)
            some = [_changed(tokens[row], teaching, encoder, draw) for row in rows]
            loss = _loss(teacher, some, task, rows, teaching)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.detach())
        part = path.with_suffix(".part")
        torch.save({"net": teacher.state_dict(), "done": number + 1}, part)
        part.replace(path)
        print(f"{path.stem} epoch {number + 1} loss {torch.stack(losses).mean():.4f}", flush=True)


def _loss(
    teacher: Teacher, tokens: Sequence[Sequence[int]], task: Task, rows: NDArray[np.int64], teaching: Teaching
) -> torch.Tensor:
    device = teacher.own.device
    corpora, truth = torch.from_numpy(task.corpora[rows]).to(device), torch.from_numpy(task.truth[rows]).to(device)
    prior = torch.from_numpy(task.priors[task.corpora[rows]]).to(device)
    counts = torch.from_numpy(WEIGHT[task.corpora[rows]]).to(device)
    loss = from_labels(teacher.answers(teacher.pooled(tokens), corpora), truth, prior, teaching.smoothing)
    return (loss * counts).sum() / counts.sum()


def _batches(
    tokens: Sequence[Sequence[int]], task: Task, teaching: Teaching, draw: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Rows of like length together, each corpus with its share."""
    lengths = np.array([len(one) for one in tokens])
    order = np.argsort(lengths + draw.uniform(0, 4, len(tokens)))
    told = (lengths > 0) & ~task.truth[: len(tokens)].all(1)
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
def answers(teachers: Sequence[Teacher], texts: Sequence[str], encoder: Encoder) -> Floats:
    """(texts, LABELS): their mean evidence, as it ships, with a part of what spoken dialogue means; nan of no text."""
    once = sorted(set(texts) - {""}, key=len)
    found, talk = {"": np.full(len(LABELS), np.nan, np.float32)}, NAMES.index(TALK)
    number = _ASKED_AT_ONCE[teachers[0].own.device.type]
    for at in tqdm(range(0, len(once), number), "asking", mininterval=10):
        some = once[at : at + number]
        tokens = [encoder.tokens(text)[:_LONGEST] for text in some]
        told = torch.zeros(len(some), len(LABELS))
        for one in teachers:
            spoken = torch.full((len(some),), talk, device=one.own.device)
            told += torch.lerp(*one.answers(one.pooled(tokens), spoken), Recipe.spoken).cpu() / len(teachers)
        found |= dict(zip(some, told.numpy(), strict=True))
    return np.asarray([found[text] for text in texts], np.float32)
