"""The streaming resampler against scipy's, and against what a filter must do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.capture.resample import Resampler, ratio, taps

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)


def whole(rate: int, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    resampler = Resampler(rate)
    return np.concatenate((resampler.push(samples), resampler.finish()))


def tone(rate: int, frequency: float, seconds: float = 1.0) -> NDArray[np.float32]:
    return np.asarray(np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate), dtype=np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_agrees_with_scipy(rate: int) -> None:
    from scipy.signal import resample_poly

    samples = np.random.default_rng(0).normal(0, 0.2, rate // 2 + 7).astype(np.float32)
    ours = whole(rate, samples)
    up, down = ratio(rate)
    theirs = samples if rate == 16_000 else resample_poly(samples.astype(float), up, down, window=taps(rate) / up)
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 3000), min_size=1, max_size=12))
def test_a_stream_gives_what_the_whole_gives(rate: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(1).normal(0, 0.2, sum(cuts)).astype(np.float32)
    resampler = Resampler(rate)
    parts, begin = [], 0
    for cut in cuts:
        parts.append(resampler.push(samples[begin : begin + cut]))
        begin += cut
    parts.append(resampler.finish())
    np.testing.assert_allclose(np.concatenate(parts), whole(rate, samples), atol=1e-6)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("frequency", [8_800.0, 10_000.0])
def test_what_16_khz_cannot_carry_is_gone(rate: int, frequency: float) -> None:
    out = whole(rate, tone(rate, frequency))[400:-400]  # its sudden beginning and end have every frequency
    assert 20 * np.log10(np.sqrt(np.mean(out**2)) * np.sqrt(2) + 1e-12) < -75


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [100.0, 1_000.0, 3_300.0])
def test_speech_passes_unchanged_and_in_time(rate: int, frequency: float) -> None:
    out = whole(rate, tone(rate, frequency))
    assert len(out) == 16_000
    np.testing.assert_allclose(out[400:-400], tone(16_000, frequency)[400:-400], atol=2e-3)


def test_a_long_stream_keeps_little() -> None:
    resampler = Resampler(44_100)
    total = sum(len(resampler.push(np.zeros(4_410, dtype=np.float32))) for _ in range(600))
    assert 0 <= 600 * 1_600 - total < 30
    assert len(resampler._kept) < 300


@pytest.mark.parametrize("rate", [0, -1, 100, 4_000_000_000])
def test_an_impossible_rate_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="sample rate"):
        Resampler(rate)


@pytest.mark.parametrize("rate", [4_001, 44_101, 100_003, 399_989])
def test_odd_rates_cost_no_more_than_others(rate: int) -> None:
    """Exact, the last one's filter would fill two gigabytes; a header with such a rate is quickly forged."""
    up, down = ratio(rate)
    assert up <= 640
    assert abs(down / up * 16_000 / rate - 1) < 0.001
    out = whole(rate, tone(rate, 440.0))
    assert abs(len(out) - 16_000) < 20
    assert 0.99 < np.abs(out[2_000:-2_000]).max() < 1.01
