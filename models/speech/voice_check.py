"""What the path says where nobody speaks, and whether it hears those who do."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.readings import LABELS, SAMPLE_RATE, Samples, Sound, SpeechReading
from edge.speech.hearing import STEP
from edge.speech.listening import Listener
from edge.speech.path import SpeechPath
from edge.speech.segments import Turn
from edge.speech.settings import SpeechSettings
from models.speech.recordings import noise_files, read_clip

_SURE = 0.5  # a probability that would count as a claim


def voiced_steps(samples: Samples) -> NDArray[np.bool_]:
    """Per step of 32 ms whether the service counts it as part of a segment."""
    return np.array([piece.turn is not Turn.QUIET for piece in Listener(SpeechSettings()).push(samples)], np.bool_)


def readings_of(path: SpeechPath, samples: Samples) -> list[SpeechReading]:
    """Readings with probabilities that a clip gives."""
    path.reset()
    readings = path.process(Sound(0.0, samples)) + path.finish()
    return [reading for reading in readings if reading.probabilities is not None]


def without_speech(folder: Path, data: Path) -> dict[str, Any]:
    """By kind of sound: how many clips give any reading, how good it claims to be, and how many claim anger."""
    path = SpeechPath(SpeechSettings(), folder)
    groups: dict[str, list[Path]] = {}
    for file in noise_files(data):
        groups.setdefault(file.parent.name, []).append(file)
    kinds = _by_kind(data / "vad_speech")
    groups |= {kind: kinds[kind] for kind in ("music", "silence", "noise") if kind in kinds}
    return {kind: _answers(path, files, kind) for kind, files in groups.items()}


def _answers(path: SpeechPath, files: list[Path], kind: str) -> dict[str, Any]:
    every = [readings_of(path, read_clip(file)) for file in tqdm(files, desc=kind, mininterval=20)]
    flat = [reading for readings in every for reading in readings]
    angry = LABELS.index("angry")
    claims = [any(_claims(reading, angry) for reading in readings) for readings in every]
    return {
        "clips": len(files),
        "with_reading": sum(1 for readings in every if readings),
        "claiming_anger": sum(claims),
        "mean_quality": round(float(np.mean([reading.quality for reading in flat])), 3) if flat else 0.0,
        "mean_neutral": round(float(np.mean([_of(reading)[0] for reading in flat])), 3) if flat else None,
    }


def _of(reading: SpeechReading) -> tuple[float, ...]:
    return reading.probabilities or ()


def _claims(reading: SpeechReading, index: int) -> bool:
    return _of(reading)[index] == max(_of(reading)) and _of(reading)[index] >= _SURE


def _by_kind(folder: Path) -> dict[str, list[Path]]:
    kinds: dict[str, list[Path]] = {}
    if (folder / "index.csv").exists():
        with (folder / "index.csv").open() as file:
            for row in csv.DictReader(file):
                kinds.setdefault(row["sentence"].split(";")[0], []).append(folder / row["file"])
    return kinds


def with_speech(data: Path) -> dict[str, Any]:
    """Against the truth of the meetings, step by step; and the share of short speech clips that are heard."""
    folder = data / "vad_speech"
    kinds = _by_kind(folder)
    result: dict[str, Any] = {}
    for kind in ("meeting speech", "dialogue"):
        hits = [_against_truth(file, folder) for file in kinds.get(kind, []) if file.stem.startswith("pyannote")]
        counts = np.sum([one for one in hits if one is not None], axis=0)
        if np.size(counts) == 4:
            result[kind] = {
                "seconds": round(float(counts.sum()) * STEP / SAMPLE_RATE, 1),
                "missed": round(float(counts[1] / (counts[0] + counts[1])), 4),
                "false_alarm": round(float(counts[2] / (counts[2] + counts[3])), 4),
            }
    for kind in ("speech", "audiobook", "music", "silence"):
        steps = [voiced_steps(read_clip(file)) for file in kinds.get(kind, [])]
        if steps:
            heard = sum(1 for one in steps if one.any())
            share = round(float(np.concatenate(steps).mean()), 4)
            result[kind] = {"clips": len(steps), "heard": heard, "share_of_time": share}
    return result


def _against_truth(file: Path, folder: Path) -> NDArray[np.int64] | None:
    """Steps (heard and true, missed, false, rightly quiet)."""
    name = file.stem.removeprefix("pyannote_").replace("tr0", "trn0")
    spans = [
        (float(part[3]), float(part[3]) + float(part[4]))
        for truth in sorted(folder.glob("*.rttm"))
        for part in (line.split() for line in truth.read_text().splitlines())
        if len(part) > 4 and part[1] == name
    ]
    if not spans:
        return None
    heard = voiced_steps(read_clip(file))
    middle = (np.arange(len(heard)) + 0.5) * STEP / SAMPLE_RATE
    true = np.zeros(len(heard), np.bool_)
    for begin, end in spans:
        true |= (middle >= begin) & (middle < end)
    return np.array([(heard & true).sum(), (~heard & true).sum(), (heard & ~true).sum(), (~heard & ~true).sum()])
