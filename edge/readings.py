"""The few types that flow through the service, frozen, and the label set.

`time` is always monotonic seconds of the moment the light or sound was captured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LABELS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
UNCERTAIN = "uncertain"  # somebody is there, nothing wins clearly
ABSENT = "absent"  # nobody seen or heard

SAMPLE_RATE = 16_000
SILENCE_S = 60.0  # without a voice, after which somebody else may speak
LEVEL_S = 512 / SAMPLE_RATE  # of sound that has one level

Probabilities = tuple[float, ...]  # one per label, in the order of LABELS, summing to one
Image = NDArray[np.uint8]  # height x width (grey) or height x width x 3 (BGR)
Samples = NDArray[np.float32]  # mono at SAMPLE_RATE, within -1..1
Modality = Literal["face", "speech", "text"]

# Where each label lies in the circumplex of affect: (valence, arousal), each -1..1.
# After Russell (1980) and the ANEW-based placements commonly used for basic emotions.
CIRCUMPLEX: dict[str, tuple[float, float]] = {
    "neutral": (0.0, 0.0),
    "happy": (0.8, 0.5),
    "sad": (-0.7, -0.4),
    "angry": (-0.6, 0.7),
    "fearful": (-0.6, 0.6),
    "disgusted": (-0.6, 0.3),
    "surprised": (0.2, 0.8),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. `luma` is what faces are found in; `image` is what they are cropped from."""

    time: float
    number: int
    image: Image
    luma: NDArray[np.uint8]  # grey, the whole field of view, maybe smaller than `image`
    levels: tuple[int, int] = (0, 255)  # black and white in them; a camera's own luma mostly goes from 16 to 235


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of sound without gaps inside; `time` is the moment of its first sample."""

    time: float
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def end(self) -> float:
        return self.time + self.seconds


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of `Frame.image`."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face as found, before anybody asks what it expresses."""

    box: Box
    score: float
    landmarks: tuple[tuple[float, float], ...] = ()  # eyes, nose, mouth corners, if the finder gives them


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """What makes a face easy or hard to read, each 0..1 with 1 as good."""

    size: float = 1.0
    sharpness: float = 1.0
    light: float = 1.0
    pose: float = 1.0
    cover: float = 1.0  # eyes and mouth are to be seen


@dataclass(frozen=True, slots=True)
class FaceReading:
    """One followed face at one moment. `track` is a number for as long as it stays, and nothing more."""

    time: float
    track: int
    probabilities: Probabilities  # of the model alone, under the prior that it was trained for
    quality: float  # 0..1, from the parts of `detail` and the detector's score
    size: float  # height of the face in pixels
    mouth: float = 0.0  # how far the mouth moved within a tenth of a second, beyond what the head did
    opening: float = 0.0  # how dark it is between the lips: follows a mouth that opens
    detail: FaceQuality = FaceQuality()


@dataclass(frozen=True, slots=True)
class FacesReading:
    """What the face path says of one frame: everybody in view, or nobody (`faces` empty)."""

    time: float
    frame: int
    faces: tuple[FaceReading, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechReading:
    """What the speech path says of the last stretch of sound; `probabilities` is None while no voice is heard."""

    time: float  # of the last sample it rests on
    probabilities: Probabilities | None
    quality: float = 0.0  # 0..1, from signal-to-noise and voiced fraction
    snr_db: float = 0.0
    voiced: float = 0.0  # fraction of the window with voice in it
    segment: int = 0  # counts voiced segments; the model's state starts anew with each
    levels: tuple[float, ...] = ()  # dB above the room's noise, of every LEVEL_S since the reading before, up to `time`


@dataclass(frozen=True, slots=True)
class TextReading:
    """What the words of somebody say, once; the words themselves are gone. Only where they claim a feeling."""

    time: float  # when they came
    probabilities: Probabilities
    quality: float  # 0..1, how far from neutral


@dataclass(frozen=True, slots=True)
class Part:
    """What one modality contributes to a fused reading."""

    probabilities: Probabilities
    age: float  # seconds since it was captured
    quality: float
    weight: float  # its share in the fused result, 0..1
    rest_known: bool | None = None  # of a face: whether its resting face is known; None where it plays no part


@dataclass(frozen=True, slots=True)
class Reading:
    """The fused view of one moment."""

    time: float
    probabilities: Probabilities
    valence: float
    arousal: float
    confidence: float
    people: int
    parts: dict[Modality, Part] = field(default_factory=dict)  # a missing modality is not in here


@dataclass(frozen=True, slots=True)
class State:
    """The calm, decided view: what automations act on."""

    label: str  # one of LABELS, UNCERTAIN or ABSENT
    confidence: float
    since: float  # monotonic
    people: int
    modalities: tuple[Modality, ...]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a camera or microphone fares, as published on `status/<source>`."""

    source: Literal["camera", "microphone"]
    state: Literal["online", "offline", "disabled"]
    reason: str = ""  # for a person; empty when all is well


def circumplex(probabilities: Probabilities) -> tuple[float, float]:
    """Expected valence and arousal of a distribution."""
    valence = sum(p * CIRCUMPLEX[label][0] for p, label in zip(probabilities, LABELS, strict=True))
    arousal = sum(p * CIRCUMPLEX[label][1] for p, label in zip(probabilities, LABELS, strict=True))
    return valence, arousal
