"""What was published, as numbers: fed with messages, read as one page. No clock, no thread, no I/O.

What is about people is left out once it is old, and at once under privacy: a gap in a graph, never a stale feeling.
"""

from __future__ import annotations

import json
from collections import Counter

from edge.config.schema import PublishConfig
from edge.messages.payloads import (
    EventPayload,
    HealthPayload,
    InfoPayload,
    Payload,
    ReadingPayload,
    SourcePayload,
    StatePayload,
    SummaryPayload,
)
from edge.messages.status import BrokerStatus
from edge.messages.topics import LIVE_AGE_S, health_valid_s, state_valid_s
from edge.metrics.text import Page


class Values:
    """The newest of each topic, and what counts up."""

    def __init__(self) -> None:
        self._info: InfoPayload | None = None
        self._state: tuple[StatePayload, float] | None = None
        self._reading: tuple[ReadingPayload, float] | None = None
        self._health: tuple[HealthPayload, float] | None = None
        self._sources: dict[str, SourcePayload] = {}
        self._privacy: str | None = None
        self._events: Counter[tuple[str, str]] = Counter()
        self._seconds: Counter[str] = Counter()
        self._state_every_s = PublishConfig().state_every_s
        self._health_every_s = PublishConfig().health_every_s

    def notify(self, topic: str, payload: Payload | str, at: float) -> None:
        """`at` is the monotonic time of what is told."""
        if isinstance(payload, StatePayload):
            self._state = None if self._privacy == "ON" else (payload, at)
        elif isinstance(payload, ReadingPayload):
            self._reading = None if self._privacy == "ON" else (payload, at)
        elif isinstance(payload, EventPayload):
            self._events[payload.event, payload.label or ""] += 1
        elif isinstance(payload, SummaryPayload):
            for label, seconds in payload.time_in_state_s.items():
                self._seconds[label] += seconds  # type: ignore[assignment]  # a Counter may count parts
        elif isinstance(payload, HealthPayload):
            self._health = payload, at
        elif isinstance(payload, InfoPayload):
            self._info = payload
        elif isinstance(payload, SourcePayload):
            self._sources[topic.partition("/")[2]] = payload
        elif topic == "privacy" and isinstance(payload, str):
            self._privacy = payload
            if payload == "ON":
                self._state = self._reading = None
        elif topic == "config/publish.state_every_s" and isinstance(payload, str):
            self._state_every_s = float(json.loads(payload))
        elif topic == "config/publish.health_every_s" and isinstance(payload, str):
            self._health_every_s = float(json.loads(payload))

    def page(self, now: float, broker: BrokerStatus) -> str:
        """All of it at this moment."""
        page = Page()
        if self._info is not None:
            labels = {"version": self._info.version, "device": self._info.device, "board": self._info.board}
            page.add("info", "gauge", "What runs here.", (labels, 1))
        self._people(page, now)
        page.add(
            "events_total", "counter", "Events told, by kind and, of states, label.",
            *(({"event": event, "label": label}, count) for (event, label), count in sorted(self._events.items())),
        )  # fmt: skip
        page.add(
            "state_seconds_total", "counter", "Time in each state, added once a summary.",
            *(({"state": label}, seconds) for label, seconds in sorted(self._seconds.items())),
        )  # fmt: skip
        page.add("privacy", "gauge", "1 while camera and microphone are released.", ({}, _flag(self._privacy, "ON")))
        page.add(
            "source_online", "gauge", "1 while the camera or microphone gives something.",
            *(({"source": name}, _flag(source.state, "online")) for name, source in sorted(self._sources.items())),
        )  # fmt: skip
        if self._health is not None and now - self._health[1] < health_valid_s(self._health_every_s):
            _device(page, self._health[0])
        page.add("broker_connected", "gauge", "1 while the broker has accepted us.", ({}, broker.state == "connected"))
        page.add("broker_connections_total", "counter", "Times that the broker accepted us.", ({}, broker.connections))
        page.add("outbox_messages", "gauge", "Messages that wait for the broker.", ({}, broker.outbox))
        page.add("messages_dropped_total", "counter", "Messages given up.", ({}, broker.dropped))
        page.add(
            "disk_written_today_bytes", "gauge", "Written for messages that wait, since midnight.",
            ({}, broker.disk_bytes_today),
        )  # fmt: skip
        return page.text()

    def _people(self, page: Page, now: float) -> None:
        if self._state is not None and now - self._state[1] < state_valid_s(self._state_every_s):
            state, at = self._state
            names = [*(self._info.labels if self._info else ()), "uncertain", "absent"]
            page.add(
                "state", "gauge", "1 for the stable state of the scene, 0 for the others.",
                *(({"state": name}, state.label == name) for name in names),
            )  # fmt: skip
            page.add("confidence", "gauge", "How sure the state is, 0 to 1.", ({}, state.confidence))
            page.add("people", "gauge", "People in view.", ({}, state.people))
            page.add("state_age_seconds", "gauge", "Since the state was last confirmed.", ({}, round(now - at, 3)))
        if self._reading is not None and now - self._reading[1] < LIVE_AGE_S:
            reading = self._reading[0]
            page.add(
                "probability", "gauge", "The fused probability of each label.",
                *(({"label": label}, share) for label, share in reading.probabilities.items()),
            )  # fmt: skip
            page.add("valence", "gauge", "From unpleasant, -1, to pleasant, 1.", ({}, reading.valence))
            page.add("arousal", "gauge", "From calm, -1, to excited, 1.", ({}, reading.arousal))
            parts = (("face", reading.face), ("speech", reading.speech))
            page.add(
                "modality_weight", "gauge", "What each modality contributed, 0 to 1.",
                *(({"modality": name}, part.weight if part else 0.0) for name, part in parts),
            )  # fmt: skip


def _device(page: Page, health: HealthPayload) -> None:
    latency = health.latency_ms
    page.add("uptime_seconds", "gauge", "Since the service started.", ({}, health.uptime_s))
    page.add("frames_per_second", "gauge", "Pictures looked at.", ({}, health.fps))
    page.add("frames_total", "counter", "Pictures taken from the camera.", ({}, health.frames))
    page.add("frames_dropped_total", "counter", "Pictures that a newer one replaced.", ({}, health.frames_dropped))
    page.add("sound_dropped_seconds_total", "counter", "Sound not looked at in time.", ({}, health.sound_dropped_s))
    page.add("queue_items", "gauge", "Readings that wait for the decision loop.", ({}, health.queue))
    page.add(
        "latency_seconds", "gauge", "From capture to the hand-over to the broker, of the last thousand readings.",
        ({"percentile": "50"}, latency.median / 1000 if latency else None),
        ({"percentile": "95"}, latency.p95 / 1000 if latency else None),
    )  # fmt: skip
    page.add("cpu_ratio", "gauge", "Share of one core.", ({}, health.cpu_percent / 100))
    page.add("resident_memory_bytes", "gauge", "Memory of the process.", ({}, health.rss_mb * 1e6))
    page.add("temperature_celsius", "gauge", "Of the processor.", ({}, health.temperature_c))
    page.add("throttled", "gauge", "1 while the board slows down to stay cool or for lack of power.",
             ({}, health.throttled))  # fmt: skip
    page.add(
        "worker_restarts_total", "counter", "Worker threads started anew.",
        *(({"worker": name}, count) for name, count in sorted(health.restarts.items())),
    )  # fmt: skip


def _flag(word: str | None, yes: str) -> bool | None:
    return None if word is None else word == yes
