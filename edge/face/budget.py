"""How many frames a second the device can bear: everything that is done with a frame is thinned with the frames."""

from __future__ import annotations

from collections import deque

LEAST = 1.0  # frames a second: below that who is in view could not be told any more

_SETTLE_S = 4.0  # a change shows in the CPU share only after a while
_CALM_S = 12.0  # all must be well for so long before more work is dared
_AIM = 0.95  # of the limit
_ROOM = 0.85  # of the limit: below is room for more
_MORE = 1.3  # times as many frames, at most, at once
_COOLER_C = 4.0  # below the limit, so that the rate does not swing around it


class Budget:
    """Keeps the process within `max_cpu_percent` of one core, and does less while the board is hot or throttled.

    Frames are left out whole, before anything is done with them: what is still seen is answered as fast as ever.
    """

    def __init__(self, max_cpu_percent: float, max_temperature_c: float, fps: float) -> None:
        self._max_cpu = max_cpu_percent
        self._max_temperature = max_temperature_c
        self._fps = fps
        self._shares: deque[tuple[float, float]] = deque()  # since the last change: when, CPU percent
        self._changed: float | None = None
        self._calm_since: float | None = None
        self.rate: float | None = None  # frames a second; None: as many as come
        self.reason = ""  # of the last limit, for a person

    @property
    def thinned(self) -> str:
        """What is left out and why, for a person; empty when nothing is."""
        return "" if self.rate is None else f"{self.rate:.1f} of {self._fps:g} frames a second: {self.reason}"

    def step(self, cpu_percent: float, temperature: float | None, throttled: bool | None, now: float) -> float | None:
        """The rate from now on; call it about once a second. Unknown measures are None."""
        if self._changed is None:
            self._changed = now
        self._shares.append((now, cpu_percent))
        while now - self._shares[0][0] > _CALM_S:
            self._shares.popleft()
        current = self.rate or self._fps
        if throttled or (temperature is not None and temperature > self._max_temperature):
            self._calm_since = None
            if self.rate is None or now - self._changed >= _SETTLE_S:
                self.reason = "the board is hot" if not throttled else "the board is throttled by heat or weak power"
                self._change(current / 2, now)
            return self.rate
        share = self._share(now)
        if share is not None and share > self._max_cpu:
            self._calm_since = None
            self.reason = f"limits.max_cpu_percent is {self._max_cpu:g}"
            self._change(current * max(0.25, _AIM * self._max_cpu / share), now)
        elif self.rate is not None:
            self._rise(current, share, temperature, now)
        return self.rate

    def _rise(self, current: float, share: float | None, temperature: float | None, now: float) -> None:
        cool = temperature is None or temperature <= self._max_temperature - _COOLER_C
        if share is None or share >= _ROOM * self._max_cpu or not cool:
            self._calm_since = None
            return
        if self._calm_since is None:
            self._calm_since = now
        if now - self._calm_since >= _CALM_S:
            self._change(current * min(_MORE, _AIM * self._max_cpu / max(share, 0.1)), now)
            self._calm_since = now

    def _share(self, now: float) -> float | None:
        """The mean CPU share since the last change, once it shows; None before that."""
        assert self._changed is not None  # noqa: S101 - for the type checker; step() has set it
        shares = [share for at, share in self._shares if at > self._changed]
        far_over = len(shares) >= 2 and min(shares[-2:]) > 1.5 * self._max_cpu
        if now - self._changed < _SETTLE_S and not far_over:
            return None
        return sum(shares) / len(shares) if shares else None

    def _change(self, rate: float, now: float) -> None:
        """Below LEAST nothing is changed any more, above what the camera gives nothing is left out."""
        self.rate = None if rate >= self._fps else max(LEAST, rate)
        self._changed = now
        self._shares.clear()
