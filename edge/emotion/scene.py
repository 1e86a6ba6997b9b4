"""What is known of this moment, and what is to be told of it.

Readings go in by `feed`, messages come out of `tick`. No clock, no thread, no I/O: the service drives it with the
device's time, replay with the recording's, and both give the same answers.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.config.schema import Config
from edge.emotion import describe
from edge.emotion.crowd import Crowd
from edge.emotion.decision import DecisionMemory, begin, decide
from edge.emotion.fusion import FusionWeights
from edge.emotion.summary import Summary
from edge.messages.payloads import EventPayload, Payload, StatePayload
from edge.readings import FacesReading, Modality, Reading, SpeechReading, State, TextReading

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
        self.reset(now)

    def reset(self, now: float) -> None:
        """Forget everything about everybody."""
        self._crowd = Crowd(self._config, self._learned)
        self._told_tracks: frozenset[int] = frozenset()
        self._debug: list[Outgoing] = []
        self._news = False  # evidence came since the last tick
        self._memory: DecisionMemory = begin(now)
        self._reading: Reading | None = None
        self._reading_told = self._evidence_told = float("-inf")
        self._state_told = float("-inf")
        self._people_told: dict[int, float] = {}  # when, by track
        self._summary = Summary(now)

    def apply(self, config: Config) -> None:
        """Thresholds that changed while we run."""
        self._config = config
        self._crowd.apply(config)

    @property
    def state(self) -> State:
        return self._memory.state

    def feed(self, reading: FacesReading | SpeechReading | TextReading) -> None:
        """Take in what a worker said. Within the same instant the order of arrival does not matter."""
        if isinstance(reading, FacesReading):
            new = self._crowd.see(reading)
            self._debug += [Outgoing(f"face/{f.track}", describe.face_payload(f), f.time) for f in new]
            self._news = self._news or bool(new)
        elif isinstance(reading, TextReading):
            self._crowd.read(reading)
            self._debug.append(Outgoing("text", describe.text_payload(reading), reading.time))
            self._news = True
        elif self._crowd.hear(reading):
            self._debug.append(Outgoing("speech", describe.speech_payload(reading), reading.time))
            self._news = self._news or reading.probabilities is not None

    def tick(self, now: float, wall: float) -> list[Outgoing]:
        """Decide, and say what is due. `wall` is the time of day at `now`."""
        settings = self._config
        reading = self._crowd.reading(now)
        before = self._memory.state
        self._memory = decide(self._memory, reading, now, settings.decision, self.senses(now))
        self._reading = reading
        state = self._memory.state
        present = self._crowd.present(now)
        self._summary.add(reading, state, len(present), now)

        out = self._person_events(frozenset(present), now)
        if state.label != before.label:
            out += [Outgoing("event", event, now) for event in describe.state_events(before, state, now)]
        if state.label != before.label or now - self._state_told >= settings.publish.state_every_s:
            self._state_told = now
            out.append(Outgoing("state", self.current_state(wall, now), now))
        if reading is not None and now - self._reading_told >= 1.0 / settings.publish.max_hz:
            newest = max(now - part.age for part in reading.parts.values())
            # Told in the moment in which it comes, so that it is fresh; a straggler not later than this.
            if newest > self._evidence_told and (self._news or now - newest > STRAGGLER_S):
                self._reading_told, self._evidence_told = now, newest
                out.append(Outgoing("reading", describe.reading_payload(reading, self._crowd.largest(now)), newest))
        if settings.publish.people:
            out += self._people(now)
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
        return self._crowd.senses(now)

    def resting(self, now: float) -> dict[str, float]:
        """What `face.rest` would have to be for whoever is in view and has a neutral face; EdgeError if nobody is."""
        return self._crowd.resting(now)

    def current_state(self, wall: float, now: float) -> StatePayload:
        """The state as it is told now."""
        reason = describe.uncertainty(self._reading, self._crowd.largest(now))
        return describe.state_payload(self._memory, len(self._told_tracks), wall, now, reason)

    def _person_events(self, tracks: frozenset[int], now: float) -> list[Outgoing]:
        came, went = sorted(tracks - self._told_tracks), sorted(self._told_tracks - tracks)
        self._told_tracks = tracks
        return [
            Outgoing("event", EventPayload(event="person_gone", track=track, people=len(tracks)), now) for track in went
        ] + [
            Outgoing("event", EventPayload(event="person_appeared", track=track, people=len(tracks)), now)
            for track in came
        ]

    def _people(self, now: float) -> list[Outgoing]:
        """Each person's own view: as often as a reading, and at once when that person's state changes."""
        changed, pause = self._crowd.decide(now), 1.0 / self._config.publish.max_hz
        told = {track: at for track, at in self._people_told.items() if track in self._told_tracks}
        due = {track for track in self._told_tracks if track in changed or now - told.get(track, -pause) >= pause}
        people = self._crowd.people(now, due)
        self._people_told = told | {track: now for track, _ in people}
        return [Outgoing(f"person/{track}", payload, now) for track, payload in people]
