"""scripts/train fusion: learns the two weights of the late fusion and writes models/fusion/manifest.json.

Needs the face model, and the speech models of the folds that `scripts/train speech` leaves in its work folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from edge import resources
from edge.fusion import FusionWeights
from models.fusion.pairs import heard, pair, seen
from models.fusion.rules import best_weights

PAIRS = 7000
SEED = 1


def main() -> None:
    asked = arguments(__doc__ or "").parse_args()
    face, _ = seen(asked.face, asked.data)
    speech, _ = heard(asked.runs, asked.data)
    weights = best_weights(pair(face, speech, PAIRS, SEED))
    manifest = FusionWeights(name="fusion", version="1", face=weights[0], speech=weights[1])
    write(asked.out, manifest)
    print(f"face {weights[0]:.2f} speech {weights[1]:.2f}")


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
    parser.add_argument("--out", type=Path, default=resources.models() / "fusion")
    return parser


if __name__ == "__main__":
    main()
