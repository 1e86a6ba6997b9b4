"""How patient we are: timeouts, and when to try again."""

from __future__ import annotations

from dataclasses import dataclass

from edge.messages.topics import LIVE_AGE_S


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds, except where a name says otherwise."""

    first: float = 1.0  # from a lost link to the first new attempt
    most: float = 60.0  # between attempts, however often they failed
    next_broker: float = 0.5  # from one of several brokers to the next one, until all were tried
    preferred: float = 300.0  # while connected to another broker: how often the preferred one is tried
    slow: float = 60.0  # between attempts after the broker refused us or somebody took our session over
    steady: float = 15.0  # a link that held this long was sound: the next attempt is a first one
    connect: float = 10.0  # for the TCP connection, and again for TLS and websockets
    accept: float = 10.0  # from TCP connection to accepted and subscribed: some brokers accept and hang
    answer: float = LIVE_AGE_S  # a broker that owes an acknowledgement this long is gone: what is under way is stale
    settle: float = 30.0  # the same for what is retained, which does not go stale: brokers that come back are busy
    settle_window: int = 5  # retained messages under way, so that many devices returning at once do not pile up
    kept: float = 1.0  # for the broker to show, after a reconnect, what it has kept of us
    # A broker that is killed takes along what it acknowledged and had not handed on yet: what it acknowledged this
    # recently is kept once more when the link breaks.
    grace: float = 1.0
    backlog_per_s: float = 200.0  # messages: brokers drop for slow subscribers what comes in a burst
    backlog_window: int = 10  # backlog messages under way: the rest of the broker's window is for live ones

    def jitter(self, seconds: float, chance: float) -> float:
        """About so many seconds; `chance` 0..1 keeps devices from coming all at once."""
        return seconds * (0.75 + 0.5 * chance)

    def delay(self, failures: int, slow: bool, chance: float) -> float:
        """How long to wait after so many failures in a row."""
        base = self.slow if slow else min(self.most, self.first * 2.0 ** min(failures, 30))
        return self.jitter(base, chance)
