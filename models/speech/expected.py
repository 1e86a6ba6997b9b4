"""What the statistics of each label are like in general, as recorded: what is left beyond that is the voice's own.

The service takes it off what it hears to learn what a voice is like whatever it feels (`edge/speech/usual.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from edge.inference import Floats
from edge.readings import LABELS, Samples
from edge.speech.features import FEATURES, standardised
from edge.speech.frames import CHUNK, HOP, WINDOW
from edge.speech.pooling import Sums
from models.speech.corpora import CORPORA, TALK, Clip, class_index
from models.speech.head import Answer, of_no_corpus
from models.speech.network import Network
from models.speech.parity import as_inputs
from models.speech.recipe import UNIT
from models.speech.shelf import Front

_EACH = 25  # clips of each corpus and label
Reals = NDArray[np.float64]


def typical(clips: Sequence[Clip], chosen: Sequence[int]) -> Iterator[tuple[str, int, list[int]]]:
    """For each corpus of acted speech and label, some of the chosen clips."""
    draw = np.random.default_rng(0)
    for corpus in CORPORA:
        if corpus == TALK:
            continue
        mine = [n for n in chosen if clips[n].corpus == corpus]
        for label in range(len(LABELS)):
            found = [n for n in mine if class_index(clips[n], LABELS) == label]
            if found:
                yield corpus, label, draw.permutation(found)[:_EACH].tolist()


Voices = Sequence[tuple[str, int, list[list[Samples]]]]  # corpus, label, and the segments of some clips


def expected(net: Network, front: Front, answer: Answer, voices: Voices) -> Floats:
    """(labels, statistics), standardised; a label that nobody expresses is taken for the mean of the others."""
    means: dict[tuple[str, str], Reals] = {}
    for corpus, label, heard in voices:
        rows = [row for segments in heard if (row := _statistics(net, front, answer, segments)) is not None]
        if rows:
            means[corpus, LABELS[label]] = np.mean(rows, axis=0)
    found = of_no_corpus(means)
    unknown = np.mean(list(found.values()), axis=0)
    general: Floats = np.stack([found.get(label, unknown) for label in LABELS]).astype(np.float32)
    return general


@torch.inference_mode()  # type: ignore[untyped-decorator]
def _statistics(net: Network, front: Front, answer: Answer, segments: list[Samples]) -> Floats | None:
    """Of a clip; None where all of it is too short."""
    sums: Sums | None = None
    for samples in segments:
        if len(samples) <= WINDOW + CHUNK * HOP:
            continue
        features, bands = as_inputs(samples, front.cepstral_mean, front.mean, front.deviation)
        units = torch.from_numpy(features.reshape(1, -1, UNIT * FEATURES))
        states, weights = net(units, torch.from_numpy(bands)[None])
        one = Sums.nothing(states.shape[2]).with_states(states[0].numpy(), weights[0].numpy())
        sums = one if sums is None else sums + one
    return None if sums is None else standardised(sums.statistics(), answer.mean, answer.deviation)
