"""What the teacher thinks while it listens: its second layer every 50 ms, for each copy of each segment.

The teacher hears a copy as it was before room, noise and device: its account is what the network should have of the
degraded one. It hears each segment by itself, as the network does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.inference import Floats
from edge.readings import Samples
from edge.speech.frames import CHUNK, HOP, WINDOW
from models.speech.cache import Spans, copy_samples
from models.speech.corpora import Clip
from models.speech.recipe import FRAMES
from models.speech.recordings import read_clip
from models.speech.teacher import listen, mel

_AT_ONCE = 64


def cached_states(
    clips: list[Clip],
    spans: dict[str, Spans],
    copy: int,
    rows: NDArray[np.int64],
    *,
    noises: list[Samples],
    weights: dict[str, Floats],
    path: Path,
) -> NDArray[np.float16]:
    """(steps of all rows of the copy, 256): a row with n frames has n // FRAMES of them, in the order of the rows."""
    if not path.exists():
        inputs = _inputs(clips, spans, copy, rows, noises)
        begins = np.concatenate(([0], np.cumsum(rows[:, 2] // FRAMES)))
        states = np.zeros((int(begins[-1]), 256), np.float16)
        order = np.argsort(rows[:, 2], kind="stable")
        for start in tqdm(range(0, len(order), _AT_ONCE), desc=f"teacher {copy}", mininterval=10):
            some = order[start : start + _AT_ONCE]
            for n, seen in zip(some, listen([inputs[n] for n in some], weights), strict=True):
                every = seen[FRAMES - 1 :: FRAMES]
                states[begins[n] : begins[n + 1]] = every[: begins[n + 1] - begins[n]]
        np.save(path, states)
    kept: NDArray[np.float16] = np.load(path)
    return kept


def _inputs(
    clips: list[Clip], spans: dict[str, Spans], copy: int, rows: NDArray[np.int64], noises: list[Samples]
) -> list[Floats]:
    """Of each row what the teacher hears, as long as the row. Rows come clip by clip, in the order of the segments."""
    inputs: list[Floats] = []
    at = 0
    for number, clip in enumerate(tqdm(clips, desc=f"for the teacher {copy}", mininterval=10)):
        if at == len(rows) or rows[at, 0] != number:
            continue
        before, _, moved = copy_samples(read_clip(clip.path), clip, spans[clip.key], copy, noises)
        for first, last in moved:
            segment = before[max(first, 0) : last]
            frames = max(0, (len(segment) - WINDOW) // HOP + 1) // CHUNK * CHUNK
            if frames:
                assert tuple(rows[at, ::2]) == (number, frames)  # noqa: S101
                heard = mel(segment)
                inputs.append(heard[1:][:frames] if len(heard) > frames else heard[:frames])
                at += 1
    assert at == len(rows)  # noqa: S101
    return inputs
