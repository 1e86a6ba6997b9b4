"""What the shipped file says of sentences that nothing was learned from or chosen by."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.text.classifier import TextClassifier, claim
from models.common.calibration import softmax
from models.common.metrics import balanced, calibration_bins, confusion
from models.text.corpora import CORPORA, Sentence, label_set
from models.text.scores import scored

Reals = NDArray[np.float64]
SAY_NOTHING = (
    "", " ", "...", "?!", "\u200b", "ok", "the", "Turn on the light in the kitchen.", "It is a quarter past four.",
    "Mach bitte das Licht an.", "Il est quatre heures.", "La reunión es el martes.", "La riunione è martedì.",
)  # fmt: skip
_SPOILT: dict[str, Callable[[str, np.random.Generator], str]] = {
    "as written": lambda text, _: text,
    "without marks": lambda text, _: "".join(letter for letter in text if letter.isalnum() or letter in " '"),
    "one word in ten lost": lambda text, draw: " ".join(w for w in text.split() if draw.random() > 0.1) or text,
    "one letter in twenty wrong": lambda text, draw: "".join(
        "abcdefghijklmnopqrstuvwxyz"[int(draw.integers(26))] if letter.isalpha() and draw.random() < 0.05 else letter
        for letter in text
    ),
}


def answers(classifier: TextClassifier, chosen: Sequence[Sentence]) -> Reals:
    """Evidence for LABELS, calibrated; zeros where a text has no word."""
    nothing = np.zeros(len(LABELS))
    found = (classifier.logits(one.text) for one in chosen)
    return np.stack([nothing if one is None else one / classifier.temperature for one in found])


def judged(chosen: Sequence[Sentence], evidence: Reals, prior: Reals, temperature: float) -> dict[str, Any]:
    """One part of a corpus: with how common each label is in it, and by the evidence alone."""
    natural = scored(chosen, evidence * temperature + prior)
    single = np.array([len(one.labels) == 1 for one in chosen])
    found: dict[str, Any] = {
        "sentences": len(chosen),
        "natural": {name: round(value, 4) for name, value in natural.items()},
        "evidence": {name: round(value, 4) for name, value in scored(chosen, evidence).items()},
    }
    if CORPORA[chosen[0].corpus].labels >= set(LABELS) and single.any():
        truth = np.array([LABELS.index(next(iter(one.labels))) for one in chosen if len(one.labels) == 1])
        probabilities = softmax(evidence[single])
        rows = balanced(truth)
        items, confidence, right = calibration_bins(truth[rows], probabilities[rows]).T
        found["calibration_error"] = round(float((items * np.abs(confidence - right)).sum() / items.sum()), 4)
        found["confusion"] = confusion(truth, (evidence * temperature + prior)[single].argmax(1), len(LABELS)).tolist()
        found["reliability"] = calibration_bins(truth[rows], probabilities[rows], 10).round(4).tolist()
        found["claims"] = claims(truth, probabilities)
    return found


def claims(truth: NDArray[np.int64], probabilities: Reals) -> dict[str, float]:
    """How often neutral sentences claim a feeling, feelings claim theirs, and another one."""
    claiming = np.array([claim(tuple(row)) > 0 for row in probabilities])
    guess, neutral = probabilities.argmax(1), truth == LABELS.index("neutral")
    if not neutral.any() or neutral.all():  # projected subtitles of some languages
        return {}
    return {
        "neutral_claiming": round(float(claiming[neutral].mean()), 4),
        "feelings_found": round(float((guess == truth)[~neutral].mean()), 4),
        "feelings_silent": round(float((~claiming)[~neutral].mean()), 4),
    }


def spoilt(classifier: TextClassifier, chosen: Sequence[Sentence], prior: Reals) -> dict[str, dict[str, float]]:
    """The same sentences as speech-to-text or haste would give them."""
    found = {}
    for name, change in _SPOILT.items():
        draw = np.random.default_rng(0)
        changed = [Sentence(change(one.text, draw), one.corpus, one.language, one.share, one.labels) for one in chosen]
        evidence = answers(classifier, changed)
        natural = scored(chosen, evidence * classifier.temperature + prior)
        found[name] = {name: round(natural[name], 4) for name in ("weighted_f1", "macro_f1")} | {
            "macro_recall_of_evidence": round(scored(chosen, evidence)["macro_recall"], 4)
        }
    return found


def empty_texts(classifier: TextClassifier) -> dict[str, bool]:
    """Whether texts that say nothing claim anything."""
    judged_texts = {text: classifier.classify(text) for text in SAY_NOTHING}
    return {text: one is not None and one.claims for text, one in judged_texts.items()}


def milliseconds(classifier: TextClassifier, chosen: Sequence[Sentence]) -> dict[str, float]:
    """Of a sentence, cutting included; of the longest text that is taken."""
    took = []
    for one in chosen[:300]:
        began = time.perf_counter()
        classifier.classify(one.text)
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    classifier.classify(" ".join(one.text for one in chosen)[:2000])
    longest = time.perf_counter() - began
    return {"sentence": round(1e3 * float(np.median(took)), 3), "2000_characters": round(1e3 * longest, 2)}


def labels_of(chosen: Sequence[Sentence]) -> NDArray[np.bool_]:
    return np.array([label_set(one.labels) for one in chosen])
