"""The microphone: opened for a moment, as the service does it, and judged by its sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.capture.base import NothingYet, SoundSource
from edge.config.schema import Config
from edge.demo.sources import microphone as microphone_source
from edge.device.clock import Clock
from edge.doctor.findings import Finding, Level, Subject
from edge.doctor.sensors import Judgement, examine
from edge.errors import CaptureError
from edge.readings import SAMPLE_RATE, Samples

LISTEN_S = 2.5
_ENOUGH = 20  # blocks of a recording
_FULL = 0.999
_CLIPPED = 0.01  # share of samples at full scale
_FAINT_DB = -75.0
_RATE_OFF = 0.15  # sound servers deliver in bursts


def microphone(subject: Subject) -> Iterator[Finding]:
    """Does the microphone deliver sound that is neither silent nor clipped?"""

    def listen(source: SoundSource, _: Config) -> Judgement:
        sound, seconds = _sound(source, subject.clock)
        return judged(sound, seconds, source.name, live=source.live)

    return examine(
        subject, "microphone", "/dev/snd/pcm",
        lambda config: microphone_source(config.microphone, subject.clock, config.camera), listen,
    )  # fmt: skip


def judged(sound: Samples, seconds: float, name: str, *, live: bool) -> Judgement:
    """`seconds` is how long the device took for `sound`."""
    if not len(sound):
        return "red", f"{name} opens but delivers no sound", "unplug it and plug it in again"
    level = 20 * np.log10(float(np.sqrt(np.mean(sound**2))) + 1e-9)
    clipped = float(np.mean(np.abs(sound) >= _FULL))
    given = len(sound) / seconds
    sound_of, remedy = f"{name}: {level:.0f} dBFS", ""
    says = sound_of
    judgement: Level = "green"
    if not live:
        says = f"{sound_of}, a recording"
    elif not np.any(sound):
        judgement, says, remedy = "red", f"{name}: only zeros", "unmute it (alsamixer, F4) or plug it in"
    elif clipped > _CLIPPED:
        judgement, remedy = "yellow", "lower its gain (alsamixer, F4: Capture)"
        says = f"{sound_of}, {clipped:.0%} clipped"
    elif level < _FAINT_DB:
        judgement, remedy = "yellow", "raise its gain (alsamixer, F4: Capture)"
        says = f"{sound_of}, very quiet"
    elif abs(given / SAMPLE_RATE - 1) > _RATE_OFF:
        judgement, remedy = "yellow", "try another cable or sound server: the device does not keep its sample rate"
        says = f"{sound_of}, but {given:.0f} samples a second instead of {SAMPLE_RATE}"
    return judgement, says, remedy


def _sound(source: SoundSource, clock: Clock) -> tuple[Samples, float]:
    """What comes within LISTEN_S of the first block, for which a device may take as long again."""
    blocks: list[Samples] = []
    began = last = clock.monotonic()
    started = False
    while clock.monotonic() - began < (LISTEN_S if started else 2 * LISTEN_S):
        try:
            block = source.read().samples
        except NothingYet:
            continue
        except CaptureError:
            if blocks:
                break
            raise
        last = clock.monotonic()
        if source.live and not started:
            began, started = last, True  # this one may have waited; time is counted from here
            continue
        blocks.append(block)
        if not source.live and len(blocks) >= _ENOUGH:
            break
    sound = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return sound, max(last - began, 1e-3)
