"""What is right and what is wrong among the faces a finder names: pure counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.face.boxes import overlap
from edge.readings import Box, FoundFace
from models.finder.photos import Floats

RIGHT = 0.5  # overlap


@dataclass(frozen=True)
class Verdict:
    """Of one picture."""

    found: tuple[float, ...]  # for each face there: the score of the answer that is right, or -1
    landmarks: tuple[float, ...]  # for each face found: mean error in distances between the eyes
    alarms: tuple[float, ...]  # scores of the answers where nothing is


def verdict(answers: Sequence[FoundFace], boxes: Floats, points: Floats, doubtful: Floats) -> Verdict:
    """The surest answer that overlaps a face by half finds it; other answers there are alarms, too."""
    found, errors = [-1.0] * len(boxes), []
    alarms = []
    there = [Box(*map(float, box)) for box in boxes]
    maybe = [Box(*map(float, box)) for box in doubtful]
    for face in sorted(answers, key=lambda face: -face.score):
        overlaps = [overlap(face.box, box) for box in there]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best >= 0 and overlaps[best] >= RIGHT:
            if found[best] >= 0:
                alarms.append(face.score)
                continue
            found[best] = face.score
            if face.landmarks:
                far = np.linalg.norm(np.array(face.landmarks) - points[best], axis=1).mean()
                errors.append(float(far / max(np.linalg.norm(points[best][0] - points[best][1]), 1e-6)))
        elif not any(_touches(face.box, box) for box in maybe):
            alarms.append(face.score)
    return Verdict(tuple(found), tuple(errors), tuple(alarms))


def _touches(box: Box, other: Box) -> bool:
    x, y = box.x + box.width / 2, box.y + box.height / 2
    return other.x <= x <= other.x + other.width and other.y <= y <= other.y + other.height


def recall(verdicts: Sequence[Verdict], least: float) -> float:
    """Of all faces, the fraction found with at least this score."""
    scores = np.array([score for each in verdicts for score in each.found])
    return float((scores >= least).mean()) if len(scores) else float("nan")


def alarms_per_thousand(verdicts: Sequence[Verdict], least: float) -> float:
    """False answers with at least this score, for every thousand pictures."""
    return float(1000 * sum(score >= least for each in verdicts for score in each.alarms) / max(len(verdicts), 1))


def threshold(verdicts: Sequence[Verdict], most: float) -> float:
    """The lowest score with at most `most` alarms per thousand pictures."""
    alarms = sorted((score for each in verdicts for score in each.alarms), reverse=True)
    allowed = int(most * len(verdicts) / 1000)
    return alarms[allowed] + 1e-6 if allowed < len(alarms) else 0.05
