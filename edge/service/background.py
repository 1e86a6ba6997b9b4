"""Requests that take a while: done in a thread, so that the decision loop does not wait for disks and networks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.errors import EdgeError
from edge.messages.commands import Command

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackgroundAnswer:
    """The answer to a request that took a while."""

    command: Command
    data: Any
    error: str | None = None


class BackgroundRequests:
    """One at a time of each name; `deliver` is called in the errand's thread."""

    def __init__(self, deliver: Callable[[BackgroundAnswer], None]) -> None:
        self._deliver = deliver
        self._under_way: set[str] = set()

    def run(self, command: Command, work: Callable[[], Any]) -> bool:
        """Begin. False if the same is under way already."""
        if command.name in self._under_way:
            return False
        self._under_way.add(command.name)
        threading.Thread(target=self._go, args=(command, work), name=f"request-{command.name}", daemon=True).start()
        return True

    def _go(self, command: Command, work: Callable[[], Any]) -> None:
        try:
            late = BackgroundAnswer(command, work())
        except EdgeError as error:
            late = BackgroundAnswer(command, None, str(error))
        except Exception as error:
            log.exception("request %s failed", command.name)
            late = BackgroundAnswer(command, None, f"{type(error).__name__}: {error}")
        self._under_way.discard(command.name)
        self._deliver(late)
