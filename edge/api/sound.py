"""Sound as people have it, made into what the models hear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.capture.resample import Resampler
from edge.readings import Samples


def at_16_khz(samples: NDArray[np.generic], rate: int) -> Samples:
    """A whole clip at 16 kHz mono."""
    resampler = Resampler(rate)
    return np.concatenate((resampler.push(as_mono(samples)), resampler.finish()))


def as_mono(samples: NDArray[np.generic]) -> Samples:
    """Floats within -1..1: integers are scaled by their range, channels (the second axis) averaged."""
    if samples.ndim not in (1, 2):
        raise ValueError(f"sound must be one row of samples or samples x channels, not of shape {samples.shape}")
    if np.issubdtype(samples.dtype, np.signedinteger):
        values = samples.astype(np.float32) / 2.0 ** (8 * samples.dtype.itemsize - 1)
    elif np.issubdtype(samples.dtype, np.floating):
        values = samples.astype(np.float32)
    else:
        raise ValueError(f"sound must be floats or signed integers, not {samples.dtype}")
    return np.asarray(values if values.ndim == 1 else values.mean(axis=1), np.float32)
