"""What the speech path can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SpeechSettings:
    """Seconds and decibels, as in the config file; the defaults are those that the model was judged with."""

    voice_threshold: float = 0.5  # of the voice detector, 0..1
    min_voice_s: float = 0.6  # voice heard in a segment before its first reading
    max_segment_s: float = 8.0  # then the model starts anew
    hop_s: float = 0.5  # between two readings while voice is heard
    hangover_s: float = 0.3  # a shorter pause does not end a segment
    min_snr_db: float = 3.0  # what is nearer to the noise floor is not even listened to
    noise_floor_db: float | None = None  # dBFS; None follows the room
    prior: Mapping[str, float] = field(default_factory=dict)  # label -> added to its logit
