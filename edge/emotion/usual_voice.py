"""How whoever talks usually sounds: at rest, and how lively. What is heard counts by what it is beyond that.

Pure functions; a few hundred numbers in memory, begun anew after a minute of silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.emotion import liveliness, rest
from edge.emotion.evidence import NEUTRAL, Evidence, lead

SHARE = 0.8  # how much of what a voice usually says is taken off


@dataclass(frozen=True, slots=True)
class UsualVoice:
    """Nothing is known yet, or what was learned from readings."""

    at_rest: rest.Rest = field(default_factory=lambda: rest.begin(only_against=True))
    lively: liveliness.Liveliness = field(default_factory=liveliness.Liveliness)

    @property
    def familiar(self) -> float:
        """0 for a voice that was never heard before, 1 once it has been listened to for a while."""
        return self.at_rest.familiar

    def without(self, evidence: Evidence) -> Evidence:
        """The evidence beyond what this voice usually says."""
        beyond = list(self.at_rest.without(evidence, SHARE))
        beyond[NEUTRAL] += self.lively.usual
        return tuple(beyond)


def observe(voice: UsualVoice, evidence: Evidence, quality: float, now: float, neutral: float) -> UsualVoice:
    """After a reading. `neutral` is what a voice counts for neutral whatever it sounds like."""
    at_rest = rest.observe(voice.at_rest, evidence, quality, now, share=SHARE, neutral=neutral)
    return UsualVoice(at_rest, liveliness.observe(voice.lively, lead(at_rest.without(evidence, SHARE)), now))
