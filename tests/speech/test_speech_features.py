"""The features: what the reference says, the same however the sound is cut, and deaf to loudness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.features import FEATURES, LIMIT, SegmentFeatures, standardised
from edge.speech.filterbank import mel_filters
from edge.speech.frames import CHUNK, HOP, WINDOW, Framer
from edge.speech.spectrum import FFT, LIFTER, MELS, cepstrum, crossings, pitch, spectrum
from tests.speech.sounds import noise, silence, voice

PRIOR = np.linspace(-5, 5, MELS - 1).astype(np.float32)


def described(samples: Samples, *cuts: int) -> Floats:
    features = SegmentFeatures(PRIOR)
    chunks = [chunk for part in np.split(samples, sorted(cuts)) for chunk in features.push(part)]
    return np.concatenate(chunks) if chunks else np.empty((0, FEATURES), np.float32)


def framed(samples: Samples) -> Floats:
    return np.concatenate(list(Framer().push(samples)))


def test_the_static_cepstrum_is_that_of_python_speech_features() -> None:
    from python_speech_features import get_filterbanks, mfcc

    sound = voice(180, 2.0) + noise(2.0, 0.001)
    ours = cepstrum(spectrum(framed(sound)).power)
    theirs = mfcc(
        sound.astype(np.float64), SAMPLE_RATE, WINDOW / SAMPLE_RATE, HOP / SAMPLE_RATE, numcep=MELS, nfilt=MELS,
        nfft=FFT, ceplifter=LIFTER, appendEnergy=False, winfunc=np.hamming,
    )  # fmt: skip
    assert np.abs(ours - theirs[: len(ours)]).max() < 0.01
    assert np.abs(mel_filters(MELS, FFT, SAMPLE_RATE) - get_filterbanks(MELS, FFT, SAMPLE_RATE)).max() < 1e-6


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, SAMPLE_RATE), max_size=12))
def test_cutting_the_sound_changes_nothing(cuts: list[int]) -> None:
    sound = voice(150, 1.0) + noise(1.0, 0.002)
    assert np.array_equal(described(sound, *cuts), described(sound))


def test_the_future_changes_nothing() -> None:
    sound, other = voice(150, 1.0), voice(250, 1.0, seed=3)
    early = described(sound)
    later = described(np.concatenate((sound, other)))
    assert np.array_equal(later[: len(early)], early)


@pytest.mark.parametrize("factor", [0.01, 0.1, 3.0])
def test_loudness_changes_nothing(factor: float) -> None:
    sound = voice(150, 1.0) + noise(1.0, 0.002)
    quiet, loud = described(sound), described((factor * sound).astype(np.float32))
    assert np.abs(quiet - loud).max() < 0.02


def test_chunks_come_ten_frames_at_a_time() -> None:
    features = SegmentFeatures(PRIOR)
    needed = WINDOW + (CHUNK - 1) * HOP
    assert features.push(noise(1.0)[: needed - 1]) == []
    (chunk,) = features.push(noise(1.0)[:1])
    assert chunk.shape == (CHUNK, FEATURES)


@pytest.mark.parametrize(
    "sound",
    [
        silence(1),
        np.ones(16000, np.float32),
        np.sign(noise(1)),
        1e-30 * noise(1),
        np.tile(np.array([1, -1], np.float32), 8000),
    ],
    ids=["silence", "constant", "clipped", "vanishing", "highest pitch"],
)
def test_extremes_give_finite_features(sound: Samples) -> None:
    values = described(sound.astype(np.float32))
    assert np.isfinite(values).all()
    kept = standardised(values, np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))
    assert np.abs(kept).max() <= LIMIT


@pytest.mark.parametrize("hz", [90, 130, 200, 300, 400])
def test_pitch_of_a_pulse_train(hz: int) -> None:
    pulses = np.zeros(SAMPLE_RATE, np.float32)
    pulses[:: round(SAMPLE_RATE / hz)] = 1
    frames = framed(pulses)
    octaves, strength = pitch(spectrum(frames).power)
    assert np.abs(100 * 2 ** np.median(octaves) / hz - 1) < 0.05
    assert np.median(strength) > 0.6


def test_noise_has_no_pitch_and_many_crossings() -> None:
    frames = framed(noise(1.0))
    assert np.median(pitch(spectrum(frames).power)[1]) < 0.5
    assert crossings(frames).mean() > 0.4
    assert crossings(framed(voice(150, 1.0))).mean() < 0.3
