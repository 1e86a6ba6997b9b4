"""scripts/evaluate speech: measures .tflite files through the service's own path.

Without --model: the folds that training left in the work folder (each on the people that it never heard), then
voice activity, sounds without speech, quantisation and cost of the shipped file; writes metrics.json and pictures.
With --model: that file on all clips in --data; writes nothing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.inference import read_manifest, runtime_name
from edge.readings import LABELS
from models.common.calibration import softmax
from models.common.manifest import write_metrics
from models.common.metrics import calibration_bins
from models.speech import card, pictures
from models.speech.corpora import CORPORA, Clip, find_clips, thinned
from models.speech.cost import cost
from models.speech.dataset import class_index
from models.speech.measure import Heard, conditions, hear, joined, judged
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.voice_check import with_speech, without_speech

SHIPPED = Path("models/speech")
PROTOCOL = (
    "7 classes (calm counts as neutral); speaker-independent folds of 5 RAVDESS actors, every fold's file trained by "
    "the same recipe without its speakers of any corpus; the int8 file through the whole streaming path, voice "
    "activity included; one answer per clip; a clip in which no voice is heard counts as wrong"
)


def main() -> None:
    asked = _arguments()
    if asked.model:
        folder = asked.model if asked.model.is_dir() else asked.model.parent
        temperature = read_manifest(folder).temperature
        heard = hear(folder, find_clips(asked.data))
        result = {corpus: judged(heard.of(corpus), temperature) for corpus in CORPORA if heard.of(corpus).clips}
        _show({"runtime": runtime_name(), "clips": result}, asked.json)
        return
    metrics = measure(asked.data, asked.work / "runs", asked.every)
    ravdess = metrics["held_out"].get("ravdess", {})
    summary = {name: ravdess[name] for name in ("accuracy", "macro_recall", "calibration_error") if name in ravdess}
    write_metrics(SHIPPED, metrics, {"protocol": PROTOCOL, **summary})
    card.fill(SHIPPED)
    _show(metrics, asked.json)


def measure(data: Path, runs: Path, every: int) -> dict[str, Any]:
    """All sections of metrics.json."""
    clips = thinned(find_clips(data), Recipe.tess_share)
    temperature = read_manifest(SHIPPED).temperature
    folds = {folder: held for folder in sorted(runs.glob("seed*-fold*")) if (held := _held(folder, clips))}
    metrics: dict[str, Any] = {"protocol": PROTOCOL, "sha256": read_manifest(SHIPPED).sha256, "runtime": runtime_name()}
    heard = {folder: hear(folder, held) for folder, held in folds.items()}
    metrics["folds"] = {
        folder.name: {"int8": judged(one.of("ravdess"), temperature, intervals=False), "float": _float(folder, one)}
        for folder, one in heard.items()
    }
    together = joined(heard.values())
    metrics["held_out"] = {name: judged(together.of(name), temperature) for name in CORPORA if together.of(name).clips}
    metrics["robustness"] = _robustness(folds, data, temperature, every)
    metrics["without_speech"] = without_speech(SHIPPED, data)
    metrics["voice_activity"] = with_speech(data)
    metrics["cost_per_second"] = cost(SHIPPED)
    metrics["bytes"] = (SHIPPED / read_manifest(SHIPPED).file).stat().st_size
    _draw(metrics, together.of("ravdess"), temperature, runs)
    return metrics


def _held(folder: Path, clips: list[Clip]) -> list[Clip]:
    """The clips of the speakers that this fold's file never heard."""
    if not (folder / "manifest.json").exists():
        return []
    fold = int(folder.name.rpartition("fold")[2])
    return [clip for clip in clips if clip.fold() == fold]


def _float(folder: Path, heard: Heard) -> dict[str, float]:
    """The float network on the same RAVDESS clips (as training left its answers), and how often both agree."""
    if not (folder / "float.npz").exists():
        return {}
    with np.load(folder / "float.npz") as kept:
        guess = dict(zip(kept["keys"].tolist(), kept["logits"].argmax(axis=1).tolist(), strict=True))
    both = [
        (guess[clip.key], int(np.argmax(row)), class_index(clip, LABELS))
        for clip, row in zip(heard.clips, heard.logits, strict=True)
        if clip.corpus == "ravdess" and clip.key in guess and not np.isnan(row[0])
    ]
    before, after, truth = np.array(both).T
    return {
        "accuracy": round(float(np.mean(before == truth)), 4),
        "int8_accuracy": round(float(np.mean(after == truth)), 4),
        "agreement": round(float(np.mean(before == after)), 4),
    }


def _robustness(folds: dict[Path, list[Clip]], data: Path, temperature: float, every: int) -> dict[str, Any]:
    """Every n-th RAVDESS clip of each fold under each condition, and as recorded."""
    noises = [read_clip(path) for path in noise_files(data)]
    some = {folder: [clip for clip in held if clip.corpus == "ravdess"][::every] for folder, held in folds.items()}
    changes = {"as recorded": None, **conditions(noises)} if noises else {"as recorded": None}
    return {
        name: judged(joined(hear(folder, held, change, name) for folder, held in some.items()), temperature, False)
        for name, change in changes.items()
        if some
    }


def _draw(metrics: dict[str, Any], heard: Heard, temperature: float, runs: Path) -> None:
    voiced: NDArray[np.bool_] = ~np.isnan(heard.logits[:, 0])
    truth = np.array([class_index(clip, LABELS) for clip in heard.clips])
    pictures.confusion(np.array(metrics["held_out"]["ravdess"]["confusion"]), SHIPPED / "confusion.png")
    bins = calibration_bins(truth[voiced], softmax(heard.logits[voiced], temperature), 10)
    pictures.reliability(bins, SHIPPED / "reliability.png")
    pictures.robustness(metrics["robustness"], SHIPPED / "robustness.png")
    pictures.training(runs, SHIPPED / "training.png")


def _show(metrics: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(metrics))
        return
    for name, value in metrics.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for inner, numbers in value.items():
                short = {k: v for k, v in numbers.items() if k != "confusion"} if isinstance(numbers, dict) else numbers
                print(f"  {inner}: {short}")
        else:
            print(f"{name}: {value}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/evaluate speech", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=Path(".training/speech"), help="where training left its folds")
    parser.add_argument("--model", type=Path, help="a .tflite (its manifest.json beside it) or its folder")
    parser.add_argument("--every", type=int, default=4, help="of the clips, for the robustness figures")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
