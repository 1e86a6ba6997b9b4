"""Where the service stores its few files: space, permissions, and how much is written to a card that wears out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.device.service_user import SERVICE_USER, rights_of_service
from edge.doctor.findings import SUDO, Finding, Subject
from edge.doctor.system import main_pid

_LITTLE_MB = 500.0
_MUCH_MB_A_DAY = 200.0  # a card of 32 GB outlives many years of less
_DAY_S = 86_400.0


def room(subject: Subject) -> Iterator[Finding]:
    """Can state be stored, and is there space for it?"""
    folder = _existing(subject.state)
    try:
        with rights_of_service(subject.path), tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"0" * 4096)
            trial.flush()
            os.fsync(trial.fileno())
        free = os.statvfs(folder)
    except PermissionError:
        if os.geteuid() == 0:
            remedy = f"sudo chown -R {SERVICE_USER}: {folder}"
            yield Finding(
                "disk", "red", f"{folder}: the service may not write there, so live changes are lost on restart", remedy
            )
        else:
            yield Finding("disk", "yellow", f"{folder}: only root and the service may look there", SUDO)
        return
    except OSError as error:
        remedy = "free some space (`df -h`), or check the card: a failing one becomes read-only"
        yield Finding(
            "disk", "red", f"{folder}: cannot be written: {error.strerror}; live changes are lost on restart", remedy
        )
        return
    left = free.f_bavail * free.f_frsize / 1e6
    outbox = subject.loaded.config.outbox.max_mb if subject.loaded else 8.0
    if left < outbox:
        yield Finding(
            "disk", "red", f"{folder}: {left:.0f} MB left, less than outbox.max_mb ({outbox:g})", "free some space"
        )
    elif left < _LITTLE_MB:
        yield Finding("disk", "yellow", f"{folder}: {left:.0f} MB left", "free some space")
    else:
        yield Finding("disk", "green", f"{folder}: writable, {left / 1000:.1f} GB left")


def wear(subject: Subject, proc: Path = Path("/proc")) -> Iterator[Finding]:
    """How much the running service writes a day."""
    pid = os.getpid() if subject.statuses is not None else main_pid()
    if pid is None:
        yield Finding("wear", "green", "the service is not running, so nothing is written")
        return
    try:
        written = _written_bytes(proc / str(pid))
        seconds = max(_uptime_s(proc / str(pid), proc / "uptime"), 1.0)
    except (OSError, ValueError):
        yield Finding("wear", "green", "only root can see how much the service writes")
        return
    a_day = written / 1e6 * _DAY_S / seconds
    says = f"{written / 1e6:.1f} MB written in {seconds / 3600:.1f} h"
    if a_day > _MUCH_MB_A_DAY and seconds > _DAY_S / 24:
        remedy = "is the broker often unreachable (outbox), or log.level debug? Both write more"
        yield Finding("wear", "yellow", f"{says}: {a_day:.0f} MB a day would wear out an SD card", remedy)
    else:
        yield Finding("wear", "green", says)


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _written_bytes(process: Path) -> int:
    values = dict(line.split(": ") for line in (process / "io").read_text("ascii").splitlines())
    return int(values["write_bytes"]) - int(values["cancelled_write_bytes"])


def _uptime_s(process: Path, uptime: Path) -> float:
    began = int((process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[19])
    return float(uptime.read_text("ascii").split()[0]) - began / os.sysconf("SC_CLK_TCK")
