"""How readings look in a terminal. Pure: messages in, lines out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from edge.readings import LABELS

COLOURS = {
    "neutral": 250, "happy": 220, "sad": 68, "angry": 196, "fearful": 135, "disgusted": 70, "surprised": 208,
    "uncertain": 244, "absent": 240,
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """The last message of each kind."""

    prefix: str
    last: dict[str, Any] = field(default_factory=dict)

    def with_message(self, topic: str, payload: bytes) -> View:
        """The view after one more message; what is not ours or not readable changes nothing."""
        kind = topic[len(self.prefix) + 1 :]
        try:
            content = json.loads(payload) if payload[:1] == b"{" else payload.decode()
        except ValueError:
            return self
        if kind == "response/health" and isinstance(content, dict):
            kind, content = "health", content.get("data") or {}
        return replace(self, last={**self.last, kind: content})

    def get(self, kind: str) -> dict[str, Any]:
        content = self.last.get(kind)
        return content if isinstance(content, dict) else {}


def change_line(before: View, view: View) -> str | None:
    """One plain line when something changed that a log should show, else None."""
    stamp = time.strftime("%H:%M:%S")
    state, old = view.get("state"), before.get("state")
    if state and (state.get("label"), state.get("people")) != (old.get("label"), old.get("people")):
        reading = view.get("reading")
        parts = [f"{stamp} {state['label']} {100 * state['confidence']:.0f} %  people {state['people']}"]
        parts += [text for text in (_part(reading, "face"), _part(reading, "speech")) if text]
        fps = view.get("health").get("fps")
        if fps:
            parts.append(f"{fps:.1f} fps")
        return "  ".join(parts)
    for kind in ("status/camera", "status/microphone"):
        now, then = view.get(kind), before.get(kind)
        if now and (now.get("state"), now.get("reason")) != (then.get("state"), then.get("reason")):
            return f"{stamp} {kind.split('/')[1]} {now['state']}" + (f": {now['reason']}" if now.get("reason") else "")
    for kind in ("availability", "privacy"):
        if view.last.get(kind) != before.last.get(kind):
            return f"{stamp} {kind} {view.last[kind]}"
    return None


def screen(view: View, columns: int) -> list[str]:
    """The whole picture, redrawn in place."""
    width = max(min(columns, 100) - 34, 10)
    state, reading, health = view.get("state"), view.get("reading"), view.get("health")
    sources = "  ".join(f"{name} {view.get(f'status/{name}').get('state', '…')}" for name in ("camera", "microphone"))
    lines = [
        f"\x1b[1m{view.prefix}\x1b[0m  {view.last.get('availability', 'connecting …')}  {sources}"
        f"  privacy {view.last.get('privacy', '…')}",
        "",
    ]
    if state:
        label, confidence = state["label"], state["confidence"]
        lines.append(
            f"{_paint(label, f'{label:>10}')} {_paint(label, _bar(confidence, width))} {100 * confidence:3.0f} %"
            f"  {state['people']} in view"
        )
    else:
        lines.append("waiting for the first state …")
    lines.append("")
    for label in LABELS:
        p = reading.get("probabilities", {}).get(label, 0.0)
        lines.append(f"{label:>10} {_paint(label, _bar(p, width))} {100 * p:3.0f} %")
    parts = [text for text in (_part(reading, "face"), _part(reading, "speech")) if text]
    lines += ["", "  ".join(parts) or "nobody seen or heard"]
    if health:
        latency = (health.get("latency_ms") or {}).get("median")
        lines.append(
            f"{health.get('fps', 0):.1f} fps  "
            + (f"{latency:.0f} ms  " if latency is not None else "")
            + f"CPU {health.get('cpu_percent', 0):.0f} % of a core  {health.get('rss_mb', 0):.0f} MB"
        )
    return lines


def _part(reading: dict[str, Any], modality: str) -> str:
    part = reading.get(modality)
    if not part:
        return ""
    label, p = max(part["probabilities"].items(), key=lambda item: item[1])
    name = "voice" if modality == "speech" else modality
    return f"{name} {label} {100 * p:.0f} % (weight {part['weight']:.2f})"


def _bar(fraction: float, width: int) -> str:
    full = round(min(max(fraction, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)


def _paint(label: str, text: str) -> str:
    return f"\x1b[38;5;{COLOURS.get(label, 250)}m{text}\x1b[0m"
