"""One person in view: what their face has said lately, what it says at rest, how their mouth moves, how they feel."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from edge.config.schema import Config
from edge.emotion import rest
from edge.emotion.decision import begin as undecided
from edge.emotion.evidence import NONE, Evidence, evidence_of, offsets, total
from edge.emotion.fusion import FusionWeights, Said, beyond_rest, freshness
from edge.emotion.speaker import Mouth
from edge.readings import FaceReading

STRANGER = 0.2  # how much a face counts that is seen for the first time
_USUAL_S = 4.0
POOLED_S = 1.0  # of a face: its evidence is pooled over so long


class Person:
    """Owned by the scene. Everything in it is gone with the track."""

    def __init__(self, now: float, population: Evidence) -> None:
        self.rest = rest.begin(population)
        self.mouth = Mouth()
        self.memory = undecided(now)
        self.face: FaceReading | None = None  # the newest
        self.seen = now  # when they were last in view
        self.since = now
        self.usual: Evidence = NONE  # what the face has said over the last seconds, whatever it was
        self._recent: deque[FaceReading] = deque(maxlen=64)

    def observe(self, face: FaceReading, now: float, *, share: float, neutral: float, voice: bool) -> None:
        """Take in what the face path says at `now`; a face that was not classified since tells of its mouth alone.

        `share` of its rest is taken off, `neutral` is what looking so counts; `voice`: somebody is heard.
        """
        self.seen = now
        self.mouth.observe(now, face.mouth, voice=voice, opening=face.opening)
        if self.face is not None and face.time <= self.face.time:
            return
        said = evidence_of(face.probabilities)
        keep = 0.0 if self.face is None else math.exp(-(face.time - self.face.time) / _USUAL_S)
        self.usual = total([(self.usual, keep), (said, 1.0 - keep)])
        self.face = face
        self._recent.append(face)
        while face.time - self._recent[0].time > POOLED_S:
            self._recent.popleft()
        self.rest = rest.observe(self.rest, said, face.quality, face.time, share=share, neutral=neutral)

    def said(self, now: float, config: Config, learned: FusionWeights) -> Said | None:
        """What the face says now, beyond its rest."""
        if self.face is None or freshness(now - self.face.time, config.fusion.face_max_age_s) <= 0.0:
            return None
        evidence, quality = pooled(self._recent)
        beyond = self.rest.without(evidence, config.face.rest_share)
        return Said(
            "face", beyond_rest(beyond, learned, offsets(config.face.prior)), quality, now - self.face.time,
            self.rest.known if config.face.rest_share > 0.0 else None,
        )  # fmt: skip

    def familiarity(self, config: Config) -> float:
        """How much a face counts: less in the first seconds, in which its rest may become known."""
        if config.face.rest_share <= 0.0:
            return 1.0
        return STRANGER + (1.0 - STRANGER) * self.rest.familiar


def pooled(recent: Iterable[FaceReading]) -> tuple[Evidence, float]:
    """Evidence and quality of some readings of one face: their mean, weighted by quality."""
    faces = sorted(recent, key=lambda face: face.time)
    weight = math.fsum(face.quality for face in faces)
    if weight <= 0.0:
        return evidence_of(faces[-1].probabilities), 0.0
    said = total([(evidence_of(face.probabilities), face.quality / weight) for face in faces])
    return said, weight / len(faces)
