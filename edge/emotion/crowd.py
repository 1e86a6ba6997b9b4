"""Everybody in view, the voice in the room and its words, as one view of the moment and as one for each person."""

from __future__ import annotations

from collections.abc import Container

from edge.config.schema import Config
from edge.emotion import describe, usual_voice
from edge.emotion.decision import decide
from edge.emotion.evidence import Evidence, centred, distribution, evidence_of, offsets, total
from edge.emotion.expressiveness import prior_of
from edge.emotion.fusion import FusionWeights, Said, fuse, limited, part_of, reading_of, weight_of
from edge.emotion.merge import as_one, beside
from edge.emotion.person import STRANGER, Person
from edge.emotion.speaker import DECIDE_S, Loudness, speaker
from edge.emotion.summary import rounded
from edge.emotion.usual_voice import UsualVoice
from edge.errors import EdgeError
from edge.messages.payloads import PersonPayload
from edge.readings import (
    LABELS,
    SILENCE_S,
    UNCERTAIN,
    FaceReading,
    FacesReading,
    Modality,
    Reading,
    SpeechReading,
    TextReading,
)

ROOM = 0.5  # how much a voice counts that belongs to no face, while there are faces
WATCHED_S = 8.0  # of a neutral face: what calibrating a seat needs
_CLEAR = 0.25  # quality
_SPEAKING_S = 0.8  # since the last reading of a voice: it is still heard
_PAUSE_S = 1.5  # since then: it is over
_FORGET_S = 10.0  # a track that is not shown for so long does not come back


class Crowd:
    """Owned by the scene. A track's resting face, mouth and state are gone with it."""

    def __init__(self, config: Config, learned: FusionWeights) -> None:
        self._learned = learned
        self._people: dict[int, Person] = {}
        self._faces: FacesReading | None = None
        self._speech: SpeechReading | None = None  # the newest of all, heard or not
        self._voice: SpeechReading | None = None  # the newest with a voice in it
        self._usual_voice = UsualVoice()  # of whoever speaks in the room
        self._text: TextReading | None = None  # the newest
        self._speaker: int | None = None
        self._loudness = Loudness()
        self._decided = float("-inf")  # who speaks, the last time
        self.apply(config)

    def apply(self, config: Config) -> None:
        """Thresholds that changed while we run."""
        self._config = config
        self._population: Evidence = centred(total([(self._learned.rest, 1.0), (offsets(config.face.rest), 1.0)]))

    def see(self, reading: FacesReading) -> list[FaceReading]:
        """Take in who is in view; returns what is new."""
        if self._faces is not None and reading.time < self._faces.time:
            return []
        known = {(f.track, f.time) for f in self._faces.faces} if self._faces else set()
        self._faces = reading
        voice = self._voice is not None and reading.time - self._voice.time < _SPEAKING_S
        for face in reading.faces:
            person = self._people.setdefault(face.track, Person(reading.time, self._population))
            share, neutral = self._config.face.rest_share, self._learned.rest_neutral
            person.observe(face, reading.time, share=share, neutral=neutral, voice=voice)
        self._people = {
            track: person for track, person in self._people.items() if reading.time - person.seen <= _FORGET_S
        }
        if voice and reading.time - self._decided >= DECIDE_S:
            self._decide_speaker(reading.time)
        return [face for face in reading.faces if (face.track, face.time) not in known]

    def hear(self, reading: SpeechReading) -> bool:
        """Take in what is heard, and find out who says it; whether it is news."""
        if self._speech is not None and reading.time < self._speech.time:
            return False
        self._speech = reading
        self._loudness.hear(reading.time, reading.levels)
        if reading.probabilities is not None:
            if self._voice is None or reading.time - self._voice.time > SILENCE_S:
                self._usual_voice = UsualVoice()
            self._usual_voice = usual_voice.observe(
                self._usual_voice, evidence_of(reading.probabilities), reading.quality, reading.time,
                self._learned.speech_offsets[0],
            )  # fmt: skip
            self._voice = reading
            self._decide_speaker(reading.time)
        return True

    def read(self, reading: TextReading) -> None:
        """Take in what somebody's words say."""
        self._text = reading

    def resting(self, now: float) -> dict[str, float]:
        """What the largest face has said lately beyond most people's rest: the start for a fixed seat."""
        face = self.largest(now)
        if face is None:
            raise EdgeError("nobody is in view; sit where you usually sit and look at the camera")
        person = self._people[face.track]
        if now - person.since < WATCHED_S:
            raise EdgeError(f"somebody has been in view for {now - person.since:.0f} s; {WATCHED_S:.0f} s are needed")
        if face.quality < _CLEAR:
            raise EdgeError("the face cannot be seen well enough; more light, or nearer to the camera")
        beyond = total([(person.usual, 1.0), (self._learned.rest, -1.0)])
        return {label: round(value, 2) for label, value in zip(LABELS, beyond, strict=True)}

    def present(self, now: float) -> dict[int, FaceReading]:
        """Who is in view, by track."""
        if self._faces is None or now - self._faces.time >= self._config.fusion.face_max_age_s:
            return {}
        return {face.track: face for face in self._faces.faces}

    def largest(self, now: float) -> FaceReading | None:
        """The face that a person before the camera would call theirs."""
        return max(self.present(now).values(), key=lambda face: (face.size, -face.track), default=None)

    def senses(self, now: float) -> tuple[Modality, ...]:
        """The modalities from which anything came lately, even if it was 'nobody'."""
        fusion = self._config.fusion
        working: list[Modality] = []
        if self._faces is not None and now - self._faces.time < fusion.face_max_age_s:
            working.append("face")
        if self._speech is not None and now - self._speech.time < fusion.speech_max_age_s:
            working.append("speech")
        if self._text is not None and now - self._text.time < fusion.text_max_age_s:
            working.append("text")
        return tuple(working)

    def reading(self, now: float) -> Reading | None:
        """The scene: the fused people as one, and the voice that belongs to none of them."""
        present = self.present(now)
        prior = prior_of(self._config.decision)
        people = [one for track in sorted(present) if (one := self._of(track, now)) is not None]
        room = [(said, share * self._weight(said)) for said, share in self.room(now)]
        if not people:
            return fuse(room, prior, now, len(present))
        merged = as_one(people, now, len(present))
        for said, most in room:
            if most <= 0.0:
                continue
            base = evidence_of(merged.probabilities)
            weight = limited(base, said.evidence, most) if said.modality == "text" else most
            whole = distribution([value + weight * more for value, more in zip(base, said.evidence, strict=True)])
            parts = beside(merged.parts, said.modality, part_of(said, weight, weight, prior))
            merged = reading_of(whole, now, len(present), parts)
        return merged

    def people(self, now: float, tracks: Container[int]) -> list[tuple[int, PersonPayload]]:
        """Their own views, of those of `tracks` who are in sight."""
        told = []
        for track, face in sorted(self.present(now).items()):
            if track not in tracks:
                continue
            reading, state = self._of(track, now), self._people[track].memory.state
            if reading is None:
                continue
            told.append(
                (
                    track,
                    PersonPayload(
                        track=track,
                        probabilities=rounded(reading.probabilities),
                        label=describe.top(reading.probabilities),
                        confidence=round(reading.confidence, 4),
                        valence=round(reading.valence, 4),
                        arousal=round(reading.arousal, 4),
                        state=state.label,
                        for_s=round(now - state.since, 3),
                        reason=describe.uncertainty(reading, face) if state.label == UNCERTAIN else None,
                        speaking=track == self._owner(now) and self._is_heard(now),
                        why=describe.why(reading, face),
                        because=describe.because(reading),
                    ),
                )
            )
        return told

    def decide(self, now: float) -> set[int]:
        """Let everybody's own state follow; whose changed."""
        changed = set()
        for track in self.present(now):
            person = self._people[track]
            before = person.memory.state.label
            person.memory = decide(person.memory, self._of(track, now), now, self._config.decision, self.senses(now))
            if person.memory.state.label != before:
                changed.add(track)
        return changed

    def parts(self, track: int, now: float) -> list[tuple[Said, float]]:
        """What one person's face says, and voice and words if they are theirs, each with the share of its weight."""
        person = self._people[track]
        face = person.said(now, self._config, self._learned)
        parts = [] if face is None else [(face, person.familiarity(self._config))]
        heard = self._heard(now) if self._owner(now) == track else None
        if heard is not None:
            parts.append((heard, self._known_voice()))
        read = self._read_now(now) if self._author(now) == track else None
        return parts if read is None else [*parts, (read, 1.0)]

    def room(self, now: float) -> list[tuple[Said, float]]:
        """The voice and the words that belong to nobody in view."""
        share = ROOM if self.present(now) else 1.0
        heard = self._heard(now) if self._owner(now) is None and not self._config.speech.require_face else None
        read = self._read_now(now) if self._author(now) is None else None
        parts = [] if heard is None else [(heard, share * self._known_voice())]
        return parts if read is None else [*parts, (read, share)]

    def _of(self, track: int, now: float) -> Reading | None:
        """One person's fused view."""
        parts = [(said, share * self._weight(said)) for said, share in self.parts(track, now)]
        return fuse(parts, prior_of(self._config.decision), now, 1, self._learned.apart)

    def _decide_speaker(self, now: float) -> None:
        self._decided = now
        mouths = {track: self._people[track].mouth for track in self.present(now) if track in self._people}
        self._speaker = speaker(mouths, self._speaker, now, self._loudness)

    def _owner(self, now: float) -> int | None:
        """Whose voice is heard, while they are in view."""
        return self._speaker if self._speaker in self.present(now) else None

    def _author(self, now: float) -> int | None:
        """Whose words were read: the speaker's, or those of the only one in view."""
        present = self.present(now)
        return next(iter(present)) if len(present) == 1 else self._owner(now)

    def _read_now(self, now: float) -> Said | None:
        """What the words say, while they count."""
        text = self._text
        if text is None or now - text.time >= self._config.fusion.text_max_age_s:
            return None
        return Said("text", evidence_of(text.probabilities), text.quality, now - text.time)

    def _is_heard(self, now: float) -> bool:
        """Somebody speaks, or pauses between two words: silence belongs to nobody."""
        return self._voice is not None and now - self._voice.time < _PAUSE_S

    def _known_voice(self) -> float:
        """How much the voice counts: less in its first seconds, in which its usual sound may become known."""
        return STRANGER + (1.0 - STRANGER) * self._usual_voice.familiar

    def _heard(self, now: float) -> Said | None:
        """What the voice says."""
        voice = self._voice
        if voice is None or voice.probabilities is None:
            return None
        beyond = self._usual_voice.without(evidence_of(voice.probabilities))
        evidence = total([(beyond, 1.0), (self._learned.speech_offsets, 1.0)])
        return Said("speech", evidence, voice.quality, now - voice.time)

    def _weight(self, said: Said) -> float:
        return weight_of(said, self._config.fusion, self._learned)
