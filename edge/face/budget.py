"""How much work the device can bear: a stride by which looking and classifying are thinned."""

from __future__ import annotations

MAX_STRIDE = 8

_SETTLE_S = 4.0  # a change shows in the CPU share only after a while
_CALM_S = 15.0  # so long must all be well before more work is dared
_COOLER_C = 4.0  # below the limit, so that the stride does not swing around it


class Budget:
    """Keeps the process within `max_cpu_percent` of one core, and thins work when the board is hot or throttled."""

    def __init__(self, max_cpu_percent: float, max_temperature_c: float) -> None:
        self._max_cpu = max_cpu_percent
        self._max_temperature = max_temperature_c
        self.stride = 1
        self._changed: float | None = None
        self._calm_since: float | None = None

    def step(self, cpu_percent: float, temperature: float | None, throttled: bool | None, now: float) -> int:
        """The stride from now on: 1 is full work, n means every n-th part of it. Unknown measures are None."""
        hot = bool(throttled) or (temperature is not None and temperature > self._max_temperature)
        if hot or cpu_percent > self._max_cpu:
            self._calm_since = None
            if self._settled(now):
                far_over = cpu_percent > 1.5 * self._max_cpu
                self._change(min(self.stride * 2 if far_over else self.stride + 1, MAX_STRIDE), now)
            return self.stride
        if not self._room_for_more(cpu_percent, temperature):
            self._calm_since = None
            return self.stride
        if self._calm_since is None:
            self._calm_since = now
        if now - self._calm_since >= _CALM_S and self._settled(now):
            self._change(self.stride - 1, now)
            self._calm_since = now
        return self.stride

    def _room_for_more(self, cpu_percent: float, temperature: float | None) -> bool:
        """Would one stride less stay within the limits, even if all the work were ours to thin?"""
        if self.stride == 1:
            return False
        if temperature is not None and temperature > self._max_temperature - _COOLER_C:
            return False
        return cpu_percent * self.stride / (self.stride - 1) < 0.9 * self._max_cpu

    def _settled(self, now: float) -> bool:
        return self._changed is None or now - self._changed >= _SETTLE_S

    def _change(self, stride: int, now: float) -> None:
        if stride != self.stride:
            self.stride = stride
            self._changed = now
