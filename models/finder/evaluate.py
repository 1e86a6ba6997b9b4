"""scripts/evaluate finder: measures the .tflite itself, beside others on the same pictures; writes the metrics."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import msgspec

from edge.device import resources
from edge.inference import read_manifest, runtime_name
from models.common.card import replace_measured
from models.common.manifest import write_metrics
from models.finder import card, measure, pictures

_PROTOCOL = (
    "Held-back photographs of GENKI-4K whose boxes were checked by eye, pictures of 288 x 288 composed from them and "
    "from held-back backgrounds by a fixed seed, and such pictures without a face. A face counts as found when an "
    "answer overlaps its box by half (IoU 0.5). Ours looks at the whole picture and at squares of twice the detail, "
    "as the service does within a second. The score was chosen on other pictures. 95 % intervals by bootstrap."
)


def main() -> None:
    """Read the arguments, measure, write."""
    chosen = _arguments()
    cv2.setNumThreads(1)
    folder = chosen.model.parent if chosen.model.is_file() else chosen.model
    measured = evaluate(folder, chosen.data, chosen.backgrounds, chosen.yunet)
    write_metrics(folder, measured, summary(measured))
    replace_measured(folder / "README.md", card.table(measured))
    pictures.recall(measured, folder / "recall.png")
    pictures.trade(measured, folder / "trade.png")
    print(msgspec.json.encode(measured).decode() if chosen.json else card.table(measured))


def evaluate(folder: Path, data: Path, backgrounds: Path, yunet: Path | None) -> dict[str, Any]:
    """All that is measured of the finder in `folder`, and of those beside it."""
    bank = measure.held_back(data, backgrounds)
    manifest = read_manifest(folder)
    return {
        "protocol": _PROTOCOL,
        "sha256": manifest.sha256,
        "bytes": (folder / manifest.file).stat().st_size,
        "runtime": runtime_name(),
        "one_look": measure.one_look(folder),
        "finders": {each.name: measure.compare(each, bank) for each in measure.contenders(folder, yunet)},
        "robustness": measure.robustness(measure.contenders(folder, yunet), bank),
    }


def summary(measured: dict[str, Any]) -> dict[str, Any]:
    """The few numbers that travel in the manifest."""
    ours = measured["finders"]["ours"]
    return {
        "protocol": measured["protocol"],
        "recall_photographs": round(ours["recall"]["photographs"]["value"], 4),
        "recall_composed": round(ours["recall_composed"]["value"], 4),
        "alarms_per_thousand": round(ours["alarms_per_thousand"]["value"], 3),
        "landmark_error": round(ours["landmark_error"]["median"], 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/evaluate finder", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with GENKI-4K, boxes in its index")
    parser.add_argument(
        "--backgrounds",
        type=Path,
        default=Path(".training/finder/backgrounds"),
        help="made by python -m models.finder.collect",
    )
    parser.add_argument(
        "--model", type=Path, default=resources.models() / "finder", help="a .tflite with its manifest beside it"
    )
    parser.add_argument("--yunet", type=Path, help="face_detection_yunet_*.onnx, to compare with")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
