"""How well answers fit a part of a corpus: what papers give, and what evidence alone comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from models.text.corpora import CORPORA, Sentence, label_set


def scored(chosen: Sequence[Sentence], logits: NDArray[np.floating[Any]]) -> dict[str, float]:
    """F1 of each label's best guess: weighted, macro of all and of all but neutral; the share that is right.

    Only labels that the corpus has are guessed and counted. Where annotators said several, each of them is right,
    and each that was not guessed is missed.
    """
    known = np.array(label_set(CORPORA[chosen[0].corpus].labels))
    truth = np.array([label_set(one.labels) for one in chosen])
    return f1_scores(truth, np.where(known, logits, -np.inf).argmax(1), known)


def f1_scores(truth: NDArray[np.bool_], guess: NDArray[np.int64], known: NDArray[np.bool_]) -> dict[str, float]:
    """`truth`: items x labels, several may be true."""
    guessed = np.eye(truth.shape[1], dtype=bool)[guess]
    right = (truth & guessed).sum(0)
    each = 2 * right / np.maximum(truth.sum(0) + guessed.sum(0), 1)
    feelings = known & (np.arange(len(known)) != LABELS.index("neutral"))
    return {
        "weighted_f1": float((each * truth.sum(0)).sum() / truth.sum()),
        "macro_f1": float(each[known].mean()),
        "macro_f1_feelings": float(each[feelings].mean()),
        "accuracy": float(truth[np.arange(len(guess)), guess].mean()),
        "macro_recall": float((right / np.maximum(truth.sum(0), 1))[known].mean()),
    }
