"""Messages as the service would tell them."""

from __future__ import annotations

import math

from edge.messages.payloads import (
    ModalityPart,
    PersonPayload,
    ReadingPayload,
    Reason,
    StatePayload,
    SummaryPayload,
    Why,
)
from edge.readings import LABELS


def reading(
    label: str = "happy", face_age: float = 0.1, speech_age: float | None = None, text_age: float | None = None
) -> ReadingPayload:
    probabilities = {name: 0.7 if name == label else 0.05 for name in LABELS}
    speech = None if speech_age is None else ModalityPart(probabilities, speech_age, 0.5, 0.5)
    text = None if text_age is None else ModalityPart(probabilities, text_age, 0.4, 0.3)
    return ReadingPayload(
        probabilities=probabilities, label=label, confidence=0.7, valence=0.5, arousal=0.3, people=1,
        face=ModalityPart(probabilities, face_age, 0.8, 1.0), speech=speech, text=text,
    )  # fmt: skip


def state(label: str, for_s: float = 0.0) -> StatePayload:
    return StatePayload(label=label, confidence=0.7, since="", for_s=for_s, people=1, modalities=("face",))


def person(
    label: str = "happy", *, track: int = 1, reason: Reason | None = None, speaking: bool = False
) -> PersonPayload:
    probabilities = {name: 0.7 if name == label else 0.05 for name in LABELS}
    return PersonPayload(
        track=track, probabilities=probabilities, label=label, confidence=0.7, valence=0.5, arousal=0.3, state=label,
        for_s=1.0, reason=reason, speaking=speaking, why=Why(), because="the face alone",
    )  # fmt: skip


def summary(label: str = "happy", *, seconds: float = 60.0, people: float = 1.0) -> SummaryPayload:
    """A time in which `label` was the state for three quarters."""
    probabilities = {name: 0.7 if name == label else 0.05 for name in LABELS}
    return SummaryPayload(
        seconds=seconds, probabilities=probabilities, people_mean=people, people_max=math.ceil(people),
        time_in_state_s={label: 0.75 * seconds, "uncertain": 0.25 * seconds}, valence=0.5, arousal=0.3,
    )  # fmt: skip
