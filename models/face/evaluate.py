"""scripts/evaluate face: measures the .tflite itself; writes metrics.json, the manifest's metrics and the pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.device import resources
from edge.face.classify import FaceClassifier
from edge.face.finder import SingleShot
from edge.inference import read_manifest
from models.common.card import replace_measured
from models.common.manifest import write_metrics
from models.face import card, data, hidden, measure, pictures, sets

UNIFORM, NATURAL = "uniform", "natural"
_PROTOCOL = (
    "Nothing was learned from or chosen by what is reported. affectnet_oval, expw, lfw_imfdb_mux and habesha: a fifth "
    "of all people (expw: of all search words; where nobody is named, of all pictures) by a hash of the name, and half "
    "of those people of lfw_imfdb_mux who are seen with three labels or more; each face where our finder sees it, as "
    f"the service cuts it out; classes with at least {measure.ENOUGH_OF_A_SET} faces. FER+: FER2013 PublicTest, strict "
    "majority (more than half of all ten votes for one of the seven classes); macro recall over classes with at least "
    f"{measure.ENOUGH} such faces. 95 % intervals by bootstrap over people. Calibration error: every class equally "
    "common. The answer is the mean for the face and its mirror image, except where it says one look."
)


def main() -> None:
    """Read the arguments, measure, write."""
    chosen = _arguments()
    folder = chosen.model.parent if chosen.model.is_file() else chosen.model
    measured = evaluate(folder, chosen.data, chosen.prior)
    if chosen.prior == UNIFORM:
        write_metrics(folder, measured, summary(measured))
        replace_measured(folder / "README.md", card.table(measured))
        pictures.confusions(measured, folder / "confusion.png")
        pictures.reliability(measured, folder / "reliability.png")
        pictures.robustness(measured, folder / "robustness.png")
    print(msgspec.json.encode(measured).decode() if chosen.json else card.table(measured))


def evaluate(folder: Path, where: Path, prior: str = UNIFORM) -> dict[str, Any]:
    """All that is measured of the model in `folder` with the data at `where`, with this prior on the sets of tiles."""
    model = FaceClassifier(folder)
    manifest = read_manifest(folder)
    added = model.natural_prior if prior == NATURAL else np.zeros_like(model.natural_prior)
    faces = data.find(where)
    public, truth, evidence = measure.public_test(model, faces)
    measured: dict[str, Any] = {
        "protocol": _PROTOCOL,
        "sha256": manifest.sha256,
        "bytes": (folder / manifest.file).stat().st_size,
        "prior": prior,
        "public_test": public,
        "sets": {},
    }
    parts: list[tuple[NDArray[np.int64], measure.Floats]] = [(truth, evidence)]
    for name in (name for name in sets.SHEETS if (where / name / "index.csv").is_file()):
        shown, places = measure.tiles(where, name)
        measured["sets"][name], seen = measure.held_back_people(model, shown, places, added)
        parts.append((shown.label, seen.both))
        if name == sets.OVAL:
            measured["no_faces"] = measure.no_faces(model, shown)
        if name == sets.NAMED:
            measured["resting_face"] = measure.resting_face(shown, seen)
            measured["hidden"] = hidden.measure(model, shown, places, SingleShot())
    measured |= measure.pooled_calibration(parts)
    if (where / sets.BIAS / "index.csv").is_file():
        measured["by_group"] = measure.by_group(model, where, added)
    measured["robustness"] = measure.robustness(model, faces)
    measured["speed"] = measure.speed(model, data.load(faces, "PublicTest").images)
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
        **{name: round(entry["macro_recall"]["value"], 4) for name, entry in measured["sets"].items()},
        "calibration_error": round(measured["calibration_error"], 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/evaluate face", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with FER2013, and the other sets and GENKI-4K if there are"
    )
    parser.add_argument(
        "--model", type=Path, default=resources.models() / "face", help="a .tflite with its manifest beside it"
    )
    parser.add_argument(
        "--prior",
        choices=(UNIFORM, NATURAL),
        default=UNIFORM,
        help="how common the labels are taken to be; only what is measured with a uniform one is kept",
    )
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
