"""How often a password may be tried: so many at once, then one in a while, for each address and for all together."""

from __future__ import annotations

from collections import OrderedDict

from edge.device.clock import Clock
from edge.rate_limit import RateLimit

_MOST = 500  # addresses remembered
_KNOWN = 20  # addresses from which somebody signed in: strangers cannot lock those out


class Attempts:
    """Belongs to the page's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all = RateLimit(20, 6.0, clock.monotonic())
        self._each: OrderedDict[str, RateLimit] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()

    def allow(self, address: str) -> float:
        """Count an attempt and return 0, or the seconds to wait before it may be made."""
        now = self._clock.monotonic()
        bucket = self._each.pop(address, None) or RateLimit(5, 12.0, now)
        self._each[address] = bucket
        if len(self._each) > _MOST:
            self._each.popitem(last=False)
        counted = [bucket] if address in self._known else [bucket, self._all]
        wait = max(each.wait(now) for each in counted)
        if wait == 0.0:
            for each in counted:
                each.take()
        return wait

    def succeeded(self, address: str) -> None:
        """The right password came from there."""
        self._each.pop(address, None)
        self._known[address] = None
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
