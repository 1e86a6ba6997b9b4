"""The features of one voiced segment, in order and without a look ahead. Training and service share this code.

Per frame 84 numbers of the MFCC kind: level and 39 cepstral coefficients, the same again as slopes, then pitch, pitch
against the segment, periodicity, zero crossings. And the 80 mel bands that the stem's convolutions look at. Nothing
here depends on how loud the recording is: level and bands are told against the segment so far, and the floor of the
bands follows the loudest frame so far.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.inference import Floats
from edge.readings import Samples
from edge.speech.frames import CHUNK, Framer
from edge.speech.spectrum import MELS, TINY, bands, cepstrum, crossings, mfcc_matrices, pitch, spectrum

FEATURES = 2 * MELS + 4
BAND_FLOOR = np.float32(1e-6)  # of the loudest frame so far: 60 dB below it nothing is told apart
PRIOR_FRAMES = 100  # how many frames the mean of all training speech counts for, before the segment's own
SLOPE_FRAMES = 4  # the slope is that of the last five frames
LIMIT = 4.0  # standard deviations
CONTEXT = 3  # frames before the chunk that the stem's convolutions reach back to
_STEM_FLOOR, _STEM_OFFSET, _STEM_SCALE = np.float32(1e-8), 6.64, 0.25  # of the loudest frame; as Whisper scales speech

_SLOPE = np.array([-2, -1, 0, 1, 2], np.float32) / 10
_VOICED = 0.5  # periodicity above which a frame's pitch counts


class Chunk(NamedTuple):
    """CHUNK frames of a segment."""

    features: Floats  # (CHUNK, FEATURES)
    bands: Floats  # (CONTEXT + CHUNK, BANDS): with the frames before, since convolutions look back


class SegmentFeatures:
    """One segment; begin another one for the next. `cepstral_mean` is the prior mean of coefficients 1 to 39."""

    def __init__(self, cepstral_mean: Floats) -> None:
        mfcc_matrices()  # now, and not while the first voice waits
        self._framer = Framer()
        self._loudest = np.float32(0)
        self._frames = 0
        self._sum: NDArray[np.float64] = PRIOR_FRAMES * cepstral_mean.astype(np.float64)
        self._level_sum = 0.0
        self._pitch_sum = 0.0
        self._pitch_weight = 0.0
        self._before: Floats | None = None  # the last frames' level and cepstrum
        self._bands_before: Floats | None = None  # the last frames' power in the stem's bands

    def push(self, samples: Samples) -> list[Chunk]:
        """The chunks that these samples complete; what is left waits for the next call."""
        return [self._chunk(frames) for frames in self._framer.push(samples)]

    def _chunk(self, frames: Floats) -> Chunk:
        seen = spectrum(frames)
        loudest = np.maximum.accumulate(np.maximum(seen.energy, self._loudest))
        self._loudest = loudest[-1]
        coefficients = cepstrum(seen.power, BAND_FLOOR * loudest[:, None])[:, 1:]
        level = np.log(np.maximum(seen.energy, np.maximum(BAND_FLOOR * loudest, TINY)))
        slopes = self._slopes(np.concatenate((level[:, None], coefficients), axis=1))
        count = self._frames + 1 + np.arange(CHUNK)
        self._frames += CHUNK
        voice = self._voice(frames, seen.power)
        own_level = self._centred_level(level, count)
        centred = self._centred(coefficients, count)
        features = np.concatenate((own_level[:, None], centred, slopes, voice), axis=1)
        return Chunk(features, self._stem_bands(seen.power))

    def _stem_bands(self, power: Floats) -> Floats:
        """In decades against the loudest frame up to the end of this chunk, context included."""
        values = bands(power)
        if self._bands_before is None:
            self._bands_before = np.repeat(values[:1], CONTEXT, axis=0)
        joined = np.concatenate((self._bands_before, values))
        self._bands_before = values[-CONTEXT:]
        shares = np.maximum(joined / np.maximum(self._loudest, TINY), _STEM_FLOOR)
        scaled: Floats = ((np.log10(shares) + _STEM_OFFSET) * _STEM_SCALE).astype(np.float32)
        return scaled

    def _centred(self, coefficients: Floats, count: NDArray[np.int64]) -> Floats:
        sums = self._sum + np.cumsum(coefficients, axis=0, dtype=np.float64)
        self._sum = sums[-1]
        centred: Floats = (coefficients - sums / (PRIOR_FRAMES + count)[:, None]).astype(np.float32)
        return centred

    def _centred_level(self, level: Floats, count: NDArray[np.int64]) -> Floats:
        sums = self._level_sum + np.cumsum(level, dtype=np.float64)
        self._level_sum = float(sums[-1])
        centred: Floats = (level - sums / count).astype(np.float32)
        return centred

    def _slopes(self, values: Floats) -> Floats:
        if self._before is None:
            self._before = np.repeat(values[:1], SLOPE_FRAMES, axis=0)
        joined = np.concatenate((self._before, values))
        self._before = values[-SLOPE_FRAMES:]
        slopes = np.zeros_like(values)
        for offset, factor in enumerate(_SLOPE):
            slopes += factor * joined[offset : offset + CHUNK]
        return slopes

    def _voice(self, frames: Floats, power: Floats) -> Floats:
        octaves, strength = pitch(power)
        weight = np.where(strength > _VOICED, strength, 0).astype(np.float64)
        sums = self._pitch_sum + np.cumsum(weight * octaves)
        weights = self._pitch_weight + np.cumsum(weight)
        self._pitch_sum, self._pitch_weight = float(sums[-1]), float(weights[-1])
        voiced = weight > 0
        absolute = np.where(voiced, octaves - 1, 0)  # around 200 Hz
        relative = np.where(voiced, octaves - sums / np.maximum(weights, 1e-9), 0)
        columns = (absolute, relative, strength, crossings(frames))
        described: Floats = np.stack(columns, axis=1).astype(np.float32)
        return described


def standardised(features: Floats, mean: Floats, deviation: Floats) -> Floats:
    """What the model takes: in standard deviations of the training speech, held within LIMIT."""
    values: Floats = np.clip((features - mean) / deviation, -LIMIT, LIMIT).astype(np.float32)
    return values
