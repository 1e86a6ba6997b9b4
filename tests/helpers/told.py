"""Messages as the service would tell them."""

from __future__ import annotations

from edge.messages.payloads import ModalityPart, ReadingPayload, StatePayload
from edge.readings import LABELS


def reading(label: str = "happy", face_age: float = 0.1, speech_age: float | None = None) -> ReadingPayload:
    probabilities = {name: 0.7 if name == label else 0.05 for name in LABELS}
    speech = None if speech_age is None else ModalityPart(probabilities, speech_age, 0.5, 0.5)
    return ReadingPayload(
        probabilities=probabilities, label=label, confidence=0.7, valence=0.5, arousal=0.3, people=1,
        face=ModalityPart(probabilities, face_age, 0.8, 1.0), speech=speech,
    )  # fmt: skip


def state(label: str, for_s: float = 0.0) -> StatePayload:
    return StatePayload(label=label, confidence=0.7, since="", for_s=for_s, people=1, modalities=("face",))
