"""What the page knows of a device: what holds now, and the hour that went before.

When privacy is switched on all that is about people is forgotten, as everywhere in the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import msgspec

from edge.config import keys
from edge.config.schema import Config, DecisionConfig
from edge.dashboard.past_hour import PastHour
from edge.dashboard.replay import STEP_S, Point, as_reading
from edge.emotion.decision import DecisionMemory, begin, decide
from edge.language.lines import said_in_each
from edge.messages.payloads import (
    EventPayload,
    HealthPayload,
    InfoPayload,
    ModalityPart,
    Payload,
    ReadingPayload,
    SourcePayload,
    StatePayload,
    SummaryPayload,
)
from edge.messages.topics import LIVE_AGE_S, health_valid_s, state_valid_s
from edge.printable import printable
from edge.readings import ABSENT, CIRCUMPLEX, LABELS, UNCERTAIN

PRIVACY = "privacy"  # beside the states: camera and microphone are off
OFFLINE = "offline"  # and: nothing is known, the device or its service is away
_STATES = frozenset((*LABELS, UNCERTAIN, ABSENT))
_SOURCES = ("camera", "microphone")
_LIFE = (ReadingPayload, StatePayload, EventPayload, SummaryPayload, HealthPayload)  # never retained: somebody sent it

Service = Literal["waiting", "ok", "silent", "offline"]

News = tuple[str, dict[str, Any]]  # what a viewer is sent: its name and its content


class History:
    """Belongs to the page's thread. Every time is monotonic seconds."""

    def __init__(self, device: str) -> None:
        self.past = PastHour()
        self.config: dict[str, Any] = {}  # live keys and their values
        self.service: Service = "waiting"  # as of the last `check`
        self.forgotten = 0  # counts up whenever everything about people is forgotten
        self._device = printable(device)
        self._keys = frozenset(keys.types())
        self._availability = ""
        self._life: float | None = None  # when the service last showed that it runs
        self._version = ""
        self._state: dict[str, Any] | None = None
        self._reading: dict[str, Any] | None = None
        self._smoothing: DecisionMemory | None = None
        self._privacy: str | None = None
        self._sources: dict[str, dict[str, Any]] = {}
        self._health: dict[str, Any] | None = None
        self._takers: dict[type | str, Callable[[str, Any, float], list[News]]] = {
            ReadingPayload: self._take_reading,
            StatePayload: self._take_state,
            EventPayload: self._take_event,
            SourcePayload: self._take_source,
            HealthPayload: lambda _, payload, at: self.take_health(msgspec.to_builtins(payload), at),
            InfoPayload: self._take_info,
            "privacy": self._take_privacy,
            "availability": self._take_availability,
            str: self._take_config,
        }

    def take(self, topic: str, payload: Payload | str, at: float) -> list[News]:
        """Remember a message; returns what a viewer is sent of it."""
        name = topic.partition("/")[2]
        take = self._takers.get(topic if isinstance(payload, str) and not name else type(payload))
        news: list[News] = []
        if isinstance(payload, _LIFE):
            news = self._lives(at)
        return news + take(name, payload, at) if take else news

    def take_health(self, health: Mapping[str, Any], at: float) -> list[News]:
        """The device's health, from `health` or an answer to a request for it."""
        wanted = ("fps", "latency_ms", "cpu_percent", "rss_mb", "temperature_c", "throttled", "outbox", "uptime_s")
        self._health = {key: health.get(key) for key in wanted}
        return [*self._lives(at), ("health", self._health)]

    def check(self, now: float, *, cut_off: bool = False) -> list[News]:
        """Notice what nobody says: that the service fell silent. `cut_off`: no message can reach us at all."""
        silent = self._life is not None and now - self._life > self._patience_s()
        service: Service = (
            "offline" if cut_off or self._availability == "offline"
            else "waiting" if self._life is None
            else "silent" if silent
            else "ok"
        )  # fmt: skip
        if service == self.service:
            return []
        self.service = service
        at = now
        if service in ("silent", "offline"):
            at = now if self._life is None else min(self._life, now)
            self._state = self._reading = self._health = None
            if self._privacy != "ON":
                self.past.begin(OFFLINE, at)
        return [("service", {"state": service, "at": at})]

    def present(self, now: float) -> dict[str, Any]:
        """What is known to hold now."""
        state = self._state
        return {
            "info": self._info(),
            "privacy": self._privacy,
            "state": state if state is not None and now - state["at"] < self.state_valid_s else None,
            "state_valid_s": self.state_valid_s,
            "sources": self._sources,
        }

    def snapshot(self, now: float) -> dict[str, Any]:
        """Everything, for somebody who begins to look."""
        reading = self._reading
        return {
            "now": now,
            "labels": {label: CIRCUMPLEX[label] for label in LABELS},
            **self.present(now),
            "reading": reading if reading is not None and now - reading["at"] < LIVE_AGE_S else None,
            **self.past.snapshot(now),
            "health": self._health,
            "config": self.config,
        }

    @property
    def is_open(self) -> bool:
        """Privacy is known to be off."""
        return self._privacy == "OFF"

    @property
    def state_valid_s(self) -> float:
        """How old the state may be that is shown."""
        return state_valid_s(float(self.config.get("publish.state_every_s", Config().publish.state_every_s)))

    def _patience_s(self) -> float:
        """How long the service may be silent; under privacy it has little to say."""
        if self._privacy != "ON":
            return self.state_valid_s
        return health_valid_s(float(self.config.get("publish.health_every_s", Config().publish.health_every_s)))

    def _lives(self, at: float) -> list[News]:
        """The service showed that it runs; what it said long before is not continued."""
        news = self.check(at)
        self._life = max(at, self._life or at)
        self._availability = ""
        return news + self.check(at)

    def _info(self) -> dict[str, str]:
        return {"device": self._device, "version": self._version}

    def _take_reading(self, _: str, payload: ReadingPayload, at: float) -> list[News]:
        if self._privacy == "ON":
            return []  # was on its way when the switch was turned
        fused = _values(payload.probabilities)
        self._reading = {
            "at": at,
            "smoothed": fused,
            "valence": payload.valence,
            "arousal": payload.arousal,
            "people": payload.people,
            "face": _part(payload.face),
            "speech": _part(payload.speech),
            "text": _part(payload.text),
            "label": payload.label if payload.label in LABELS else None,
        }
        fresh = "speech" if payload.face is None or _younger(payload.speech, payload.face) else "face"
        valid = self.config.get(f"fusion.{fresh}_max_age_s", getattr(Config().fusion, f"{fresh}_max_age_s"))
        point = Point(at, fused, at + float(valid))
        self._reading["smoothed"] = self._smoothed(point)
        self.past.add(point, max(self._reading["smoothed"]), payload.valence, payload.arousal)
        return [("reading", self._reading)]

    def _smoothed(self, point: Point) -> tuple[float, ...]:
        """The distribution that the decision looks at: the same smoothing, over what was published."""
        settings, memory = self.decision, self._smoothing
        if memory is None or memory.evidence is None or point.time - memory.evidence > settings.hold_s:
            memory = begin(point.time - STEP_S)  # the decision has forgotten by then, too
            if self._state is not None and self._state["label"] != ABSENT:  # or we are new here, and it has not
                memory = replace(memory, smoothed=point.probabilities)
        self._smoothing = decide(memory, as_reading(point, point.time), point.time, settings)
        return tuple(round(p, 4) for p in self._smoothing.smoothed)

    @property
    def decision(self) -> DecisionConfig:
        """The thresholds in effect."""
        known = {key.partition(".")[2]: value for key, value in self.config.items() if key.startswith("decision.")}
        try:
            return msgspec.convert({**msgspec.to_builtins(Config().decision), **known}, DecisionConfig)
        except msgspec.ValidationError:  # somebody else's words below our topics
            return Config().decision

    def _take_state(self, _: str, payload: StatePayload, at: float) -> list[News]:
        if self._privacy == "ON" or payload.label not in _STATES:
            return []
        self._state = {
            "at": at,
            "label": payload.label,
            "confidence": payload.confidence,
            "since": at - payload.for_s,
            "people": payload.people,
            "modalities": payload.modalities,
            "reason": payload.reason,
        }
        self.past.begin(payload.label, at - payload.for_s)
        return [("state", self._state)]

    def _take_event(self, _: str, payload: EventPayload, at: float) -> list[News]:
        if self._privacy == "ON" or (payload.label is not None and payload.label not in _STATES):
            return []
        event = {
            "at": at,
            "event": payload.event,
            "label": payload.label,
            "previous": payload.previous,
            "people": payload.people,
        }
        self.past.events.append(event)
        return [("event", event)]

    def _take_privacy(self, _: str, word: str, at: float) -> list[News]:
        if word not in ("ON", "OFF"):
            return []
        before, self._privacy = self._privacy, word
        if word != "ON":
            if before == "ON":
                self._life = at  # it was quiet until now because it had nothing to say
            return [("privacy", {"privacy": word, "at": at})]
        self.past.forget()
        self._reading = self._state = self._health = self._smoothing = None
        self.forgotten += 1
        self.past.begin(PRIVACY, at)
        return [("privacy", {"privacy": word, "at": at})]

    def _take_source(self, name: str, payload: SourcePayload, _: float) -> list[News]:
        if name not in _SOURCES:
            return []
        reason = printable(payload.reason)
        self._sources[name] = {"state": payload.state, "reason": reason, "said": said_in_each(reason)}
        return [("source", {"name": name, **self._sources[name]})]

    def _take_info(self, _: str, payload: InfoPayload, __: float) -> list[News]:
        self._device, self._version = printable(payload.device), printable(payload.version)
        return [("info", self._info())]

    def _take_config(self, key: str, word: str, _: float) -> list[News]:
        if key not in self._keys:
            return []
        self.config[key] = _plain(word)
        return [("config", {key: self.config[key]})]

    def _take_availability(self, _: str, word: str, at: float) -> list[News]:
        self._availability = word
        return self.check(at)


def _values(probabilities: Mapping[str, float]) -> tuple[float, ...]:
    return tuple(probabilities.get(label, 0.0) for label in LABELS)


def _part(part: ModalityPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "values": _values(part.probabilities),
        "weight": part.weight,
        "quality": part.quality,
        "rest_known": part.rest_known,
    }


def _younger(part: ModalityPart | None, other: ModalityPart) -> bool:
    return part is not None and part.age_s < other.age_s


def _plain(word: str) -> Any:
    try:
        return msgspec.json.decode(word)
    except msgspec.DecodeError:
        return word
