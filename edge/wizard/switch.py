"""The owner's privacy switch, as the wizard asks it from several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.device.privacy import Gate


class Switch:
    """`prepare` makes the folder that the switch is stored in."""

    def __init__(self, gate: Gate, prepare: Callable[[], None]) -> None:
        self._gate = gate
        self._prepare = prepare
        self._lock = threading.Lock()

    def why(self) -> str:
        """Why privacy is on; empty when it is off."""
        with self._lock:
            return self._gate.now().reason

    def turn(self, *, on: bool) -> None:
        """StorageError if it cannot be stored."""
        with self._lock:
            self._prepare()
            self._gate.switch(on)
