"""How a device's messages look in a terminal. Pure: messages and time in, lines out.

A feeling is shown only while it may still be true: it goes with its age, with privacy, with the device and with the
broker. Whatever comes from the wire is made printable first.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from edge.config.schema import PublishConfig
from edge.messages.payloads import (
    HealthPayload,
    ModalityPart,
    Payload,
    ReadingPayload,
    ResponsePayload,
    SourcePayload,
    StatePayload,
)
from edge.messages.topics import LIVE_AGE_S, health_valid_s, state_valid_s
from edge.printable import printable
from edge.readings import ABSENT, LABELS, UNCERTAIN

COLOURS = {
    "neutral": 250, "happy": 220, "sad": 68, "angry": 196, "fearful": 135, "disgusted": 70, "surprised": 208,
    "uncertain": 244, "absent": 240,
}  # fmt: skip
SAMPLE = "SAMPLE"  # begins the reason of a source that is no camera or microphone
_STATES = frozenset((*LABELS, UNCERTAIN, ABSENT))
_SOURCES = ("camera", "microphone")
_STATE_EVERY = "config/publish.state_every_s"
_HEALTH_EVERY = "config/publish.health_every_s"


@dataclass(frozen=True)
class View:
    """What is known of one device as of the last message, or the last look at the clock."""

    prefix: str
    broker: str = ""  # why there is no connection to it; empty when there is one
    availability: str = ""
    privacy: str = ""
    sources: Mapping[str, SourcePayload] = field(default_factory=dict)
    state: StatePayload | None = None
    reading: ReadingPayload | None = None
    health: HealthPayload | None = None
    received: Mapping[str, float] = field(default_factory=dict)  # when: state, reading, health
    every_s: Mapping[str, float] = field(default_factory=dict)  # how often they are repeated, as the device says

    def with_message(self, topic: str, payload: Payload | str, now: float) -> View:
        """The view after one more message below the prefix; what is not ours changes nothing."""
        name = topic.partition("/")[2]
        view = self
        if isinstance(payload, ResponsePayload):
            view = self._with_answer(name, payload, now)
        elif isinstance(payload, StatePayload) and not self._silent and payload.label in _STATES:
            view = self._with("state", payload, now)
        elif isinstance(payload, ReadingPayload) and not self._silent:
            view = self._with("reading", payload, now)
        elif isinstance(payload, HealthPayload):
            view = self._with("health", payload, now)
        elif isinstance(payload, SourcePayload) and name in _SOURCES:
            view = replace(self, sources={**self.sources, name: payload})
        elif isinstance(payload, str):
            view = self._with_word(topic, payload)
        return view.at(now)

    def with_broker(self, reason: str, now: float) -> View:
        """The connection stands (an empty reason), or not."""
        return replace(self, broker=reason).at(now)

    def at(self, now: float) -> View:
        """The view without what cannot be known any more."""
        gone = [name for name, until in self._until().items() if getattr(self, name) is not None and now > until]
        if self._silent or self.broker or self.availability == "offline":
            gone += [name for name in ("state", "reading") if getattr(self, name) is not None]
        changes: dict[str, Any] = dict.fromkeys(gone)
        return replace(self, **changes) if changes else self

    @property
    def live(self) -> str:
        """One word for how far the view can be trusted."""
        if self.broker:
            return "no broker"
        return {"online": "live", "offline": "offline"}.get(self.availability, "waiting")

    @property
    def sample(self) -> bool:
        """Whether what is shown is not of anybody here."""
        return any(source.reason.startswith(SAMPLE) for source in self.sources.values())

    @property
    def _silent(self) -> bool:
        return self.privacy == "ON"

    def _with(self, name: str, payload: Payload, now: float) -> View:
        changes: dict[str, Any] = {name: payload, "received": {**self.received, name: now}}
        return replace(self, **changes)

    def _with_answer(self, name: str, answer: ResponsePayload, now: float) -> View:
        if name != "health" or answer.status != "ok":
            return self
        try:
            return self._with("health", msgspec.convert(answer.data, HealthPayload), now)
        except msgspec.ValidationError:
            return self

    def _with_word(self, topic: str, word: str) -> View:
        if topic == "availability" and word in ("online", "offline"):
            return replace(self, availability=word)
        if topic == "privacy" and word in ("ON", "OFF"):
            return replace(self, privacy=word)
        if topic in (_STATE_EVERY, _HEALTH_EVERY):
            with contextlib.suppress(ValueError):
                seconds = min(max(float(word), 1.0), 3600.0)  # as the schema has it
                return replace(self, every_s={**self.every_s, topic: seconds})
        return self

    def _until(self) -> dict[str, float]:
        default = PublishConfig()
        valid = {
            "state": state_valid_s(self.every_s.get(_STATE_EVERY, default.state_every_s)),
            "reading": LIVE_AGE_S,
            "health": health_valid_s(self.every_s.get(_HEALTH_EVERY, default.health_every_s)),
        }
        return {name: self.received.get(name, 0.0) + seconds for name, seconds in valid.items()}


def change_line(before: View, view: View) -> str | None:
    """One plain line when something changed that a log should show, else None."""
    stamp = time.strftime("%H:%M:%S")
    if view.broker != before.broker:
        return f"{stamp} broker {printable(view.broker) or 'connected'}"
    for kind in ("availability", "privacy"):
        if getattr(view, kind) != getattr(before, kind):
            return f"{stamp} {kind} {getattr(view, kind)}"
    for name in _SOURCES:
        now, then = view.sources.get(name), before.sources.get(name)
        if now and (then is None or (now.state, now.reason) != (then.state, then.reason)):
            return f"{stamp} {name} {now.state}" + (f": {printable(now.reason)}" if now.reason else "")
    state, old = view.state, before.state
    if state is None:
        return None if old is None or view.live != "live" or view.privacy == "ON" else f"{stamp} state not known"
    if old is not None and (state.label, state.people) == (old.label, old.people):
        return None
    parts = [f"{stamp} {state.label} {100 * state.confidence:.0f} %  people {state.people}"]
    if view.reading is not None:
        shares = _parts(view.reading)
        parts += [text for text in shares if text]
    if view.health is not None and view.health.fps:
        parts.append(f"{view.health.fps:.1f} fps")
    if view.sample:
        parts.append(SAMPLE)
    return "  ".join(parts)


def because(view: View) -> str:
    """What moved the newest reading, and which label comes after the one that is shown; empty without a reading."""
    reading = view.reading
    if reading is None or not reading.because:
        return ""
    known = sorted(((p, label) for label, p in reading.probabilities.items() if label in LABELS), reverse=True)
    shown = view.state.label if view.state is not None and view.state.label in LABELS else reading.label
    second = next((f"; second: {label} {100 * p:.0f} %" for p, label in known if label != shown), "")
    return f"because: {printable(reading.because)}{second}"


def screen(view: View, columns: int, rows: int = 24) -> list[str]:
    """The whole picture, to be redrawn in place: no line is wider than `columns`, and all fit above the last row."""
    columns = max(columns, 20)
    bar = min(max(columns - 18, 1), 60)
    sources = "  ".join(f"{name} {_source(view, name)}" for name in _SOURCES)
    head = printable(view.prefix)[: max(columns - 12, 8)]
    lines = [
        f"\x1b[1m{head}\x1b[0m  {view.live}",
        _cut(f"{sources}  privacy {view.privacy.lower() or '…'}", columns),
        _cut(_note(view), columns),
    ]
    state, reading = view.state, view.reading
    if state is not None:
        percent = f"{100 * state.confidence:3.0f} %"
        lines.append(f"{_paint(state.label, f'{state.label:>10} ' + _bar(state.confidence, bar))} {percent}")
    else:
        lines.append("")
    lines.append("")
    for label in LABELS:
        p = reading.probabilities.get(label, 0.0) if reading is not None else 0.0
        lines.append(f"{label:>10} {_paint(label, _bar(p, bar))} {100 * p:3.0f} %" if reading else f"{label:>10}")
    lines += ["", *(_cut(line, columns) for line in _details(view))]
    return lines[: max(rows - 1, 3)]


def _note(view: View) -> str:
    """What a person must know about what is shown, or about why nothing is."""
    notes = []
    if view.broker:
        notes.append(f"no connection to the broker: {printable(view.broker)}")
    elif view.availability == "offline":
        notes.append("the device is offline")
    elif view.privacy == "ON":
        notes.append("privacy is on: camera and microphone are closed")
    else:
        if view.sample:
            notes.append(f"{SAMPLE}: this is a demonstration, not you")
        for name, source in view.sources.items():
            if source.state == "offline":
                notes.append(f"{name}: {printable(source.reason)}")
        if view.state is None:
            silent = "state" in view.received
            notes.append("the device is silent: nothing is known now" if silent else "waiting for the device")
    return notes[0] if notes else ""


def _details(view: View) -> list[str]:
    lines = []
    if view.state is not None:
        lines.append(f"{view.state.people} in view")
    if view.state is not None and view.state.reason is not None:
        lines.append(f"uncertain: {view.state.reason}")
    if why := because(view):
        lines.append(why)
    if view.reading is not None:
        lines += [text for text in _parts(view.reading) if text] or ["nobody seen or heard"]
    health = view.health
    if health is not None:
        latency = f"{health.latency_ms.median:.0f} ms  " if health.latency_ms is not None else ""
        lines.append(f"{health.fps:.1f} fps  {latency}CPU {health.cpu_percent:.0f} % of a core  {health.rss_mb:.0f} MB")
    return lines


def _source(view: View, name: str) -> str:
    source = view.sources.get(name)
    if source is None:
        return "…"
    return SAMPLE if source.reason.startswith(SAMPLE) else source.state


def _parts(reading: ReadingPayload) -> tuple[str, str, str]:
    """What face, voice and words say; empty for what says nothing."""
    return _part("face", reading.face), _part("voice", reading.speech), _part("words", reading.text)


def _part(name: str, part: ModalityPart | None) -> str:
    known = {label: p for label, p in part.probabilities.items() if label in LABELS} if part is not None else {}
    if part is None or not known:
        return ""
    label, p = max(known.items(), key=lambda item: item[1])
    return f"{name} {label} {100 * p:.0f} % (weight {part.weight:.2f})"


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else text[: columns - 1] + "…"


def _bar(fraction: float, width: int) -> str:
    full = round(min(max(fraction, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def _paint(label: str, text: str) -> str:
    return f"\x1b[38;5;{COLOURS.get(label, 250)}m{text}\x1b[0m"
