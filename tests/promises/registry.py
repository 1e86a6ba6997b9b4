"""The list of promises. A module of this folder adds to it with `@promise(number, title)`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.rig import Rig

Replay = Callable[[Rig], str]


@dataclass(frozen=True)
class Promise:
    """`replay` drives a real service from outside and returns what was seen; it raises if the promise is broken."""

    number: int
    title: str
    replay: Replay
    broker: str  # what its mosquitto.conf says of access
    minutes: float  # above one it is left out of `pytest` and tried by scripts/promises only


_ALL: list[Promise] = []


def promise(
    number: int, title: str, *, broker: str = "allow_anonymous true", minutes: float = 1.0
) -> Callable[[Replay], Replay]:
    """Register `replay(rig) -> str`. A number may have several promises, told apart by their titles."""

    def register(replay: Replay) -> Replay:
        _ALL.append(Promise(number, title, replay, broker, minutes))
        return replay

    return register


def promises() -> list[Promise]:
    """All that the modules of this folder registered, in order."""
    import tests.promises as folder

    for module in pkgutil.iter_modules(folder.__path__):
        if not module.name.startswith(("test_", "__")) and module.name != "registry":
            importlib.import_module(f"tests.promises.{module.name}")
    return sorted(_ALL, key=lambda one: (one.number, one.title))
