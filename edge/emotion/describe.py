"""Readings and states as they are published: numbers rounded, and why they are as they are. Pure functions."""

from __future__ import annotations

from edge.emotion.decision import DecisionMemory
from edge.emotion.summary import rounded
from edge.messages.numbering import iso
from edge.messages.payloads import (
    EventPayload,
    FacePayload,
    ModalityPart,
    ReadingPayload,
    Reason,
    SpeechPayload,
    StatePayload,
    TextPayload,
    Why,
    WhyPart,
    WhyQuality,
)
from edge.readings import (
    LABELS,
    UNCERTAIN,
    FaceQuality,
    FaceReading,
    Part,
    Reading,
    SpeechReading,
    State,
    TextReading,
    circumplex,
)

_POOR = 0.45  # of a part of quality: below it is named as the reason
_WEAK = 0.35  # quality of a face below which it hardly says anything


def reading_payload(reading: Reading, face: FaceReading | None) -> ReadingPayload:
    """The fused view; `face` is the one it is mostly about."""
    return ReadingPayload(
        probabilities=rounded(reading.probabilities),
        label=top(reading.probabilities),
        confidence=round(reading.confidence, 4),
        valence=round(reading.valence, 4),
        arousal=round(reading.arousal, 4),
        people=reading.people,
        face=_part(reading.parts.get("face")),
        speech=_part(reading.parts.get("speech")),
        text=_part(reading.parts.get("text")),
        why=why(reading, face),
        because=because(reading),
    )


def why(reading: Reading, face: FaceReading | None) -> Why:
    """What each part would have said alone."""
    seen, heard = reading.parts.get("face"), reading.parts.get("speech")
    agree = None if seen is None or heard is None else top(seen.probabilities) == top(heard.probabilities)
    read = _why_part(reading.parts.get("text"), None)
    return Why(_why_part(seen, None if face is None else face.detail), _why_part(heard, None), read, agree)


def because(reading: Reading) -> str:
    """The same in one plain sentence."""
    read = reading.parts.get("text")
    if read is None:
        return _seen_and_heard(reading)
    if len(reading.parts) == 1:
        return "the words alone"
    says = top(read.probabilities)
    agree = says == top(reading.probabilities)
    return f"{_seen_and_heard(reading)}; the words {'agree' if agree else f'alone would be {says}'}"


def _seen_and_heard(reading: Reading) -> str:
    seen, heard = reading.parts.get("face"), reading.parts.get("speech")
    label = top(reading.probabilities)
    if seen is not None and heard is not None:
        face, voice = top(seen.probabilities), top(heard.probabilities)
        if face == voice:
            return f"face and voice agree; the face alone would be {_percent(seen)}"
        if label in (face, voice):
            won, other, says = ("face", "voice", voice) if label == face else ("voice", "face", face)
            return f"the {won} outweighs the {other}, which alone would be {says}"
        return f"the face alone would be {face} and the voice alone {voice}"
    if seen is not None:
        rest = {True: ", compared with this face at rest", False: "; the resting face is still being learned"}
        return f"the face alone{rest.get(seen.rest_known, '')}" if seen.rest_known is not None else "the face alone"
    return "the voice alone"


def uncertainty(reading: Reading | None, face: FaceReading | None) -> Reason:
    """Why nothing wins, for a state that is uncertain."""
    if reading is None:
        return "no clear winner"
    seen, heard = reading.parts.get("face"), reading.parts.get("speech")
    if face is not None and seen is not None and seen.quality < _WEAK and (heard is None or heard.weight < _POOR):
        hard = _hard_to_read(face.detail)
        if hard is not None:
            return hard
    if seen is not None and heard is not None and top(seen.probabilities) != top(heard.probabilities):
        return "face and voice disagree"
    if seen is not None and seen.rest_known is False:
        return "still learning"
    return "no clear winner"


def _hard_to_read(detail: FaceQuality) -> Reason | None:
    if detail.size == min(detail.size, detail.sharpness, detail.light) and detail.size < _POOR:
        return "face too small"
    if detail.light < _POOR:
        return "too dark"
    return "face covered" if detail.cover < _POOR else None


def state_payload(memory: DecisionMemory, people: int, wall: float, now: float, reason: Reason) -> StatePayload:
    """The state as it is told now; `reason` counts while it is uncertain."""
    state = memory.state
    valence, arousal = circumplex(memory.smoothed) if state.label in LABELS else (0.0, 0.0)
    return StatePayload(
        label=state.label,
        confidence=round(state.confidence, 4),
        since=iso(wall - (now - state.since)),
        for_s=round(now - state.since, 3),
        people=people,
        modalities=state.modalities,
        valence=round(valence, 4),
        arousal=round(arousal, 4),
        reason=reason if state.label == UNCERTAIN else None,
    )


def state_events(before: State, state: State, now: float) -> tuple[EventPayload, EventPayload]:
    """The one that ended and the one that begins."""
    left = EventPayload(
        event="state_left", label=before.label, lasted_s=round(now - before.since, 3), people=state.people
    )
    return left, EventPayload(event="state_entered", label=state.label, previous=before.label, people=state.people)


def face_payload(face: FaceReading) -> FacePayload:
    """One face for debugging: what the model says of it."""
    return FacePayload(
        track=face.track,
        probabilities=rounded(face.probabilities),
        quality=round(face.quality, 3),
        size_px=round(face.size, 1),
    )


def speech_payload(reading: SpeechReading) -> SpeechPayload:
    """The voice for debugging: what the model says of it."""
    return SpeechPayload(
        probabilities=None if reading.probabilities is None else rounded(reading.probabilities),
        quality=round(reading.quality, 3),
        snr_db=round(reading.snr_db, 1),
        voiced=round(reading.voiced, 3),
        segment=reading.segment,
    )


def text_payload(reading: TextReading) -> TextPayload:
    """The words for debugging: what the model says of them."""
    return TextPayload(probabilities=rounded(reading.probabilities), quality=round(reading.quality, 3))


def top(probabilities: tuple[float, ...]) -> str:
    """The most probable label."""
    return LABELS[probabilities.index(max(probabilities))]


def _part(part: Part | None) -> ModalityPart | None:
    if part is None:
        return None
    return ModalityPart(
        rounded(part.probabilities), round(part.age, 3), round(part.quality, 3), round(part.weight, 3), part.rest_known
    )


def _why_part(part: Part | None, detail: FaceQuality | None) -> WhyPart | None:
    if part is None:
        return None
    quality = None
    if detail is not None:
        quality = WhyQuality(
            round(detail.size, 2), round(detail.sharpness, 2), round(detail.light, 2), round(detail.pose, 2),
            round(detail.cover, 2),
        )  # fmt: skip
    return WhyPart(
        top(part.probabilities), round(max(part.probabilities), 4), round(part.weight, 3), part.rest_known, quality
    )


def _percent(part: Part) -> str:
    return f"{100 * max(part.probabilities):.0f} %"
