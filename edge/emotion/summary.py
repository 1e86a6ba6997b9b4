"""A minute in one message: mean distribution, time in each state, people. Integrates over time, not over messages."""

from __future__ import annotations

from edge.messages.payloads import SummaryPayload
from edge.readings import LABELS, Probabilities, Reading, State, circumplex

MAX_STEP_S = 2.0  # a longer gap between two ticks (a suspended laptop) is not counted as lived


class Summary:
    """Gathers one period. Owned by the scene."""

    def __init__(self, now: float) -> None:
        self.began = now
        self._last = now
        self._lived = 0.0
        self._weights = [0.0] * len(LABELS)
        self._evidence = 0.0
        self._states: dict[str, float] = {}
        self._people = 0.0
        self._most = 0

    def add(self, reading: Reading | None, state: State, people: int, now: float) -> None:
        """Count the time since the last call as spent like this."""
        seconds = min(max(now - self._last, 0.0), MAX_STEP_S)
        self._last = max(now, self._last)
        self._lived += seconds
        self._states[state.label] = self._states.get(state.label, 0.0) + seconds
        self._people += people * seconds
        self._most = max(self._most, people)
        if reading is not None:
            self._evidence += seconds
            for i, p in enumerate(reading.probabilities):
                self._weights[i] += p * seconds

    def payload(self) -> SummaryPayload:
        """The period so far."""
        mean: Probabilities | None = None
        if self._evidence > 0.0:
            mean = tuple(weight / self._evidence for weight in self._weights)
        valence, arousal = circumplex(mean) if mean else (None, None)
        return SummaryPayload(
            seconds=round(self._lived, 3),
            probabilities=rounded(mean) if mean else None,
            time_in_state_s={label: round(seconds, 3) for label, seconds in sorted(self._states.items())},
            people_mean=round(self._people / self._lived, 3) if self._lived else 0.0,
            people_max=self._most,
            valence=None if valence is None else round(valence, 4),
            arousal=None if arousal is None else round(arousal, 4),
        )


def rounded(probabilities: Probabilities) -> dict[str, float]:
    """A distribution as it is published: by label, four digits."""
    return {label: round(p, 4) for label, p in zip(LABELS, probabilities, strict=True)}
