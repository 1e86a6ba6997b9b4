"""What the path says where nobody speaks, where people only talk, and whether it hears those who do."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.readings import LABELS, SAMPLE_RATE, Samples, Sound, SpeechReading
from edge.speech.path import SpeechPath
from edge.speech.segments import Phase, Segmenter
from edge.speech.settings import SpeechSettings
from edge.speech.voice_detector import STEP
from models.speech.corpora import TALK, find_clips
from models.speech.recordings import noise_files, read_clip

_SURE = 0.5  # a probability that would count as a claim
_ENTER = 0.45  # what the service asks by default before it leaves its state: `decision.enter`
_HOP_S = 0.5


@dataclass
class Listeners:
    """One path and one segmenter for all sounds: the detector is loaded once for each."""

    folder: Path
    path: SpeechPath = field(init=False)
    segmenter: Segmenter = field(init=False)

    def __post_init__(self) -> None:
        self.path = SpeechPath(SpeechSettings(), self.folder)
        self.segmenter = Segmenter(SpeechSettings())

    def voiced_steps(self, samples: Samples) -> NDArray[np.bool_]:
        """Per step of 32 ms whether the service counts it as part of a segment."""
        self.segmenter.reset(SpeechSettings())
        return np.array([step.phase is not Phase.QUIET for step in self.segmenter.push(samples)], np.bool_)

    def readings(self, samples: Samples) -> list[SpeechReading]:
        """Readings with probabilities that a clip gives."""
        self.path.reset()
        readings = self.path.process(Sound(0.0, samples)) + self.path.finish()
        return [reading for reading in readings if reading.probabilities is not None]


def without_speech(listeners: Listeners, data: Path) -> dict[str, Any]:
    """By kind of sound: how many clips give any reading, how good it claims to be, and how many claim anger."""
    groups: dict[str, list[Path]] = {}
    for file in noise_files(data):
        groups.setdefault(file.parent.name, []).append(file)
    kinds = by_kind(data / "vad_speech")
    groups |= {kind: kinds[kind] for kind in ("music", "silence", "noise") if kind in kinds}
    return {kind: _answers(listeners, files, kind) for kind, files in groups.items()}


def _answers(listeners: Listeners, files: list[Path], kind: str) -> dict[str, Any]:
    every = [listeners.readings(read_clip(file)) for file in tqdm(files, desc=kind, mininterval=20)]
    flat = [reading for readings in every for reading in readings]
    angry = LABELS.index("angry")
    claims = [any(_of(reading)[angry] > _SURE for reading in readings) for readings in every]
    return {
        "clips": len(files),
        "with_reading": sum(1 for readings in every if readings),
        "claiming_anger": sum(claims),
        "mean_quality": round(float(np.mean([reading.quality for reading in flat])), 3) if flat else 0.0,
    }


def in_talk(folds: Mapping[Path, int], data: Path) -> dict[str, Any]:
    """Meetings, audiobooks and other talk: people most of whom have no feeling worth a claim, each judged by the file
    of the fold that never heard them.

    Each reading stands for half a second. Shares are of the readings: how many claim a feeling as surely as the service
    asks by default before it leaves neutral, and how many claim anger.
    """
    kinds = {file: kind for kind, files in by_kind(data / TALK).items() for file in files}
    every: dict[str, list[SpeechReading]] = {"meeting speech": [], "audiobook": [], "other talk": []}
    for folder, fold in folds.items():
        listeners = Listeners(folder)
        for clip in find_clips(data, (TALK,)):
            if clip.fold() == fold:
                kind = kinds.get(clip.path, "")
                every[kind if kind in every else "other talk"] += listeners.readings(read_clip(clip.path))
    found: dict[str, Any] = {}
    for kind, readings in every.items():
        if readings:
            said = np.array([reading.probabilities for reading in readings])
            best, sure = said.argmax(axis=1), said.max(axis=1)
            feeling = (best != 0) & (sure > _ENTER)
            angry = (best == LABELS.index("angry")) & (sure > _ENTER)
            found[kind] = {
                "minutes": round(len(said) * _HOP_S / 60, 1),
                "claiming_a_feeling": round(float(feeling.mean()), 4),
                "claiming_anger": round(float(angry.mean()), 4),
                "mean_neutral": round(float(said[:, 0].mean()), 3),
                "mean_surest": round(float(sure.mean()), 3),
            }
    return found


def with_speech(listeners: Listeners, data: Path) -> dict[str, Any]:
    """Share of speech that is missed and of the rest that is taken for speech, where people marked it; else, how many
    clips are heard at all."""
    folder = data / "vad_speech"
    kinds = by_kind(folder)
    result: dict[str, Any] = {}
    for kind in ("meeting speech", "dialogue"):
        hits = [
            _against_truth(listeners, file, folder) for file in kinds.get(kind, []) if file.stem.startswith("pyannote")
        ]
        counts = np.sum([one for one in hits if one is not None], axis=0)
        if np.size(counts) == 4:
            result[kind] = {
                "seconds": round(float(counts.sum()) * STEP / SAMPLE_RATE, 1),
                "missed": round(float(counts[1] / (counts[0] + counts[1])), 4),
                "false_alarm": round(float(counts[2] / (counts[2] + counts[3])), 4),
            }
    for kind in ("speech", "audiobook", "music", "silence"):
        steps = [listeners.voiced_steps(read_clip(file)) for file in kinds.get(kind, [])]
        if steps:
            heard = sum(1 for one in steps if one.any())
            share = round(float(np.concatenate(steps).mean()), 4)
            result[kind] = {"clips": len(steps), "heard": heard, "share_of_time": share}
    return result


def by_kind(folder: Path) -> dict[str, list[Path]]:
    """The files of the folder by what is to be heard in them."""
    kinds: dict[str, list[Path]] = {}
    if (folder / "index.csv").exists():
        with (folder / "index.csv").open() as file:
            for row in csv.DictReader(file):
                kinds.setdefault(row["sentence"].split(";")[0], []).append(folder / row["file"])
    return kinds


def _of(reading: SpeechReading) -> tuple[float, ...]:
    return reading.probabilities or ()


def _against_truth(listeners: Listeners, file: Path, folder: Path) -> NDArray[np.int64] | None:
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
    heard = listeners.voiced_steps(read_clip(file))
    middle = (np.arange(len(heard)) + 0.5) * STEP / SAMPLE_RATE
    true = np.zeros(len(heard), np.bool_)
    for begin, end in spans:
        true |= (middle >= begin) & (middle < end)
    return np.array([(heard & true).sum(), (~heard & true).sum(), (heard & ~true).sum(), (~heard & ~true).sum()])
