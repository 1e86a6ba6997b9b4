"""The state of the systemd unit, and the limits set by its drop-in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping

from edge.config import systemd_dropin
from edge.doctor.findings import Finding, Subject

UNIT = "emotion-edge.service"
_RESTARTS = 3


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
