"""Words said elsewhere: judged at once, in the decision loop, and gone. Nothing here keeps, logs or sends them."""

from __future__ import annotations

from edge.messages.commands import Words
from edge.rate_limit import RateLimit
from edge.readings import TextReading
from edge.text.classifier import TextClassifier

TEXTS = (10, 0.5)  # so many at once, then one in so many seconds: nobody speaks faster


class TextInput:
    """Belongs to the decision loop. A text costs it well below a tick, however long."""

    def __init__(self, classifier: TextClassifier, now: float) -> None:
        self._classifier = classifier
        self._rate = RateLimit(*TEXTS, now)

    def ready(self, now: float) -> bool:
        """Whether one more may come."""
        return self._rate.wait(now) == 0.0

    def read(self, words: Words, now: float) -> TextReading | None:
        """What the words claim, None if no feeling."""
        self._rate.take()
        judged = self._classifier.classify(words.content)
        return TextReading(now, judged.probabilities, judged.quality) if judged is not None and judged.claims else None
