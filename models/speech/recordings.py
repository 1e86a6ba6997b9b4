"""Reading clips as the service hears them: mono, 16 kHz, float."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from edge.readings import SAMPLE_RATE, Samples


def read_clip(path: Path) -> Samples:
    """Whatever soundfile reads, mixed to mono and resampled."""
    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if rate != SAMPLE_RATE:
        divisor = int(np.gcd(rate, SAMPLE_RATE))
        mono = resample_poly(mono, SAMPLE_RATE // divisor, rate // divisor)
    return np.asarray(mono, np.float32)


def noise_files(data: Path) -> list[Path]:
    """Sounds without speech, below folders whose names begin with noise_."""
    folders = sorted(path for path in data.iterdir() if path.is_dir() and path.name.startswith("noise_"))
    return [path for folder in folders for path in sorted(folder.rglob("*.opus")) + sorted(folder.rglob("*.wav"))]
