"""LabStreamingLayer: a stream of numbers and a stream of markers, in step with the other instruments of a laboratory.

`Emotion <device>` (type Emotion, irregular): a probability for each label, valence, arousal. `Emotion <device> states`
(type Markers): the name of each state as it begins. Samples bear the time at which they were captured.
"""

from __future__ import annotations

from typing import Any

from edge.errors import MissingPackage
from edge.messages.payloads import EventPayload, Payload, ReadingPayload
from edge.readings import LABELS
from edge.version import __version__

CHANNELS = (*LABELS, "valence", "arousal")


def sample(reading: ReadingPayload) -> list[float]:
    """A reading in the order of CHANNELS."""
    return [*(reading.probabilities.get(label, 0.0) for label in LABELS), reading.valence, reading.arousal]


class LslBridge:
    """A Bridge to whoever records on this network."""

    def __init__(self, device: str) -> None:
        try:
            import pylsl
        except (ImportError, RuntimeError, OSError):  # the library that it wraps may be missing
            raise MissingPackage("LabStreamingLayer needs pylsl: pip install 'emotion-edge[lsl]'") from None
        self._clock = pylsl.local_clock
        numbers = pylsl.StreamInfo(
            f"Emotion {device}",
            "Emotion",
            len(CHANNELS),
            pylsl.IRREGULAR_RATE,
            pylsl.cf_float32,
            f"emotion-edge-{device}",
        )
        described = numbers.desc()
        described.append_child_value("manufacturer", "Emotion Edge")
        described.append_child_value("version", __version__)
        channels = described.append_child("channels")
        for name in CHANNELS:
            one = channels.append_child("channel")
            one.append_child_value("label", name)
            one.append_child_value("unit", "probability" if name in LABELS else "-1 to 1")
            one.append_child_value("type", "Emotion")
        markers = pylsl.StreamInfo(
            f"Emotion {device} states",
            "Markers",
            1,
            pylsl.IRREGULAR_RATE,
            pylsl.cf_string,
            f"emotion-edge-{device}-states",
        )
        self._numbers: Any = pylsl.StreamOutlet(numbers)
        self._markers: Any = pylsl.StreamOutlet(markers)
        self.where = f"LSL streams 'Emotion {device}' and 'Emotion {device} states'"

    def forward(self, topic: str, payload: Payload | str, age_s: float) -> None:
        at = self._clock() - age_s
        if isinstance(payload, ReadingPayload):
            self._numbers.push_sample(sample(payload), at)
        elif isinstance(payload, EventPayload) and payload.event == "state_entered" and payload.label:
            self._markers.push_sample([payload.label], at)
        elif topic == "privacy" and payload == "ON":
            self._markers.push_sample(["privacy"], at)

    def close(self) -> None:
        del self._numbers, self._markers
