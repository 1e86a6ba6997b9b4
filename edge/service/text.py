"""Words said elsewhere: judged at once, in the decision loop, and gone. Nothing here keeps, logs or sends them."""

from __future__ import annotations

from edge.errors import EdgeError
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

    def read(self, words: Words, now: float) -> TextReading | None:
        """What the words claim, None if no feeling. EdgeError when there are too many."""
        if self._rate.wait(now) > 0.0:
            raise EdgeError("too many texts at once; try again in a second")
        self._rate.take()
        judged = self._classifier.classify(words.content)
        return TextReading(now, judged.probabilities, judged.quality) if judged is not None and judged.claims else None
