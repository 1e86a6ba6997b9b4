"""What the decision makes of the scenes, and how right that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.config.schema import Config
from edge.emotion.fusion import FusionWeights
from edge.messages.payloads import ReadingPayload, StatePayload
from edge.readings import ABSENT, LABELS, UNCERTAIN
from edge.service.replay import Perceived, decided
from models.common.metrics import bootstrap
from models.life.scenes import LifeScene, Span

SETTLED_S = 3.0  # after the beginning of a scene: somebody must be found first
IN_TIME_S = 2.5  # within which a feeling should have become the state
NOTHING = (ABSENT, UNCERTAIN)
NEUTRAL = LABELS[0]
_ROWS = (
    ("face", "face alone"),
    ("poor", "face, far, dark or blurred"),
    ("voice", "voice alone"),
    ("both", "both together"),
    ("disagree", "one of face and voice stays neutral"),
)


@dataclass(frozen=True)
class Seen:
    """What was published during one scene."""

    states: tuple[tuple[float, str], ...]  # changes
    readings: tuple[tuple[float, ReadingPayload], ...]

    def state_times(self, start: float, end: float) -> dict[str, float]:
        """Seconds spent in each state between two moments."""
        times: dict[str, float] = {}
        ends = [t for t, _ in self.states[1:]] + [end]
        for (since, label), until in zip(self.states, ends, strict=True):
            spent = min(until, end) - max(since, start)
            if spent > 0:
                times[label] = times.get(label, 0.0) + spent
        return times

    def state(self, start: float, end: float) -> str:
        """The state that lasted longest."""
        times = self.state_times(start, end)
        return max(times, key=lambda label: times[label]) if times else ABSENT

    def entered(self, label: str, start: float, end: float) -> float | None:
        """Seconds from `start` until the state was this one."""
        return next((max(t - start, 0.0) for t, each in self.states if each == label and start <= t < end), None)

    def said(self, part: str, start: float, end: float) -> str | None:
        """What the readings say on the whole: of "face", "speech" or both fused."""
        rows = []
        for t, reading in self.readings:
            source: Any = reading if part == "fused" else getattr(reading, part)
            if start <= t < end and source is not None:
                rows.append([source.probabilities[label] for label in LABELS])
        if not rows:
            return None
        return LABELS[int(np.log(np.maximum(rows, 1e-4)).mean(axis=0).argmax())]


def watch(config: Config, items: Iterable[Perceived], learned: FusionWeights) -> Seen:
    """Run the decision over what was perceived."""
    states: list[tuple[float, str]] = []
    readings: list[tuple[float, ReadingPayload]] = []
    for t, message in decided(config, items, learned):
        if isinstance(message.payload, StatePayload) and (not states or states[-1][1] != message.payload.label):
            states.append((t, message.payload.label))
        elif isinstance(message.payload, ReadingPayload):
            readings.append((t, message.payload))
    return Seen(tuple(states), tuple(readings))


def judged(scenes: Sequence[LifeScene], seen: Sequence[Seen]) -> dict[str, Any]:
    """All figures, by kind of scene."""
    found: dict[str, Any] = {}
    for kind in ("face", "poor", "voice", "both"):
        chosen = [(scene, one) for scene, one in zip(scenes, seen, strict=True) if scene.kind == kind]
        if chosen:
            found[kind] = _felt(chosen, ("face", "speech") if kind == "both" else (_part(kind),))
    apart = [(scene, one) for scene, one in zip(scenes, seen, strict=True) if scene.disagree]
    if apart:
        found["disagree"] = _felt(apart, ("face", "speech"))
    arrivals = [(scene, one) for scene, one in zip(scenes, seen, strict=True) if scene.kind == "arrival"]
    if arrivals:
        found["arrival"] = _arrivals(arrivals)
    neutral = [(scene, one) for scene, one in zip(scenes, seen, strict=True) if scene.kind == "neutral"]
    if neutral:
        found["neutral"] = _neutral(neutral)
    return found


def _part(kind: str) -> str:
    return {"face": "face", "poor": "face", "voice": "speech"}[kind]


def _felt(chosen: Sequence[tuple[LifeScene, Seen]], parts: Sequence[str]) -> dict[str, Any]:
    """At rest, then a feeling."""
    truths: list[str] = []
    answers: dict[str, list[str | None]] = {name: [] for name in (*parts, "fused", "state")}
    seconds, in_time, disturbed, changes, hours = [], 0, 0, 0, 0.0
    for scene, one in chosen:
        rest, feeling = scene.spans
        for span, start in ((rest, SETTLED_S), (feeling, feeling.start + 1.0)):
            truths.append(span.label)
            for part in (*parts, "fused"):
                answers[part].append(one.said(part, start, span.end))
            answers["state"].append(one.state(start if span is rest else span.start + IN_TIME_S, span.end))
        entered = one.entered(scene.label, feeling.start, feeling.end)
        if entered is not None:
            seconds.append(entered)
            in_time += entered <= IN_TIME_S
        disturbed += any(label not in (NEUTRAL, *NOTHING) for label in one.state_times(1.0, rest.end))
        changes += sum(1 for t, _ in one.states if t > SETTLED_S)
        hours += (scene.seconds - SETTLED_S) / 3600
    return {
        "scenes": len(chosen),
        "macro_recall": {name: round(macro(truths, answers[name]), 4) for name in answers},
        "interval": _interval(truths, answers["state"]) if any(one.readings for _, one in chosen) else [],
        "recall": {
            label: round(_recall(truths, answers["state"], label), 4) for label in LABELS if label in set(truths)
        },
        "entered_s": round(float(np.median(seconds)), 2) if seconds else None,
        "entered_in_time": round(in_time / len(chosen), 4),
        "wrong_at_rest": round(disturbed / len(chosen), 4),
        "changes_an_hour": round(changes / hours, 1),
    }


def _arrivals(chosen: Sequence[tuple[LifeScene, Seen]]) -> dict[str, Any]:
    """Somebody unknown comes with a feeling."""
    truths = [scene.label for scene, _ in chosen]
    states = [one.state(IN_TIME_S + 1.0, scene.seconds) for scene, one in chosen]
    faces = [one.said("face", 1.0, scene.seconds) for scene, one in chosen]
    return {
        "scenes": len(chosen),
        "macro_recall": {"face": round(macro(truths, faces), 4), "state": round(macro(truths, states), 4)},
        "recall": {label: round(_recall(truths, states, label), 4) for label in LABELS if label in set(truths)},
    }


def _neutral(chosen: Sequence[tuple[LifeScene, Seen]]) -> dict[str, Any]:
    """Nothing is felt: the share of time in the state of a feeling, and in what follows in another photograph."""
    first, second = (_disturbed([(one, scene.spans[i]) for scene, one in chosen]) for i in range(2))
    changes = sum(1 for scene, one in chosen for t, _ in one.states if SETTLED_S < t < scene.spans[0].end)
    return {
        "people": len(chosen),
        **first,
        "wrong_in_another_photograph": second["wrong"],
        "changes_an_hour": round(changes / (first["minutes"] / 60), 1),
    }


def _disturbed(spans: Sequence[tuple[Seen, Span]]) -> dict[str, Any]:
    wrong = total = 0.0
    by_label: dict[str, float] = {}
    for one, span in spans:
        times = one.state_times(max(span.start, 1.0), span.end)
        total += sum(times.values())
        for label, spent in times.items():
            if label not in (NEUTRAL, *NOTHING):
                wrong += spent
                by_label[label] = by_label.get(label, 0.0) + spent
    return {
        "minutes": round(total / 60, 1),
        "wrong": round(wrong / total, 4),
        "wrong_by_label": {label: round(spent / total, 4) for label, spent in sorted(by_label.items())},
    }


def macro(truths: Sequence[str], answers: Sequence[str | None]) -> float:
    """Mean recall over the labels that occur."""
    return float(np.mean([_recall(truths, answers, label) for label in sorted(set(truths))]))


def _recall(truths: Sequence[str], answers: Sequence[str | None], label: str) -> float:
    right = [answer == label for truth, answer in zip(truths, answers, strict=True) if truth == label]
    return sum(right) / len(right) if right else 0.0


def _interval(truths: Sequence[str], answers: Sequence[str | None]) -> list[float]:
    names = np.array(truths)
    given = np.array([answer or "" for answer in answers])
    ends = bootstrap(lambda chosen: macro(names[chosen].tolist(), given[chosen].tolist()), len(names), rounds=400)
    return [round(end, 4) for end in ends]


def table(measured: Mapping[str, Any]) -> str:
    """The figures for a person."""
    lines = [
        "| scenes | face | voice | fused | **state** | 95 % | entered, s | within 2.5 s | wrong at rest | changes/h |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, name in _ROWS:
        if kind not in measured:
            continue
        m = measured[kind]
        recall = m["macro_recall"]
        cells = [f"{recall[part]:.2f}" if part in recall else "" for part in ("face", "speech", "fused", "state")]
        cells[-1] = f"**{cells[-1]}**"
        low, high = m["interval"]
        entered = "" if m["entered_s"] is None else f"{m['entered_s']:.1f}"
        cells += [
            f"{low:.2f}-{high:.2f}", entered, f"{100 * m['entered_in_time']:.0f} %",
            f"{100 * m['wrong_at_rest']:.1f} %", f"{m['changes_an_hour']:.0f}",
        ]  # fmt: skip
        lines.append(f"| {name} ({m['scenes']}) | {' | '.join(cells)} |")
    lines += ["", "| found as state | " + " | ".join(LABELS) + " |", "|---" * (len(LABELS) + 1) + "|"]
    for kind in ("face", "voice", "both", "arrival"):
        if kind in measured:
            recall = measured[kind]["recall"]
            cells = [f"{recall[label]:.2f}" if label in recall else "" for label in LABELS]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
    if "arrival" in measured:
        m = measured["arrival"]
        lines += ["", f"Unknown people who come with a feeling ({m['scenes']}): macro recall of the state "
                  f"{m['macro_recall']['state']:.2f}, of the face {m['macro_recall']['face']:.2f}."]  # fmt: skip
    if "neutral" in measured:
        m = measured["neutral"]
        wrong = ", ".join(f"{label} {100 * share:.1f} %" for label, share in m["wrong_by_label"].items()) or "none"
        lines += ["", f"Neutral time ({m['people']} people, {m['minutes']:.0f} minutes of sitting, talking and "
                  f"looking down): {100 * m['wrong']:.1f} % of it in a wrong state ({wrong}), "
                  f"{m['changes_an_hour']:.0f} changes an hour. When another photograph of the person follows: "
                  f"{100 * m['wrong_in_another_photograph']:.1f} %."]  # fmt: skip
    if "dial" in measured:
        lines += ["", *_dial(measured["dial"])]
    return "\n".join(lines)


def _dial(positions: Mapping[str, Any]) -> list[str]:
    lines = [
        "| `decision.expressiveness` | faces found | within 2.5 s | wrong at rest | both found | neutral time wrong |",
        "|---|---|---|---|---|---|",
    ]
    for position, m in positions.items():
        face = m["face"]
        cells = [
            f"{face['macro_recall']['state']:.2f}", f"{100 * face['entered_in_time']:.0f} %",
            f"{100 * face['wrong_at_rest']:.1f} %",
            f"{m['both']['macro_recall']['state']:.2f}" if "both" in m else "",
            f"{100 * m['neutral']['wrong']:.1f} %" if "neutral" in m else "",
        ]  # fmt: skip
        lines.append(f"| {position} | {' | '.join(cells)} |")
    return lines
