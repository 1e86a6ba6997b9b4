"""What words add to a face and a voice, through the service's own fusion: moments put together from what is known.

For each MELD sentence a fused face-and-voice distribution with a known truth, as sure and as often wrong as those of
`models/fusion`: agreeing (both feel the same), a feeling with words that say nothing, and disagreeing (the words are of
another feeling than the face, and the face is right). A composition, not recordings: it tests the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config.schema import FusionConfig
from edge.emotion.evidence import NONE, evidence_of
from edge.emotion.fusion import FusionWeights, Said, fuse, learned_weights, weight_of
from edge.readings import LABELS, Modality
from edge.text.classifier import Judged, TextClassifier
from models.text.corpora import Sentence

RIGHT = 0.5  # of the faces; as measured by `scripts/evaluate fusion`
_STRENGTH = 1.5  # nats by which the guessed label leads, on average


def pairs(classifier: TextClassifier, chosen: Sequence[Sentence]) -> dict[str, Any]:
    """Macro recall with and without the words, and how often they changed a right answer to a wrong one."""
    read = [(LABELS.index(next(iter(one.labels))), classifier.classify(one.text)) for one in chosen]
    kinds: dict[str, Any] = {}
    draw = np.random.default_rng(0)
    for kind in ("agreeing", "the face is neutral and the words are right", "disagreeing, the face is right"):
        truths, without, together = [], [], []
        for label, words in read:
            truth, faces = _composed(kind, label, draw)
            evidence = _face(faces, draw)
            truths.append(truth)
            without.append(_label(evidence, None))
            together.append(_label(evidence, words))
        kinds[kind] = _compared(np.array(truths), np.array(without), np.array(together))
    return kinds


def _composed(kind: str, label: int, draw: np.random.Generator) -> tuple[int, int]:
    """What is true, and what the face shows, for words of this label."""
    if kind == "agreeing":
        return label, label
    if kind.startswith("disagreeing"):
        other = int(draw.choice([number for number in range(1, len(LABELS)) if number != label]))
        return other, other
    return label, 0


def _face(shown: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Evidence of a face that shows this, read right in RIGHT of the cases."""
    evidence = draw.normal(0.0, 0.8, len(LABELS))
    if draw.random() < RIGHT:
        evidence[shown] = evidence.max() + draw.exponential(_STRENGTH)
    return np.asarray(evidence - evidence.mean())


def _label(face: NDArray[np.float64], words: Judged | None) -> int:
    learned = _weights()
    said = [Said("face", tuple(face), 0.8, 0.2)]
    if words is not None and words.claims:
        modality: Modality = "text"
        said.append(Said(modality, evidence_of(words.probabilities), words.quality, 0.5))
    parts = [(part, weight_of(part, FusionConfig(), learned)) for part in said]
    fused = fuse(parts, NONE, 0.0, 1)
    return -1 if fused is None else fused.probabilities.index(max(fused.probabilities))


def _weights() -> FusionWeights:
    return replace(learned_weights(), face=1.0)


def _compared(
    truth: NDArray[np.int64], without: NDArray[np.int64], together: NDArray[np.int64]
) -> dict[str, float | int]:
    spoilt = (without == truth) & (together != truth)
    mended = (without != truth) & (together == truth)
    return {
        "moments": len(truth),
        "without": round(_recall(truth, without), 4),
        "with": round(_recall(truth, together), 4),
        "mended": int(mended.sum()),
        "spoilt": int(spoilt.sum()),
    }


def _recall(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float:
    return float(np.mean([(guess[truth == label] == label).mean() for label in np.unique(truth)]))
