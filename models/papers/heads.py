"""RAVDESS MFCC → LSTM; FER2013 by depthwise and pointwise convolutions with landmarks, SVM and LSTM heads compared."""

from __future__ import annotations

import numpy as np
import torch

from edge.inference import Floats
from edge.readings import LABELS
from models.papers.features import mean_mfcc
from models.papers.fit import Outcome, answered, standardised, trained
from models.papers.landmarks import landmarks
from models.papers.machine import machine
from models.papers.networks import Faces, Lstm, LstmHead
from models.papers.pictures import Pixels, convolutional, inputs, pixels
from models.papers.section import OWN_PARTS, Asked, Section, System
from models.papers.voices import Voices, on_each, two


def heads(faces: Pixels, points: Floats, net: Faces, epochs: int) -> dict[str, Outcome]:
    """A support vector machine and an LSTM over what the same convolutions and landmarks gave."""
    rows = inputs(faces, points)
    seen = answered(net, rows, features=True)
    maps = answered(net, rows, maps=True).reshape(len(rows), -1)
    below = seen[:, seen.shape[1] // 2 :]  # of the landmarks
    torch.manual_seed(0)
    head = LstmHead(len(LABELS), below.shape[1])
    both = standardised(np.concatenate((maps, below), axis=1), faces.split[0])
    return {
        "support vector head": machine(seen, faces.truth, faces.split, len(LABELS)),
        "LSTM head": trained(head, both, faces.truth, faces.split, epochs=epochs),
    }


def _faces(asked: Asked) -> Section:
    faces = pixels(asked)
    points = standardised(landmarks(faces.grey, asked.work), faces.split[0])
    net, dense = convolutional(faces, asked, "separable-points", separable=True, points=points)
    outcomes = {
        "without landmarks, dense head": convolutional(faces, asked, "separable", separable=True)[1],
        "landmarks alone, support vectors": machine(points, faces.truth, faces.split, len(LABELS)),
        "dense head": dense,
        **heads(faces, points, net, asked.epochs),
    }
    return Section(
        "fer-heads", "FER2013, depthwise and pointwise convolutions with landmarks, heads compared",
        "no figure by people",
        f"FER2013's own labels and parts; {len(faces.split[0])} faces to learn from. 468 landmarks from the face mesh "
        "network of a published package, which is no part of the product. The support vector machine and the LSTM read "
        "what the same convolutions, learned with a dense head, gave; the LSTM reads their maps from top to bottom. "
        + asked.said,
        {f"{name}, {OWN_PARTS}": one for name, one in outcomes.items()}, "fer",
    )  # fmt: skip


def _lstm(asked: Asked) -> Section:
    voices = Voices.of(asked, "ravdess", mean_mfcc)
    return Section(
        "ravdess-lstm", "RAVDESS, MFCC → LSTM", "no figure by people",
        f"Eight classes; 80/20 over recordings, and five actors held out. {asked.said}",
        on_each(voices, two(voices), asked.epochs, Lstm), "ravdess",
    )  # fmt: skip


SYSTEMS = (System("ravdess-lstm", _lstm), System("fer-heads", _faces))
