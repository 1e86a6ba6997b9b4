"""Any rate to 16 kHz as a stream: a polyphase FIR filter in numpy.

scipy.signal has the same filter, but not as a stream, and importing it costs some 50 MB of a small board's memory.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from edge.readings import SAMPLE_RATE, Samples

LOWEST, HIGHEST = 4_000, 400_000  # rates outside are damage, not sound
_ZERO_CROSSINGS = 24  # on each side: the edge at 8 kHz is 1.7 kHz wide
_BETA = 8.0  # Kaiser: 80 dB below the passband beyond the edge
_CUTOFF = 0.94  # of the lower Nyquist frequency, so that the edge ends near it
_MOST_PHASES = 640  # enough for every rate in use; the filter of an odd one would fill gigabytes


def taps(rate: int) -> NDArray[np.float64]:
    """The low-pass for `rate` -> 16 kHz, at the common multiple of both rates."""
    up, down = ratio(rate)
    longer = max(up, down)
    reach = np.arange(-_ZERO_CROSSINGS * longer, _ZERO_CROSSINGS * longer + 1)
    shape = np.sinc(reach * (_CUTOFF / longer)) * np.kaiser(len(reach), _BETA)
    return np.asarray(shape / shape.sum() * up, dtype=np.float64)


def ratio(rate: int) -> tuple[int, int]:
    """How many samples come out (first) for how many that go in (second); of odd rates within 0.1 percent."""
    exact = Fraction(rate, SAMPLE_RATE).limit_denominator(_MOST_PHASES)
    return exact.denominator, exact.numerator


class Resampler:
    """Samples in as they come, samples at 16 kHz out, without delay against the input: output n is input n*down/up."""

    def __init__(self, rate: int) -> None:
        if not LOWEST <= rate <= HIGHEST:
            raise ValueError(f"sample rate {rate} is outside {LOWEST}..{HIGHEST}")
        self._up, self._down = ratio(rate)
        self._same = rate == SAMPLE_RATE
        low_pass = taps(rate)
        self._centre = len(low_pass) // 2
        self._length = -(-len(low_pass) // self._up)  # taps that meet real samples, for each phase
        padded = np.zeros(self._length * self._up)
        padded[: len(low_pass)] = low_pass
        # Row p holds what output of phase p needs, the oldest sample's tap first.
        self._phases = np.ascontiguousarray(padded.reshape(self._length, self._up).T[:, ::-1], dtype=np.float32)
        self._kept: Samples = np.zeros(self._length - 1, dtype=np.float32)
        self._kept_at = 1 - self._length  # input index of the first kept sample
        self._in = 0
        self._out = 0

    def push(self, samples: Samples) -> Samples:
        """What can be computed with these; the last 24 zero crossings wait for what follows them."""
        self._in += len(samples)
        return samples if self._same else self._filter(samples, None)

    def finish(self) -> Samples:
        """The rest, at the end of a recording."""
        if self._same:
            return np.zeros(0, dtype=np.float32)
        return self._filter(np.zeros(self._length, dtype=np.float32), -(-self._in * self._up // self._down))

    def _filter(self, samples: Samples, until: int | None) -> Samples:
        data = np.concatenate((self._kept, samples))
        known = self._kept_at + len(data)  # the first input index that is not there
        end = -(-(known * self._up - self._centre) // self._down)  # the first output that needs it
        if until is not None:
            end = min(end, until)
        if end <= self._out:
            self._kept = data
            return np.zeros(0, dtype=np.float32)
        positions = np.arange(self._out, end, dtype=np.int64) * self._down + self._centre
        newest = positions // self._up
        windows = np.lib.stride_tricks.sliding_window_view(data, self._length)
        chosen = windows[newest - (self._length - 1) - self._kept_at]
        result = np.einsum("ij,ij->i", chosen, self._phases[positions % self._up])
        self._out += len(result)
        keep = (self._out * self._down + self._centre) // self._up - (self._length - 1)
        self._kept = data[keep - self._kept_at :]
        self._kept_at = keep
        return np.asarray(result, dtype=np.float32)
