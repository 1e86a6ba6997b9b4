"""The board and its system: what it is, its clock, its temperature, and the systemd unit of the service."""

from __future__ import annotations

import os
import platform
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from edge.config import systemd_dropin
from edge.device.clock import PLAUSIBLE, system_synced
from edge.doctor.findings import Finding, Subject

_WARM_BELOW_LIMIT_C = 5.0
UNIT = "emotion-edge.service"
_RESTARTS = 3


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
        says = "the board is throttled: too hot, or undervoltage"
        if celsius is not None:
            says = f"the board is throttled at {celsius:.0f} °C: too hot, or undervoltage"
        yield Finding("heat", "red", says, cool)
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


def unit(subject: Subject) -> Iterator[Finding]:
    """Is it installed, enabled, running, and allowed to reach what the config names?"""
    if subject.statuses is not None:
        yield Finding("service", "green", "running")
        return
    state = _shown()
    log = "see journalctl -u emotion-edge -n 50"
    if state is None:
        yield Finding("service", "green", "systemd is not used here")
    elif state.get("LoadState") != "loaded":
        yield Finding("service", "yellow", "not installed as a service", "sudo scripts/install, or the Debian package")
    elif state.get("Result") == "exit-code" and state.get("ExecMainStatus") == "78":
        remedy = "fix what `emotion-edge check` reports, then sudo systemctl restart emotion-edge"
        yield Finding("service", "red", "stopped: the config is invalid (status 78)", remedy)
    elif state.get("ActiveState") == "failed":
        yield Finding("service", "red", f"failed ({state.get('Result', '?')})", log)
    elif state.get("ActiveState") != "active":
        remedy = "sudo systemctl enable --now emotion-edge"
        yield Finding("service", "yellow", f"not running ({state.get('ActiveState', '?')})", remedy)
    elif int(state.get("NRestarts") or 0) > _RESTARTS:
        yield Finding("service", "yellow", f"running, but was restarted {state['NRestarts']} times", log)
    elif not state.get("UnitFileState", "").startswith("enabled"):
        remedy = "sudo systemctl enable emotion-edge"
        yield Finding("service", "yellow", "running, but not enabled at boot", remedy)
    else:
        yield Finding("service", "green", "running, and enabled at boot")
    if state is not None and state.get("LoadState") == "loaded":
        yield from _allowed(subject)


def main_pid() -> int | None:
    """The process of the running service."""
    pid = (_shown() or {}).get("MainPID", "0")
    return int(pid) if pid.isdigit() and pid != "0" else None


def _allowed(subject: Subject) -> Iterator[Finding]:
    if subject.loaded is not None:
        for line in systemd_dropin.stale(subject.loaded.config, subject.path):
            what, _, remedy = line.partition("; ")
            yield Finding("network", "red", what, remedy)


def _shown() -> Mapping[str, str] | None:
    """What `systemctl show` says, or None where there is no systemd."""
    wanted = "LoadState,ActiveState,Result,ExecMainStatus,NRestarts,UnitFileState,MainPID"
    try:
        shown = subprocess.run(
            ["systemctl", "show", UNIT, "--property", wanted],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    if shown.returncode != 0:
        return None
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


def _os_name(root: Path) -> str:
    try:
        lines = (root / "etc/os-release").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.system()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("PRETTY_NAME", platform.system()).strip('"')
