"""What a voice is like whatever it feels: its person, language, room and microphone move all statistics alike.

Of each segment, what is left once the feeling that it seems to have is taken off; the mean of that is taken off what is
heard next. Pure; a few hundred numbers in memory, begun anew after a minute without a voice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.inference import Floats, softmax

_SHARE = 0.6  # of what is left that is taken off
_DOUBT = 12.0  # states that must have been weighed before half of that is believed
_MOST = 750.0  # states that count: half a minute of voice, so that somebody else is soon known
_NEUTRAL = 1.5  # added to the logit of neutral: most of what is said is


@dataclass(frozen=True)
class Usual:
    """Nothing is known yet, or what segments have taught."""

    away: Floats  # (statistics,), standardised: what is left, on average
    weight: float = 0.0  # of the states that this rests on

    @classmethod
    def nothing(cls, statistics: int) -> Usual:
        return cls(np.zeros(statistics, np.float32))

    @property
    def offset(self) -> Floats:
        """What is to be taken off statistics."""
        offset: Floats = np.float32(_SHARE * self.weight / (self.weight + _DOUBT)) * self.away
        return offset

    def after(self, statistics: Floats, logits: Floats, weight: float, expected: Floats) -> Usual:
        """After a segment with these plain statistics, of which the model says `logits`.

        Both over the labels, neutral first; `expected` (labels, statistics) is what each of them is like in general.
        """
        likely = np.array(softmax(logits + _NEUTRAL * (np.arange(len(logits)) == 0)), np.float32)
        left = statistics - likely @ expected
        total = self.weight + weight
        away: Floats = ((self.weight * self.away + weight * left) / total).astype(np.float32)
        return Usual(away, min(total, _MOST))
