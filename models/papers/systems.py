"""One function for each system of the papers: its outcome by the paper's split and with people (or words) held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from edge.inference import Floats
from edge.readings import LABELS
from models.face.data import Faces as Pictures
from models.papers.fit import Classes, Outcome, answered, standardised, trained
from models.papers.marginal_fisher import directions
from models.papers.networks import Convolutional, Faces, Lstm
from models.papers.splits import Rows, at_random, some, without
from models.speech.corpora import Clip, class_index, find_clips

RANDOM, PEOPLE, WORDS = "by recordings, at random", "people held out", "words held out"
_RAVDESS_EIGHT = (*LABELS, "calm")
_DIRECTIONS = 7


@dataclass(frozen=True)
class Voices:
    """The recordings of a corpus, each as numbers, with who speaks and what is said."""

    values: Floats
    truth: Classes
    people: list[str]
    words: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, data: Path, corpus: str, describe: Callable[[Path], Floats], most: int | None) -> Voices:
        clips = find_clips(data, (corpus,))
        if most is not None and len(clips) > most:
            clips = [clips[row] for row in np.sort(np.random.default_rng(0).permutation(len(clips))[:most])]
        classes = _RAVDESS_EIGHT if corpus == "ravdess" else LABELS
        return cls(
            np.stack([describe(clip.path) for clip in clips]),
            np.array([class_index(clip, classes) for clip in clips]),
            [clip.speaker for clip in clips],
            [_word(clip) for clip in clips],
        )


def _word(clip: Clip) -> str:
    """The word of a TESS recording: OAF_back_angry."""
    return clip.path.stem.split("_")[1] if clip.corpus == "tess" else ""


def tess_lstm(voices: Voices, epochs: int) -> dict[str, Outcome]:
    """Mean of 40 MFCC → LSTM(256), dropout, dense; 80/20 over recordings, one speaker, a fifth of the words."""
    speakers = sorted(set(voices.people))
    splits = {
        RANDOM: at_random(len(voices.truth)),
        PEOPLE: without(voices.people, {speakers[0]}),
        WORDS: without(voices.words, some(voices.words)),
    }
    return _networks(voices, splits, epochs, Lstm)


def ravdess_lstm(voices: Voices, epochs: int) -> dict[str, Outcome]:
    """The same network on RAVDESS, eight classes."""
    return _networks(voices, _two(voices), epochs, Lstm)


def ravdess_cnn(voices: Voices, epochs: int) -> dict[str, Outcome]:
    """1D-CNN over the mean of 40 MFCC."""
    inputs = voices.values.shape[1]
    return _networks(voices, _two(voices), epochs, lambda classes: Convolutional(inputs, classes))


def ravdess_marginal_fisher(voices: Voices, epochs: int) -> dict[str, Outcome]:
    """Crossings, energy, pitch and MFCC → marginal Fisher analysis → 1D-CNN."""
    found = {}
    for name, split in _two(voices).items():
        values = standardised(voices.values, split[0])
        basis = directions(values[split[0]].astype(np.float64), voices.truth[split[0]], _DIRECTIONS)
        projected = standardised(np.asarray(values @ basis, np.float32), split[0])
        torch.manual_seed(0)
        net = Convolutional(_DIRECTIONS, int(voices.truth.max()) + 1, 128)
        found[name] = trained(net, projected, voices.truth, split, epochs=epochs)
    return found


def _two(voices: Voices) -> dict[str, tuple[Rows, Rows]]:
    return {RANDOM: at_random(len(voices.truth)), PEOPLE: without(voices.people, some(voices.people))}


def _networks(
    voices: Voices,
    splits: Mapping[str, tuple[Rows, Rows]],
    epochs: int,
    make: Callable[[int], torch.nn.Module],
) -> dict[str, Outcome]:
    found = {}
    for name, split in splits.items():
        torch.manual_seed(0)
        net = make(int(voices.truth.max()) + 1)
        found[name] = trained(net, standardised(voices.values, split[0]), voices.truth, split, epochs=epochs)
    return found


@dataclass(frozen=True)
class Pixels:
    """FER2013's faces with its own labels, in our order; learned from and judged on its own parts."""

    values: Floats
    truth: Classes
    split: tuple[Rows, Rows]

    @classmethod
    def of(cls, learn: Pictures, held: Pictures, most: int) -> Pixels:
        parts = [_thinned(one, most // (1 if one is learn else 3)) for one in (learn, held)]
        values = np.concatenate([one for one, _ in parts]).astype(np.float32) / 127.5 - 1
        truth = np.concatenate([labels for _, labels in parts])
        first = len(parts[0][1])
        return cls(values, truth, (np.arange(first), np.arange(first, len(truth))))


def _thinned(pictures: Pictures, most: int) -> tuple[NDArray[np.uint8], Classes]:
    rows = np.random.default_rng(0).permutation(len(pictures.images))[:most]
    return pictures.images[rows], pictures.label[rows]


def fer_cnn(pixels: Pixels, epochs: int, *, separable: bool = False) -> tuple[Faces, Outcome]:
    """2D-CNN over FER2013, full or depthwise-separable convolutions."""
    torch.manual_seed(0)
    net = Faces(len(LABELS), separable=separable)
    return net, trained(net, pixels.values, pixels.truth, pixels.split, epochs=epochs)


def support_vectors(net: Faces, pixels: Pixels) -> Outcome:
    """A linear support vector machine on what the network's last layer sees."""
    seen = answered(net, pixels.values, features=True)
    seen = standardised(seen, pixels.split[0])
    learn, held = pixels.split
    weights = _linear_machine(seen[learn].astype(np.float64), pixels.truth[learn], len(LABELS))
    guess = (np.column_stack((seen[held], np.ones(len(held)))) @ weights).argmax(axis=1)
    return Outcome(pixels.truth[held], guess, len(LABELS))


def _linear_machine(values: NDArray[np.floating[Any]], truth: Classes, classes: int) -> Floats:
    """One against all, squared hinge loss; (features + 1, classes)."""
    inputs: NDArray[np.float64] = np.column_stack((values, np.ones(len(values)))).astype(np.float64)
    signs = np.where(np.eye(classes)[truth] > 0, 1.0, -1.0)

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights: NDArray[np.float64] = flat.reshape(inputs.shape[1], classes)
        slack = np.maximum(0, 1 - signs * (inputs @ weights))
        slope = -2.0 * inputs.T @ (signs * slack) / len(inputs) + 2e-3 * weights
        return float((slack**2).sum() / len(inputs) + 1e-3 * (weights**2).sum()), slope.ravel()

    start = np.zeros(inputs.shape[1] * classes)
    return np.asarray(minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x).reshape(
        -1, classes
    )


def fused(voices: Voices, pixels: Pixels, faces: Faces, epochs: int) -> dict[str, Outcome]:
    """Random pairs of a RAVDESS voice and a FER2013 face of the same label: features joined, or decisions averaged.

    The pairs are of different people: whatever they score says little of one person with a face and a voice.
    """
    found = {}
    seven = np.where(voices.truth == len(LABELS), 0, voices.truth)  # calm is neutral
    seen = answered(faces, pixels.values, features=True)
    decided = answered(faces, pixels.values)
    for name, split in _two(voices).items():
        torch.manual_seed(0)
        net = Convolutional(voices.values.shape[1], len(LABELS))
        values = standardised(voices.values, split[0])
        alone = trained(net, values, seven, split, epochs=epochs)
        heard, said = answered(net, values, features=True), answered(net, values)
        partner = _partners(seven, split, pixels)
        joined = standardised(np.concatenate((heard, seen[partner]), axis=1), split[0])
        weights = _linear_machine(joined[split[0]].astype(np.float64), seven[split[0]], len(LABELS))
        guess = (np.column_stack((joined[split[1]], np.ones(len(split[1])))) @ weights).argmax(axis=1)
        both = _softmax(said[split[1]]) + _softmax(decided[partner[split[1]]])
        found[f"voice alone, {name}"] = alone
        found[f"features joined, {name}"] = Outcome(seven[split[1]], guess, len(LABELS))
        found[f"decisions averaged, {name}"] = Outcome(seven[split[1]], both.argmax(axis=1), len(LABELS))
    return found


def _partners(truth: Classes, split: tuple[Rows, Rows], pixels: Pixels) -> Rows:
    """For each voice a face of its label, from the same side of the split."""
    draw, partner = np.random.default_rng(0), np.zeros(len(truth), np.int64)
    for side, faces in zip(split, pixels.split, strict=True):
        for row in side:
            partner[row] = draw.choice(faces[pixels.truth[faces] == truth[row]])
    return partner


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
