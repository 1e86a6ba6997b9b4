"""Which process uses a device, and when it must not be opened: the service uses it, or privacy is on."""

from __future__ import annotations

import os
from pathlib import Path

from edge.device.privacy import Gate, may_ask
from edge.doctor.findings import SUDO, Finding, Subject


def must_not_open(subject: Subject, name: str, device: str, *, wanted: bool) -> Finding | None:
    """The finding for a device that must not be opened now, None if it may be."""
    if not wanted:
        return Finding(name, "green", "disabled in the config")
    if subject.statuses is not None:
        status = subject.statuses.get(name)
        state, reason = (status.state, status.reason) if status else ("unknown", "")
        level = {"online": "green", "disabled": "green"}.get(state, "red")
        return Finding(name, level, *split(f"{state}{': ' + reason if reason else ''}"))  # type: ignore[arg-type]
    if subject.loaded:
        if not may_ask(subject.state):
            return Finding(name, "yellow", "not opened: only root can tell whether privacy is on", SUDO)
        privacy = Gate(subject.state, subject.loaded.config.privacy, subject.clock).now()
        if privacy.on:
            return Finding(name, "yellow", f"not opened: {privacy.reason}", "emotion-edge privacy off")
    pid = next((pid for pid, words in holders(device) if _ours(words)), None)
    return None if pid is None else Finding(name, "green", f"in use by the running service (process {pid})")


def named(reason: str, device: str) -> str:
    """The reason, with the name of the program that uses the device."""
    if "used by another program" not in reason:
        return reason
    others = ", ".join(
        f"{words.split()[0].rpartition('/')[2]} (process {pid})" for pid, words in holders(device) if words
    )
    return reason.replace("another program", others) if others else reason


def split(reason: str) -> tuple[str, str]:
    """What is wrong, and what to do: our reasons have both, with a colon between. A name alone says nothing."""
    says, _, remedy = reason.rpartition(": ")
    return (says, remedy) if " " in says else (reason, "")


def holders(device: str, proc: Path = Path("/proc")) -> list[tuple[int, str]]:
    """Other processes that have a device open whose path begins so, with their command lines."""
    found = []
    for folder in proc.glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        try:
            links = [str(link.readlink()) for link in (folder / "fd").iterdir()]
            if any(link.startswith(device) for link in links):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
                found.append((int(folder.name), words))
        except OSError:  # it ended, or belongs to somebody else
            continue
    return found


def _ours(words: str) -> bool:
    return "emotion-edge" in words or "-m edge" in words
