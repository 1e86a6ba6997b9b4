"""A teacher that has heard thousands of voices, and what it would say of speakers whose labels it was not told.

The voice encoder of Resemblyzer 0.1.4 (Apache-2.0; trained by its author to tell speakers of LibriSpeech and VoxCeleb
apart) describes each clip: mean and deviation of its second layer. On that, a linear discriminant learns feelings from
the training speakers and judges each of them by the others. The network learns from these judgements beside the
labels: they say which feelings sound alike. Nobody who is held back for testing is among these speakers.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.classifier import CLASSES
from models.speech.cache import Spans
from models.speech.corpora import Clip
from models.speech.dataset import class_index
from models.speech.recordings import read_clip
from models.speech.torchfile import tensors

_PACKAGE, _WEIGHTS = "resemblyzer==0.1.4", "resemblyzer/pretrained.pt"
_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
_UNITS, _BANDS, _WINDOW, _HOP = 256, 40, 400, 160
_LOUDNESS_DB = -30.0
_AT_ONCE = 64
_LONGEST = 1600  # frames of a clip
_GROUPS = 17  # of speakers, each judged by the others
_SHRINKAGE = 0.3  # of the covariance towards a sphere
_SHARPNESS = 0.3  # of the judgements; makes them as sure as they are right
_LABELS_ONLY = "tess"  # one or two speakers cannot judge each other


def judgements(described: Floats, clips: list[Clip], chosen: list[int]) -> NDArray[np.float64]:
    """(clips, CLASSES): for the chosen clips what the others' speakers make of them; labels where there is no telling.

    Rows of clips that were not chosen are zero, and nothing of them is used.
    """
    result = np.zeros((len(clips), len(CLASSES)))
    truth = np.array([class_index(clip, CLASSES) for clip in clips])
    result[chosen, truth[chosen]] = 1
    for corpus in sorted({clips[n].corpus for n in chosen} - {_LABELS_ONLY}):
        mine = np.array([n for n in chosen if clips[n].corpus == corpus])
        speakers = np.array([clips[n].speaker for n in mine])
        names = sorted(set(speakers))
        if len(names) < 3:
            continue
        for start in range(min(_GROUPS, len(names))):
            judged = np.isin(speakers, names[start::_GROUPS])
            rest = mine[~judged]
            result[mine[judged]] = discriminant(described[rest], truth[rest], described[mine[judged]])
    return result


def discriminant(known: Floats, truth: NDArray[np.int64], asked: Floats) -> NDArray[np.float64]:
    """Linear discriminant analysis: probabilities (asked, CLASSES)."""
    line = Line.learned(known, truth)
    logits = line.of(asked)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result = np.zeros((len(asked), len(CLASSES)))
    result[:, line.classes] = powers / powers.sum(axis=1, keepdims=True)
    return result


@dataclass(frozen=True)
class Line:
    """The linear function that a discriminant is: logits of the classes that it has met."""

    classes: NDArray[np.int64]
    mean: Floats
    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    @classmethod
    def learned(cls, known: Floats, truth: NDArray[np.int64]) -> Line:
        mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-6
        a = (known - mean) / deviation
        classes = np.unique(truth)
        means = np.stack([a[truth == label].mean(axis=0) for label in classes])
        spread = a - means[np.searchsorted(classes, truth)]
        covariance = spread.T @ spread / len(spread)
        sphere = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
        directions = np.linalg.solve((1 - _SHRINKAGE) * covariance + _SHRINKAGE * sphere, means.T)
        matrix = _SHARPNESS * directions / deviation[:, None]
        return cls(classes, mean, matrix, -0.5 * _SHARPNESS * np.sum(means.T * directions, axis=0))

    def of(self, asked: Floats) -> NDArray[np.float64]:
        return np.asarray((asked - self.mean) @ self.matrix + self.offset)


def judges(described: Floats, clips: list[Clip], chosen: list[int]) -> dict[str, Line]:
    """A discriminant for each corpus that has speakers enough, learned from the chosen clips."""
    found = {}
    for corpus in sorted({clips[n].corpus for n in chosen} - {_LABELS_ONLY}):
        mine = [n for n in chosen if clips[n].corpus == corpus]
        found[corpus] = Line.learned(described[mine], np.array([class_index(clips[n], CLASSES) for n in mine]))
    return found


def descriptions(clips: list[Clip], spans: dict[str, Spans], work: Path) -> Floats:
    """(clips, 4 * 128): computed once, minutes; then read from `work`."""
    path = work / f"teacher-{len(clips)}.npy"
    if not path.exists():
        weights = teacher_weights(work)
        inputs = [_voiced_mel(clip, spans[clip.key]) for clip in tqdm(clips, desc="teacher listens", mininterval=10)]
        order = sorted(range(len(clips)), key=lambda n: len(inputs[n]))
        described = np.zeros((len(clips), 2 * _UNITS), np.float32)
        for start in tqdm(range(0, len(order), _AT_ONCE), desc="teacher", mininterval=10):
            some = order[start : start + _AT_ONCE]
            described[some] = describe([inputs[n] for n in some], weights)
        np.save(path, described)
    kept: Floats = np.load(path)
    return kept


def describe(inputs: list[Floats], weights: dict[str, Floats]) -> Floats:
    """Mean and deviation over time of the second layer."""
    seen = listen(inputs, weights)
    return np.asarray(np.stack([np.concatenate((one.mean(axis=0), one.std(axis=0))) for one in seen]), np.float32)


def listen(inputs: list[Floats], weights: dict[str, Floats]) -> list[Floats]:
    """The second layer, frame by frame."""
    batch = np.zeros((len(inputs), max(map(len, inputs)), _BANDS), np.float32)
    for number, part in enumerate(inputs):
        batch[number, : len(part)] = part
    for layer in range(2):
        batch = _lstm(
            batch, *(weights[f"lstm.{part}_l{layer}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        )
    return [batch[number, : len(part)] for number, part in enumerate(inputs)]


def _lstm(inputs: Floats, kernel: Floats, recurrent: Floats, bias: Floats, second_bias: Floats) -> Floats:
    gates_in = inputs @ kernel.T + (bias + second_bias)
    h = c = np.zeros((len(inputs), _UNITS), np.float32)
    states = np.empty((*inputs.shape[:2], _UNITS), np.float32)
    for step in range(inputs.shape[1]):
        enter, forget, candidate, leave = np.split(gates_in[:, step] + h @ recurrent.T, 4, axis=1)
        c = _sigmoid(forget) * c + _sigmoid(enter) * np.tanh(candidate)
        h = _sigmoid(leave) * np.tanh(c)
        states[:, step] = h
    return states


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float32)


def _voiced_mel(clip: Clip, spans: Spans) -> Floats:
    samples = read_clip(clip.path)
    parts = [samples[first:last] for first, last in spans] or [samples[:SAMPLE_RATE]]
    return mel(np.concatenate(parts))[:_LONGEST]


def mel(samples: Samples) -> Floats:
    """What the teacher hears: power in 40 bands of Slaney's mel scale, all clips equally loud."""
    rms = float(np.sqrt(np.mean(samples**2))) + 1e-9
    padded = np.pad(samples * np.float32(10 ** (_LOUDNESS_DB / 20) / rms), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW + 1)[:-1], _WINDOW)) ** 2
    return np.asarray(power @ _BANK.T, np.float32)


def _slaney_bank() -> NDArray[np.float64]:
    """Triangles of equal area; the scale is linear below 1 kHz and logarithmic above."""
    step, knee, growth = 200 / 3, 15.0, np.log(6.4) / 27
    top = knee + np.log(SAMPLE_RATE / 2 / 1000) / growth
    mels = np.linspace(0, top, _BANDS + 2)
    hz = np.where(mels < knee, mels * step, 1000 * np.exp(growth * (mels - knee)))
    at = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    rise = (at - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    fall = (hz[2:, None] - at) / (hz[2:] - hz[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)) * (2 / (hz[2:] - hz[:-2]))[:, None])


_BANK = _slaney_bank()


def teacher_weights(work: Path) -> dict[str, Floats]:
    """From the package, which is fetched into `work` and not installed."""
    if not list(work.glob("[Rr]esemblyzer-*.whl")):
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(work), _PACKAGE]
        subprocess.run(fetch, check=True)
    with zipfile.ZipFile(next(work.glob("[Rr]esemblyzer-*.whl"))) as archive:
        content = archive.read(_WEIGHTS)
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise SystemExit(f"{_PACKAGE}: {_WEIGHTS} is not the file that this recipe was made with")
    return tensors(content)
