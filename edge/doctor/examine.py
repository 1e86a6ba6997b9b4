"""All checks, in the order in which a person would fix things."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.config.advice import advice
from edge.device import paths
from edge.device.privacy import Gate, may_ask
from edge.device.service_user import rights_of_service
from edge.doctor import broker, camera, disk, microphone, software, system
from edge.doctor.findings import SUDO, Finding, Subject

log = logging.getLogger(__name__)

Check = Callable[[Subject], Iterator[Finding]]


def examine(subject: Subject) -> Iterator[Finding]:
    """Finding by finding, as they come. A check that raises is a finding too."""
    for check in CHECKS:
        try:
            yield from check(subject)
        except Exception as error:
            log.debug("%s", check.__name__, exc_info=True)
            says = f"this check failed: {type(error).__name__}: {error}"
            yield Finding(check.__name__, "yellow", says, "please report this as a bug")


def config(subject: Subject) -> Iterator[Finding]:
    """Can the config be used, and would it work here?"""
    where = subject.path or Path("no config file")
    if subject.path is not None and paths.is_of_system(subject.path) and not os.access(subject.path, os.R_OK):
        yield Finding("config", "yellow", f"{where}: only root and the service may read it", SUDO)
        return
    if subject.problem or subject.loaded is None:
        remedy = "`emotion-edge check` lists every problem; fix it to see the other findings"
        yield Finding("config", "red", subject.problem or f"{where}: cannot be used", remedy)
        return
    with rights_of_service(subject.path):
        advised = advice(subject.loaded.config, subject.path)
    lines = [*subject.loaded.warnings, *advised]
    for line in lines:
        says, _, remedy = line.rpartition("; ")
        yield Finding("config", "yellow", says or line, remedy if says else "")
    if not lines:
        yield Finding("config", "green", f"{where}: valid")


def privacy(subject: Subject) -> Iterator[Finding]:
    """Nothing is seen or heard while privacy is on, and people forget that they switched it."""
    if subject.loaded is None:
        return
    if not may_ask(subject.state):
        yield Finding("privacy", "yellow", "only root and the service can tell whether it is on", SUDO)
        return
    state = Gate(subject.state, subject.loaded.config.privacy, subject.clock).now()
    if state.on:
        yield Finding("privacy", "yellow", f"on ({state.reason}): nothing is seen or heard", "emotion-edge privacy off")
    else:
        yield Finding("privacy", "green", "off: camera and microphone may be used")


CHECKS: tuple[Check, ...] = (
    config, system.board, software.runtime, software.model_files, privacy, camera.camera, microphone.microphone,
    broker.broker, system.unit, system.clock, disk.room, disk.wear, system.heat,
)  # fmt: skip
