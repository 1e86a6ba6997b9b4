"""Privacy as one transaction with one owner: what the gate says is carried out here, and told once it holds.

ON is told when every device is closed and nothing about people waits for the broker any more. A device that is not
closed in time ends the process, and with it the kernel closes it: the switch is stored before, so that the next start
is on. Nothing else opens or closes devices for privacy, and nothing takes a failure back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Protocol

from edge.device.descriptors import open_devices
from edge.device.privacy import Gate, PrivacyState
from edge.errors import EdgeError, StorageError

log = logging.getLogger(__name__)

CLOSE_S = 1.7  # leaves the two seconds of the promise some time to say what is still open
POLL_S = 0.02
AGAIN_S = 0.5  # how long the loop waits for an outbox that could not be emptied before


class Sensor(Protocol):
    """A camera or microphone with all that follows it."""

    @property
    def name(self) -> str: ...

    def release(self, reason: str) -> bool:
        """Close it and forget everything about everybody; from the first moment on nothing more is delivered.

        False: it is not closed in time.
        """

    def resume(self) -> None:
        """Open it again."""


class Privacy:
    """Belongs to the decision loop. `failure` is why the process must end, and stays."""

    def __init__(
        self,
        gate: Gate,
        devices: Sequence[Sensor],
        *,
        purge: Callable[[PrivacyState], None],
        forget: Callable[[], None],
        tell: Callable[[PrivacyState], None],
        still_open: Callable[[], list[str]] = open_devices,
        close_s: float = CLOSE_S,
    ) -> None:
        """`purge` deletes what is stored about people, as far as this privacy demands it, and may raise StorageError;
        it is called in a thread.

        `forget` clears what the decision loop knows of people, `tell` publishes the state once it holds.
        """
        self.failure: str | None = None
        self.state = PrivacyState(True)  # the gate's last answer
        self.closed_times = 0  # what was seen or heard before the last of them no longer counts
        self._gate = gate
        self._devices = devices
        self._purge = purge
        self._forget = forget
        self._tell = tell
        self._still_open = still_open
        self._close_s = close_s
        self._phase: Literal["unknown", "closing", "purging", "closed", "open"] = "unknown"
        self._unpurged = ""  # why
        self._purging: _Attempt | None = None
        self._purged_as_planned = False

    @property
    def open(self) -> bool:
        """The devices may be used, and what they gave counts."""
        return self._phase == "open"

    @property
    def holds(self) -> bool:
        """ON has been told, or could be: everything is closed and forgotten."""
        return self._phase == "closed"

    def switch(self, on: bool) -> str | None:
        """Set the owner's switch and carry it out. Returns what could not be done, for whoever asked."""
        problem = None
        try:
            self._gate.switch(on)
        except StorageError as error:
            problem = str(error)
            log.warning("%s", problem)
        return self.follow() or problem

    def follow(self) -> str | None:
        """Do what the gate says now; call it about once a second. Returns what does not hold yet, if so."""
        if self.failure:
            return self.failure
        self._gate.store_again()
        self.state = self._gate.now()
        more = self._purged_as_planned and not self.state.planned  # asked for within quiet hours: that demands more
        try:
            if not self.state.on:
                self._reopen()
            elif self._phase in ("unknown", "open", "closing") or (more and self._phase == "closed"):
                self._close()
            elif self._phase == "purging":
                self._purge_again()
        except Exception as error:
            log.exception("privacy could not be carried out")
            self.failure = f"privacy could not be carried out: {type(error).__name__}: {error}"
        return self.failure or self._unpurged or None

    def _reopen(self) -> None:
        if self._phase == "open":
            return
        self._forget()
        for device in self._devices:
            device.resume()
        self._phase, self._unpurged = "open", ""
        self._tell(self.state)
        log.info("privacy is off")

    def _close(self) -> None:
        """Everything at once, and within the time; only then does it hold."""
        self._phase = "closing"
        self.closed_times += 1
        closings = {device.name: _Attempt(partial(self._released, device)) for device in self._devices}
        self._purging = purging = self._begin_purge()
        pause, unclosed = threading.Event(), list(closings)
        deadline = time.monotonic() + self._close_s
        while time.monotonic() < deadline:
            unclosed = [name for name, closing in closings.items() if not closing.done()]
            if not unclosed and purging.over() and not self._still_open():
                break
            pause.wait(POLL_S)
        unclosed += self._still_open() if not unclosed else []
        self._forget()
        if unclosed:
            self.failure = (
                f"privacy is switched on, but not everything could be closed within {self._close_s:g} s; still open: "
                f"{', '.join(unclosed)}. The driver does not respond; the service ends, which closes it, and starts "
                "again with privacy on"
            )
            return
        self._settle(purging)

    def _purge_again(self) -> None:
        if self._purging is None or self._purging.over():
            self._purging = self._begin_purge()
            self._purging.wait(AGAIN_S)
        self._settle(self._purging)

    def _settle(self, purging: _Attempt) -> None:
        if purging.done():
            self._phase, self._unpurged = "closed", ""
            self._tell(self.state)
            log.info("privacy is on (%s)", self.state.reason)
            return
        self._phase = "purging"
        why = purging.problem or "the disk does not respond"
        unpurged = f"camera and microphone are closed, but what is stored about people could not be deleted: {why}"
        if unpurged != self._unpurged:
            log.error("%s; it is tried again", unpurged)
        self._unpurged = unpurged

    def _released(self, device: Sensor) -> str:
        while not device.release(self.state.reason):
            threading.Event().wait(POLL_S)
        return ""

    def _begin_purge(self) -> _Attempt:
        self._purged_as_planned = self.state.planned
        return _Attempt(partial(self._purged, self.state))

    def _purged(self, state: PrivacyState) -> str:
        try:
            self._purge(state)
        except EdgeError as error:
            return str(error)
        return ""


class _Attempt:
    """Something that may hang, done in a thread of its own. `work` returns what went wrong, or nothing."""

    def __init__(self, work: Callable[[], str]) -> None:
        self.problem = ""
        self._over = threading.Event()
        self._work = work
        threading.Thread(target=self._run, name="privacy", daemon=True).start()

    def done(self) -> bool:
        """It is over and nothing went wrong."""
        return self._over.is_set() and not self.problem

    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)

    def _run(self) -> None:
        try:
            self.problem = self._work()
        except Exception as error:
            log.exception("privacy")
            self.problem = f"{type(error).__name__}: {error}"
        self._over.set()
