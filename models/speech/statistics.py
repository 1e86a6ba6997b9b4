"""Statistics of a network's states over the clips: what the answer in closed form is computed from."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import torch
from numpy.typing import NDArray

from edge.speech.pooling import Sums
from models.speech.corpora import TALK, Clip
from models.speech.head import Known
from models.speech.network import Network
from models.speech.recipe import EARLY, FRAMES
from models.speech.shelf import Inputs

LONGEST = 800  # frames of a segment
EARLY_FRAMES = 96  # of each segment after which an early answer must be right, too
_AT_ONCE = 128


def statistics_of(net: Network, inputs: Inputs, clips: list[Clip], chosen: list[int], most: int = LONGEST) -> Known:
    """Statistics of the states over all segments of a clip, for every copy of the chosen clips; copy by copy.

    Of talk, over each segment by itself: half a minute of it is many answers.
    """
    parts, whose = [], []
    apart = {n for n in chosen if clips[n].corpus == TALK}
    for number in range(len(inputs.shelf.rows)):
        sums, order = clip_sums(net, inputs, number, chosen, most, apart=apart)
        parts += [one.statistics() for one in sums]
        whose += [clips[n] for n in order]
    return Known(np.stack(parts), whose)


@torch.inference_mode()  # type: ignore[untyped-decorator]
def clip_sums(
    net: Network,
    inputs: Inputs,
    number: int,
    chosen: list[int],
    most: int = LONGEST,
    *,
    apart: Set[int] = frozenset(),
) -> tuple[list[Sums], list[int]]:
    """Of the states over all segments of a clip, and of which clip, in that order; each segment of those in `apart`."""
    wanted = set(chosen)
    rows = [
        row
        for row in inputs.shelf.rows[number]
        if int(row[0]) in wanted and (int(row[0]) not in apart or row[2] >= FRAMES * EARLY)  # else too short to ask
    ]
    rows.sort(key=lambda row: int(row[2]))
    listener = net.to(inputs.shelf.device)
    sums: dict[tuple[int, int], Sums] = {}
    for start in range(0, len(rows), _AT_ONCE):
        some = np.stack(rows[start : start + _AT_ONCE])
        for row, one in zip(some, _sums(listener, inputs, some, most), strict=True):
            clip = int(row[0])
            whose = clip, int(row[1]) if clip in apart else 0
            sums[whose] = sums[whose] + one if whose in sums else one
    order = sorted(sums)
    return [sums[whose] for whose in order], [clip for clip, _ in order]


def _sums(net: Network, inputs: Inputs, rows: NDArray[np.int64], most: int) -> list[Sums]:
    """Of each row's states within `most` frames."""
    features, bands = inputs.whole(rows, most)
    states, weights = net(features, bands.float())
    steps = torch.from_numpy(np.minimum(rows[:, 2], most) // FRAMES).to(states.device)
    counted = weights.double() * (torch.arange(states.shape[1], device=states.device)[None] < steps[:, None])[..., None]
    weighted = counted * states
    parts = (counted.sum(dim=(1, 2)), weighted.sum(dim=1), (weighted * states).sum(dim=1))
    total, first, second = (part.cpu().numpy() for part in parts)
    return [Sums(float(one), *both) for one, *both in zip(total, first, second, strict=True)]
