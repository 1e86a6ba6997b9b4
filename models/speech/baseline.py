"""Would it help to know how somebody sounds when calm? Four neutral clips of a held-out speaker shift the logits.

    python -m models.speech.baseline --data DIR [--runs DIR] [--json]

For each fold's float model and each speaker that it never heard: the mean logits of four neutral clips, against the
mean of the other held-out speakers' neutral clips, are taken away in part from the logits of all the speaker's other
clips. Twenty draws of the four clips each. Uses the logits that training leaves beside each fold.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.readings import LABELS
from edge.speech.classifier import CALM
from models.speech.corpora import MISSING, Clip, find_clips

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the shift; 0 is without a baseline
CLIPS, DRAWS = 4, 20
Reals = NDArray[np.float64]


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m models.speech.baseline", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--runs", type=Path, default=Path(".training/speech/runs"), help="what training left")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    clips = {clip.key: clip for clip in find_clips(chosen.data)}
    found: dict[str, list[list[float]]] = defaultdict(list)
    for file in sorted(chosen.runs.glob("seed*-fold*/float.npz")):
        stored = np.load(file)
        heard = [clips[str(key)] for key in stored["keys"]]
        for corpus in sorted({clip.corpus for clip in heard}):
            mine = np.array([clip.corpus == corpus for clip in heard])
            found[corpus] += by_speaker([clip for clip in heard if clip.corpus == corpus], stored["logits"][mine])
    table = {
        corpus: {
            "speakers": len(rows),
            "accuracy": {
                str(share): round(float(np.mean([row[n] for row in rows])), 4) for n, share in enumerate(SHARES)
            },
            "speakers_helped_at_half": sum(row[SHARES.index(0.5)] > row[0] for row in rows),
        }
        for corpus, rows in found.items()
        if rows
    }
    if chosen.json:
        print(json.dumps(table))
        return
    shares = " | ".join(f"shift {share:g}" for share in SHARES)
    print(f"| corpus | held-out speakers (all seeds) | {shares} | helped at 0.5 |")
    print("|---" * (3 + len(SHARES)) + "|")
    for corpus, row in table.items():
        shown = " | ".join(f"{100 * value:.1f} %" for value in row["accuracy"].values())  # type: ignore[attr-defined]
        print(f"| {corpus} | {row['speakers']} | {shown} | {row['speakers_helped_at_half']} |")


def by_speaker(clips: Sequence[Clip], logits: Reals) -> list[list[float]]:
    """Accuracy per speaker, a value for each share; speakers with too few neutral clips are left out."""
    logits = _seven(np.maximum(logits.astype(np.float64), -100.0))
    known = [number for number, label in enumerate(LABELS) if label not in MISSING[clips[0].corpus]]
    logits = logits[:, known] - logits[:, known].mean(axis=1, keepdims=True)
    truth = np.array([known.index(LABELS.index("neutral" if c.emotion == CALM else c.emotion)) for c in clips])
    speaker = np.array([clip.speaker for clip in clips])
    neutral = truth == known.index(LABELS.index("neutral"))
    everybody = sorted({one for one in speaker if (neutral & (speaker == one)).sum() > CLIPS})
    if len(everybody) < 2:
        return []
    draw = np.random.default_rng(0)
    rows = []
    for one in everybody:
        usual = np.mean(
            [logits[neutral & (speaker == other)].mean(axis=0) for other in everybody if other != one], axis=0
        )
        own, calm = np.flatnonzero(speaker == one), np.flatnonzero((speaker == one) & neutral)
        hits = np.zeros((DRAWS, len(SHARES)))
        for number in range(DRAWS):
            shown = draw.permutation(calm)[:CLIPS]
            rest = np.setdiff1d(own, shown)
            shift = logits[shown].mean(axis=0) - usual
            hits[number] = [np.mean((logits[rest] - s * shift).argmax(axis=1) == truth[rest]) for s in SHARES]
        rows.append([float(value) for value in hits.mean(axis=0)])
    return rows


def _seven(logits: Reals) -> Reals:
    """Models that tell calm from neutral have it last; together they are neutral."""
    if logits.shape[1] == len(LABELS):
        return logits
    both = np.logaddexp(logits[:, 0], logits[:, len(LABELS)])
    return np.concatenate((both[:, None], logits[:, 1 : len(LABELS)]), axis=1)


if __name__ == "__main__":
    main()
