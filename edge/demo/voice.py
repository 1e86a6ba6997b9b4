"""Speech for those without a microphone: espeak-ng's where it is installed, else a small formant synthesiser's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.capture.soundfiles import read_sound
from edge.errors import EdgeError
from edge.readings import SAMPLE_RATE, Samples


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said, and how."""

    start: float  # seconds into the scene
    text: str
    pitch: int  # espeak-ng's 0..99
    speed: int  # words a minute


# Nobody speaks while nobody is in view, see scene.py.
SCRIPT = (
    Utterance(2.0, "Good morning. I would like to tell you something about this little device.", 50, 150),
    Utterance(10.0, "Oh, that is wonderful! I am so happy to see you again, come in, come in!", 75, 190),
    Utterance(19.0, "It has been a long and quiet day. I do not feel like doing anything.", 25, 115),
    Utterance(29.0, "No! I told you not to touch that! How often do I have to say it?", 60, 200),
    Utterance(50.0, "There we are again. Let us begin once more, from the beginning.", 50, 155),
)
SECONDS = 60.0


def spoken(*, synthetic: bool = False) -> Samples:
    """The scene's minute of sound. The formant synthesiser if `synthetic`, or if espeak-ng is not there."""
    sound = np.zeros(int(SECONDS * SAMPLE_RATE), dtype=np.float32)
    program = None if synthetic else shutil.which("espeak-ng")
    for utterance in SCRIPT:
        said = _from_espeak(program, utterance) if program else None
        if said is None:
            said = _formants(utterance)
        begin = int(utterance.start * SAMPLE_RATE)
        part = sound[begin : begin + len(said)]
        part += said[: len(part)]
    # A room is never silent to the last bit.
    sound += np.random.default_rng(1).normal(0.0, 0.0004, len(sound)).astype(np.float32)
    return sound


def cache_folder() -> Path:
    """Where what espeak-ng said is kept, so that it is asked once."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-edge"


def _from_espeak(program: str, utterance: Utterance) -> Samples | None:
    command = [program, "-v", "en", "-p", str(utterance.pitch), "-s", str(utterance.speed), utterance.text]
    key = hashlib.sha256("\0".join(command).encode()).hexdigest()[:16]
    with contextlib.suppress(EdgeError, OSError, RuntimeError):  # no home, nothing kept yet, or damaged
        return read_sound(cache_folder() / f"voice-{key}.wav")
    try:
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "voice.wav"
            subprocess.run([*command, "-w", str(made)], check=True, capture_output=True, timeout=20)
            said = read_sound(made)
            with contextlib.suppress(OSError, RuntimeError):
                cache_folder().mkdir(parents=True, exist_ok=True)
                partial = cache_folder() / f".voice-{key}.{os.getpid()}"
                shutil.copyfile(made, partial)
                partial.replace(cache_folder() / f"voice-{key}.wav")
    except (EdgeError, OSError, subprocess.SubprocessError):
        return None
    return said


# First three formants in Hz of the vowels that the synthesiser knows.
_VOWELS = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (270.0, 2290.0, 3010.0),
    "o": (570.0, 840.0, 2410.0),
    "u": (300.0, 870.0, 2240.0),
}
_BANDWIDTHS = (80.0, 110.0, 160.0)
_HISSING = set("sfctxzhkp")


def _formants(utterance: Utterance) -> Samples:
    """One syllable for each vowel of the text: harmonics under gliding formants, hiss between them."""
    rng = np.random.default_rng(utterance.pitch * 1000 + utterance.speed)
    per_syllable = int(SAMPLE_RATE * 60.0 / utterance.speed / 1.6)  # about 1.6 syllables a word
    syllables = _syllables(utterance.text)
    count = per_syllable * len(syllables)
    across = np.arange(count) / per_syllable  # syllables since the beginning
    ease = max(1, per_syllable // 4)
    kernel = np.hanning(ease + 2)[1:-1] / np.hanning(ease + 2)[1:-1].sum()
    tracks = [
        np.convolve(np.repeat([_VOWELS[vowel][n] for vowel, _ in syllables], per_syllable), kernel, "same")
        for n in range(3)
    ]
    base = 90.0 + 1.6 * utterance.pitch
    wander = np.convolve(rng.normal(0.0, 1.0, count), np.hanning(4000) / 90.0, "same")
    pitch: NDArray[np.float64] = base * (1.15 - 0.25 * across / len(syllables)) * (1.0 + 0.02 * np.clip(wander, -3, 3))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    sound = np.zeros(count)
    for harmonic in range(1, int(4000 / base)):
        strength = _envelope(harmonic * pitch, tracks) / harmonic
        sound += strength * np.sin(harmonic * phase)
    within = across % 1.0
    sound *= np.sin(np.pi * np.clip(within / 0.85, 0.0, 1.0)) ** 0.6
    hiss = np.repeat([1.0 if hissing else 0.0 for _, hissing in syllables], per_syllable) * (within < 0.18)
    sound += 0.05 * np.abs(sound).max() * hiss * np.diff(rng.normal(0.0, 1.0, count), prepend=0.0)
    return np.asarray(0.25 * sound / np.abs(sound).max(), dtype=np.float32)


def _envelope(frequency: NDArray[np.float64], tracks: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    gain = np.zeros_like(frequency)
    for level, centre, width in zip((1.0, 0.6, 0.3), tracks, _BANDWIDTHS, strict=True):
        gain += level / (1.0 + ((frequency - centre) / width) ** 2)
    return gain


def _syllables(text: str) -> list[tuple[str, bool]]:
    """Each vowel, and whether hiss leads to it."""
    found = []
    before = ""
    for letter in text.lower():
        if letter in _VOWELS and before not in _VOWELS:
            found.append((letter, before in _HISSING))
        before = letter
    return found
