"""The state of our standing with the broker: one link at a time, given up when it hangs, tried again with patience."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.config import schema
from edge.device.clock import Clock
from edge.messages.status import State
from edge.mqtt import reasons
from edge.mqtt.events import Ended, Event, Opened, Ready
from edge.mqtt.link import Link
from edge.mqtt.reasons import Trouble
from edge.mqtt.retry import RetryPolicy
from edge.mqtt.sender import Sender
from edge.rate_limit import LogOnce

log = logging.getLogger(__name__)

_TICK_S = 1.0
_CUTS = 4  # accepted and soon cut off without a word, this often in a row: somebody else uses our client id


class Connection:
    """Belongs to the publisher's thread."""

    def __init__(
        self,
        settings: schema.MqttConfig,
        sender: Sender,
        new_link: Callable[[int], Link],
        *,
        clock: Clock,
        pace: RetryPolicy,
        once: LogOnce,
        random: Callable[[], float],
    ) -> None:
        self.state: State = "connecting"
        self.reason = ""
        self.connections = 0
        self.leaving = False  # we are about to end: do not dial, do not complain
        self._settings = settings
        self._sender = sender
        self._new_link = new_link
        self._clock = clock
        self._pace = pace
        self._once = once
        self._random = random
        self._link: Link | None = None
        self._links = 0
        self._failures = 0  # in a row
        self._cuts = 0  # in a row
        self._news = True  # the next connect is worth a line: it is the first, or ends what was complained about
        self._ready_at: float | None = None
        self._welcome_by: float | None = None  # accepted and subscribed by then, or it is given up
        self._retry_at: float | None = None

    def is_current(self, event: Event) -> bool:
        """False for word of an earlier link."""
        return self._link is not None and event.link == self._link.number

    def dial(self) -> None:
        """Begins an attempt; how it went arrives as events."""
        self._links += 1
        self._retry_at = None
        self._link = self._new_link(self._links)
        self._link.open()

    def handle(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._welcome_by = self._clock.monotonic() + self._pace.welcome
        elif isinstance(event, Ready):
            self._be_ready(event)
        elif isinstance(event, Ended):
            self.lose(event.trouble)

    def look_after(self) -> None:
        """Gives up a link that hangs; dials again when it is time."""
        now = self._clock.monotonic()
        where = reasons.address(self._settings)
        oldest = self._sender.oldest
        if self._welcome_by is not None and now >= self._welcome_by:
            self.lose(Trouble("unreachable", f"{where} takes the connection and then says nothing"))
        elif self._link and oldest is not None and now - oldest >= self._pace.answer:
            self.lose(Trouble("unreachable", f"the broker {where} stopped answering"))
        elif self._retry_at is not None and now >= self._retry_at and not self.leaving:
            self.dial()

    def nap(self) -> float:
        """Seconds until it wants to be looked after."""
        if self._retry_at is None:
            return min(_TICK_S, self._pace.welcome / 4, self._pace.answer / 4)
        return min(_TICK_S, max(0.0, self._retry_at - self._clock.monotonic()))

    def retry_now(self) -> None:
        """What made the broker refuse us has changed."""
        if self._retry_at is not None:
            self._retry_at = self._clock.monotonic()

    def close(self) -> None:
        """Says good-bye; Ended follows if there was a link."""
        self._sender.settle(at_once=True)
        if self._link:
            self._link.close()

    def lose(self, trouble: Trouble) -> None:
        """The link is gone: keep what it had under way, try again later."""
        now = self._clock.monotonic()
        if self._link:
            self._link.cut()
        self._sender.link_down()
        steady = self._ready_at is not None and now - self._ready_at >= self._pace.steady
        self._failures = 0 if steady else self._failures
        self._cuts = self._cuts + 1 if trouble.wordless and self._ready_at is not None and not steady else 0
        if self._cuts >= _CUTS:
            trouble = reasons.cut_off(self._settings, self._cuts)
        self._link = self._ready_at = self._welcome_by = None
        self._retry_at = now + self._pace.delay(self._failures, trouble.slow, self._random())
        self._failures += 1
        self.state, self.reason = trouble.kind, trouble.reason
        if self.leaving:
            return
        level = logging.WARNING if trouble.kind == "unreachable" else logging.ERROR
        self._news |= self._once.say(level, f"no broker: {trouble.reason}")

    def stopped(self) -> None:
        """The end: nothing is tried any more."""
        if self._link:
            self._link.cut()
        self._sender.link_down()
        self._link = self._retry_at = None
        self.state, self.reason = "stopped", ""

    def _be_ready(self, ready: Ready) -> None:
        self._welcome_by = None
        self._ready_at = self._clock.monotonic()
        self.connections += 1
        self.state, self.reason = "connected", ""
        if ready.commands_refused:
            self.reason = f"the broker lets no commands through to us: {ready.commands_refused}; check its access list"
            self._once.say(logging.ERROR, self.reason)
        if self._news:
            log.info("connected to the broker %s", reasons.address(self._settings))
        self._news = False
        if self._link:
            self._sender.link_up(self._link, ready.window)
