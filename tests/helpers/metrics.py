"""What a metrics page has heard after a minute of service."""

from __future__ import annotations

from edge.config.schema import Config
from edge.config.secrets import public
from edge.messages import payloads
from edge.metrics.values import Values
from edge.readings import LABELS

INFO = payloads.InfoPayload(
    version="1", device='odd "name" \\ here', board="b\nc", runtime="r", python="3", models={}, labels=LABELS,
    config=public(Config()),
)  # fmt: skip
STATE = payloads.StatePayload(
    label="happy", confidence=0.86, since="", for_s=9.3, people=2, modalities=("face",), valence=0.7, arousal=0.5
)
READING = payloads.ReadingPayload(
    probabilities=dict.fromkeys(LABELS, 1 / 7), label="happy", confidence=0.5, valence=-0.2, arousal=0.1, people=1,
    face=payloads.ModalityPart({}, 0.1, 0.9, 0.7),
)  # fmt: skip
HEALTH = payloads.HealthPayload(
    uptime_s=3.0, fps=15.0, frames=45, frames_dropped=2, sound_dropped_s=0.5, queue=0,
    latency_ms=payloads.Latency(6.0, 32.0), cpu_percent=11.5, rss_mb=111.0, restarts={"face": 1},
)  # fmt: skip


def heard() -> Values:
    values = Values()
    values.notify("info", INFO, 99.0)
    values.notify("state", STATE, 99.0)
    values.notify("reading", READING, 99.0)
    values.notify("health", HEALTH, 99.0)
    values.notify("status/camera", payloads.SourcePayload(state="online"), 99.0)
    values.notify("status/microphone", payloads.SourcePayload(state="offline", reason="gone"), 99.0)
    values.notify("privacy", "OFF", 99.0)
    values.notify("event", payloads.EventPayload(event="state_entered", label="happy"), 99.0)
    values.notify("event", payloads.EventPayload(event="person_appeared"), 99.0)
    minute = payloads.SummaryPayload(
        seconds=60.0, probabilities=None, time_in_state_s={"happy": 20.5, "absent": 39.5}, people_mean=0.5, people_max=1
    )
    values.notify("summary", minute, 99.0)
    values.notify("summary", minute, 99.0)
    return values
