"""Does it help to know how somebody usually sounds? What the service learns of a voice, from four neutral clips.

    python -m models.speech.baseline --data DIR [--runs DIR] [--json]

For each run and each speaker that it never heard: four neutral clips are listened to first, as the service listens
(edge/emotion/usual_voice.py), and all others are judged by what they are beyond that. Twenty draws of the four clips.
Uses the answers of the float networks that training leaves beside each run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge.emotion.evidence import centred
from edge.emotion.fusion import learned_weights
from edge.emotion.usual_voice import UsualVoice, observe
from edge.inference import read_manifest
from edge.readings import LABELS
from edge.speech.classifier import of_labels
from models.common.metrics import macro_recall
from models.speech.calibrate import answers_of
from models.speech.corpora import TALK, Clip, class_index, find_clips

CLIPS, DRAWS = 4, 20
_READINGS, _HOP_S = 5, 0.5  # that the service gives while a clip is heard
Reals = NDArray[np.float64]
Counted = tuple[list[int], list[int], list[int]]  # what is true, what is said of it, and what knowing the voice


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m models.speech.baseline", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--runs", type=Path, default=Path(".training/speech/runs"), help="what training left")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measured(chosen.runs, {clip.key: clip for clip in find_clips(chosen.data)})
    if chosen.json:
        print(json.dumps(found))
        return
    print("| never heard | speakers | as it is | knowing four neutral clips |")
    print("|---|---|---|---|")
    for name, row in found.items():
        print(f"| {name} | {row['speakers']} | {row['as it is']:.3f} | {row['knowing']:.3f} |")


def measured(runs: Path, clips: dict[str, Clip]) -> dict[str, dict[str, float]]:
    """Macro recalls by corpus; of speakers of a known one, and of a corpus left out whole."""
    said: dict[str, list[tuple[Clip, Reals]]] = {}
    for file in sorted(runs.glob("seed0-*/float.npz")):
        answers, left_out = answers_of(file.parent, clips), "without" in file.parent.name
        evidence = of_labels(answers.logits[-1]) / read_manifest(file.parent).temperature
        for clip, one in zip(answers.clips, evidence, strict=True):
            if clip.corpus != TALK:
                said.setdefault(f"{clip.corpus}, left out whole" if left_out else clip.corpus, []).append((clip, one))
    return {name: row for name, rows in sorted(said.items()) if (row := of_corpus(rows))}


def of_corpus(rows: Sequence[tuple[Clip, Reals]]) -> dict[str, float]:
    """Of the speakers with more neutral clips than are listened to first; nothing where there are none."""
    truth = np.array([class_index(clip, LABELS) for clip, _ in rows])
    speaker = np.array([clip.speaker for clip, _ in rows])
    evidence = np.array([one for _, one in rows])
    everybody = [one for one in sorted(set(speaker)) if (truth[speaker == one] == 0).sum() > CLIPS]
    if not everybody:
        return {}
    draw, plain, knowing = np.random.default_rng(0), [], []
    neutral = learned_weights().speech_offsets[0]
    for _ in range(DRAWS):
        parts = [_of_speaker(evidence[speaker == one], truth[speaker == one], draw, neutral) for one in everybody]
        true, before, after = (np.concatenate([part[n] for part in parts]) for n in range(3))
        plain.append(macro_recall(true, before, len(LABELS)))
        knowing.append(macro_recall(true, after, len(LABELS)))
    return {
        "speakers": len(everybody),
        "as it is": round(float(np.mean(plain)), 4),
        "knowing": round(float(np.mean(knowing)), 4),
    }


def _of_speaker(evidence: Reals, truth: NDArray[np.int64], draw: Generator, neutral: float) -> Counted:
    """Of the clips that are not listened to first."""
    first = draw.permutation(np.flatnonzero(truth == 0))[:CLIPS]
    voice, now = UsualVoice(), 0.0
    for number in np.repeat(first, _READINGS):
        now += _HOP_S
        voice = observe(voice, centred(evidence[number]), 1.0, now, neutral)
    others = np.setdiff1d(np.arange(len(truth)), first)
    after = [int(np.argmax(voice.without(centred(evidence[number])))) for number in others]
    return truth[others].tolist(), evidence[others].argmax(axis=1).tolist(), after


if __name__ == "__main__":
    main()
