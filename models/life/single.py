"""Face and voice together against either of them: the same scenes for camera and microphone, and for one of the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge.emotion.crowd import ROOM
from edge.readings import LABELS
from edge.service.replay import TICK_S
from models.common.calibration import softmax
from models.common.metrics import bootstrap
from models.fusion.moments import Moments
from models.life.follow import Choice, Reals, all_followed, fused_again
from models.life.scenes import LifeScene
from models.life.score import IN_TIME_S, SETTLED_S, Seen, macro

_DEVICES = ("camera", "microphone", "both")
_ROUNDS = 1000


def compared(cast: Sequence[LifeScene], at: Moments, choice: Choice) -> dict[str, Any]:
    """How often each device is right about the person, where face and voice agree and where one stays neutral.

    `at`: what face and voice say at every tick.
    """
    groups: Mapping[str, Callable[[LifeScene], bool]] = {
        "agree": lambda scene: scene.shown == "face and voice",
        "disagree": lambda scene: scene.disagree,
        "face": lambda scene: scene.shown == "face",
        "voice": lambda scene: scene.shown == "voice",
    }
    fused = {device: fused_again(only(at, device), choice.weights) for device in _DEVICES}
    states = {device: all_followed(rows, choice.decision) for device, rows in fused.items()}
    answers = [
        (scene, {device: _answers(scene, fused[device][i], states[device][i]) for device in _DEVICES})
        for i, scene in enumerate(cast)
        if scene.kind in ("both", "apart")
    ]
    found = {}
    for name, chosen in groups.items():
        mine = [(scene, each) for scene, each in answers if chosen(scene)]
        if mine:
            found[name] = _figures(mine)
    return found


def only(at: Moments, device: str) -> Moments:
    """What a device with a camera, a microphone or both would have perceived."""
    nothing = np.zeros(len(at))
    if device == "camera":
        return replace(at, speech_share=nothing)
    if device == "microphone":
        nobody = np.where((at.face_share > 0) & ~at.own, 1 / ROOM, 1.0)  # a voice beside faces that is none of theirs
        return replace(at, face_share=nothing, speech_share=at.speech_share * nobody)
    return at


_Answers = dict[str, dict[str, tuple[str | None, str | None]]]  # by device and view: at rest, and while it is felt


def _answers(scene: LifeScene, rows: Reals, states: Seen) -> dict[str, tuple[str | None, str | None]]:
    """What a device says of the person on the whole: the readings, and the state."""
    rest, feeling = scene.spans
    return {
        "reading": (_said(rows, SETTLED_S, rest.end), _said(rows, feeling.start + 1.0, feeling.end)),
        "state": (states.state(SETTLED_S, rest.end), states.state(feeling.start + IN_TIME_S, feeling.end)),
    }


def _said(rows: Reals, start: float, end: float) -> str | None:
    those = rows[round(start / TICK_S) : round(end / TICK_S)]
    those = those[~np.isnan(those[:, 0])]
    return LABELS[int(np.log(np.maximum(softmax(those), 1e-4)).mean(axis=0).argmax())] if len(those) else None


def _figures(rows: Sequence[tuple[LifeScene, _Answers]]) -> dict[str, Any]:
    truths = [(scene.spans[0].label, scene.label) for scene, _ in rows]

    def right(device: str, view: str, chosen: Sequence[int]) -> float:
        """Macro recall; rest and feeling of a scene stay together."""
        those = [
            (truth, answer) for i in chosen for truth, answer in zip(truths[i], rows[i][1][device][view], strict=True)
        ]
        return macro([truth for truth, _ in those], [answer for _, answer in those])

    everything = range(len(rows))
    found: dict[str, Any] = {"scenes": len(rows)}
    for view in ("reading", "state"):
        by_device = {device: round(right(device, view, everything), 4) for device in _DEVICES}
        gain = {
            device: [
                round(by_device["both"] - by_device[device], 4),
                *(
                    round(end, 4)
                    for end in bootstrap(
                        lambda chosen, d=device, v=view: right("both", v, chosen) - right(d, v, chosen),  # type: ignore[misc]
                        len(rows), _ROUNDS,
                    )
                ),
            ]
            for device in ("camera", "microphone")
        }  # fmt: skip
        felt = {
            device: round(float(np.mean([row[device][view][1] == scene.label for scene, row in rows])), 4)
            for device in _DEVICES
        }
        rest = {
            device: round(float(np.mean([row[device][view][0] == scene.spans[0].label for scene, row in rows])), 4)
            for device in _DEVICES
        }
        found[view] = {"macro_recall": by_device, "gain": gain, "feeling_found": felt, "rest_found": rest}
    return found


_NAMES = {
    "agree": "both show it",
    "disagree": "one stays neutral",
    "face": "of these: the face shows it",
    "voice": "of these: the voice shows it",
}


def table(measured: Mapping[str, Any]) -> str:
    """The figures for a person."""
    lines = [
        "| scenes | of the person | camera | microphone | **both** | against the camera | against the microphone |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, title in _NAMES.items():
        if name not in measured:
            continue
        for view in ("reading", "state"):
            m = measured[name][view]
            recall, gain = m["macro_recall"], m["gain"]
            cells = [f"{recall['camera']:.2f}", f"{recall['microphone']:.2f}", f"**{recall['both']:.2f}**"]
            cells += [f"{each[0]:+.2f} ({each[1]:+.2f} to {each[2]:+.2f})" for each in gain.values()]
            scenes = f"{title} ({measured[name]['scenes']})" if view == "reading" else ""
            lines.append(f"| {scenes} | {view} | {' | '.join(cells)} |")
    return "\n".join(lines)
