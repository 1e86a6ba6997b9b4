"""What a soak has come to: counted over all its runs, judged at the end, kept in a file for the next run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

DAY_S = 86_400.0
FRAMES = 2_000_000
SOUND_S = DAY_S
SLOPE_MB = 1.0  # of resident memory, per simulated day
WARM_UP_S = 1_800.0  # simulated; until then caches and arenas fill
JUDGED_S = 4 * 3_600.0  # simulated, of one process: below, noise of a megabyte is a slope of many


class Sample(msgspec.Struct, frozen=True):
    """One look at the process from outside; the last two are its own word."""

    device_s: float
    rss_mb: float
    threads: int
    descriptors: int
    files: int
    in_use_mb: float = 0.0
    objects: int = 0


class Run(msgspec.Struct, frozen=True):
    """One process, from its start to its end."""

    seed: int
    real_s: float
    device_s: float
    frames: int
    frames_dropped: int
    sound_s: float
    sound_dropped_s: float
    faults: dict[str, int]
    received: dict[str, int]
    doubles: int
    wrong: list[str]
    samples: list[Sample]


class Tally(msgspec.Struct):
    """All runs so far."""

    runs: list[Run] = []

    @property
    def frames(self) -> int:
        return sum(run.frames for run in self.runs)

    @property
    def sound_s(self) -> float:
        return sum(run.sound_s for run in self.runs)

    @property
    def done(self) -> bool:
        return self.frames >= FRAMES and self.sound_s >= SOUND_S

    def record(self) -> dict[str, Any]:
        """The result in numbers, with what it fell short of."""
        faults: dict[str, int] = {}
        for run in self.runs:
            for kind, count in run.faults.items():
                faults[kind] = faults.get(kind, 0) + count
        judged = [run for run in self.runs if run.device_s - WARM_UP_S >= JUDGED_S]
        return {
            "complete": self.done,
            "frames": self.frames,
            "frames_dropped": sum(run.frames_dropped for run in self.runs),
            "sound_h": round(self.sound_s / 3600, 2),
            "device_h": round(sum(run.device_s for run in self.runs) / 3600, 2),
            "real_h": round(sum(run.real_s for run in self.runs) / 3600, 2),
            "runs": len(self.runs),
            "faults": faults,
            "received": {key: sum(run.received.get(key, 0) for run in self.runs) for key in sorted(
                {key for run in self.runs for key in run.received})},
            "doubles": sum(run.doubles for run in self.runs),
            "wrong": [line for run in self.runs for line in run.wrong],
            "rss_slope_mb_per_day": [slope(warm(run.samples)) for run in judged],
            "rss_slope_of_the_second_half_mb_per_day": [slope(second_half(run.samples)) for run in judged],
            "rss_mb_first_last": [_ends(run.samples) for run in self.runs],
            "threads_most": [growth([s.threads for s in warm(run.samples)]) for run in self.runs],
            "descriptors_most": [growth([s.descriptors for s in warm(run.samples)]) for run in self.runs],
            "files_most": max((s.files for run in self.runs for s in run.samples), default=0),
            "verdict": self.verdict(),
        }  # fmt: skip

    def verdict(self) -> list[str]:
        """What is not as it should be; empty when all is well."""
        found = [line for run in self.runs for line in run.wrong]
        for run in self.runs:
            steady = warm(run.samples)
            # Bounded stores fill for hours, once: the queue on the disk, its cache, the longest outage so far. What
            # leaks goes on.
            grows = slope(second_half(run.samples))
            if run.device_s - WARM_UP_S >= JUDGED_S and grows > SLOPE_MB:
                found.append(f"seed {run.seed}: resident memory grows by {grows:.2f} MB a day")
            for name in ("threads", "descriptors"):
                before, after = growth([getattr(sample, name) for sample in steady])
                if after > before:
                    found.append(f"seed {run.seed}: {name} rise from {before} to {after}")
        return found


def warm(samples: Sequence[Sample]) -> list[Sample]:
    """Those after the warm-up; of a short run its second half."""
    later = [sample for sample in samples if sample.device_s > WARM_UP_S]
    return later if len(later) > 20 else list(samples[len(samples) // 2 :])


def slope(samples: Sequence[Sample]) -> float:
    """Megabytes per simulated day, by least squares."""
    if len(samples) < 2:
        return 0.0
    days = np.array([sample.device_s for sample in samples]) / DAY_S
    return round(float(np.polyfit(days, [sample.rss_mb for sample in samples], 1)[0]), 3)


def second_half(samples: Sequence[Sample]) -> list[Sample]:
    """Of the time after the warm-up."""
    steady = warm(samples)
    middle = (steady[0].device_s + steady[-1].device_s) / 2 if steady else 0.0
    return [sample for sample in steady if sample.device_s >= middle]


def growth(counts: Sequence[int]) -> tuple[int, int]:
    """The most in the first half and in the second."""
    half = len(counts) // 2
    return max(counts[:half], default=0), max(counts[half:], default=0)


def load(path: Path) -> Tally:
    """What earlier runs left, or a new one."""
    return msgspec.json.decode(path.read_bytes(), type=Tally) if path.exists() else Tally()


def save(path: Path, tally: Tally) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(tally))
    fresh.replace(path)


def shown(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2)


def _ends(samples: Sequence[Sample]) -> list[float]:
    steady = warm(samples)
    return [steady[0].rss_mb, steady[-1].rss_mb] if steady else []
