"""What is known of this moment, and what is to be told of it.

Readings go in by `feed`, messages come out of `tick`. No clock, no thread, no I/O: the service drives it with the
device's time, replay with the recording's, and both give the same answers.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.config.schema import Config
from edge.emotion.decision import DecisionMemory, begin, decide
from edge.emotion.fusion import FusionWeights, fuse
from edge.emotion.summary import Summary, rounded
from edge.messages.numbering import iso
from edge.messages.payloads import (
    EventPayload,
    FacePayload,
    ModalityPart,
    Payload,
    ReadingPayload,
    SpeechPayload,
    StatePayload,
)
from edge.readings import (
    LABELS,
    FaceReading,
    FacesReading,
    Modality,
    Part,
    Reading,
    SpeechReading,
    State,
    circumplex,
)

STRAGGLER_S = 0.4


class Outgoing(NamedTuple):
    """A message for `topic` below the base; `captured` is the monotonic time of what it tells."""

    topic: str
    payload: Payload
    captured: float


class Scene:
    """The fused state. Owned by the decision loop alone."""

    def __init__(self, config: Config, learned: FusionWeights, now: float) -> None:
        self._config = config
        self._learned = learned
        self._started = now
        self.reset(now)

    def reset(self, now: float) -> None:
        """Forget everything about everybody."""
        self._faces: FacesReading | None = None
        self._speech: SpeechReading | None = None  # the newest of all, heard or not
        self._voice: SpeechReading | None = None  # the newest with a voice in it
        self._told_tracks: frozenset[int] = frozenset()
        self._debug: list[Outgoing] = []
        self._news = False  # evidence came since the last tick
        self._memory: DecisionMemory = begin(now)
        self._reading: Reading | None = None
        self._reading_told = self._evidence_told = float("-inf")
        self._state_told = float("-inf")
        self._summary = Summary(now)

    def apply(self, config: Config) -> None:
        """Thresholds that changed while we run."""
        self._config = config

    @property
    def state(self) -> State:
        return self._memory.state

    def feed(self, reading: FacesReading | SpeechReading) -> None:
        """Take in what a worker said. Within the same instant the order of arrival does not matter."""
        if isinstance(reading, FacesReading):
            if self._faces is None or reading.time >= self._faces.time:
                known = {(f.track, f.time) for f in self._faces.faces} if self._faces else set()
                new = [f for f in reading.faces if (f.track, f.time) not in known]
                self._debug += [Outgoing(f"face/{f.track}", _face_payload(f), f.time) for f in new]
                self._news = self._news or bool(new)
                self._faces = reading
        else:
            if self._speech is None or reading.time >= self._speech.time:
                self._speech = reading
                self._debug.append(Outgoing("speech", _speech_payload(reading), reading.time))
            heard = reading.probabilities is not None
            if heard and (self._voice is None or reading.time >= self._voice.time):
                self._voice = reading
                self._news = True

    def tick(self, now: float, wall: float) -> list[Outgoing]:
        """Decide, and say what is due. `wall` is the time of day at `now`."""
        settings = self._config
        faces = self._present(now)
        speech = self._voice
        if settings.speech.require_face and not faces:
            speech = None
        reading = fuse(faces, speech, now, settings.fusion, self._learned)
        before = self._memory.state
        self._memory = decide(self._memory, reading, now, settings.decision, self.senses(now))
        self._reading = reading
        state = self._memory.state
        self._summary.add(reading, state, len(faces), now)

        out = self._person_events(faces, now)
        if state.label != before.label:
            out += _state_events(before, state, now)
        if state.label != before.label or now - self._state_told >= settings.publish.state_every_s:
            self._state_told = now
            out.append(Outgoing("state", self.current_state(wall, now), now))
        if reading is not None and now - self._reading_told >= 1.0 / settings.publish.max_hz:
            newest = max(now - part.age for part in reading.parts.values())
            # Told in the moment in which it comes, so that it is fresh; a straggler not later than this.
            if newest > self._evidence_told and (self._news or now - newest > STRAGGLER_S):
                self._reading_told, self._evidence_told = now, newest
                out.append(Outgoing("reading", _reading_payload(reading), newest))
        if now - self._summary.began >= settings.publish.summary_every_s:
            out.append(Outgoing("summary", self._summary.payload(), now))
            self._summary = Summary(now)
        if settings.publish.modalities:
            out += self._debug
        self._debug = []
        self._news = False
        return out

    def senses(self, now: float) -> tuple[Modality, ...]:
        """The modalities from which anything came lately, even if it was 'nobody'."""
        fusion = self._config.fusion
        working: list[Modality] = []
        if self._faces is not None and now - self._faces.time < fusion.face_max_age_s:
            working.append("face")
        if self._speech is not None and now - self._speech.time < fusion.speech_max_age_s:
            working.append("speech")
        return tuple(working)

    def _present(self, now: float) -> tuple[FaceReading, ...]:
        if self._faces is None or now - self._faces.time >= self._config.fusion.face_max_age_s:
            return ()
        return self._faces.faces

    def _person_events(self, faces: tuple[FaceReading, ...], now: float) -> list[Outgoing]:
        tracks = frozenset(face.track for face in faces)
        came, went = sorted(tracks - self._told_tracks), sorted(self._told_tracks - tracks)
        self._told_tracks = tracks
        return [
            Outgoing("event", EventPayload(event="person_gone", track=track, people=len(tracks)), now) for track in went
        ] + [
            Outgoing("event", EventPayload(event="person_appeared", track=track, people=len(tracks)), now)
            for track in came
        ]

    def current_state(self, wall: float, now: float) -> StatePayload:
        """The state as it is told now."""
        state = self._memory.state
        valence, arousal = circumplex(self._memory.smoothed) if state.label in LABELS else (0.0, 0.0)
        return StatePayload(
            label=state.label,
            confidence=round(state.confidence, 4),
            since=iso(wall - (now - state.since)),
            for_s=round(now - state.since, 3),
            people=len(self._told_tracks),
            modalities=state.modalities,
            valence=round(valence, 4),
            arousal=round(arousal, 4),
        )


def _state_events(before: State, state: State, now: float) -> list[Outgoing]:
    left = EventPayload(
        event="state_left", label=before.label, lasted_s=round(now - before.since, 3), people=state.people
    )
    entered = EventPayload(event="state_entered", label=state.label, previous=before.label, people=state.people)
    return [Outgoing("event", left, now), Outgoing("event", entered, now)]


def _reading_payload(reading: Reading) -> ReadingPayload:
    return ReadingPayload(
        probabilities=rounded(reading.probabilities),
        label=LABELS[reading.probabilities.index(max(reading.probabilities))],
        confidence=round(reading.confidence, 4),
        valence=round(reading.valence, 4),
        arousal=round(reading.arousal, 4),
        people=reading.people,
        face=_part(reading.parts.get("face")),
        speech=_part(reading.parts.get("speech")),
    )


def _part(part: Part | None) -> ModalityPart | None:
    if part is None:
        return None
    return ModalityPart(rounded(part.probabilities), round(part.age, 3), round(part.quality, 3), round(part.weight, 3))


def _face_payload(face: FaceReading) -> FacePayload:
    return FacePayload(
        track=face.track,
        probabilities=rounded(face.probabilities),
        quality=round(face.quality, 3),
        size_px=round(face.size, 1),
    )


def _speech_payload(reading: SpeechReading) -> SpeechPayload:
    return SpeechPayload(
        probabilities=None if reading.probabilities is None else rounded(reading.probabilities),
        quality=round(reading.quality, 3),
        snr_db=round(reading.snr_db, 1),
        voiced=round(reading.voiced, 3),
        segment=reading.segment,
    )
