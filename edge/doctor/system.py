"""The board: what it is, its clock and its temperature."""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.device.clock import PLAUSIBLE, system_synced
from edge.doctor.findings import Finding, Subject

_WARM_BELOW_LIMIT_C = 5.0


def board(subject: Subject, root: Path = Path("/")) -> Iterator[Finding]:
    """Which device and system this is."""
    name = _os_name(root)
    says = f"{subject.board.model or 'unknown'} ({subject.board.name}), {name}, {platform.machine()}"
    if struct.calcsize("P") * 8 < 64:
        yield Finding(
            "board", "red", f"{says}: a 32-bit system", "install the 64-bit system: the packages exist only for that"
        )
    elif subject.board.name.startswith("pi") and os.environ.get("LD_PRELOAD", "").endswith("libcamerify.so"):
        yield Finding("board", "yellow", f"{says}: libcamerify is active", "unset LD_PRELOAD; picamera2 needs no help")
    else:
        yield Finding("board", "green", says)


def clock(subject: Subject, synced: Callable[[], bool] = system_synced) -> Iterator[Finding]:
    """Can the time of day be trusted? A board without a battery starts in the past."""
    remedy = "timedatectl set-ntp true; without internet name a time server in /etc/systemd/timesyncd.conf"
    if subject.clock.wall() < PLAUSIBLE:
        yield Finding("clock", "red", "the clock was never set: messages carry the wrong time", remedy)
    elif not synced():
        yield Finding("clock", "yellow", 'the clock is not synchronised; messages say "clock": "unsynced"', remedy)
    else:
        yield Finding("clock", "green", "synchronised")


def heat(subject: Subject) -> Iterator[Finding]:
    """Temperature and throttling, as of now."""
    celsius, throttled = subject.board.temperature(), subject.board.throttled()
    limit = subject.loaded.config.limits.max_temperature_c if subject.loaded else 75.0
    cool = "improve the cooling, and use a power supply made for the board"
    if throttled:
        at = "" if celsius is None else f" at {celsius:.0f} °C"
        yield Finding("heat", "red", f"the board is throttled{at}: too hot, or undervoltage", cool)
    elif celsius is None:
        yield Finding("heat", "green", "no temperature sensor")
    elif celsius >= limit:
        yield Finding(
            "heat", "red", f"{celsius:.0f} °C, above limits.max_temperature_c ({limit:g}): frames are skipped", cool
        )
    elif celsius >= limit - _WARM_BELOW_LIMIT_C:
        yield Finding("heat", "yellow", f"{celsius:.0f} °C, close to limits.max_temperature_c ({limit:g})", cool)
    else:
        yield Finding("heat", "green", f"{celsius:.0f} °C, not throttled")


def _os_name(root: Path) -> str:
    try:
        lines = (root / "etc/os-release").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.system()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("PRETTY_NAME", platform.system()).strip('"')
