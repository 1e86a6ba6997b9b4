"""scripts/evaluate face: measures the .tflite itself; writes metrics.json, the manifest's metrics and the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from edge.device import resources
from edge.face.classify import FaceClassifier
from edge.inference import read_manifest
from models.common.card import replace_measured
from models.common.manifest import write_metrics
from models.face import card, data, measure, pictures

# The folder, in that of the model, of a model that was trained for FER2013's own labels.
_COMPARISON = "fer2013"
_PROTOCOL = (
    "FER2013 PublicTest with the votes of FER+: strict majority means more than half of all ten votes for one of the "
    f"seven classes; macro recall over classes with at least {measure.ENOUGH} such faces; 95 % intervals by bootstrap. "
    "Everything was chosen on a part of Training."
)


def main() -> None:
    """Read the arguments, measure, write."""
    chosen = _arguments()
    folder = chosen.model.parent if chosen.model.is_file() else chosen.model
    measured = evaluate(folder, chosen.data)
    write_metrics(folder, measured, summary(measured))
    replace_measured(folder / "README.md", card.table(measured))
    pictures.confusion(measured, folder / "confusion.png")
    pictures.reliability(measured, folder / "reliability.png")
    pictures.robustness(measured, folder / "robustness.png")
    if chosen.json:
        print(msgspec.json.encode(measured).decode())
    else:
        print(card.table(measured))


def evaluate(folder: Path, where: Path) -> dict[str, Any]:
    """All that is measured of the model in `folder` with the data at `where`."""
    model = FaceClassifier(folder)
    manifest = read_manifest(folder)
    faces = data.find(where)
    measured: dict[str, Any] = {
        "protocol": _PROTOCOL,
        "sha256": manifest.sha256,
        "trained_for": manifest.preprocessing.get("labels"),
        "bytes": (folder / manifest.file).stat().st_size,
        "public_test": measure.public_test(model, faces),
        "robustness": measure.robustness(model, faces),
        "speed": measure.speed(model, data.load(faces, "PublicTest").images),
    }
    other = folder / _COMPARISON
    if (other / "manifest.json").is_file():
        published = {"sha256": read_manifest(other).sha256, "trained_for": _COMPARISON}
        measured["comparison"] = published | measure.comparison(FaceClassifier(other), faces)
    if (where / "genki4k" / "index.csv").is_file():
        measured["smiles"] = measure.smiles(model, where / "genki4k")
    return measured


def summary(measured: dict[str, Any]) -> dict[str, Any]:
    """The few numbers that travel in the manifest."""
    public = measured["public_test"]
    return {
        "protocol": measured["protocol"],
        "accuracy": round(public["ferplus_strict_accuracy"]["value"], 4),
        "macro_recall": round(public["macro_recall"]["value"], 4),
        "fer2013_accuracy": round(public["fer2013_accuracy"], 4),
        "calibration_error": round(public["calibration_error"], 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/evaluate face", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with FER2013, and GENKI-4K if there is")
    parser.add_argument(
        "--model", type=Path, default=resources.models() / "face", help="a .tflite with its manifest beside it"
    )
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
