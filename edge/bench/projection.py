"""What the service costs on a Raspberry Pi, without one: instructions counted by scripts/cost, and what they come to.

Counted, not measured: the real aarch64 code ran under emulation, and how many instructions such a processor gets done
in a cycle is assumed, from the worst to the best.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

RECORD = Path(__file__).with_name("cost.json")  # written by scripts/cost --record
FPS, VOICED, REST = 15.0, 0.5, 1.15
ASSUMED = (
    f"one person, {FPS:.0f} frames a second of 640x480 from a USB camera that does not compress, voice {VOICED:.0%} of "
    f"the time; {REST - 1:.0%} more for threads, MQTT and the rest"
)

Counts = Mapping[str, float]
Stages = Mapping[str, Counts]


@dataclass(frozen=True)
class Processor:
    """A processor: megahertz, and instructions a cycle from the worst to the best that such code reaches."""

    says: str
    mhz: int
    ipc: tuple[float, float]

    def share(self, million: float) -> tuple[float, float]:
        """Percent of a core that so many million instructions a second take, at best and at worst."""
        worst, best = (100 * million / (ipc * self.mhz) for ipc in self.ipc)
        return best, worst

    def percent(self, million: float) -> str:
        """The same in words, in whole percent."""
        best, worst = (f"{each:.0f}" for each in self.share(million))
        return f"{best} %" if best == worst else f"{best} to {worst} %"


BOARDS = {"a72": Processor("Raspberry Pi 4", 1800, (1.2, 1.7)), "a76": Processor("Raspberry Pi 5", 2400, (1.8, 2.5))}


def read() -> dict[str, Any]:
    """The record."""
    record: dict[str, Any] = msgspec.json.decode(RECORD.read_bytes())
    return record


def whole(stages: Stages, *, fps: float = FPS, voiced: float = VOICED, of: str = "") -> float:
    """Million instructions a second of the whole service. `of` names the variant of the stages: ", 4 people"."""
    follow = stages.get(f"follow a frame{of}", stages["follow a frame"])
    prepare = stages.get(f"prepare a frame{of}", stages["prepare a frame"])
    sight = fps * (prepare["all"] + follow["all"] + stages["decide"]["all"])
    hearing = voiced * stages["a voiced second"]["all"] + (1 - voiced) * stages["a quiet second"]["all"]
    return round(REST * (sight + hearing), 1)


def scaling(stages: Stages) -> Iterator[tuple[str, float]]:
    """What changes, and the million instructions a second that the whole service then takes."""
    yield "one person, 640x480 at 15 fps, voice half of the time", whole(stages)
    yield "nobody speaks", whole(stages, voiced=0.0)
    yield "somebody speaks all the time", whole(stages, voiced=1.0)
    variants = [name.removeprefix("follow a frame, ") for name in stages if name.startswith("follow a frame, ")]
    for of in sorted(
        variants, key=lambda of: (of.rpartition(" ")[2] if " " in of else "", int(re.split("[ x]", of)[0]))
    ):
        fps = float(of.split()[0]) if of.endswith(" fps") else FPS
        yield of, whole(stages, fps=fps, of=f", {of}")


def measured(record: dict[str, Any]) -> list[str]:
    """For the documentation, as Markdown: what the bench measured, where the record has it."""
    found = record.get("measured")
    if not found:
        return []
    out = [
        f"Measured with `scripts/cost --measure` on {found['machine']}, the service ahead of all else there; "
        "decoding of the sample's video is in it. A face that is judged just after a reading was told waits up to "
        "0.4 s for newer evidence: with one person that is the p95.",
        "",
        "| | frames a second | of a core | memory | wake-ups a second | frame to subscriber, median and p95 | "
        "processor time until the first reading |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, whole in found["service"].items():
        latency = whole["latency_ms"]
        out.append(
            f"| {name} | {whole['fps']:.1f} | {whole['cpu_percent']:.1f} % | {whole['rss_mb']:.0f} MB | "
            f"{whole['wakeups']:.0f} | {latency['median']:.0f} ms, {latency['p95']:.0f} ms | "
            f"{whole['first_reading_cpu_s']:.2f} s |"
        )
    return out


def lines(record: dict[str, Any]) -> Iterator[str]:
    """For a terminal: one line for each board."""
    for name, board in BOARDS.items():
        million = record["whole"][name]
        yield (
            f"{board.says}, projected from {million:.0f} million instructions a second: {board.percent(million)} of a "
            "core"
        )


def tables(record: dict[str, Any]) -> list[str]:
    """For the documentation, as Markdown: stages, and how the whole grows."""
    boards = {name: board for name, board in BOARDS.items() if name in record["stages"]}
    head = [f"{board.says}" for board in boards.values()]
    out = ["| million instructions | " + " | ".join(head) + " |", "|---|" + "---:|" * len(head)]
    first = record["stages"][next(iter(boards))]
    out += [
        f"| {name} | " + " | ".join(f"{record['stages'][board][name]['all']:.1f}" for board in boards) + " |"
        for name in first
        if not name.startswith(("follow a frame, ", "prepare a frame, ")) or name == "prepare a frame, JPEG"
    ]
    out += ["", "| the whole service, a second | " + " | ".join(f"{each} | of a core" for each in head) + " |"]
    out.append("|---|" + "---:|" * (2 * len(head)))
    columns = [dict(scaling(record["stages"][name])) for name in boards]
    for name in columns[0]:
        cells = []
        for board, column in zip(boards.values(), columns, strict=True):
            cells += [f"{column[name]:.0f}", board.percent(column[name])]
        out.append(f"| {name} | " + " | ".join(cells) + " |")
    return out
