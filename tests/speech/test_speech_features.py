"""The features: what the reference says, the same however the sound is cut, and deaf to loudness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.inference import Floats
from edge.readings import SAMPLE_RATE, Samples
from edge.speech.features import CONTEXT, FEATURES, LIMIT, SegmentFeatures, standardised
from edge.speech.filterbank import cosines, mel_filters, slaney_filters
from edge.speech.frames import CHUNK, HOP, WINDOW, Framer
from edge.speech.spectrum import BANDS, FFT, LIFTER, MELS, cepstrum, crossings, pitch, spectrum
from tests.speech.sounds import noise, silence, voice

PRIOR = np.linspace(-5, 5, MELS - 1).astype(np.float32)


def described(samples: Samples, *cuts: int) -> Floats:
    """The features beside the bands: (frames, FEATURES + BANDS)."""
    features = SegmentFeatures(PRIOR)
    chunks = [chunk for part in np.split(samples, sorted(cuts)) for chunk in features.push(part)]
    rows = [np.concatenate((chunk.features, chunk.bands[CONTEXT:]), axis=1) for chunk in chunks]
    return np.concatenate(rows) if rows else np.empty((0, FEATURES + BANDS), np.float32)


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
    assert np.array_equal(mel_filters(MELS, FFT, SAMPLE_RATE), np.float32(get_filterbanks(MELS, FFT, SAMPLE_RATE)))


def test_the_lifted_cosines_are_those_of_python_speech_features() -> None:
    from python_speech_features import lifter
    from scipy.fftpack import dct

    bands = np.random.default_rng(0).normal(0, 3, (5, MELS))
    theirs = lifter(dct(bands, type=2, axis=1, norm="ortho"), LIFTER)
    assert bands @ cosines(MELS, LIFTER) == pytest.approx(theirs, abs=1e-3)


def test_the_bands_of_the_stem_are_whispers() -> None:
    """A log spectrum in Slaney's bands of a Hann window of 400 points, scaled as the stem was trained."""
    sound = voice(180, 2.0) + noise(2.0, 0.001)
    window = np.hanning(WINDOW + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    theirs = np.log10(np.maximum(power @ slaney_filters(BANDS, WINDOW, SAMPLE_RATE).T, 1e-10)) / 4
    ours = described(sound)[:, FEATURES:]
    theirs = theirs[: len(ours)]
    late = slice(20, None)  # once the loudest frame is known
    assert np.corrcoef(ours[late].ravel(), theirs[late].ravel())[0, 1] > 0.97


def test_chunks_overlap_by_what_convolutions_look_back() -> None:
    first, second = SegmentFeatures(PRIOR).push(np.tile(voice(150, 0.3), 2))[:2]
    # The level is told against the loudest frame so far, so only differences between bands are the same.
    shared, own = second.bands[:CONTEXT], first.bands[-CONTEXT:]
    assert shared - shared.max() == pytest.approx(own - own.max(), abs=1e-4)


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


def test_chunks_come_whole() -> None:
    features = SegmentFeatures(PRIOR)
    needed = WINDOW + (CHUNK - 1) * HOP
    assert features.push(noise(1.0)[: needed - 1]) == []
    (chunk,) = features.push(noise(1.0)[:1])
    assert chunk.features.shape == (CHUNK, FEATURES)
    assert chunk.bands.shape == (CONTEXT + CHUNK, BANDS)


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
    kept = standardised(values[:, :FEATURES], np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32))
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
