"""What the library answers: one frozen type each for a face, a voice and words, and the messages of a scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.messages.payloads import Payload
from edge.readings import LABELS, Probabilities, circumplex


@dataclass(frozen=True)
class Emotion:
    """What a model makes of one face, one voice or some words. `quality`: 0 to 1, how good a look or listen it got."""

    probabilities: Mapping[str, float]  # label -> probability, in the order of LABELS, summing to one
    quality: float

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of `label`."""
        return self.probabilities[self.label]

    @property
    def valence(self) -> float:
        """From -1 (unpleasant) to 1 (pleasant), as expected from the probabilities."""
        return circumplex(tuple(self.probabilities.values()))[0]

    @property
    def arousal(self) -> float:
        """From -1 (calm) to 1 (excited), as expected from the probabilities."""
        return circumplex(tuple(self.probabilities.values()))[1]


@dataclass(frozen=True)
class FaceEmotion(Emotion):
    """One face in a picture."""

    box: tuple[float, float, float, float] | None  # x, y, width, height in pixels; None: the whole picture
    score: float  # how sure the finder is that it is a face


@dataclass(frozen=True)
class SpeechEmotion(Emotion):
    """The voice in a clip."""

    voiced_s: float  # seconds with voice in them


@dataclass(frozen=True)
class TextEmotion(Emotion):
    """What the words of a text say; `quality` is how far from neutral, 0 where they claim no feeling."""


@dataclass(frozen=True)
class Message:
    """One message of a scene, as the service publishes it.

    `topic` is what follows the device's name: "reading", "state", "event", "summary", and so on. `payload` is the type
    of that topic (see edge.messages.payloads), or a word where the topic carries one.
    """

    topic: str
    payload: Payload | str
    device: str = ""  # of a subscription: whose message it is
    time: float | None = None  # of a pipeline: when, in the time that the frames and the sound were given with


def named(probabilities: Probabilities) -> dict[str, float]:
    """By label."""
    return dict(zip(LABELS, probabilities, strict=True))
