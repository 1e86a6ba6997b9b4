"""RAVDESS voice as 1D-CNN on MFCC, FER2013 as 2D-CNN, features joined or decisions averaged; what cleaning adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from edge.inference import Floats
from edge.readings import LABELS, Samples
from models.papers.cleaning import copies, normalised, without_noise
from models.papers.features import mean_mfcc, mean_mfcc_of
from models.papers.fit import Classes, Outcome, answered, standardised, trained
from models.papers.machine import machine
from models.papers.networks import Convolutional, Faces
from models.papers.pictures import Pixels, cleaned, convolutional, mirrored_and_moved, pixels
from models.papers.section import OWN_PARTS, Asked, Section, System
from models.papers.splits import Rows
from models.papers.voices import Voices, clips_of, on_each, two
from models.speech.corpora import Clip
from models.speech.recordings import read_clip

_STRANGERS = "Nobody is named in FER2013, so whether a person is on both sides cannot be known."


@dataclass(frozen=True)
class Treatment:
    """Of a recording before it is described."""

    name: str
    change: Callable[[Samples], Samples] = lambda sound: sound
    augmented: bool = False


TREATMENTS = (
    Treatment("noise removed", without_noise),
    Treatment("normalised", normalised),
    Treatment("noise removed and normalised", lambda sound: normalised(without_noise(sound))),
    Treatment("augmented", augmented=True),
    Treatment("all three", lambda sound: normalised(without_noise(sound)), augmented=True),
)


def voice_alone(voices: Voices, epochs: int) -> dict[str, Outcome]:
    """1D-CNN over the mean of 40 MFCC, by both splits."""
    inputs = voices.values.shape[1]
    return on_each(voices, two(voices), epochs, lambda classes: Convolutional(inputs, classes))


def _treated(asked: Asked, treatment: Treatment) -> Voices:
    plain = Voices.of(asked, "ravdess", lambda path: mean_mfcc_of(treatment.change(read_clip(path))))
    if not treatment.augmented:
        return plain
    rows = [_copies(clip, treatment, number) for number, clip in enumerate(clips_of(asked, "ravdess"))]
    return Voices(plain.values, plain.truth, plain.people, plain.words, np.stack(rows, axis=1))


def _copies(clip: Clip, treatment: Treatment, number: int) -> Floats:
    changed = copies(read_clip(clip.path), np.random.default_rng(number))
    return np.stack([mean_mfcc_of(treatment.change(one)) for one in changed])


def fused(voices: Voices, faces: Pixels, net: Faces, epochs: int) -> dict[str, Outcome]:
    """Random pairs of a RAVDESS voice and a FER2013 face of the same label: features joined, or decisions averaged.

    The pairs are of different people: whatever they score says little of one person with a face and a voice.
    """
    found = {}
    seven = np.where(voices.truth == len(LABELS), 0, voices.truth)  # calm is neutral
    seen = answered(net, faces.values, features=True)
    decided = answered(net, faces.values)
    for name, split in two(voices).items():
        torch.manual_seed(0)
        ears = Convolutional(voices.values.shape[1], len(LABELS))
        values = standardised(voices.values, split[0])
        alone = trained(ears, values, seven, split, epochs=epochs)
        heard, said = answered(ears, values, features=True), answered(ears, values)
        partner = partners(seven, split, faces)
        joined = machine(np.concatenate((heard, seen[partner]), axis=1), seven, split, len(LABELS))
        both = _softmax(said[split[1]]) + _softmax(decided[partner[split[1]]])
        found[f"voice alone, {name}"] = alone
        found[f"features joined, {name}"] = joined
        found[f"decisions averaged, {name}"] = Outcome(seven[split[1]], both.argmax(axis=1), len(LABELS))
    return found


def partners(truth: Classes, split: tuple[Rows, Rows], faces: Pixels) -> Rows:
    """For each voice a face of its label, from the same side of the split."""
    draw, partner = np.random.default_rng(0), np.zeros(len(truth), np.int64)
    for side, there in zip(split, faces.split, strict=True):
        for row in side:
            partner[row] = draw.choice(there[faces.truth[there] == truth[row]])
    return partner


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _ravdess(asked: Asked) -> Voices:
    return Voices.of(asked, "ravdess", mean_mfcc)


def _voice(asked: Asked) -> Section:
    return Section(
        "ravdess-cnn", "RAVDESS, MFCC → 1D-CNN", "0.835 (voice)",
        f"Eight classes; the mean of 40 MFCC. {asked.said}", voice_alone(_ravdess(asked), asked.epochs), "ravdess",
    )  # fmt: skip


def _voice_treated(asked: Asked) -> Section:
    outcomes = {
        f"{treatment.name}, {name}": one
        for treatment in TREATMENTS
        for name, one in voice_alone(_treated(asked, treatment), asked.epochs).items()
    }
    return Section(
        "ravdess-treated", "RAVDESS, MFCC → 1D-CNN, with noise removal, normalisation and augmentation",
        "0.835 (voice)",
        "The same as above, which is without any of them. Noise removal is spectral subtraction, normalisation brings "
        "each recording to the same loudness, augmentation adds two copies of each recording that is learned from, "
        f"played faster or slower and with hiss. {asked.said}",
        outcomes, "ravdess",
    )  # fmt: skip


def _faces(asked: Asked) -> Section:
    faces = pixels(asked)
    clean = faces.changed(cleaned)
    outcomes = {
        "as they are": convolutional(faces, asked, "full")[1],
        "cleaned": convolutional(clean, asked, "cleaned")[1],
        "augmented": convolutional(faces, asked, "augmented", vary=mirrored_and_moved)[1],
        "cleaned and augmented": convolutional(clean, asked, "cleaned-augmented", vary=mirrored_and_moved)[1],
    }
    return Section(
        "fer", "FER2013, 2D-CNN, with cleaning and augmentation", "0.887 (face)",
        f"FER2013's own labels and parts; {len(faces.split[0])} faces to learn from. {_STRANGERS} Cleaning is a median "
        "filter and evened brightness, augmentation mirrors and moves the faces that are learned from. " + asked.said,
        {f"{name}, {OWN_PARTS}": one for name, one in outcomes.items()}, "fer",
    )  # fmt: skip


def _both(asked: Asked) -> Section:
    faces = pixels(asked)
    return Section(
        "fusion", "Voice of RAVDESS and face of FER2013",
        "0.835 voice, 0.887 face, 0.915 features joined, 0.897 decisions",
        "Random pairs of the same label, since these sets have no others: voice and face are of different people. "
        f"{asked.said}",
        fused(_ravdess(asked), faces, convolutional(faces, asked, "full")[0], asked.epochs),
    )  # fmt: skip


SYSTEMS = (
    System("ravdess-cnn", _voice),
    System("ravdess-treated", _voice_treated),
    System("fer", _faces),
    System("fusion", _both),
)
