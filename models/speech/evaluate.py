"""scripts/evaluate speech: measures .tflite files through the service's own path.

Without --model: the folds that training left in the work folder (each on the people that it never heard), the runs
without a whole corpus, then voice activity, sounds without speech, an hour of talk and the cost of the shipped file;
writes metrics.json and pictures. With --model: that file on all clips in --data; writes nothing.
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
from edge.speech.classifier import CLASSES
from models.common.calibration import softmax
from models.common.manifest import write_metrics
from models.common.metrics import calibration_bins
from models.speech import card, pictures
from models.speech.corpora import CORPORA, MAIN, TALK, Clip, find_clips, held_back, thinned
from models.speech.cost import cost
from models.speech.measure import Heard, conditions, hear, joined, judged
from models.speech.recipe import Recipe
from models.speech.recordings import noise_files, read_clip
from models.speech.voice_check import Listeners, in_talk, with_speech, without_speech

SHIPPED = Path("models/speech")
DEVELOPMENT = (0,)  # the fold at which the recipe was chosen
PROTOCOL = (
    "speaker-independent folds of 5 RAVDESS actors, every fold's file trained by the same recipe without its speakers "
    "of any corpus; the int8 file through the whole streaming path, voice activity included; one answer per clip among "
    "all classes, also where a corpus has fewer; a clip in which no voice is heard counts as wrong; seven classes "
    "(calm counts as neutral) where not said otherwise; probabilities under a uniform prior, with "
    "a temperature fitted on the other folds"
)


def main() -> None:
    asked = _arguments()
    if asked.model:
        folder = asked.model if asked.model.is_dir() else asked.model.parent
        heard = hear(folder, [clip for clip in find_clips(asked.data) if clip.corpus != TALK])
        result = {corpus: judged(heard.of(corpus)) for corpus in CORPORA if heard.of(corpus).clips}
        _show({"runtime": runtime_name(), "clips": result}, asked.json)
        return
    metrics = measure(asked.data, asked.work / "runs", asked.every)
    ravdess = metrics["held_out"][MAIN]
    summary = {name: ravdess[name] for name in ("accuracy", "macro_recall", "calibration_error")}
    summary["eight_classes"] = metrics["ravdess"]["eight"]["mean"]
    write_metrics(SHIPPED, metrics, {"protocol": PROTOCOL, **summary})
    card.fill(SHIPPED)
    _show(metrics, asked.json)


def measure(data: Path, runs: Path, every: int) -> dict[str, Any]:
    """All sections of metrics.json."""
    clips = thinned(find_clips(data), Recipe.tess_share)
    folds = {folder: held for folder in _complete(runs) if (held := _held(folder, clips))}
    seeds = sorted({folder.name.partition("-")[0] for folder in folds})
    first = {folder: held for folder, held in folds.items() if folder.name.startswith(f"{seeds[0]}-")}
    shipped = read_manifest(SHIPPED)
    metrics: dict[str, Any] = {"protocol": PROTOCOL, "sha256": shipped.sha256, "runtime": runtime_name()}
    heard = {
        folder: hear(folder, held if folder in first else [clip for clip in held if clip.corpus == MAIN])
        for folder, held in folds.items()
    }
    metrics["folds"] = {folder.name: _both(folder, one.of(MAIN)) for folder, one in heard.items()}
    metrics["ravdess"] = _mean_and_spread(metrics["folds"], seeds)
    together = joined(heard[folder] for folder in first)
    metrics["held_out"] = {name: judged(together.of(name)) for name in CORPORA if together.of(name).clips}
    metrics["cross_corpus"] = _cross_corpus(runs, clips)
    metrics["robustness"] = _robustness(first, data, every)
    listeners = Listeners(SHIPPED)
    metrics["without_speech"] = without_speech(listeners, data)
    metrics["in_talk"] = in_talk({folder: int(folder.name[-1]) for folder in first}, data)
    metrics["voice_activity"] = with_speech(listeners, data)
    metrics["cost_per_second"] = cost(SHIPPED)
    metrics["bytes"] = (SHIPPED / shipped.file).stat().st_size
    metrics["temperature"] = round(shipped.temperature, 3)
    metrics["brevity"] = shipped.preprocessing.get("brevity", 0.0)
    _draw(metrics, together.of(MAIN), runs)
    return metrics


def _complete(runs: Path) -> list[Path]:
    """The finished folds of the seeds that have as many as any other: an unfinished seed says nothing of the mean."""
    by_seed: dict[str, list[Path]] = {}
    for path in sorted(runs.glob("seed*-fold*/float.npz")):
        by_seed.setdefault(path.parent.name.partition("-")[0], []).append(path.parent)
    most = max(map(len, by_seed.values()), default=0)
    return [folder for folders in by_seed.values() if len(folders) == most for folder in folders]


def _mean_and_spread(folds: dict[str, dict[str, float]], seeds: list[str]) -> dict[str, Any]:
    """Over the folds for each seed, then over the seeds; int8 and float, seven and eight classes."""
    result: dict[str, Any] = {}
    for kind in ("eight", "eight_float", "seven", "seven_float"):
        every = [[one[kind] for name, one in folds.items() if name.startswith(f"{seed}-")] for seed in seeds]
        means = [float(np.mean(values)) for values in every]
        unseen = [one[kind] for name, one in folds.items() if int(name[-1]) not in DEVELOPMENT]
        result[kind] = {
            "mean": round(float(np.mean(means)), 4),
            "by_seed": [round(value, 4) for value in means],
            "deviation_over_seeds": round(float(np.std(means, ddof=1)), 4) if len(means) > 1 else None,
            "deviation_over_folds": round(float(np.std(np.mean(every, axis=0))), 4),
            "mean_without_development_folds": round(float(np.mean(unseen)), 4) if unseen else None,
        }
    return result


def _cross_corpus(runs: Path, clips: list[Clip]) -> dict[str, Any]:
    """A corpus that the file never met, judged by it."""
    result = {}
    for corpus in CORPORA:
        folder = next(iter(sorted(runs.glob(f"seed*-without-{corpus}"))), None)
        if folder is not None and (folder / "manifest.json").exists():
            result[corpus] = judged(hear(folder, [clip for clip in clips if clip.corpus == corpus]))
    return result


def _held(folder: Path, clips: list[Clip]) -> list[Clip]:
    """The clips of the speakers that this fold's file never heard."""
    if not (folder / "manifest.json").exists():
        return []
    run = folder.name.partition("-")[2]
    return [clip for clip in clips if held_back(run, clip) and clip.corpus != TALK]


def _both(folder: Path, heard: Heard) -> dict[str, float]:
    """Accuracy of the int8 file and of the float network that it comes from, and how often they agree.

    The float network is asked about the segments that training found; clips without any count as wrong for both.
    """
    with np.load(folder / "float.npz") as kept:
        answers = dict(zip(kept["keys"].tolist(), kept["logits"][-1], strict=True))
    nothing = np.full(len(CLASSES), np.nan)
    floats = Heard(heard.clips, np.stack([answers.get(clip.key, nothing) for clip in heard.clips]), heard.temperatures)
    return {
        "eight": _share(heard.guesses(CLASSES) == heard.truth(CLASSES)),
        "eight_float": _share(floats.guesses(CLASSES) == heard.truth(CLASSES)),
        "seven": _share(heard.guesses(LABELS) == heard.truth(LABELS)),
        "seven_float": _share(floats.guesses(LABELS) == heard.truth(LABELS)),
        "agreement": _share(heard.guesses(CLASSES) == floats.guesses(CLASSES)),
    }


def _share(right: NDArray[np.bool_]) -> float:
    return round(float(np.mean(right)), 4)


def _robustness(folds: dict[Path, list[Clip]], data: Path, every: int) -> dict[str, Any]:
    """Every n-th RAVDESS clip of each fold under each condition, and as recorded."""
    noises = [read_clip(path) for path in noise_files(data)]
    some = {folder: [clip for clip in held if clip.corpus == MAIN][::every] for folder, held in folds.items()}
    changes = {"as recorded": None, **conditions(noises)} if noises else {"as recorded": None}
    return {
        name: judged(joined(hear(folder, held, change, name) for folder, held in some.items()), intervals=False)
        for name, change in changes.items()
        if some
    }


def _draw(metrics: dict[str, Any], heard: Heard, runs: Path) -> None:
    pictures.confusion(np.array(metrics["held_out"][MAIN]["confusion"]), SHIPPED / "confusion.png")
    probabilities = softmax(heard.labelled[heard.voiced])
    bins = calibration_bins(heard.truth(LABELS)[heard.voiced], probabilities, 10)
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
    parser.add_argument("--every", type=int, default=4, help="n-th of the clips, for the robustness figures")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
