"""scripts/train fusion: learns the weights of the late fusion and writes models/fusion/manifest.json.

Needs the face model, and the speech models of the folds that `scripts/train speech` leaves in its work folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from edge.device import resources
from edge.emotion.fusion import FusionWeights
from models.fusion.pairs import Pairs, Side, drawn, joined, without
from models.fusion.people import People, halves
from models.fusion.rules import fitted

PAIRS = 7000
SEED = 1


def main() -> None:
    asked = arguments(__doc__ or "").parse_args()
    first, _ = halves(asked.data, asked.face, asked.runs, asked.work)
    weights = fitted(list(conditions(first, PAIRS, SEED).values()), power=True, trust=True)
    write(asked.out, weights)
    print(msgspec.json.encode(weights).decode())


def conditions(people: People, count: int, seed: int) -> dict[str, Pairs]:
    """The same pairs under everything that may happen to one side, or to both."""
    rows = drawn(people.face, people.speech, count, seed)

    def pairs(face: Side, speech: Side) -> Pairs:
        return joined(face, speech, rows)

    clean = pairs(people.face, people.speech)
    return {
        "both clear": clean,
        "face blurred, small or dark": pairs(people.poor_face, people.speech),
        "voice in 5 dB of noise": pairs(people.face, people.poor_speech),
        "both poor": pairs(people.poor_face, people.poor_speech),
        "no face": without(clean, "face"),
        "no voice": without(clean, "speech"),
    }


def write(folder: Path, manifest: FusionWeights) -> None:
    """Write manifest.json, readable."""
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / "manifest.json").write_bytes(text + b"\n")


def arguments(description: str) -> argparse.ArgumentParser:
    """What learning and judging are told alike."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013 and RAVDESS")
    parser.add_argument("--face", type=Path, default=resources.models() / "face", help="the face model's folder")
    parser.add_argument(
        "--runs", type=Path, default=Path(".training/speech/runs"), help="where the speech models of the folds are"
    )
    parser.add_argument("--work", type=Path, default=Path(".training/fusion"), help="where what they heard is kept")
    parser.add_argument("--out", type=Path, default=resources.models() / "fusion")
    return parser


if __name__ == "__main__":
    main()
