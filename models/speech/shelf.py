"""All copies on the device that trains, and how the network sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from edge.inference import Floats
from edge.speech.features import CONTEXT, FEATURES, LIMIT, PRIOR_FRAMES
from edge.speech.frames import CHUNK
from edge.speech.spectrum import BANDS, MELS
from models.speech.cache import Copy
from models.speech.recipe import UNIT


@dataclass(frozen=True)
class Front:
    """What makes frames comparable, learned from training speakers alone; the service does the same."""

    cepstral_mean: Floats
    mean: Floats
    deviation: Floats


@dataclass(frozen=True, eq=False)
class Shelf:
    """All copies one after the other, where training happens. Rows count their frames over all of them."""

    rows: list[NDArray[np.int64]]  # by copy: clip, first frame, frames
    frames: torch.Tensor  # (units, UNIT * FEATURES), half precision
    bands: torch.Tensor  # (chunks, CONTEXT + CHUNK, BANDS), half precision

    @property
    def device(self) -> torch.device:
        return self.frames.device

    @classmethod
    def of(cls, copies: list[Copy], device: str = "cpu") -> Shelf:
        starts = np.cumsum([0, *(len(copy.frames) for copy in copies)])
        frames = torch.empty((int(starts[-1]) // UNIT, UNIT * FEATURES), dtype=torch.float16, device=device)
        bands = torch.empty((int(starts[-1]) // CHUNK, CONTEXT + CHUNK, BANDS), dtype=torch.float16, device=device)
        rows = []
        for copy, start, after in zip(copies, starts, starts[1:], strict=False):
            units, chunks = (slice(int(start) // each, int(after) // each) for each in (UNIT, CHUNK))
            frames[units] = torch.from_numpy(np.array(copy.frames)).reshape(-1, UNIT * FEATURES)
            bands[chunks] = torch.from_numpy(np.array(copy.bands))
            rows.append(np.asarray(copy.rows) + np.array([0, start, 0]))
        return cls(rows, frames, bands)


@dataclass(frozen=True, eq=False)
class Inputs:
    """The copies, seen through a front."""

    shelf: Shelf
    cepstral_mean: Floats  # that the frames were extracted with
    front: Front

    def plain(self, first: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        """Frames as extraction with the front's own prior mean would give them, of units counted from `first`.

        Both of one shape (...), or of shapes that broadcast; gives (..., UNIT, FEATURES).
        """
        part = self.shelf.frames[first + units].float().unflatten(-1, (UNIT, FEATURES))
        place = units[..., None] * UNIT + torch.arange(UNIT, device=units.device)
        share = PRIOR_FRAMES / (PRIOR_FRAMES + 1 + place)
        away = torch.from_numpy(self.front.cepstral_mean - self.cepstral_mean).to(part.device)
        part[..., 1:MELS] -= share[..., None] * away
        return part

    def features(self, first: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        """As the network takes them, (..., UNIT * FEATURES)."""
        mean, deviation = (torch.from_numpy(part).to(units.device) for part in (self.front.mean, self.front.deviation))
        return ((self.plain(first, units) - mean) / deviation).clamp(-LIMIT, LIMIT).flatten(-2)

    def bands(self, rows: NDArray[np.int64], most: int) -> torch.Tensor:
        """(rows, chunks, CONTEXT + CHUNK, BANDS) of the first `most` frames; shorter rows repeat their last chunk."""
        chunks = np.arange(-(-most // CHUNK))[None]
        at = rows[:, 1:2] // CHUNK + np.minimum(chunks, rows[:, 2:] // CHUNK - 1)
        return self.shelf.bands[torch.from_numpy(at).to(self.shelf.device)]

    def whole(self, rows: NDArray[np.int64], most: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and bands of the first frames of each row, `most` of them at the most; shorter rows go on with their
        last unit.
        """
        longest = int(rows[:, 2].max()) if most is None else min(int(rows[:, 2].max()), most)
        first = torch.from_numpy(rows[:, 1:2] // UNIT).to(self.shelf.device)
        last = torch.from_numpy(rows[:, 2:] // UNIT - 1).to(self.shelf.device)
        units = torch.arange(longest // UNIT, device=self.shelf.device)[None].minimum(last)
        return self.features(first, units), self.bands(rows, longest)


def fronted(inputs: Inputs, chosen: set[int], cepstral_mean: Floats) -> Inputs:
    """With mean and deviation per feature of the chosen clips as recorded."""
    flat = replace(inputs, front=replace(inputs.front, cepstral_mean=cepstral_mean))
    rows = np.array([row for row in inputs.shelf.rows[0] if int(row[0]) in chosen])[::3]
    counts = np.minimum(rows[:, 2], 400) // UNIT
    first = np.repeat(rows[:, 1] // UNIT, counts)
    units = np.concatenate([np.arange(count) for count in counts])
    some = flat.plain(*(torch.from_numpy(part).to(inputs.shelf.device) for part in (first, units))).flatten(0, 1)
    mean, deviation = (
        np.asarray(part.cpu().numpy(), np.float32) for part in (some.mean(dim=0), some.std(dim=0, unbiased=False))
    )
    return replace(flat, front=Front(cepstral_mean, mean, deviation + np.float32(1e-3)))
